package tasks_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestTakenAway puts everything in place that there is a task for, and takes
// it away by nothing but the manifest: the host is again what it was.
func TestTakenAway(t *testing.T) {
	for kind, sh := range map[fakehost.Kind]fakehost.Shell{fakehost.Debian: fakehost.Dash, fakehost.EL: fakehost.Busybox} {
		if kind == fakehost.Debian && !*full {
			t.Log("short form: on EL, under busybox; -full adds Debian")
			continue
		}
		t.Run(string(kind)+" "+string(sh), func(t *testing.T) {
			t.Parallel()
			takenAway(t, kind, sh)
		})
	}
}

func takenAway(t *testing.T, kind fakehost.Kind, sh fakehost.Shell) {
	p := platform(t, kind)
	b := newBench(t, fakehost.Options{Kind: kind, Shell: sh, Firewalld: true, SELinux: "enforcing",
		Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}, {Name: "ens37"}, {Name: "ens38"}},
	})
	if _, errs, code := b.host.Run(`set -e
while ip -o link show up | grep NO-CARRIER; do sleep 0.02; done >&2
ip link set ens37 down
mkdir -p /etc/t /var/www/html; echo theirs >/var/www/html/theirs
echo first >/etc/t/changed; chmod 0604 /etc/t/changed
echo same >/etc/t/found
printf 'a=1\nb=2\n' >/etc/t/setting
echo '#!/bin/sh' >/etc/t/rc.local; chmod 0600 /etc/t/rc.local
! command -v setsebool || setsebool -P httpd_use_nfs off
ip route add default via 192.168.1.1 dev ens33`); code != 0 {
		t.Fatal(errs)
	}
	first := b.host.Snapshot(t)

	far := Mount{Source: "192.168.1.77:/data", Dir: "/var/www/html/far"}
	vip := VIP{Address: wan.Addr(), Dev: "lo"}
	plan := []Task{
		NoFirewall("firewalld"),
		Module("ip_vs"),
		Packages(p, []string{"boot ipvsadm"}, p.Director...),
		Packages(p, []string{"daemon rpcbind", "daemon nfs-server"}, p.NFSServer...),
		Packages(p, []string{"daemon " + p.WebService}, slices.Concat(p.Web, p.NFSClient)...),
		Service(p, p.WebService, p.WebService), Service(p, "rpcbind", ""), Service(p, "nfs-server", ""),
		Directory("/srv/a/b"),
		Write(File{Path: "/etc/t/changed", Mode: "0644", Content: "ours"}),
		Write(File{Path: "/etc/t/found", Mode: "0644", Content: "same"}),
		Write(File{Path: "/etc/new/dir/new", Mode: "0644", Content: "ours"}),
		Setting("/etc/t/setting", "b", "3"), Setting("/etc/t/nosetting", "b", "3"),
		Unit("t.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target"),
		Fstab(far), Mounted(far),
		Sysctl("net.ipv4.ip_forward", "1"),
		Address("ens37", wan), DefaultRoute("ens33", gateway),
		vip.Live(), vip.Route(),
		IPTables("SNAT it", outward...),
		Balance([]VirtualService{service}), SaveTable(p.IPVSRules, []VirtualService{service}, nil), EnableOnly(p, p.IPVSService),
	}
	if kind == fakehost.EL {
		plan = append(plan, SELinuxBoolean("httpd_use_nfs"), SELinuxPermissive())
	}
	for _, s := range p.IPVSSwitches {
		plan = append(plan, Setting(s[0], s[1], s[2]))
	}
	for _, e := range b.run(fakerun.One("host", plan...), false) {
		if e.Status != engine.Changed && e.Task != "write /etc/t/found" && !strings.HasPrefix(e.Task, "enable") {
			t.Fatalf("%q is %s: %s", e.Task, e.Status, e.Detail)
		}
	}

	// what is still wanted is neither taken away nor forgotten
	manifest := strings.Split(b.sh("cat "+state+"/manifest"), "\n")
	if slices.Contains(manifest, "file /etc/t/found") || !slices.Contains(manifest, "file /etc/t/changed") {
		t.Errorf("ours is what was put there, not what was found; the manifest is %q", manifest)
	}
	b.run(fakerun.One("host", Kept("file /etc/t/changed", "it is hidden")), false)
	if got := b.sh("cat " + state + "/manifest"); got != "file /etc/t/changed" {
		t.Errorf("the manifest is %q", got)
	}
	if err := b.host.WriteFile(state+"/manifest", []byte(strings.Join(manifest, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	// what was before is forgotten with what has left, and nothing else is
	lists := func() string { return b.sh("cd " + state + " && sort absent; find backup live -type f | sort") }
	had := lists()
	b.run(fakerun.One("host", append([]Task{Disowned([]string{"file /etc/t/changed", "file /etc/new/dir/new", "sysctl net.ipv4.ip_forward", "daemon nothing"}, nil)}, plan...)...), false)
	var want []string
	for line := range strings.Lines(had) {
		if line = strings.TrimSpace(line); line != "/etc/new/dir/new" && line != "backup/etc/t/changed" && line != "live/sysctl.net.ipv4.ip_forward" && line != "live/sysctl.net.ipv4.conf.all.accept_redirects" {
			want = append(want, line)
		}
	}
	if got := lists(); got != strings.Join(want, "\n") {
		t.Errorf("remembered is\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	b.sh("cd " + state + " && echo /etc/new/dir/new >>absent; printf 0 >live/sysctl.net.ipv4.ip_forward; printf 0 >live/sysctl.net.ipv4.conf.all.accept_redirects; echo first >backup/etc/t/changed; chmod 0604 backup/etc/t/changed")

	gone, handlers := Leftovers(manifest, manifest, 5*time.Second, Reader{Below: "/etc/new", Handler: Restart(p.WebService)})
	if len(handlers) != 1 {
		t.Errorf("%d handlers, want that of the one who reads the file", len(handlers))
	}
	gone = append(gone, PackagesGone(p))
	plans := Plan{{Name: "gone", Hosts: []HostPlan{{Host: "host", Tasks: gone, Handlers: handlers}}}, {Name: "forget", Hosts: []HostPlan{{Host: "host", Tasks: []Task{Forgotten()}}}}}
	before := b.host.Snapshot(t)
	predicted := b.run(plans, true)
	b.unchanged("a dry run", before)
	for i, e := range b.run(plans, false) {
		want := engine.Changed
		if e.Task == "restart "+p.WebService {
			want = engine.OK // it does not run any more
		}
		if e.Status != want {
			t.Errorf("%q is %s: %s", e.Task, e.Status, e.Detail)
		}
		if told := predicted[i].Status == engine.WouldChange; told != (e.Status == engine.Changed) {
			t.Errorf("%q was said to be %s, and is %s", e.Task, predicted[i].Status, e.Status)
		}
	}
	if diff := first.Timeless().Diff(b.host.Snapshot(t).Timeless()); diff != "" {
		t.Errorf("it is not what it was:\n%s", diff)
	}
}

// TestEveryKindHasItsOriginals: whatever a task remembers, of what was there
// before, is forgotten with the entry that it owns, and of no other.
func TestEveryKindHasItsOriginals(t *testing.T) {
	kinds := Kinds()
	remembers := regexp.MustCompile(`(?m)remember_(live|unit) ('[^']*'|\S+)`)
	found := 0
	for _, kind := range []fakehost.Kind{fakehost.Debian, fakehost.EL} {
		for _, c := range cases(platform(t, kind)) {
			for _, entry := range c.task.Owns {
				if name, _, _ := strings.Cut(entry, " "); !slices.Contains(kinds, name) {
					t.Errorf("%q owns %q, and no row says what is done about a %s", c.task.Name, entry, name)
				}
			}
			for _, m := range remembers.FindAllStringSubmatch(string(c.task.Apply), -1) {
				name := strings.Trim(m[2], "'")
				if m[1] == "unit" {
					name = "unit." + name
				}
				found++
				if c.of != "Packages" && !slices.Contains(LiveOriginals(c.task.Owns), name) {
					t.Errorf("%q remembers %s, which is not forgotten with %q", c.task.Name, name, c.task.Owns)
				}
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d values that tasks remember were found", found)
	}
}

// TestDisowned: what is forgotten with an entry is what nothing else that stays
// leans on.
func TestDisowned(t *testing.T) {
	b := newBench(t, fakehost.Options{})
	for _, c := range []struct{ gone, staying, left string }{
		{"selinux permissive", "", ""},
		{"sebool httpd_use_nfs", "", ""},
		{"sebool httpd_use_nfs", "sebool other", ""},
		{"selinux permissive", "selinux permissive", "selinux"},
		{"sysctl net.ipv4.ip_forward", "", ""},
		{"address ens33 10.0.0.1/24", "", ""},
		{"address ens33 10.0.0.1/24", "address ens33 10.0.0.2/24", "link.ens33"},
		{"address ens33 10.0.0.1/24", "address ens37 10.0.0.2/24", ""},
		{"nm-address ens33 10.0.0.1/32", "", ""},
		{"nm-route ens33 10.0.0.1", "nm-address ens33 10.0.0.1/32", "profile.ens33"},
		{"boot ipvsadm", "daemon ipvsadm", "unit.ipvsadm"},
		{"firewall ufw", "", ""},
		{"default-route ens33 10.0.0.1", "default-route ens33 10.0.0.2", "default-route"},
		{"fstab /mnt/a", "fstab /mnt/b", ""},
		{"fstab /mnt/a", "", ""},
		{"rule nat x", "", ""},
	} {
		names := strings.Join(LiveOriginals([]string{c.gone}), " ")
		b.sh("rm -rf " + state + "; mkdir -p " + state + "/live; echo x >" + state + "/manifest; cd " + state + "/live; for name in " + names + "; do echo x >$name; done")
		b.run(fakerun.One("host", Kept("x", "to keep a manifest"), Disowned([]string{c.gone}, []string{c.staying})), false)
		if left := b.sh("ls " + state + "/live 2>/dev/null"); left != c.left {
			t.Errorf("without %q, with %q, it remembers %q, want %q", c.gone, c.staying, left, c.left)
		}
	}
}
