package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// risky are tasks that may cut the workstation off, of each kind: live and
// kept, addresses, routes, firewalls, and what takes them away.
func risky() map[string]tasks.Task {
	wrong, wan := netip.MustParseAddr("192.168.1.10"), netip.MustParsePrefix("12.0.0.1/24")
	vip := tasks.VIP{Address: netip.MustParseAddr("192.168.1.48"), Dev: "lo"}
	gone := func(entry string) tasks.Task {
		list, _ := tasks.Leftovers([]string{entry}, []string{entry}, 0)
		return list[0]
	}
	return map[string]tasks.Task{
		"default route":       tasks.DefaultRoute("ens33", wrong),
		"address":             tasks.Address("ens37", wan),
		"VIP":                 vip.Live(),
		"route":               vip.Route(),
		"firewall":            tasks.NoFirewall("firewalld"),
		"file":                tasks.KeepDefaultRoute(tasks.Ifupdown, "shop", "ens33", wrong),
		"unit":                tasks.KeepDefaultRoute(tasks.NoNetwork, "shop", "ens33", wrong),
		"address gone":        gone("address ens33 192.168.1.21/24"),
		"default route gone":  gone("default-route ens33 192.168.1.1"),
		"unit that goes away": gone("unit old.service"),
	}
}

// riskyHost has what each of them changes.
func riskyHost(t *testing.T, sh fakehost.Shell) fakerun.Host {
	t.Helper()
	h := fakerun.Host{Host: fakehost.New(t, fakehost.Options{Name: "web1", Shell: sh, Gateway: "192.168.1.1", Firewalld: true,
		Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24", "192.168.1.21/24"}}, {Name: "ens37"}}})}
	if _, errs, code := h.Run(`set -e
ip link set ens37 down
printf '[Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/old.service
systemctl enable -q old
mkdir -p ` + state + `; echo /etc/systemd/system/old.service >` + state + `/absent`); code != 0 {
		t.Fatal(errs)
	}
	return h
}

// whole is all of a host but what lvsdeploy remembers of it.
func whole(t *testing.T, h fakerun.Host) fakehost.Snapshot {
	t.Helper()
	return h.Snapshot(t).Timeless().Without("/var/lib/lvsdeploy", "/run", "/var/lib/fakehost")
}

// TestSlowChange: a change that takes three times as long as the host waits for
// its confirmation. The host goes back after it, never before; one that can
// still be reached keeps it.
func TestSlowChange(t *testing.T) {
	i := 0
	for name, task := range risky() {
		i++
		if !*full && i > 3 { // others each time
			continue
		}
		for _, reached := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", reached), func(t *testing.T) {
				t.Parallel()
				h := riskyHost(t, fakehost.Shells()[i%3])
				before := whole(t, h)
				task := task
				// half of it at once, the rest when the time is long over
				task.Apply = shell.Lines("sleep 1", task.Apply, "sleep 5")
				events := fakerun.Run(t, fakerun.One("web1", task), map[string]engine.Host{"web1": h}, engine.Options{
					ConfirmTimeout: 2 * time.Second,
					Dial: func(context.Context, string) (engine.Host, func(), error) {
						if !reached && !h.Exists(state+"/reverted") {
							return nil, nil, errors.New("no route to host")
						}
						return h, func() {}, nil
					}})
				said := fakerun.Lines(events)
				settled(t, h)
				diff := before.Diff(whole(t, h))
				if reached && (diff == "" || strings.Contains(said, "error") || !strings.Contains(said, ": changed")) {
					t.Errorf("events:\n%s\nchanged:\n%s", said, diff)
				}
				if !reached && (diff != "" || !strings.Contains(said, "went back to its old settings")) {
					t.Errorf("events:\n%s\nafter going back:\n%s", said, diff)
				}
			})
		}
	}
	if !*full {
		t.Log("short form: three kinds of change, to which -full adds the others")
	}
}

// TestChangeThatHangs: it does not keep the host cut off. After its time it is
// ended, and the host goes back.
func TestChangeThatHangs(t *testing.T) {
	t.Parallel()
	for _, sh := range fakehost.Shells() {
		t.Run(string(sh), func(t *testing.T) {
			t.Parallel()
			h := riskyHost(t, sh)
			h.Edit = func(p string) string { return strings.ReplaceAll(p, "$((120 + 3 * patience))", "4") }
			before := whole(t, h)
			task := tasks.DefaultRoute("ens33", netip.MustParseAddr("192.168.1.10"))
			task.Apply = shell.Lines(task.Apply, "sleep 600")
			events := fakerun.Run(t, fakerun.One("web1", task), map[string]engine.Host{"web1": h}, engine.Options{ConfirmTimeout: 2 * time.Second, Dial: cutOff(h)})
			settled(t, h)
			if diff := before.Diff(whole(t, h)); diff != "" {
				t.Errorf("after going back:\n%s", diff)
			}
			if said := fakerun.Lines(events); !strings.Contains(said, "went back to its old settings") {
				t.Errorf("events:\n%s", said)
			}
		})
	}
}

// TestPaused: a run that stands still between arming a change and making it,
// for longer than the host waits, finds that the host has gone back, and makes
// no change.
func TestPaused(t *testing.T) {
	times := 2
	if *full {
		times = 100
	} else {
		t.Log("short form: two pauses under each shell, which -full makes 100")
	}
	for _, sh := range fakehost.Shells() {
		t.Run(string(sh), func(t *testing.T) {
			t.Parallel()
			h := riskyHost(t, sh)
			before := whole(t, h)
			plan := fakerun.One("web1", tasks.DefaultRoute("ens33", netip.MustParseAddr("192.168.1.10")))
			for i := range times {
				program := engine.Compile(plan, "web1", engine.Heading{Cluster: "shop", Host: "web1", Nonce: "@x", Patience: time.Second}, false).Text
				// where it stands still: before the lock, or when it has it
				at := []string{"  exec 8>>\"$run/change\"\n", "  still_armed\n  (set -e; \"$1\")"}[i%2]
				paused := strings.Replace(program, at, "  sh -c 'kill -STOP $PPID'\n"+at, 1)
				if paused == program {
					t.Fatal("the program has no such place")
				}
				paused = strings.ReplaceAll(paused, "$((120 + 3 * patience))", "3")
				session, err := h.Start(t.Context(), paused)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = session.Stdin.Write([]byte("go   \n"))
				for end := time.Now().Add(60 * time.Second); !h.Exists(state + "/reverted"); time.Sleep(50 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("pause %d: it has not gone back:\n%s", i, sh1(h, "ls "+state+"/*; ps ax"))
					}
				}
				sh1(h, `for p in /proc/[0-9]*; do kill -CONT ${p#/proc/}; done 2>/dev/null`)
				_ = session.Stdin.Close()
				_ = session.Wait()
				if diff := before.Diff(whole(t, h)); diff != "" {
					t.Fatalf("pause %d: the change was made after the host had gone back:\n%s", i, diff)
				}
				sh1(h, "rm -rf "+state+"/reverted")
			}
		})
	}
}

func sh1(h fakerun.Host, script string) string {
	out, errs, _ := h.Run(script)
	return out + errs
}

// TestRevertKilled: a revert that is ended after any of its steps is finished
// by whoever comes next, the boot, the next run or a confirmation, which tells
// the truth.
func TestRevertKilled(t *testing.T) {
	for i, next := range []string{"boot", "run", "confirmation"} {
		t.Run(next, func(t *testing.T) {
			t.Parallel()
			h := riskyHost(t, fakehost.Shells()[i])
			before := whole(t, h)
			plan := fakerun.One("web1", tasks.DefaultRoute("ens33", netip.MustParseAddr("192.168.1.10")),
				tasks.KeepDefaultRoute(tasks.Ifupdown, "shop", "ens33", netip.MustParseAddr("192.168.1.10")),
				tasks.Address("ens37", netip.MustParsePrefix("12.0.0.1/24")),
				tasks.KeepAddress(tasks.NoNetwork, "shop", "ens37", netip.MustParsePrefix("12.0.0.1/24")))
			killed := 0
			for step := 1; ; step++ {
				if !*full && step%16 != 1+5*i {
					if killed > 0 && step > 60 {
						break
					}
					continue
				}
				ended := revertKilled(t, h, plan, next, step)
				if ended {
					break
				}
				killed++
				if diff := before.Diff(whole(t, h)); next != "boot" && diff != "" {
					t.Fatalf("killed at step %d, finished by the %s:\n%s", step, next, diff)
				}
				if left := sh1(h, "ls -d "+state+"/revert /etc/systemd/system/lvsdeploy-shop-revert.service /etc/network/if-up.d/lvsdeploy-shop-gateway /etc/systemd/system/lvsdeploy-shop-address.service 2>/dev/null"); left != "" {
					t.Fatalf("killed at step %d, finished by the %s, there is still %s", step, next, left)
				}
				sh1(h, "rm -rf "+state+"/reverted; ip route replace default via 192.168.1.1 dev ens33; ip addr flush dev ens37; ip link set ens37 down")
			}
			if killed < 3 {
				t.Errorf("only %d steps were tried", killed)
			}
		})
	}
	if !*full {
		t.Log("short form: every sixteenth step, to which -full adds the others")
	}
}

// revertKilled has a run's change taken back, kills that at a step, and has it
// finished. It reports whether there was no such step any more.
func revertKilled(t *testing.T, h fakerun.Host, plan tasks.Plan, next string, step int) (ended bool) {
	t.Helper()
	program := engine.Compile(plan, "web1", engine.Heading{Cluster: "shop", Host: "web1", Nonce: "@x", Patience: 600 * time.Second}, false)
	session, err := h.Start(t.Context(), program.Text)
	if err != nil {
		t.Fatal(err)
	}
	untilConfirm(t, session)
	_ = session.Stdin.Close()
	_ = session.Wait()
	// under a debug trap of bash it is killed before its nth command
	out := sh1(h, fmt.Sprintf(`cd %s/revert
cp revert.sh /run/killed.sh
n=0
cat >/run/trap.sh <<'END'
set -T
steps=0
trap 'steps=$((steps + 1)); [ $steps != %d ] || kill -KILL $$' DEBUG
END
BASH_ENV=/run/trap.sh bash /run/killed.sh %s now >/dev/null 2>&1
echo $?`, state, step, state))
	// what it has started has its end
	for end := time.Now().Add(20 * time.Second); sh1(h, "flock -n /run/lvsdeploy/shop/change echo free") != "free\n" && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if ended = strings.TrimSpace(out) == "0"; ended {
		return ended
	}
	switch next {
	case "boot":
		if out := sh1(h, "rm -rf /run/lvsdeploy; [ ! -e "+state+"/revert ] || sh "+state+"/revert/revert.sh "+state+" boot"); strings.Contains(out, "rror") {
			t.Errorf("killed at step %d, at the boot: %s", step, out)
		}
		// no run comes
	case "run":
		if said := fakerun.Lines(fakerun.Run(t, fakerun.One("web1", tasks.Proof("look", ":", "")), map[string]engine.Host{"web1": h}, engine.Options{})); said != "web1: look: ok\n" {
			t.Errorf("killed at step %d, the next run says:\n%s", step, said)
		}
	case "confirmation":
		// while somebody else finishes it there is no answer, and it is asked again
		out := ""
		for end := time.Now().Add(60 * time.Second); out == "" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			out = sh1(h, "state="+state+"\nnonce=@x\n"+engine.ConfirmScript)
		}
		if out != "reverted\n" && out != "confirmed\n" {
			t.Errorf("killed at step %d, the confirmation says %q", step, out)
		} else if out == "confirmed\n" {
			// it had not begun: the change stays, and is taken back by hand
			sh1(h, "rm -rf /etc/network/if-up.d; systemctl disable -q lvsdeploy-shop-address; rm -f /etc/systemd/system/lvsdeploy-shop-address.service; ip route replace default via 192.168.1.1 dev ens33; ip addr flush dev ens37; ip link set ens37 down")
		}
	}
	return false
}
