//go:build lab

package tests

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const password = "lab-secret-1" // of the machines' user admin

// ordinaryUser: hosts given as an ordinary user with a password for sudo are
// deployed as root deploys them, and the password shows nowhere.
func ordinaryUser(b *bench, t *testing.T) {
	b.deploy(t)
	admin := b.inventory(t, "admin", `user     = "root"`, "user     = \"admin\"\nbecome   = true")
	ops := b.inventory(t, "ops", `user     = "root"`, "user     = \"ops\"\nbecome   = true")
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"LVSDEPLOY_BECOME_PASSWORD=" + password}
	run := func(exit int, c call) *outcome {
		t.Helper()
		o := b.run(t, c)
		if o.exit != exit {
			t.Fatalf("exit %d, want %d\n%v", o.exit, exit, o)
		}
		if strings.Contains(o.stdout+o.stderr, password) {
			t.Error("the password is in the output")
		}
		return o
	}
	before := b.snapshots(t, hosts...)
	found := b.lookFor(t, func() {
		o := run(0, call{inventory: admin, env: env, args: []string{"nat", "--json"}})
		if c := o.with("changed", "skipped", "failed"); len(c) > 0 {
			t.Errorf("as admin, a deployed cluster changes: %v", c)
		}
		b.breakAll(t)
		b.removeFiles(t)
		o = run(0, call{inventory: admin, args: []string{"nat", "--json", "--diff", "-vv", "--become-password-file", file}})
		if n := len(o.with("changed")); n < 12 {
			t.Errorf("as admin %d tasks mended it all\n%v", n, o)
		}
		b.note("as admin, a run that changes nothing and one with %d changes (%.1f s)", len(o.with("changed")), o.took.Seconds())
		o = run(0, call{inventory: admin, env: env, args: []string{"verify"}})
		if o.first() != tenAndTen {
			t.Errorf("verify as admin: %s", o.first())
		}
	})
	b.claim(t, "%s", found)
	// What root put there and what admin put there are the same.
	same(t, timeless(before), timeless(b.snapshots(t, hosts...)), "file", "unit", "iptables", "ipvs", "sysctl", "route", "addr", "mount")
	b.settled(t, "")

	o := run(0, call{inventory: ops, args: []string{"nat", "--json"}})
	if c := o.with("changed"); len(c) > 0 {
		t.Errorf("as ops, whose sudo asks nothing: %v", c)
	}

	for what, env := range map[string][]string{
		"a wrong password": {"LVSDEPLOY_BECOME_PASSWORD=not-the-one"},
		"no password":      nil,
	} {
		o := run(4, call{inventory: admin, env: env, args: []string{"nat", "--json"}})
		for _, h := range hosts {
			if e := o.summary().Hosts[h].Error; !strings.Contains(e, "password") {
				t.Errorf("%s: %s: %q", what, h, e)
			}
		}
		if strings.Contains(o.stdout+o.stderr, "not-the-one") {
			t.Errorf("%s is in the output", what)
		}
	}
}

// lookFor runs do, and meanwhile looks for the password in the process lists
// of all hosts and of the workstation, again and again; afterwards in logs and
// files.
func (b *bench) lookFor(t *testing.T, do func()) string {
	t.Helper()
	// By standard input: the looker's own command line must not have it.
	const watch = `
rm -f /run/lvslab-look-no-more
n=0
while [ ! -e /run/lvslab-look-no-more ] && [ $n -lt 3000 ]; do
	n=$((n + 1))
	grep -laF -f - /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null <<'EOT' | while read -r f; do echo "found in $f: $(tr '\0' ' ' <"$f")"; done
` + password + `
EOT
	sleep 0.4
done
echo "looks $n"
`
	ctx, cancel := context.WithTimeout(b.ctx, 12*time.Minute)
	defer cancel()
	var mu sync.Mutex
	looks := map[string]int{}
	var lookers sync.WaitGroup
	for _, h := range hosts {
		lookers.Go(func() {
			cmd := b.lab.Command(ctx, b.lab.SSHLine(h, "sh -s")...)
			cmd.Stdin = strings.NewReader(watch)
			out, err := cmd.Output()
			mu.Lock()
			defer mu.Unlock()
			n := 0
			for line := range strings.Lines(string(out)) {
				if strings.HasPrefix(line, "found") {
					t.Errorf("the password is in %s's process list: %s", h, line)
				}
				fmt.Sscanf(line, "looks %d", &n)
			}
			if err != nil || n == 0 {
				t.Errorf("%s's process list was not looked at: %v", h, err)
			}
			looks[h] = n
		})
	}
	stop := make(chan struct{})
	lookers.Go(func() {
		for n := 1; ; n++ {
			if where := b.workstationShows(); where != "" {
				t.Errorf("the password is in the workstation's process list: %s", where)
				return
			}
			select {
			case <-stop:
				mu.Lock()
				looks["the workstation"] = n
				mu.Unlock()
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	func() {
		defer lookers.Wait()
		defer func() {
			close(stop)
			for _, h := range hosts {
				if _, err := b.try(h, "touch /run/lvslab-look-no-more"); err != nil {
					t.Errorf("cannot end the look at %s: %v", h, err)
				}
			}
		}()
		do()
	}()

	const files = `
grep -rlaF -f - /var/log /var/lib /run /tmp /var/tmp /home /root /etc /opt 2>/dev/null <<'EOT' | sed 's/^/found in /'
` + password + `
EOT
journalctl --no-pager -o verbose | grep -aF -f /proc/self/fd/3 3<<'EOT' | sed 's/^/found in the journal: /'
` + password + `
EOT
journalctl --no-pager | grep -c . | sed 's/^/journal lines: /'
`
	for _, h := range hosts {
		out := b.on(t, h, files)
		if strings.Contains(out, "found") {
			t.Errorf("the password is on %s: %s", h, out)
		}
		if strings.Contains(out, "journal lines: 0") {
			t.Errorf("%s has no journal to look at", h)
		}
	}
	if out, err := b.lab.Exec(b.ctx, "grep", "-rlaF", password, filepath.Join(b.lab.Dir(), "home"), b.dir, "--exclude=lvsdeploy"); err == nil {
		t.Errorf("the password is on the workstation: %s", out)
	}
	return fmt.Sprintf("the password was found nowhere; looks at process lists: %v", looks)
}

// workstationShows looks at the processes in the lab's namespace, the
// machines themselves included.
func (b *bench) workstationShows() string {
	ns, err := os.Stat("/run/netns/lvslab-" + b.name)
	if err != nil {
		return err.Error()
	}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range procs {
		in, err := os.Stat(dir + "/ns/net")
		if err != nil || !os.SameFile(ns, in) {
			continue
		}
		line, err := os.ReadFile(dir + "/cmdline")
		if err == nil && strings.Contains(string(line), password) {
			return strings.ReplaceAll(string(line), "\x00", " ")
		}
	}
	return ""
}
