package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// TestVanishedWeb: a web server that is gone, host and all, does not hold up a
// run longer than it takes to see that it cannot be reached.
func TestVanishedWeb(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "", "")
	dir := f.inventory(websTOML, "")
	f.deploy(dir, report.Done, "nat")
	web2 := f.hosts["web2"]
	// its port is open, as through a firewall that answers for it, and silent
	if out, errs, code := web2.Run(`systemctl stop apache2
setsid sh -c 'sleep 600 | /.fakehost/bin/busybox nc -ll -p 8080 -e sleep 600' </dev/null >/dev/null 2>&1 &
until ss -ltn | grep -q :8080; do sleep 0.1; done`); code != 0 {
		t.Fatal(out, errs)
	}
	web2.server.Sicken(named("silent at once"))
	for _, c := range []struct {
		args string
		most time.Duration
	}{{"nat --timeout 2s", 6 * time.Second}, {"nat --check --timeout 2s", 6 * time.Second}} {
		began := time.Now()
		r := f.run(f.command(dir, strings.Fields(c.args)...))
		t.Logf("%s: exit %d after %v", c.args, r.code, time.Since(began))
		if took := time.Since(began); r.code != report.Unreachable || took > c.most+slack {
			t.Errorf("%s: exit %d after %v\n%s", c.args, r.code, took, r.out)
		}
		if strings.Contains(r.out, "director: ") {
			t.Errorf("%s: something is wrong with the director:\n%s", c.args, r.out)
		}
	}
}

// TestLargePage: verify takes of a page what it compares, at no cost of memory.
func TestLargePage(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "", "")
	dir := f.inventory(strings.Replace(websTOML, "mount     = \"/opt/ka\"", "index     = \"one\"", 1), "")
	f.deploy(dir, report.Done, "nat")
	size := "20000000"
	if *full {
		size = "300000000"
	}
	if out, errs, code := f.hosts["web1"].Run("yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | head -c " + size + " >>/var/www/html/index.html"); code != 0 {
		t.Fatal(out, errs)
	}
	r, memory := f.measure(f.command(dir, "verify", "-v", "-n", "1", "--from", "director"))
	t.Logf("exit %d, %d MB", r.code, memory>>20)
	if memory > 100<<20 {
		t.Errorf("it took %d MB", memory>>20)
	}
	if !strings.Contains(r.out, "http://192.168.1.20:80/: one") {
		t.Errorf("the page does not count as answered:\n%s%s", r.out, r.err)
	}
}

// TestStopped: a client that stands still for a while (^Z, a laptop that is
// closed) finds its run as it was.
func TestStopped(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "", "")
	dir := f.inventory(websTOML, "")
	stops := []time.Duration{8 * time.Second}
	if *full {
		stops = []time.Duration{20 * time.Second, time.Minute}
	}
	for _, pause := range stops {
		// something to do for those that wait
		if out, errs, code := f.hosts["web1"].Run("rm -f /etc/fstab; touch /etc/fstab"); code != 0 {
			t.Fatal(out, errs)
		}
		cmd := f.command(dir, "nat", "--timeout", "2s", "--confirm-timeout", "3m")
		var once bool
		f.hosts["nfs"].onLine(func(line string) sshtest.Verdict {
			if isTaskEvent(line) && !once {
				once = true // the others wait at their barriers, or come to them meanwhile
				cmd.signal(syscall.SIGSTOP)
				time.AfterFunc(pause, func() { cmd.signal(syscall.SIGCONT) })
			}
			return sshtest.Pass
		})
		r := f.run(cmd)
		f.hosts["nfs"].onLine(nil)
		if !once || r.code != report.Done {
			t.Errorf("stopped for %v (%v): exit %d\n%s%s", pause, once, r.code, r.out, r.err)
		}
	}
}
