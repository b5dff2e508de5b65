//go:build lab

package tests

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// hostDown: without web2 the others do what does not need it.
func hostDown(b *bench, t *testing.T) {
	b.deploy(t)
	b.breakAll(t)
	if err := b.lab.Kill(b.ctx, "web2"); err != nil {
		t.Fatal(err)
	}
	o := b.nat(t, 4)
	s := o.summary()
	if e := s.Hosts["web2"].Error; !strings.Contains(e, "web2") {
		t.Errorf("web2: %q\n%v", e, o)
	}
	for host, least := range map[string]int{"nfs": 1, "web1": 2, "director": 2} {
		if n := o.tasksOf(host, "changed"); n < least {
			t.Errorf("%s changed %d tasks before its barrier, want at least %d", host, n, least)
		}
	}
	if s.Hosts["nfs"].Skipped+s.Hosts["web1"].Skipped > 0 {
		t.Error("nfs and web1 need nothing of web2, and left something out")
	}
	said := false
	for _, e := range o.events {
		if e.Host == "director" && e.Status == "skipped" {
			said = said || strings.Contains(e.Detail, "web2")
			if e.Stage != "balance" {
				t.Errorf("the director did not try %s in %s", e.Task, e.Stage)
			}
		}
	}
	if !said {
		t.Errorf("nothing says that the director waited for web2 in vain\n%v", o)
	}
	b.claim(t, "web2 down: exit 4 after %.1f s, the director stopped at its barrier, web1 and nfs done", o.took.Seconds())

	if err := b.lab.Start(b.ctx, "web2"); err != nil {
		t.Fatal(err)
	}
	b.nat(t, 0)
	b.healthy(t, "", tenAndTen)
	b.settled(t, "")
}

// removeFiles takes away what was written on the hosts, with which a run has
// work in all its stages.
func (b *bench) removeFiles(t *testing.T) {
	t.Helper()
	for host, script := range map[string]string{
		"director": "rm /etc/sysctl.d/99-zz-lvsdeploy-lab.conf /etc/modules-load.d/lvsdeploy-lab.conf /etc/network/interfaces.d/lvsdeploy-lab-ens37; systemctl -q disable lvsdeploy-lab-snat.service; rm /etc/systemd/system/lvsdeploy-lab-snat.service",
		"web1":     "rm /etc/network/if-up.d/lvsdeploy-lab-gateway; sed -i '/192.168.1.40/d' /etc/fstab; systemctl daemon-reload",
		"web2":     "systemctl -q disable lvsdeploy-lab-gateway.service; rm /etc/systemd/system/lvsdeploy-lab-gateway.service",
		"nfs":      "rm /etc/exports.d/lvsdeploy-lab.exports",
	} {
		b.on(t, host, script)
	}
}

// cutAndKilled breaks runs off at sampled moments, each in its own way.
func cutAndKilled(b *bench, t *testing.T) {
	b.deploy(t)
	kill := func(_ *bench, cmd *exec.Cmd) { _ = cmd.Process.Kill() }
	for _, c := range []struct {
		what   string
		moment func(event) bool
		do     func(*bench, *exec.Cmd)
		exit   []int
		after  func(*bench, *testing.T)
	}{
		{
			what:   "lvsdeploy killed when the exports are written and not yet in force",
			moment: func(e event) bool { return e.Host == "nfs" && strings.Contains(e.Task, "exports.d") },
			do:     kill, exit: []int{-1},
		},
		{
			what:   "lvsdeploy killed at the first change",
			moment: func(event) bool { return true },
			do:     kill, exit: []int{-1},
		},
		{
			what:   "lvsdeploy killed when the last web is being proven",
			moment: func(e event) bool { return e.Host == "web1" && e.Stage == "serve" && strings.Contains(e.Task, "mount") },
			do:     kill, exit: []int{-1},
		},
		{
			what:   "lvsdeploy interrupted",
			moment: func(e event) bool { return e.Host == "director" },
			do:     func(_ *bench, cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGINT) }, exit: []int{130},
		},
		{
			what:   "web1's cable cut",
			moment: func(e event) bool { return e.Host == "web1" },
			do:     func(b *bench, _ *exec.Cmd) { _ = b.lab.Cut(b.ctx, "web1") }, exit: []int{4},
			after: func(b *bench, t *testing.T) {
				if err := b.lab.Heal(b.ctx, "web1"); err != nil {
					t.Fatal(err)
				}
			},
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			b.said.say("sample: %s", c.what)
			b.breakAll(t)
			b.removeFiles(t)
			var cmd *exec.Cmd
			done := ""
			o := b.run(t, call{
				args:    []string{"nat", "--json"},
				started: func(started *exec.Cmd) { cmd = started },
				watch: func(e event) {
					if done == "" && e.Event == "task" && e.Status == "changed" && c.moment(e) {
						done = e.key()
						c.do(b, cmd)
					}
				},
			})
			if c.after != nil {
				c.after(b, t)
			}
			if done == "" {
				t.Fatalf("the moment did not come\n%v", o)
			}
			ended := false
			for _, code := range c.exit {
				ended = ended || o.exit == code
			}
			if !ended {
				t.Errorf("it ended with %d, want %v\n%v", o.exit, c.exit, o)
			}
			again := b.nat(t, 0) // at once: whatever still runs on a host is waited for
			b.healthy(t, "", tenAndTen)
			b.settled(t, "")
			b.clean(t)
			b.claim(t, "%s (after %s): ended %d after %.1f s; the next run changed %d and took %.1f s", c.what, done, o.exit, o.took.Seconds(), len(again.with("changed")), again.took.Seconds())
		})
	}
	t.Run("the program killed on web1", func(t *testing.T) { programKilled(b, t) })
	t.Run("the package manager killed", func(t *testing.T) { packagesKilled(b, t) })
}

// killProgram kills what holds the lock, which is the program.
const killProgram = `find /proc/[0-9]*/fd/9 -lname /run/lvsdeploy/lab/lock 2>/dev/null | { found=; while IFS=/ read -r _ _ pid _; do kill -9 "$pid"; found=1; done; [ "$found" ]; }`

// killer waits on a machine, so as to be fast, for a moment to kill something.
func (b *bench) killer(machine, moment, kill string) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := b.try(machine, "n=0\nuntil "+moment+"; do n=$((n + 1)); [ $n -lt 1500 ] || exit 1; sleep .05; done\n"+kill)
		done <- err
	}()
	return done
}

// programKilled kills the program on web1 when it has just changed fstab.
func programKilled(b *bench, t *testing.T) {
	b.said.say("sample: the program killed on web1")
	b.breakAll(t)
	b.removeFiles(t)
	killed := b.killer("web1", "grep -q 192.168.1.40 /etc/fstab", killProgram)
	o := b.run(t, call{args: []string{"nat", "--json"}})
	if err := <-killed; err != nil {
		t.Fatalf("the program was not caught at work: %v\n%v", err, o)
	}
	// How it ended there nobody knows, and so it is said; the director stops at its barrier.
	if o.exit != 1 && o.exit != 4 || o.tasksOf("web1", "unknown") == 0 || o.tasksOf("director", "skipped") == 0 {
		t.Errorf("it ended with %d\n%v", o.exit, o)
	}
	again := b.nat(t, 0)
	b.healthy(t, "", tenAndTen)
	b.settled(t, "")
	b.clean(t)
	b.claim(t, "the program killed on web1: ended %d after %.1f s; the next run changed %d and took %.1f s", o.exit, o.took.Seconds(), len(again.with("changed")), again.took.Seconds())
}

// packagesKilled kills the package manager in the middle of a transaction, and
// the program with it.
func packagesKilled(b *bench, t *testing.T) {
	b.said.say("sample: the package manager killed")
	b.on(t, "director", "DEBIAN_FRONTEND=noninteractive apt-get -y -q purge ipvsadm >/dev/null")
	killed := b.killer("director", "pgrep -x dpkg >/dev/null", killProgram+`
while pgrep -x 'apt-get|dpkg|dpkg-deb' >/dev/null; do pkill -9 -x 'apt-get|dpkg|dpkg-deb'; done`)
	o := b.run(t, call{args: []string{"nat", "--json"}})
	if err := <-killed; err != nil {
		t.Fatalf("the package manager was not caught at work: %v\n%v", err, o)
	}
	if o.exit != 1 && o.exit != 4 {
		t.Errorf("it ended with %d\n%v", o.exit, o)
	}
	audit := strings.TrimSpace(b.on(t, "director", "dpkg --audit; ls /var/lib/dpkg/updates"))
	again := b.nat(t, 0)
	b.healthy(t, "", tenAndTen)
	b.settled(t, "")
	b.clean(t)
	first, _, _ := strings.Cut(audit, "\n")
	b.claim(t, "apt-get and dpkg killed at work (dpkg --audit: %q): ended %d; the next run took %.1f s", first, o.exit, again.took.Seconds())
}

// clean demands that nothing unfinished is on any host.
func (b *bench) clean(t *testing.T) {
	t.Helper()
	for _, h := range hosts {
		out := b.on(t, h, `
find / -xdev -name '.*.lvsdeploy' -o -xdev -path '/var/lib/lvsdeploy/*.new'
find /var/lib/lvsdeploy/lab/owed -type f
for p in /proc/[0-9]*; do [ "$(readlink $p/fd/9)" != /run/lvsdeploy/lab/lock ] || echo "the lock is held by $p: $(tr '\0' ' ' <$p/cmdline)"; done
dpkg --audit 2>&1`)
		if out = strings.TrimSpace(out); out != "" {
			t.Errorf("left on %s:\n%s", h, out)
		}
	}
}
