package tasks_test

import (
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestTwoClusters: what two clusters of a host want goes with the last of them,
// whichever that is, and then the host is what it was before the first.
func TestTwoClusters(t *testing.T) {
	for _, order := range []string{"shop news", "news shop"} {
		t.Run(order+" go", func(t *testing.T) {
			t.Parallel()
			p := platform(t, fakehost.Debian)
			b := newBench(t, fakehost.Options{Packages: []string{"ipvsadm", "iptables"}, Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}, {Name: "ens37"}}})
			b.sh("while ip -o link show up | grep -q NO-CARRIER; do sleep 0.02; done; ip link set ens37 down; systemctl disable -q ipvsadm; mkdir -p /etc/t; printf 'A=1\nB=2\n' >/etc/t/setting; ip route add default via 192.168.1.1 dev ens33")
			first := b.host.Snapshot(t)
			on := func(cluster string) bench {
				edit := strings.NewReplacer("/lvsdeploy/shop", "/lvsdeploy/"+cluster)
				return bench{t, b.host, map[string]engine.Host{"host": fakerun.Host{Host: b.host, Edit: edit.Replace}}}
			}
			plan := func(cluster string) []Task {
				s := service
				if cluster == "news" {
					s = shrunk
				}
				return []Task{
					Module("ip_vs"), Write(File{Path: "/etc/modules-load.d/lvsdeploy-" + cluster + ".conf", Mode: "0644", Content: "ip_vs\n"}),
					Address("ens37", wan), Sysctl("net.ipv4.ip_forward", "1"), DefaultRoute("ens33", gateway),
					Setting("/etc/t/setting", "B", "3"), IPTables("SNAT it", outward...),
					Balance([]VirtualService{s}), SaveTable(p.IPVSRules, []VirtualService{s}, nil), EnableOnly(p, "ipvsadm"),
				}
			}
			for _, cluster := range []string{"shop", "news"} {
				for _, e := range on(cluster).run(fakerun.One("host", plan(cluster)...), false) {
					if e.Status == engine.Failed {
						t.Fatalf("%s: %q failed: %s", cluster, e.Task, e.Detail)
					}
				}
			}
			goes := func(cluster string) {
				manifest := strings.Split(b.sh("cat /var/lib/lvsdeploy/"+cluster+"/manifest"), "\n")
				gone, _ := Leftovers(manifest, manifest, 0)
				stages := append(fakerun.One("host", append(gone, SavedForOthers(p.IPVSRules))...), Stage{Name: "forget", Hosts: []HostPlan{{Host: "host", Tasks: []Task{Forgotten()}}}})
				for _, e := range on(cluster).run(stages, false) {
					if e.Status == engine.Failed {
						t.Errorf("%s goes: %q failed: %s", cluster, e.Task, e.Detail)
					}
				}
			}
			goer, stayer, _ := strings.Cut(order, " ")
			goes(goer)
			b.all(fakerun.One("host"), false, engine.OK)
			for _, e := range on(stayer).run(fakerun.One("host", plan(stayer)...), false) {
				if e.Status != engine.OK {
					t.Errorf("%s has gone, and of %s %q is %s: %s", goer, stayer, e.Task, e.Status, e.Diff)
				}
			}
			goes(stayer)
			if diff := first.Timeless().Without("/run").Diff(b.host.Snapshot(t).Timeless().Without("/run")); diff != "" {
				t.Errorf("both are gone, and there is left:\n%s", diff)
			}
		})
	}
}
