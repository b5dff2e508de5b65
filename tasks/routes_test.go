package tasks_test

import (
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestRoutesComeBack: whatever default routes a host had, it has them again when
// ours is taken away, or has not been confirmed.
func TestRoutesComeBack(t *testing.T) {
	for n, c := range []struct{ name, routes string }{
		{"none", ""},
		{"one", "ip route add default via 192.168.1.1 dev ens33"},
		{"everything that a route can say", "ip route add default via 192.168.1.1 dev ens33 proto static src 192.168.1.21 mtu lock 1400 advmss 1300 initcwnd 20 onlink"},
		{"two metrics", "ip route add default via 192.168.1.1 dev ens33 metric 100; ip route add default via 192.168.1.2 dev ens33 metric 200 proto dhcp"},
		{"two of the same metric", "ip route add default via 192.168.1.1 dev ens33; ip route append default via 192.168.1.2 dev ens33"},
		{"several next hops", "ip route add default proto static nexthop via 192.168.1.1 dev ens33 weight 1 nexthop via 12.0.0.254 dev ens37 weight 3"},
		{"several next hops with a metric, and one without", "ip route add default metric 50 nexthop via 192.168.1.1 dev ens33 nexthop via 12.0.0.254 dev ens37; ip route add default via 192.168.1.2 dev ens33"},
		{"without a carrier", "ip route add default via 12.0.0.254 dev ens37; nsenter --net=/.fakehost/wire ip link set ens37 down; until ip route | grep -q linkdown; do sleep 0.02; done"},
		{"a nexthop object", "ip nexthop add id 7 via 192.168.1.1 dev ens33; ip route add default nhid 7 proto static"},
		{"a group of nexthop objects", "ip nexthop add id 7 via 192.168.1.1 dev ens33; ip nexthop add id 8 via 12.0.0.254 dev ens37; ip nexthop add id 9 group 7/8,3; ip route add default nhid 9"},
		{"unreachable", "ip route add unreachable default metric 4000"},
		{"a blackhole behind one", "ip route add default dev ens33 scope link; ip route add blackhole default metric 9000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// the ip of busybox knows few of these
			b := newBench(t, fakehost.Options{Shell: []fakehost.Shell{fakehost.Dash, fakehost.Bash}[n%2], Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24", "192.168.1.21/24"}}, {Name: "ens37", Addresses: []string{"12.0.0.1/24"}}}})
			if out, errs, code := b.host.Run("set -e; while ip -o link show up | grep -q NO-CARRIER; do sleep 0.02; done\n" + c.routes); code != 0 {
				t.Fatalf("setup: %s%s", out, errs)
			}
			routes := func() string { return b.sh("ip route show default") }
			first := routes()
			task := DefaultRoute("ens33", gateway)
			plan := fakerun.One("host", task)
			var lib strings.Builder
			for _, f := range Library {
				if f.Name == "as_routes" {
					lib.WriteString(string(f.Text))
				}
			}
			b.sh("{ " + lib.String() + "\n" + string(task.Undo) + "\n} >/srv/undo")
			b.all(plan, false, engine.Changed)
			if out, errs, _ := b.host.Run("sh /srv/undo"); routes() != first {
				t.Errorf("going back by\n%s%s%s leaves\n%s\nwant\n%s", b.sh("cat /srv/undo"), out, errs, routes(), first)
			}
			b.all(plan, false, engine.Changed)
			entries := task.Owns
			gone, _ := Leftovers(entries, entries, 0)
			b.all(fakerun.One("host", gone...), false, engine.Changed)
			if got := routes(); got != first {
				t.Errorf("taken away, the routes are\n%s\nwant\n%s", got, first)
			}
		})
	}
}

// TestRouteRefused: a route that cannot come back does not leave the host
// without any, and is named; the others come back all the same.
func TestRouteRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, fakehost.Options{Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}, {Name: "ens37", Addresses: []string{"12.0.0.1/24"}}}})
	b.sh("while ip -o link show up | grep -q NO-CARRIER; do sleep 0.02; done; ip route add default via 12.0.0.254 dev ens37; ip route append default via 192.168.1.1 dev ens33")
	task := DefaultRoute("ens33", gateway)
	b.all(fakerun.One("host", task), false, engine.Changed)
	b.sh("ip addr flush dev ens37")
	gone, _ := Leftovers(task.Owns, task.Owns, 0)
	b.all(fakerun.One("host", gone...), false, engine.Changed)
	if got := b.sh("ip route show default"); got != "default via 192.168.1.1 dev ens33" {
		t.Errorf("the routes are\n%s", got)
	}
	// and if none can
	b.sh("rm -r " + state + "; ip route del default; ip addr add 12.0.0.1/24 dev ens37; ip route add default via 12.0.0.254 dev ens37")
	b.all(fakerun.One("host", task), false, engine.Changed)
	b.sh("ip addr flush dev ens37")
	events := b.run(fakerun.One("host", gone...), false)
	if events[0].Status != engine.Failed || !strings.Contains(events[0].Detail, "12.0.0.254 dev ens37: ") {
		t.Errorf("it is %s: %s", events[0].Status, events[0].Detail)
	}
	if got := b.sh("ip route show default"); got != "default via 192.168.1.10 dev ens33" {
		t.Errorf("the routes are\n%s", got)
	}
}
