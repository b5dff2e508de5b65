package tasks_test

import (
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestTableForetold: a dry run shows the old rule beside the new one, and says
// that the table will be saved anew, as the run then does.
func TestTableForetold(t *testing.T) {
	server := func(address string, weight int) RealServer {
		return RealServer{Address: address, Method: Masquerading, Weight: weight}
	}
	virtual := func(scheduler string, servers ...RealServer) []VirtualService {
		return []VirtualService{{Protocol: "tcp", Address: "12.0.0.1:80", Scheduler: scheduler, Servers: servers}}
	}
	one, ten := server("192.168.1.2:80", 1), server("192.168.1.20:80", 1)
	before := virtual("rr", one, ten)
	for n, c := range []struct {
		name  string
		after []VirtualService
		gone  []string
		diff  string // of Balance and Drain
	}{
		{name: "nothing", after: before},
		{name: "a weight", after: virtual("rr", server("192.168.1.2:80", 3), ten), diff: "--a -t 12.0.0.1:80 -r 192.168.1.2:80 -m -w 1\n+-a -t 12.0.0.1:80 -r 192.168.1.2:80 -m -w 3\n"},
		{name: "a weight, drained", after: virtual("rr", one, server("192.168.1.20:80", 0)), diff: "--a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1\n+-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 0\n"},
		{name: "the scheduler", after: virtual("wlc", one, ten), diff: "--A -t 12.0.0.1:80 -s rr\n+-A -t 12.0.0.1:80 -s wlc\n"},
		{name: "one more", after: virtual("rr", one, ten, server("192.168.1.200:80", 2)), diff: "+-a -t 12.0.0.1:80 -r 192.168.1.200:80 -m -w 2\n"},
		{name: "one less", after: virtual("rr", one), diff: "--a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1\n"},
		{name: "another service", after: []VirtualService{{Protocol: "udp", Address: "12.0.0.1:80", Scheduler: "rr"}}, gone: []string{"-t 12.0.0.1:80"},
			diff: "+-A -u 12.0.0.1:80 -s rr\n--A -t 12.0.0.1:80 -s rr\n--a -t 12.0.0.1:80 -r 192.168.1.2:80 -m -w 1\n--a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, fakehost.Options{Shell: fakehost.Shells()[n%3], Packages: []string{"ipvsadm"}, Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.10/24"}}}})
			// somebody else's service, which nobody touches
			b.sh("modprobe ip_vs; ipvsadm -A -t 12.0.0.9:80 -s rr; ipvsadm -a -t 12.0.0.9:80 -r 192.168.1.2:80 -m -w 7")
			plan := func(services []VirtualService, gone []string) Plan {
				return fakerun.One("host", Balance(services), Drain(services, gone, 0), SaveTable("/etc/t/ipvs", services, gone))
			}
			b.run(plan(before, nil), false)
			var diff strings.Builder
			told := map[string]bool{}
			for _, e := range b.run(plan(c.after, c.gone), true) {
				if told[e.Task] = e.Status == engine.WouldChange; !strings.HasPrefix(e.Task, "save") {
					diff.WriteString(e.Diff)
					if e.Diff != "" && !strings.HasSuffix(e.Diff, "\n") {
						diff.WriteByte('\n')
					}
				}
			}
			if diff.String() != c.diff {
				t.Errorf("the difference is\n%s\nwant\n%s", diff.String(), c.diff)
			}
			for _, e := range b.run(plan(c.after, c.gone), false) {
				if (e.Status == engine.Changed) != told[e.Task] {
					t.Errorf("%s: %s, foretold: %v", e.Task, e.Status, told[e.Task])
				}
			}
			b.all(plan(c.after, c.gone), true, engine.OK)
		})
	}
}
