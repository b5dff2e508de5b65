package tasks_test

import (
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestExportsOfOthersStay: what exportfs would take away with our change, an
// export made by hand or one whose line has an error by now, goes on; ours that
// have left the file do not.
func TestExportsOfOthersStay(t *testing.T) {
	t.Parallel()
	for n, shell := range fakehost.Shells() {
		t.Run(string(shell), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, fakehost.Options{Shell: shell, Packages: platform(t, fakehost.Debian).NFSServer})
			b.sh("mkdir -p /srv/by-hand /srv/file /srv/one /srv/two; echo '/srv/file 10.0.0.0/8(ro,no_subtree_check)' >/etc/exports; exportfs -ra; exportfs -o rw,no_subtree_check 192.168.9.9:/srv/by-hand")
			write := func(dirs ...string) []engine.Event {
				var lines []string
				var list []Export
				for _, d := range dirs {
					lines = append(lines, d+" 192.168.1.0/24(ro,no_subtree_check)")
					list = append(list, Export{Path: d, Network: "192.168.1.0/24"})
				}
				plan := fakerun.One("host", ExportsFile(File{Path: "/etc/exports.d/lvsdeploy-shop.exports", Mode: "0644", Content: strings.Join(lines, "\n")}, list))
				plan[0].Hosts[0].Handlers = []Task{Reexport()}
				return b.run(plan, false)
			}
			exported := func() string { return b.sh("exportfs -s | sed 's/(.*,\\(r[wo]\\),.*/ \\1/' | sort") }
			write("/srv/one", "/srv/two")
			all := "/srv/by-hand  192.168.9.9 rw\n/srv/file  10.0.0.0/8 ro\n/srv/one  192.168.1.0/24 ro\n/srv/two  192.168.1.0/24 ro"
			if got := exported(); got != all {
				t.Fatalf("exported is\n%s\nwant\n%s", got, all)
			}
			if n == 0 { // somebody makes a mistake in a file of his own
				b.sh("echo '/srv/file 10.0.0.0/8(ro,no_subtree_chekc)' >/etc/exports")
			}
			events := write("/srv/one")
			want := strings.Replace(all, "\n/srv/two  192.168.1.0/24 ro", "", 1)
			if n == 0 { // nothing changes before that is mended
				want = all
				if last := events[len(events)-1]; last.Status != engine.Failed || !strings.Contains(last.Detail, "no_subtree_chekc") {
					t.Errorf("events:\n%s", fakerun.Lines(events))
				}
			}
			if got := exported(); got != want {
				t.Errorf("exported is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestFirewalldIsNotReloaded: with files that are not valid it would lose the
// rules that it has.
func TestFirewalldIsNotReloaded(t *testing.T) {
	t.Parallel()
	b := newBench(t, fakehost.Options{Kind: fakehost.EL, Firewalld: true})
	b.sh("mkdir -p /etc/firewalld/zones; echo '<zone>' >/etc/firewalld/zones/mine.xml; firewall-cmd --add-port=8443/tcp")
	var policy []Task
	for _, task := range Admit(Facts{Firewall: "firewalld", Policies: true}, "shop", Admission{Inner: "ens33", Outer: "ens37", Outward: &SNAT{Source: lan, Out: "ens37", To: wan.Addr()}}) {
		if strings.Contains(task.Name, "own connections") {
			policy = append(policy, task)
		}
	}
	if len(policy) != 1 {
		t.Fatalf("%d tasks load a policy", len(policy))
	}
	events := b.run(fakerun.One("host", policy...), false)
	if events[0].Status != engine.Failed || !strings.Contains(events[0].Detail, "mine.xml") {
		t.Errorf("events:\n%s", fakerun.Lines(events))
	}
	if got := b.sh("firewall-cmd --list-ports; ls /etc/firewalld/policies 2>/dev/null"); got != "8443/tcp" {
		t.Errorf("firewalld has %q", got)
	}
}
