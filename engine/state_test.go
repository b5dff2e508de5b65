package engine_test

import (
	"context"
	"errors"
	options "flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

var full = options.Bool("full", false, "every step, and a hundred times what depends on chance")

const state = "/var/lib/lvsdeploy/shop"

// cutOff is what dials while a change of the default route has cut the
// workstation off: until the host has gone back.
func cutOff(h fakerun.Host) func(context.Context, string) (engine.Host, func(), error) {
	return func(context.Context, string) (engine.Host, func(), error) {
		if strings.Contains(live(h), "via 192.168.1.10") {
			return nil, nil, errors.New("no route to host")
		}
		return h, func() {}, nil
	}
}

// TestStateFull: a disk that has no room at any moment of a run. Either nothing
// was changed, or the host is as it says, and never cut off; with room again,
// one run does the rest, and the next finds nothing to do.
func TestStateFull(t *testing.T) {
	for _, operation := range []string{"first", "cut off", "teardown"} {
		for _, limit := range []string{"size", "nr_inodes"} {
			if !*full && (operation == "teardown") != (limit == "nr_inodes") {
				continue
			}
			t.Run(operation+" "+limit, func(t *testing.T) {
				t.Parallel()
				h, plan := routed(t, fakehost.Dash, fakehost.Debian)
				plan[0].Hosts[0].Tasks = append(plan[0].Hosts[0].Tasks[:2],
					tasks.Write(tasks.File{Path: "/etc/new/one", Mode: "0644", Content: "1"}))
				plan[0].Hosts[0].Tasks[2].Notify = "told"
				plan[0].Hosts[0].Handlers = []tasks.Task{tasks.Handler("told", tasks.Task{Name: "tell", Check: "exit 1", Apply: "echo told >>/srv/told"})}
				steps := 0
				for left, done := 0, false; !done && left < 60; left++ {
					if !*full && left%5 != 2 {
						continue
					}
					steps++
					done = stateFull(t, h, plan, operation, limit, left)
				}
				if steps < 2 {
					t.Errorf("only %d states of the disk were tried", steps)
				}
			})
		}
	}
	if !*full {
		t.Log("short form: every fifth state of the disk, of pages or of inodes, to which -full adds the others")
	}
}

// stateFull runs with so many pages or inodes left, and reports whether that
// was enough.
func stateFull(t *testing.T, h fakerun.Host, plan tasks.Plan, operation, limit string, left int) (enough bool) {
	t.Helper()
	what := fmt.Sprintf("%s with %d left of %s: ", operation, left, limit)
	hosts := map[string]engine.Host{"web1": h}
	if out, errs, code := h.Run(`PATH=/.fakehost/bin:$PATH
umount /var/lib/lvsdeploy 2>/dev/null
rm -rf /var/lib/lvsdeploy /etc/new /srv/told /etc/after /etc/network/if-up.d/lvsdeploy-shop-gateway
set -e
ip route replace default via 192.168.1.1 dev ens33
mkdir -p /var/lib/lvsdeploy; mount -t tmpfs tmpfs /var/lib/lvsdeploy`); code != 0 {
		t.Fatal(out, errs)
	}
	was := live(h)
	run := plan
	if operation == "teardown" {
		fakerun.Run(t, plan, hosts, engine.Options{})
		manifest := strings.Split(sh(t, h.Host, "cat "+state+"/manifest"), "\n")
		gone, handlers := tasks.Leftovers(manifest, manifest, 0)
		run = tasks.Plan{{Name: "gone", Hosts: []tasks.HostPlan{{Host: "web1", Tasks: gone, Handlers: handlers}}},
			{Name: "forget", Hosts: []tasks.HostPlan{{Host: "web1", Tasks: []tasks.Task{tasks.Forgotten()}}}}}
	}
	before := live(h)
	if out, errs, code := h.Run(fmt.Sprintf(`PATH=/.fakehost/bin:$PATH
set -- $(stat -f -c '%%b %%f %%c %%d' /var/lib/lvsdeploy)
case %s in
size) mount -o remount,size=$((($1 - $2 + %d) * 4 + (%d == 0 && $1 == $2) * 4))k /var/lib/lvsdeploy ;;
*) mount -o remount,nr_inodes=$(($3 - $4 + %d)) /var/lib/lvsdeploy ;;
esac`, limit, left, left, left)); code != 0 {
		t.Fatal(out, errs)
	}
	o := engine.Options{}
	if operation == "cut off" {
		o = engine.Options{ConfirmTimeout: 2 * time.Second, Dial: cutOff(h)}
	}
	events := fakerun.Run(t, run, hosts, o)
	said := fakerun.Lines(events)
	settled(t, h)
	switch {
	case operation == "cut off" && live(h) != was:
		t.Errorf("%sit stays cut off:\n%s", what, said)
	case strings.Contains(said, "cannot write "), strings.Contains(said, "No space left on device"):
	case operation == "cut off" && strings.Contains(said, "went back"):
		enough = true
	case strings.Contains(said, "failed"), strings.Contains(said, "error"):
		t.Errorf("%sit does not say what is wrong:\n%s", what, said)
	default:
		enough = true
	}
	// what is there is known to be ours
	for file, entry := range map[string]string{"/etc/new/one": "file /etc/new/one", "/etc/network/if-up.d/lvsdeploy-shop-gateway": "file /etc/network/if-up.d/lvsdeploy-shop-gateway"} {
		if h.Exists(file) && sh(t, h.Host, "grep -cxF '"+entry+"' "+state+"/manifest") != "1" {
			t.Errorf("%s%s is there, and nobody knows that it is ours:\n%s", what, file, said)
		}
	}
	if live(h) != before && operation != "teardown" && sh(t, h.Host, "grep -c default-route "+state+"/manifest") != "1" {
		t.Errorf("%sthe route was changed, and nobody knows that it is ours:\n%s", what, said)
	}
	if stray := sh(t, h.Host, "find /etc -name '.lvsdeploy*'"); stray != "" {
		t.Errorf("%sleft behind: %s", what, stray)
	}
	sh(t, h.Host, "PATH=/.fakehost/bin:$PATH mount -o remount,size=10m,nr_inodes=10000 /var/lib/lvsdeploy")
	said = fakerun.Lines(fakerun.Run(t, run, hosts, engine.Options{}))
	if strings.Contains(said, "failed") || strings.Contains(said, "error") {
		t.Errorf("%swith room again:\n%s", what, said)
	}
	if operation == "teardown" {
		if live(h) != was || h.Exists("/etc/new/one") || h.Exists(state+"/manifest") {
			t.Errorf("%sit is not taken away:\n%s", what, said)
		}
		return enough
	}
	if sh(t, h.Host, "cat /srv/told") != "told" {
		t.Errorf("%sthe handler has not run: %s", what, sh(t, h.Host, "cat /srv/told"))
	}
	said = fakerun.Lines(fakerun.Run(t, run, hosts, engine.Options{}))
	if strings.Contains(said, "changed") || strings.Contains(said, "failed") {
		t.Errorf("%sthe run after that:\n%s", what, said)
	}
	return enough
}

// TestStateReadOnly: it is said in plain words, and nothing is changed.
func TestStateReadOnly(t *testing.T) {
	t.Parallel()
	h, plan := routed(t, fakehost.Dash, fakehost.Debian)
	sh(t, h.Host, "mkdir -p /var/lib/lvsdeploy; PATH=/.fakehost/bin:$PATH mount -t tmpfs -o ro tmpfs /var/lib/lvsdeploy")
	before := h.Snapshot(t).Without("/run")
	events := fakerun.Run(t, plan, map[string]engine.Host{"web1": h}, engine.Options{})
	if said, want := fakerun.Lines(events), "web1: route by default through 192.168.1.10: failed: cannot write "+state+": Read-only file system\n"; !strings.Contains(said, want) {
		t.Errorf("events:\n%s\nwant %s", said, want)
	}
	for _, e := range fakerun.Tasks(events) {
		if e.Status == engine.Failed && !strings.Contains(e.Hint, "read-only") {
			t.Errorf("hint %q", e.Hint)
		}
	}
	if diff := before.Diff(h.Snapshot(t).Without("/run")); diff != "" {
		t.Errorf("it changed\n%s", diff)
	}
}

// TestLockIsRootsAlone: nobody else may as much as open the lock, also where an
// earlier version let them.
func TestLockIsRootsAlone(t *testing.T) {
	t.Parallel()
	for _, shell := range fakehost.Shells() {
		t.Run(string(shell), func(t *testing.T) {
			t.Parallel()
			h := host(t, "web1", shell)
			sh(t, h, "mkdir -p /run/lvsdeploy/shop; : >/run/lvsdeploy/shop/lock; : >/run/lvsdeploy/shop/out; chmod 0755 /run/lvsdeploy /run/lvsdeploy/shop; chmod 0644 /run/lvsdeploy/shop/*")
			p, err := h.Start(t.Context(), "", "exec /.fakehost/real/bin/setpriv --reuid=1000 --regid=1000 --clear-groups flock /run/lvsdeploy/shop/lock sleep 300", nil, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = p.Kill(); _, _ = p.Wait() }()
			for end := time.Now().Add(20 * time.Second); sh(t, h, "flock -n /run/lvsdeploy/shop/lock echo free") == "free"; {
				if time.Now().After(end) {
					t.Fatal("the lock is not taken")
				}
			}
			expect(t, fakerun.Run(t, fakerun.One("web1", flag("a")), on(h), engine.Options{}), "web1: a: changed")
			if modes := sh(t, h, "stat -c '%a %u' /run/lvsdeploy /run/lvsdeploy/shop /run/lvsdeploy/shop/* | sort | uniq -c | sed 's/^ *//'"); modes != "4 600 0\n2 700 0" {
				t.Errorf("modes:\n%s", modes)
			}
			if got := sh(t, h, "/.fakehost/real/bin/setpriv --reuid=1000 --regid=1000 --clear-groups flock -n /run/lvsdeploy/shop/lock echo taken"); strings.Contains(got, "taken") {
				t.Error("uid 1000 takes the lock")
			}
		})
	}
}
