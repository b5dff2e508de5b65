package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// pages is an inventory whose web1 serves what is in www beside it; each of
// the names is a file there.
func (f *fleet) pages(text string, names ...string) (dir string) {
	f.t.Helper()
	dir = f.inventory(strings.Replace(websTOML, `mount     = "/opt/ka"`, `site = "./www"`, 1), "")
	for _, name := range append(names, "index.html") {
		write(f.t, filepath.Join(dir, "www", name), strings.Repeat(text+" "+name+"\n", 500))
	}
	return dir
}

// staged lists what waits in the home of web1's login.
func (f *fleet) staged() string {
	out, _, _ := f.hosts["web1"].Run(`cd /root && stat -c '%a %n' .lvsdeploy* 2>/dev/null`)
	return out
}

// TestStaging: what is uploaded waits in a directory that nobody else can find
// or enter, and it is gone afterwards, however the run ends.
func TestStaging(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "web1=debian/busybox", "")
	dir := f.pages("one", "a/b")
	web := f.hosts["web1"]
	var seen atomic.Value
	look := func(do func()) {
		seen.Store("")
		web.onLine(func(line string) sshtest.Verdict {
			if isTaskEvent(line) && seen.CompareAndSwap("", f.staged()) && do != nil {
				do()
			}
			return sshtest.Pass
		})
	}
	ended := func(what string, some bool) {
		t.Helper()
		web.onLine(nil)
		f.settle()
		waiting := seen.Load().(string)
		if fields := strings.Fields(waiting); some && (len(fields) != 2 || fields[0] != "700" || len(fields[1]) != len(".lvsdeploy-shop-")+26) || !some && waiting != "" {
			t.Errorf("%s: what waits is %q", what, waiting)
		}
		if left := f.staged(); left != "" {
			t.Errorf("%s: it has left %q", what, left)
		}
	}
	look(nil)
	f.deploy(dir, report.WouldChange, "nat", "--check")
	ended("dry run", false)

	if _, _, code := web.Run("mv /.fakehost/packages/apache2 /"); code != 0 {
		t.Fatal("cannot hide apache2")
	}
	look(nil)
	f.deploy(dir, report.TaskFailed, "nat")
	ended("failed", true)
	if _, _, code := web.Run("mv /apache2 /.fakehost/packages/apache2"); code != 0 {
		t.Fatal("cannot bring apache2 back")
	}

	cmd := f.command(dir, "nat")
	look(func() { cmd.signal(syscall.SIGINT) })
	if r := f.run(cmd); r.code != report.Interrupted {
		t.Errorf("interrupted: exit %d\n%s%s", r.code, r.out, r.err)
	}
	ended("interrupted", true)

	look(nil)
	f.deploy(dir, report.Done, "nat")
	ended("deployed", true)
	if out, _, _ := web.Run("head -qn 1 /var/www/html/index.html /var/www/html/a/b"); out != "one index.html\none a/b\n" {
		t.Errorf("published %q", out)
	}

	look(nil)
	f.deploy(dir, report.Done, "nat")
	ended("nothing to do", false)
}

// TestTwoOperators: two people deploy sites of different content at once. Each
// run publishes its own files or fails; the last one's are there as a whole.
func TestTwoOperators(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "", "")
	names := []string{"a", "b", "c", "d"}
	f.deploy(f.pages("first", names...), report.Done, "nat")
	rounds := 2
	if *full {
		rounds = 8
	}
	for i := range rounds {
		var both sync.WaitGroup
		var results [2]result
		for who := range 2 {
			dir := f.pages(fmt.Sprintf("round %d, operator %d:", i, who), names...)
			both.Go(func() { results[who] = f.run(f.command(dir, "nat")) })
		}
		both.Wait()
		for who, r := range results {
			if r.code != report.Done {
				t.Errorf("round %d, operator %d: exit %d\n%s%s", i, who, r.code, r.out, r.err)
			}
		}
		out, _, _ := f.hosts["web1"].Run("cd /var/www/html && for n in a b c d index.html; do sort -u $n | sed s/:.*//; done | sort | uniq -c")
		if fields := strings.Fields(out); len(fields) != 5 || fields[0] != "5" || fields[2] != fmt.Sprint(i)+"," {
			t.Errorf("round %d: published by\n%s", i, out)
		}
		if left := f.staged(); left != "" {
			t.Errorf("round %d: left %q", i, left)
		}
	}
}

// TestSiteRefused: nobody is contacted when a site cannot be published, and
// --limit leaves out those of other hosts.
func TestSiteRefused(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "", "")
	dir := f.pages("one", "caf\xe9")
	if err := syscall.Mkfifo(filepath.Join(dir, "www/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"nat"}, {"nat", "--check"}, {"nat", "--json"}, {"dr"}, {"render", "nat", "-o", filepath.Join(dir, "out")}, {"nat", "--limit", "web2,web1"}} {
		if args[0] == "dr" {
			write(t, filepath.Join(dir, "dr.toml"), strings.Replace(drTOML(), `mount     = "/opt/ka"`, `site = "./www"`, 1))
			args = append(args, "-i", "dr.toml")
		}
		r := f.deploy(dir, report.Usage, args...)
		for _, want := range []string{"lvsdeploy: cannot publish the site " + dir + `/www: "caf\xe9" has a name that is not UTF-8`, "\n    pipe is a named pipe\n", "hint: rename it"} {
			if !strings.Contains(r.err, want) || r.out != "" {
				t.Errorf("%s: no %q in %s%s", args, want, r.out, r.err)
			}
		}
	}
	for name, m := range f.hosts {
		if n := m.server.Accepted(); n > 0 {
			t.Errorf("%s saw %d connections", name, n)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("render wrote something")
	}
	f.deploy(dir, report.WouldChange, "nat", "--check", "--limit", "web2")
}
