package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// TestTeardownLimit: what the other hosts still use is not taken away, unless
// that is said. Nothing is changed on any host when it is refused.
func TestTeardownLimit(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "", "")
	dir := f.inventory(websTOML, "")
	f.deploy(dir, report.Done, "nat")
	refused := func(want report.Exit, limit string, texts ...string) {
		t.Helper()
		before := f.snapshots(t)
		for _, more := range [][]string{{"--yes"}, {"--check"}, {"--yes", "--json"}} {
			r := f.deploy(dir, want, append([]string{"teardown", "--limit", limit}, more...)...)
			all := r.out
			if more[len(more)-1] == "--json" {
				all = r.err
			}
			for _, text := range texts {
				if strings.Count(all, text) == 0 {
					t.Errorf("--limit %s %s: no %q in\n%s%s", limit, more, text, r.out, r.err)
				}
			}
		}
		if d := f.diff(before, f.snapshots(t)); d != "" {
			t.Errorf("--limit %s was refused, and changed %s", limit, d)
		}
	}
	refused(report.TaskFailed, "web1", "web1: cannot take web1 away: director still sends it connections to 12.0.0.1:80, with weight 1", "hint: take web1 out of the inventory", "--force")
	refused(report.TaskFailed, "web1,nfs", "web1: cannot take web1 away: director", "nfs: cannot take nfs away: web2 mounts 192.168.1.40:/opt/kk")
	refused(report.TaskFailed, "nfs", "nfs: cannot take nfs away: web1 mounts 192.168.1.40:/opt/ka\n    web2 mounts 192.168.1.40:/opt/kk")
	refused(report.TaskFailed, "director", "director: cannot take director away: the default route of web1 leads through it\n    the default route of web2 leads through it")

	// who cannot be asked may need it
	config := f.home + "/.ssh/config"
	move(t, config, f.hosts["director"].server.Port(), 1)
	refused(report.Unreachable, "web1", "director: cannot tell whether web1 is still needed: cannot reach director", "--force")
	move(t, config, 1, f.hosts["director"].server.Port())
	move(t, config, f.hosts["web2"].server.Port(), 1)
	refused(report.TaskFailed, "nfs", "cannot take nfs away: web1 mounts", "cannot tell whether nfs is still needed: cannot reach web2")
	move(t, config, 1, f.hosts["web2"].server.Port())

	// drained by hand: nothing is in the way
	on := func(host, script string) {
		t.Helper()
		if out, errs, code := f.hosts[host].Run(script); code != 0 {
			t.Fatalf("%s: %s%s", script, out, errs)
		}
	}
	on("director", "ipvsadm -e -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 0")
	r := f.deploy(dir, report.Done, "teardown", "--limit", "web1", "--yes")
	if !strings.Contains(r.out, "\n1 host: ") || strings.Contains(r.out, "director") {
		t.Errorf("the director was asked, and is no part of it:\n%s", r.out)
	}
	// others' services count too, whatever the port
	on("director", "ipvsadm -A -u 12.0.0.1:53 -s rr && ipvsadm -a -u 12.0.0.1:53 -r 192.168.1.20:5353 -m -w 2")
	refused(report.TaskFailed, "web1", "director still sends it connections to 12.0.0.1:53, with weight 2")
	on("director", "ipvsadm -D -u 12.0.0.1:53")
	// web1 is free of NFS and of the route, web2 is not
	refused(report.TaskFailed, "director,nfs", "the default route of web2 leads through it\n", "cannot take nfs away: web2 mounts 192.168.1.40:/opt/kk\n")
	f.deploy(dir, report.Done, "teardown", "--limit", "web2", "--force", "--yes")
	f.deploy(dir, report.Done, "teardown", "--limit", "director,nfs", "--yes")
}

// TestNeeded: what is read from the answers of hosts, and what is not.
func TestNeeded(t *testing.T) {
	host := func(name, address string) inventory.Host {
		return inventory.Host{Name: name, Address: netip.MustParseAddr(address)}
	}
	director := host("director", "192.168.1.10")
	s := &session{limit: []string{"web1", "nfs", "director"}, cluster: &inventory.Cluster{
		Director: inventory.Director{Host: director},
		Webs:     []inventory.Web{{Host: host("web1", "192.168.1.2")}, {Host: host("web2", "192.168.1.22")}},
		NFS:      &inventory.NFS{Host: host("nfs", "192.168.1.40")},
	}}
	for _, c := range []struct {
		answer string
		want   []string
		err    string
	}{
		{answer: "end\n"},
		{answer: "table -A -t 12.0.0.1:80 -s rr\ntable -a -t 12.0.0.1:80 -r 192.168.1.2:80 -g -w 3\ntable -a -t 12.0.0.1:80 -r 192.168.1.22:80 -g -w 3\nend\n",
			want: []string{"web1: h still sends it connections to 12.0.0.1:80, with weight 3"}},
		{answer: "table -a -f 7 -r 192.168.1.2:0 -g -w 1\nend\n", want: []string{"web1: h still sends it connections to firewall mark 7, with weight 1"}},
		{answer: "table -a -t 12.0.0.1:80 -r 192.168.1.2:80 -m -w 0\nend\n"},
		{answer: "table -a -t [2001:db8::1]:80 -r [2001:db8::2]:80 -m -w 1\nend\n"},
		{answer: "mount 192.168.1.4:/opt/ka\nmount 192.168.1.140:/opt/ka\nend\n"},
		{answer: "mount 192.168.1.40:/opt/ka\nend\n", want: []string{"nfs: h mounts 192.168.1.40:/opt/ka"}},
		{answer: "route default via 192.168.1.10 dev ens33\nroute default via 192.168.1.1 dev ens33 metric 200\nend\n",
			want: []string{"director: the default route of h leads through it"}},
		{answer: "route default via 192.168.1.100 dev ens33\nend\n"},
		{answer: "cannot read its table: Memory allocation problem\n", err: "cannot read its table: Memory allocation problem"},
		{answer: "table -A -t 12.0.0.1:80 -s rr\n", err: "table"},
	} {
		all, err := s.needed(host("h", "192.168.1.9"), c.answer)
		if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v", c.answer, err)
		}
		var got []string
		for _, n := range all {
			got = append(got, n.host+": "+n.text)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: %s", c.answer, d)
		}
	}
}
