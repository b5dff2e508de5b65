package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// breaks are the ways in which a run ends at a boundary: the connection of one
// host is cut before the event of the task gets through, or the program is
// killed and with it all connections.
var breaks = []string{"cut", "kill"}

// breakAt starts a deployment that ends when the given host has done its n-th
// task (counted over what this run does there). It reports whether that came.
func (f *fleet) breakAt(dir, host, how string, n int) (came bool, r result) {
	f.t.Helper()
	cmd := f.command(dir, "nat", "--timeout", "20s")
	var seen int
	var hit atomic.Bool
	var gone sync.Once
	f.hosts[host].onLine(func(line string) sshtest.Verdict {
		if !isTaskEvent(line) {
			return sshtest.Pass
		}
		if seen++; seen <= n {
			return sshtest.Pass
		}
		hit.Store(true)
		if how == "kill" {
			gone.Do(func() { cmd.signal(os.Kill) })
		}
		return sshtest.CutBefore
	})
	defer f.hosts[host].onLine(nil)
	r = f.run(cmd)
	return hit.Load(), r
}

// isTaskEvent knows the lines "NONCE task N STATUS NAME"; the mark that says
// that the program has arrived stands in front of the first.
func isTaskEvent(line string) bool {
	_, event, ours := strings.Cut(line, "@")
	words := strings.SplitN(event, " ", 4)
	return ours && len(words) == 4 && words[1] == "task"
}

// settle waits until the programs of a broken run have ended on the hosts: the
// next run would wait for their lock, a second at a time.
func (f *fleet) settle() {
	f.t.Helper()
	f.each(func(m *machine) {
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if _, _, code := m.Run(`{ [ ! -e /run/lvsdeploy/shop/lock ] || flock -n /run/lvsdeploy/shop/lock true; } &&
! ps -eo args | grep -q -e '[w]hat this host is' -e '^[/]bin/sh -s'`); code == 0 {
				return
			}
			if time.Now().After(end) {
				f.t.Errorf("%s: the lock is stuck", m.Name)
				return
			}
		}
	})
}

// healed demands that a run converges now, that the one after it finds nothing
// to do, that nothing half written is left, and that every restart was made.
func (f *fleet) healed(dir, after string) {
	f.t.Helper()
	if r := f.run(f.command(dir, "nat")); r.code != report.Done {
		f.t.Errorf("%s: the next run exits %d\n%s%s", after, r.code, r.out, r.err)
		return
	}
	f.settle() // a run does not wait for a host to write down what is ours
	before := f.snapshots(f.t)
	r := f.run(f.command(dir, "nat"))
	if r.code != report.Done || !strings.Contains(r.out, " 0 changed, 0 failed") {
		f.t.Errorf("%s: a third run exits %d\n%s%s", after, r.code, r.out, r.err)
	}
	if d := f.diff(before, f.snapshots(f.t)); d != "" {
		f.t.Errorf("%s: a third run changed %s", after, d)
	}
	f.each(func(m *machine) {
		out, _, _ := m.Run(`find / -xdev \( -name '.*.lvsdeploy' -o -name '.lvsdeploy-*' -o -path '/var/lib/lvsdeploy/*.new' \) ; ls /var/lib/lvsdeploy/shop/owed`)
		if out != "" {
			f.t.Errorf("%s: left on %s: %s", after, m.Name, out)
		}
		if bad := m.Violations(); len(bad) > 0 {
			f.t.Errorf("%s: on %s: %q", after, m.Name, bad)
		}
	})
	// the port that only a restarted web server listens on
	if out, _, code := f.hosts["director"].Run("curl -s http://192.168.1.30:8080/; ipvsadm -Sn"); code != 0 || out != bothServed {
		f.t.Errorf("%s: web2 serves, and the table is: %s", after, out)
	}
}

const bothServed = `this is kk kk
-A -t 12.0.0.1:80 -s rr
-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1
-a -t 12.0.0.1:80 -r 192.168.1.30:8080 -m -w 1
`

// A chain: the first run ends after the hosts' first task, the next one after
// one task more, and so on to the end; then all is well. Each run finds what a
// longer and longer series of broken ones left. Cut, each host loses its own
// connection there; killed, the first host to come there ends it for all.
func TestBrokenAgainAndAgain(t *testing.T) {
	long(t)
	t.Parallel()
	f := newFleet(t, mixes()[2], "")
	dir := f.inventory(websTOML, "")
	for n := 0; ; n++ {
		if n > 100 {
			t.Fatal("the chain does not end")
		}
		came, last := f.breakAll(dir, breaks[n%2], n)
		f.settle()
		if came == 0 {
			if last.code != report.Done {
				t.Errorf("run %d was not broken and exits %d\n%s%s", n, last.code, last.out, last.err)
			}
			t.Logf("%d runs", n)
			break
		}
	}
	f.healed(dir, "at the chain's end")
}

// breakAll is breakAt on all hosts in one run; it returns on how many it came.
func (f *fleet) breakAll(dir, how string, n int) (came int, r result) {
	f.t.Helper()
	cmd := f.command(dir, "nat", "--timeout", "20s")
	var hits atomic.Int32
	for _, name := range f.order {
		seen := 0
		f.hosts[name].onLine(func(line string) sshtest.Verdict {
			if isTaskEvent(line) {
				if seen++; seen > n {
					hits.Add(1)
					if how == "kill" {
						cmd.signal(os.Kill)
					}
					return sshtest.CutBefore
				}
			}
			return sshtest.Pass
		})
		defer f.hosts[name].onLine(nil)
	}
	r = f.run(cmd)
	return int(hits.Load()), r
}

// Every boundary of every host, each on machines that were bare before, the
// mixes of platforms taking turns.
func TestBrokenOnce(t *testing.T) {
	long(t)
	for i, host := range []string{"director", "web1", "web2", "nfs"} {
		for k, how := range breaks {
			t.Run(host+" "+how, func(t *testing.T) {
				t.Parallel()
				ended := false // by a run that was not broken any more
				for n := 0; n < 100 && !ended && !t.Failed(); n++ {
					t.Run(fmt.Sprint("task ", n), func(t *testing.T) {
						f := newFleet(t, mixes()[(i+k+n)%len(mixes())], "")
						dir := f.inventory(websTOML, "")
						came, r := f.breakAt(dir, host, how, n)
						if ended = !came; ended {
							if r.code != report.Done {
								t.Errorf("not broken, and exits %d\n%s%s", r.code, r.out, r.err)
							}
							return
						}
						if how == "cut" && r.code != report.Unreachable {
							t.Errorf("cut, and exits %d\n%s%s", r.code, r.out, r.err)
						}
						f.settle()
						f.healed(dir, fmt.Sprintf("%s of %s at task %d", how, host, n))
					})
				}
			})
		}
	}
}
