package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// ^C in the middle of a deployment: exit 130, the report of what was done, and
// the run after it converges.
func TestInterruptedDeployment(t *testing.T) {
	t.Parallel()
	f := newFleet(t, mixes()[1], "")
	dir := f.inventory(websTOML, "")
	// at the director's first task: later it may wait for a confirmation, and to
	// break that off has the host go back, which is another exit
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd := f.command(dir, "nat", "--json")
		var sent atomic.Bool
		f.hosts["director"].onLine(func(line string) sshtest.Verdict {
			if isTaskEvent(line) && !sent.Swap(true) {
				cmd.signal(sig)
			}
			return sshtest.Pass
		})
		r := f.run(cmd)
		if !sent.Load() || r.code != report.Interrupted {
			t.Errorf("%v sent: %v, exit %d\n%s%s", sig, sent.Load(), r.code, r.out, r.err)
		}
		e, err := readEvents(r.out)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.with("unknown")) == 0 || *e.last.Exit != int(report.Interrupted) {
			t.Errorf("interrupted: exit %d in the summary, unknown: %q", *e.last.Exit, e.with("unknown"))
		}
		f.settle()
	}
	f.hosts["director"].onLine(nil)
	f.healed(dir, "interrupted")
}

// The same in this process, where a context ends in place of a signal.
func TestCanceledDeployment(t *testing.T) {
	f := newFleet(t, "", "")
	t.Setenv("HOME", f.home)
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Chdir(f.inventory(websTOML, ""))
	ctx, cancel := context.WithCancel(t.Context())
	f.hosts["director"].onLine(func(line string) sshtest.Verdict {
		if isTaskEvent(line) {
			cancel()
		}
		return sshtest.Pass
	})
	files := map[string]*os.File{}
	for _, name := range []string{"out", "err"} {
		file, err := os.CreateTemp(t.TempDir(), name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		files[name] = file
	}
	if code := run(ctx, []string{"lvsdeploy", "nat"}, newStreams(os.Stdin, files["out"], files["err"])); code != report.Interrupted {
		t.Errorf("exit %d", code)
	}
	said, err := os.ReadFile(files["err"].Name())
	if err != nil || bytes.Contains(said, []byte("canceled")) {
		t.Errorf("on stderr: %s, %v", said, err)
	}
	f.settle()
}

// No password is to be seen while a run goes on, nor afterwards: not in an
// argument list, not on a host, not in what is written.
func TestSudo(t *testing.T) {
	t.Parallel()
	// no busybox: its shell has an id of its own, and would find itself root
	f := newFleet(t, "director=el web1=debian/bash nfs=el/bash", "ops")
	for _, m := range f.hosts {
		if err := m.WriteFile("/etc/sudo-password", []byte(sudoPassword), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := f.inventory(websTOML, siteTOML+"[ssh]\nuser = \"ops\"\nbecome = true\n")
	write(t, dir+"/www/index.html", "the site\n")
	run := func(want report.Exit, password string, args ...string) result {
		t.Helper()
		cmd := f.command(dir, append([]string{"nat", "--become-password-file", "-"}, args...)...)
		cmd.Stdin = strings.NewReader(password + "\n")
		r := f.run(cmd)
		if r.code != want {
			t.Errorf("exit %d, want %d\n%s%s", r.code, want, r.out, r.err)
		}
		if strings.Contains(r.out+r.err, "geheim") {
			t.Errorf("the password is in the output:\n%s%s", r.out, r.err)
		}
		return r
	}

	before := f.snapshots(t)
	r := run(report.Unreachable, "geheim, but wrong")
	if !strings.Contains(r.out, "sudo refused the password") {
		t.Errorf("a wrong password: %s%s", r.out, r.err)
	}
	for name, s := range before { // the stub's own log
		before[name] = s.Without("/var/log/sudo")
	}
	after := f.snapshots(t)
	for name, s := range after {
		after[name] = s.Without("/var/log/sudo")
	}
	if d := f.diff(before, after); d != "" {
		t.Errorf("a wrong password, and changed: %s", d)
	}

	scan := make(chan []string)
	stop := make(chan struct{})
	go func() { scan <- argumentsWith("geheim", stop) }()
	run(report.Done, sudoPassword)
	close(stop)
	if seen := <-scan; len(seen) > 0 {
		t.Errorf("the password is in argument lists: %q", seen)
	}
	if r := run(report.Done, sudoPassword); !strings.Contains(r.out, " 0 changed, 0 failed") {
		t.Errorf("a second run: %s", r.out)
	}
	for _, m := range f.hosts {
		out, _, _ := m.Run(`grep -rl geheim /etc /home /opt /root /run /srv /tmp /var /usr/local 2>/dev/null | grep -v '^/etc/sudo-password$'; ls /hacked 2>/dev/null; grep -c . /var/log/sudo >/dev/null || echo no sudo`)
		if out != "" {
			t.Errorf("on %s: the password is in %s", m.Name, out)
		}
	}
	if out, _, _ := f.hosts["director"].Run("curl -s http://192.168.1.30:8080/; ipvsadm -Sn"); out != bothServed {
		t.Errorf("web2 serves, and the table is: %s", out)
	}

	// NOPASSWD, and the same hosts
	for _, m := range f.hosts {
		if _, _, code := m.Run("rm /etc/sudo-password"); code != 0 {
			t.Error("cannot remove the password")
		}
	}
	if r := f.deploy(dir, report.Done, "nat"); !strings.Contains(r.out, " 0 changed, 0 failed") {
		t.Errorf("without a password: %s", r.out)
	}
}

// argumentsWith looks through the argument lists of all processes, those on
// the hosts among them, again and again until stop, for a secret.
func argumentsWith(secret string, stop <-chan struct{}) (seen []string) {
	looked := 0
	for {
		select {
		case <-stop:
			if looked < 10 {
				seen = append(seen, "looked only a few times: the test proves nothing")
			}
			return seen
		default:
		}
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return []string{err.Error()}
		}
		for _, e := range entries {
			text, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
			if err == nil && bytes.Contains(text, []byte(secret)) {
				seen = append(seen, string(text))
			}
		}
		looked++
		time.Sleep(20 * time.Millisecond)
	}
}
