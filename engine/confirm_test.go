package engine_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// routed is a host that is reached through a router, and a plan that would
// send its answers elsewhere, now and after a boot.
func routed(t *testing.T, shell fakehost.Shell, kind fakehost.Kind) (fakerun.Host, tasks.Plan) {
	h := fakerun.Host{Host: fakehost.New(t, fakehost.Options{
		Name: "web1", Kind: kind, Shell: shell, Gateway: "192.168.1.1",
		Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}, {Name: "ens37"}},
	})}
	if _, said, code := h.Run("ip link set ens37 down"); code != 0 {
		t.Fatal(said)
	}
	network := tasks.Ifupdown
	if kind == fakehost.EL {
		network = tasks.NetworkScripts
	}
	wrong := netip.MustParseAddr("192.168.1.10")
	return h, tasks.Plan{{Name: "serve", Hosts: []tasks.HostPlan{{Host: "web1", Tasks: []tasks.Task{
		tasks.DefaultRoute("ens33", wrong),
		tasks.KeepDefaultRoute(network, "shop", "ens33", wrong),
		tasks.Address("ens33", netip.MustParsePrefix("192.168.9.9/24")),
		tasks.Address("ens37", netip.MustParsePrefix("12.0.0.1/24")), // which brings it up, too
	}}}}, {Name: "after", Hosts: []tasks.HostPlan{{Host: "web1", Tasks: []tasks.Task{
		tasks.Write(tasks.File{Path: "/etc/after", Mode: "0644", Content: "later"}),
	}}}}}
}

const routes = "ip -4 route show default; ip -o -4 addr show dev ens33 | awk '{ print $4 }'"

// settled waits until a revert that is under way is over.
func settled(t *testing.T, h fakerun.Host) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); h.Exists("/var/lib/lvsdeploy/shop/revert"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the host has not gone back")
		}
	}
}

func live(h fakerun.Host) string {
	out, _, _ := h.Run(routes)
	return out
}

func TestConfirmedChangeStays(t *testing.T) {
	t.Parallel()
	h, plan := routed(t, fakehost.Dash, fakehost.Debian)
	events := fakerun.Run(t, plan, map[string]engine.Host{"web1": h}, engine.Options{})
	said := fakerun.Lines(events)
	if strings.Count(said, ": changed") != 5 || strings.Contains(said, "error") {
		t.Errorf("events:\n%s", said)
	}
	if !strings.Contains(live(h), "via 192.168.1.10") {
		t.Errorf("live: %s", live(h))
	}
	for _, left := range []string{"/var/lib/lvsdeploy/shop/revert", "/etc/systemd/system/lvsdeploy-shop-revert.service",
		"/etc/systemd/system/sysinit.target.wants/lvsdeploy-shop-revert.service"} {
		if h.Exists(left) {
			t.Errorf("%s is still there", left)
		}
	}
	// a second run changes nothing, so it needs no confirmation
	events = fakerun.Run(t, plan, map[string]engine.Host{"web1": h}, engine.Options{
		Dial: func(context.Context, string) (engine.Host, func(), error) {
			t.Error("dialled anew for nothing")
			return h, func() {}, nil
		},
	})
	if said := fakerun.Lines(events); strings.Count(said, ": ok") != 5 {
		t.Errorf("second run:\n%s", said)
	}
}

// A host that is not reached anew goes back: live state, files, modes, units.
func TestUnconfirmedChangeIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		shell fakehost.Shell
		kind  fakehost.Kind
	}{
		{"dash", fakehost.Dash, fakehost.Debian},
		{"bash", fakehost.Bash, fakehost.EL},
		{"busybox", fakehost.Busybox, fakehost.Debian},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, plan := routed(t, c.shell, c.kind)
			before, was := h.Snapshot(t), live(h)
			cut := errors.New("no route to host")
			events := fakerun.Run(t, plan, map[string]engine.Host{"web1": h}, engine.Options{
				ConfirmTimeout: 8 * time.Second, // more than any of the tasks takes, on a busy machine too
				Dial: func(context.Context, string) (engine.Host, func(), error) {
					if !h.Exists("/var/lib/lvsdeploy/shop/reverted") {
						return nil, nil, cut
					}
					return h, func() {}, nil
				},
			})
			settled(t, h)
			if live(h) != was {
				t.Errorf("live state was\n%s\nand is\n%s", was, live(h))
			}
			if diff := before.Without("/var/lib/lvsdeploy", "/run", "/var/lib/fakehost").Diff(h.Snapshot(t).Without("/var/lib/lvsdeploy", "/run", "/var/lib/fakehost")); diff != "" {
				t.Errorf("after going back:\n%s", diff)
			}
			var changes []string // each of them may be the one
			for _, task := range plan[0].Hosts[0].Tasks {
				changes = append(changes, `"`+task.Name+`"`)
			}
			want := "web1 went back to its old settings after " + strings.Join(changes, ", ") + ": "
			var found bool
			for _, e := range events {
				if e.Kind == engine.KindError {
					found = true
					if e.Exit != 6 || !errors.Is(e.Err, cut) || !strings.Contains(e.Err.Error(), want) {
						t.Errorf("error %v, exit %d", e.Err, e.Exit)
					}
				}
			}
			said := fakerun.Lines(events)
			if !found || !strings.Contains(said, "write /etc/after: skipped: the host went back to its old settings") {
				t.Errorf("events:\n%s", said)
			}
		})
	}
}

// untilConfirm lets a program begin to change things, and reads on until it
// waits for a confirmation.
func untilConfirm(t *testing.T, session *engine.Session) {
	t.Helper()
	if _, err := io.WriteString(session.Stdin, "go   \n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	for said := ""; !strings.Contains(said, "@x confirm"); {
		n, err := session.Stdout.Read(buf)
		if err != nil {
			t.Fatalf("%v after:\n%s", err, said)
		}
		said += string(buf[:n])
	}
}

// Nobody is there any more: the workstation was killed right after the change.
func TestRevertNeedsNobody(t *testing.T) {
	t.Parallel()
	h, plan := routed(t, fakehost.Dash, fakehost.Debian)
	was := live(h)
	program := engine.Compile(plan, "web1", engine.Heading{Cluster: "shop", Host: "web1", Nonce: "@x", Patience: 8 * time.Second}, false)
	session, err := h.Start(t.Context(), program.Text)
	if err != nil {
		t.Fatal(err)
	}
	untilConfirm(t, session)
	if live(h) == was {
		t.Error("nothing was changed")
	}
	h.Run("for p in /proc/[0-9]*; do case $(tr '\\0' ' ' <$p/cmdline 2>/dev/null) in *head*|*'dd bs=1'*|*timeout*) kill -9 ${p#/proc/} ;; esac; done")
	settled(t, h)
	if live(h) != was {
		t.Errorf("live state was\n%s\nand is\n%s", was, live(h))
	}
}

// The next run takes back first what the one before left unconfirmed.
func TestNextRunTakesBackFirst(t *testing.T) {
	t.Parallel()
	h, plan := routed(t, fakehost.Dash, fakehost.Debian)
	program := engine.Compile(plan, "web1", engine.Heading{Cluster: "shop", Host: "web1", Nonce: "@x", Patience: 600 * time.Second}, false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	session, err := h.Start(ctx, program.Text)
	if err != nil {
		t.Fatal(err)
	}
	untilConfirm(t, session)
	cancel()
	_ = session.Wait()
	// what waits to take the change back must not hold the lock meanwhile
	if _, said, code := h.Run("flock -w 10 /run/lvsdeploy/shop/lock true"); code != 0 {
		t.Errorf("the lock is stuck: %s", said)
	}
	events := fakerun.Run(t, plan, map[string]engine.Host{"web1": h}, engine.Options{})
	if said := fakerun.Lines(events); strings.Count(said, ": changed") != 5 {
		t.Errorf("the change was not taken back before it was made again:\n%s", said)
	}
	if h.Exists("/var/lib/lvsdeploy/shop/revert") {
		t.Error("the revert is still armed")
	}
}

// A power cut while the host goes back: the boot goes on where it ended, also
// where systemctl is of no use.
func TestBootFinishesRevert(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"run", "reverting"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			h, plan := routed(t, fakehost.Dash, fakehost.Debian)
			first := &plan[0].Hosts[0]
			first.Tasks = append(first.Tasks, tasks.KeepAddress(tasks.Networkd, "shop", "ens37", netip.MustParsePrefix("12.0.0.1/24")))
			const state = "/var/lib/lvsdeploy/shop"
			files := func() fakehost.Snapshot { // a boot needs no live state
				s := h.Snapshot(t).Without("/var/lib/lvsdeploy", "/run", "/var/lib/fakehost")
				maps.DeleteFunc(s, func(k, _ string) bool { return strings.HasPrefix(k, "live ") })
				return s
			}
			before := files()
			program := engine.Compile(plan, "web1", engine.Heading{Cluster: "shop", Host: "web1", Nonce: "@x", Patience: 600 * time.Second}, false)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			session, err := h.Start(ctx, program.Text)
			if err != nil {
				t.Fatal(err)
			}
			untilConfirm(t, session)
			cancel()
			_ = session.Wait()
			unit, said, code := h.Run("cat /etc/systemd/system/sysinit.target.wants/lvsdeploy-shop-revert.service")
			for _, want := range []string{"After=local-fs.target\n", "ConditionPathExists=|" + state + "/revert/" + at + "\n"} {
				if !strings.Contains(unit, want) {
					t.Errorf("the unit has no %q: %d %s\n%s", want, code, said, unit)
				}
			}
			h.Run("echo half >/etc/network/if-up.d/.lvsdeploy-half; echo /etc/network/if-up.d/.lvsdeploy-half >" + state + "/beside")
			if at == "reverting" {
				h.Run("mv " + state + "/revert/run " + state + "/revert/reverting")
			}
			if _, said, code := h.Run("mkdir /tmp/no && ln -s /bin/false /tmp/no/systemctl && PATH=/tmp/no:$PATH sh " + state + "/revert/revert.sh " + state + " boot; rm -r /tmp/no"); code != 0 {
				t.Errorf("at the boot: %d %s", code, said)
			}
			if diff := before.Diff(files()); diff != "" {
				t.Errorf("after the boot:\n%s", diff)
			}
		})
	}
}

// TestConfirmJustThen: a host that ends going back between two looks of the
// confirmation does not seem to have had nothing to confirm.
func TestConfirmJustThen(t *testing.T) {
	script, err := os.ReadFile("prelude/confirm.sh")
	if err != nil {
		t.Fatal(err)
	}
	h := fakehost.New(t, fakehost.Options{})
	out, said, _ := h.Run(`state=/var/lib/lvsdeploy/shop nonce=@x
mkdir -p "$state/revert"
echo @x >"$state/revert/reverting"
cat() {
  command cat "$@"
  was=$?
  case $1 in reverted/*) mv "$state/revert" "$state/reverted" ;; esac
  return $was
}
` + string(script) + "unset -f cat\necho then\n" + string(script))
	if out != "then\nreverted\n" {
		t.Errorf("it says %q %s", out, said)
	}
}

// TestConfirmWhileChanging: a change that is only being made cannot be
// confirmed: what it brings would come after there is nothing left that takes
// it back.
func TestConfirmWhileChanging(t *testing.T) {
	t.Parallel()
	everyShell(t, func(t *testing.T, h *fakehost.Host) {
		script, err := os.ReadFile("prelude/confirm.sh")
		if err != nil {
			t.Fatal(err)
		}
		slow := with(flag("slow"), "touch /srv/changing; while [ ! -e /srv/go ]; do sleep 0.1; done; touch /srv/slow")
		slow.Undo = "echo rm -f /srv/slow"
		done := make(chan []engine.Event)
		go func() { done <- fakerun.Run(t, fakerun.One("web1", slow), on(h), engine.Options{}) }()
		for !h.Exists("/srv/changing") {
			time.Sleep(50 * time.Millisecond)
		}
		ask := "state=/var/lib/lvsdeploy/shop\nnonce=$(cat $state/revert/run)\n" + string(script)
		if said := sh(t, h, ask); said != "" {
			t.Errorf("asked while the change is being made it says %q", said)
		}
		if !h.Exists("/var/lib/lvsdeploy/shop/revert/run") {
			t.Error("nothing takes the change back any more")
		}
		sh(t, h, "touch /srv/go")
		expect(t, <-done, "web1: slow: changed")
		if h.Exists("/var/lib/lvsdeploy/shop/revert") {
			t.Error("the confirmation did not count afterwards")
		}
	})
}

// TestSomethingElseIsGone: a tool that is asked for one thing takes another
// away: the task fails, says what, and everything is as it was.
func TestSomethingElseIsGone(t *testing.T) {
	t.Parallel()
	h := fakerun.Host{Host: fakehost.New(t, fakehost.Options{
		Name: "web1", NetworkManager: "networkd", Gateway: "192.168.1.1",
		Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24", "192.168.7.7/24"}}, {Name: "ens37"}},
	})}
	sh(t, h.Host, `ip route add default via 192.168.1.254 dev ens33 metric 100; ip route add 10.9.0.0/16 via 192.168.1.253; echo nameserver 192.168.1.53 >/etc/resolv.conf
mv /usr/bin/networkctl /usr/bin/networkctl.real
cat >/usr/bin/networkctl <<'END'
#!/bin/sh
if [ "$1" = reload ] && [ -e /etc/systemd/network/05-lvsdeploy-shop-ens37.network ]; then
	ip addr del 192.168.7.7/24 dev ens33; ip route del default metric 100; ip route del 10.9.0.0/16; : >/etc/resolv.conf
elif [ "$1" = reload ]; then
	echo nameserver 192.168.1.53 >/etc/resolv.conf
fi
exec /usr/bin/networkctl.real "$@"
END
chmod +x /usr/bin/networkctl`)
	before := live(h)
	wan := netip.MustParsePrefix("12.0.0.1/24")
	plan := fakerun.One("web1", tasks.Address("ens37", wan), tasks.KeepAddress(tasks.Networkd, "shop", "ens37", wan), flag("later"))
	events := fakerun.Run(t, plan, map[string]engine.Host{"web1": h}, engine.Options{})
	said := fakerun.Lines(events)
	for _, want := range []string{
		"failed: this is gone with the change, which was taken back: | name server 192.168.1.53\n",
		"web1: later: skipped", `went back to its old settings after "add 12.0.0.1/24 to ens37"`} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if live(h) != before || sh(t, h.Host, "cat /etc/resolv.conf") != "nameserver 192.168.1.53" || strings.Contains(sh(t, h.Host, "ip addr show ens37; ls /etc/systemd/network"), "12.0.0.1") {
		t.Errorf("before\n%s\nafter\n%s\n%s", before, live(h), sh(t, h.Host, "ip addr show ens37; ls /etc/systemd/network"))
	}
	if h.Exists("/var/lib/lvsdeploy/shop/revert") {
		t.Error("it still waits for a confirmation")
	}
}
