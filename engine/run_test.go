package engine_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// flag is a task that is in place when a file is there.
func flag(name string) tasks.Task {
	return tasks.Task{
		Name:  name,
		Check: shell.F("[ -e /srv/%s ] || { echo 'no '%s; exit 1; }", name, name),
		Apply: shell.F("echo x >>/srv/%s", name),
		Owns:  []string{"file /srv/" + name},
	}
}

func with(t tasks.Task, apply shell.Fragment) tasks.Task {
	t.Apply = apply
	return t
}

func on(hosts ...*fakehost.Host) map[string]engine.Host {
	m := map[string]engine.Host{}
	for _, h := range hosts {
		m[h.Name] = fakerun.Host{Host: h}
	}
	return m
}

func host(t *testing.T, name string, sh fakehost.Shell) *fakehost.Host {
	t.Helper()
	return fakehost.New(t, fakehost.Options{Name: name, Shell: sh})
}

func sh(t *testing.T, h *fakehost.Host, script string) string {
	t.Helper()
	out, errs, _ := h.Run(script)
	return strings.TrimSpace(out + errs)
}

// expect holds a run against lines of fakerun.Lines; a line ending in … says
// only how the other begins.
func expect(t *testing.T, events []engine.Event, want ...string) {
	t.Helper()
	got := strings.Split(strings.TrimSuffix(fakerun.Lines(events), "\n"), "\n")
	same := slices.EqualFunc(got, want, func(g, w string) bool {
		if head, cut := strings.CutSuffix(w, "…"); cut {
			return strings.HasPrefix(g, head)
		}
		return g == w
	})
	if !same {
		t.Errorf("the run was\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// everyShell runs a test on a host with each shell.
func everyShell(t *testing.T, test func(*testing.T, *fakehost.Host)) {
	for _, s := range fakehost.Shells() {
		t.Run(string(s), func(t *testing.T) {
			t.Parallel()
			test(t, host(t, "web1", s))
		})
	}
}

// TestFailures: what a task can do wrong, and that it harms only itself.
func TestFailures(t *testing.T) {
	t.Parallel()
	everyShell(t, func(t *testing.T, h *fakehost.Host) {
		forged := "printf '%s\\n' \"$nonce task 1 ok x\" \"x $nonce end\"; printf '\\033[2J\\0\\377\\r'; "
		for _, c := range []struct {
			name string
			task tasks.Task
			want string
		}{
			{"lies", with(flag("lies"), "echo I did it"), "web1: lies: failed: it was done without an error, and still is not in place: | no lies | I did it"},
			{"fails", with(flag("fails"), "echo before; false; echo after"), "web1: fails: failed: exit status 1 | before"},
			{"fails in a pipe's end", with(flag("pipe"), "echo x | { read -r a; false; }; echo after"), "web1: pipe: failed: exit status 1"},
			{"unset variable", with(flag("unset"), `echo "$nosuch"; touch /srv/unset`), "web1: unset: failed: exit status …"},
			{"cannot tell", tasks.Task{Name: "unclear", Check: "echo why; exit 3", Apply: ":"}, "web1: unclear: failed: why"},
			{"forges events", with(flag("forger"), shell.Fragment(forged+"exit 4")), "web1: forger: failed: exit status 4 | @…"},
			{"forges in its check", tasks.Task{Name: "liar", Check: shell.Fragment(forged + "exit 4"), Apply: ":"}, "web1: liar: failed: @…"},
			{"reads its input", with(flag("reader"), "cat; read -r x || echo none; exit 5"), "web1: reader: failed: exit status 5 | none"},
		} {
			events := fakerun.Run(t, fakerun.One("web1", c.task, flag("next")), on(h), engine.Options{})
			expect(t, events, c.want, "web1: next: skipped: not tried after: "+c.task.Name)
			if t.Failed() {
				t.Fatal(c.name)
			}
		}
		if got := sh(t, h, "ls /srv"); got != "" {
			t.Errorf("left behind in /srv: %s", got)
		}

		// 1 MB of output is bounded; what it leaves in the background does not hold the run up
		big := with(flag("big"), "head -c 1000000 /dev/zero | tr '\\0' x; echo; sleep 300 & echo last; exit 6")
		began := time.Now()
		events := fakerun.Run(t, fakerun.One("web1", big), on(h), engine.Options{})
		detail := fakerun.Tasks(events)[0].Detail
		if len(detail) > 20000 || !strings.HasSuffix(detail, "x\nlast") {
			t.Errorf("%d bytes of output, ending %q", len(detail), detail[max(0, len(detail)-10):])
		}
		bigCheck := tasks.Task{Name: "big look", Check: "head -c 1000000 /dev/zero | tr '\\0' y; echo; echo last; exit 1", Apply: "false"}
		events = fakerun.Run(t, fakerun.One("web1", bigCheck), on(h), engine.Options{Check: true, Diff: true})
		if diff := fakerun.Tasks(events)[0].Diff; len(diff) > 20000 || !strings.HasSuffix(diff, "y\nlast") {
			t.Errorf("%d bytes of difference", len(diff))
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("the background process held the run up for %s", took)
		}
		expect(t, fakerun.Run(t, fakerun.One("web1", flag("next")), on(h), engine.Options{}), "web1: next: changed")
	})
}

// TestOwed: a restart that is owed survives a task that fails after it, and
// the program's death, and is made once.
func TestOwed(t *testing.T) {
	t.Parallel()
	everyShell(t, func(t *testing.T, h *fakehost.Host) {
		conf := flag("conf")
		conf.Notify = "httpd"
		restart := tasks.Handler("httpd", tasks.Task{Name: "restart", Check: "exit 1", Apply: "echo x >>/srv/restarted"})
		restarted := func(want string) {
			t.Helper()
			if got := sh(t, h, "cat /srv/restarted 2>/dev/null | wc -l"); got != want {
				t.Errorf("restarted %s times, want %s", got, want)
			}
		}
		run := func(check bool, extra tasks.Task, want ...string) {
			t.Helper()
			expect(t, fakerun.Run(t, fakerun.One("web1", conf, extra, restart), on(h), engine.Options{Check: check}), want...)
		}
		run(true, flag("later"), "web1: conf: would-change", "web1: later: would-change", "web1: restart: would-change")
		run(false, with(flag("later"), "false"), "web1: conf: changed", "web1: later: failed: exit status 1", "web1: restart: skipped: not tried after: later")
		run(true, flag("later"), "web1: conf: ok", "web1: later: would-change", "web1: restart: would-change")
		run(false, with(flag("later"), "kill -9 $$; sleep 1"), "web1: conf: ok", "web1: later: unknown", "web1: restart: unknown", "web1: error: cannot tell how web1 ended: program failed on web1…")
		restarted("0")
		// a task that starts the service anyway settles it
		start := flag("started")
		start.Settles = "httpd"
		run(true, start, "web1: conf: ok", "web1: started: would-change", "web1: restart: ok")
		run(false, flag("later"), "web1: conf: ok", "web1: later: changed", "web1: restart: changed")
		restarted("1")
		run(false, flag("later"), "web1: conf: ok", "web1: later: ok", "web1: restart: ok")
		restarted("1")

		// killed inside the task that owes it: its file may or may not be there
		sh(t, h, "rm /srv/conf")
		conf.Apply = "echo x >/srv/conf; kill -9 $$; sleep 1"
		run(false, flag("later"), "web1: conf: unknown", "web1: later: unknown", "web1: restart: unknown", "web1: error: cannot tell…")
		run(false, flag("later"), "web1: conf: ok", "web1: later: ok", "web1: restart: changed")
		restarted("2")
		// several files owe it, and a start settles all of them
		sh(t, h, "rm /srv/conf /srv/started")
		conf.Apply = "echo x >/srv/conf"
		again := flag("again")
		again.Notify = "httpd"
		plan := fakerun.One("web1", conf, again, start, restart)
		expect(t, fakerun.Run(t, plan, on(h), engine.Options{Check: true}), "web1: conf: would-change", "web1: again: would-change", "web1: started: would-change", "web1: restart: ok")
		expect(t, fakerun.Run(t, plan, on(h), engine.Options{}), "web1: conf: changed", "web1: again: changed", "web1: started: changed", "web1: restart: ok")
		if got := sh(t, h, "ls /var/lib/lvsdeploy/shop/owed; cat /var/lib/lvsdeploy/shop/manifest"); got != "file /srv/again\nfile /srv/conf\nfile /srv/started" {
			t.Errorf("owed and manifest: %s", got)
		}
	})
}

// TestStop: told to stop, a program ends between two tasks, and the next run
// goes on from there.
func TestStop(t *testing.T) {
	t.Parallel()
	// a shell cannot trap what it was started to ignore, as under nohup
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	t.Cleanup(func() { signal.Stop(caught) })
	everyShell(t, func(t *testing.T, h *fakehost.Host) {
		for _, name := range []string{"TERM", "HUP", "INT"} {
			sh(t, h, "rm -f /srv/*")
			stopped := with(flag("stopped"), shell.F("kill -s %s $$; sleep 0.1; echo x >>/srv/stopped", name))
			plan := fakerun.One("web1", flag("before"), stopped, flag("after"))
			expect(t, fakerun.Run(t, plan, on(h), engine.Options{}), "web1: before: changed", "web1: stopped: changed", "web1: after: unknown", "web1: error: cannot tell how web1 ended…")
			expect(t, fakerun.Run(t, plan, on(h), engine.Options{}), "web1: before: ok", "web1: stopped: ok", "web1: after: changed")
			if got := sh(t, h, "cat /srv/*"); got != "x\nx\nx" {
				t.Errorf("%s: something was done twice: %q", name, got)
			}
		}
	})
}

// TestLock: the second of two runs waits and then says who holds the host; a
// run that dies frees it.
func TestLock(t *testing.T) {
	t.Parallel()
	everyShell(t, func(t *testing.T, h *fakehost.Host) {
		fast := map[string]engine.Host{"web1": fakerun.Host{Host: h, Edit: func(p string) string {
			return strings.Replace(strings.Replace(p, "sleep 1\n", "sleep 0.05\n", 1), "-ge 20", "-ge 3", 1)
		}}}
		blocked := with(flag("blocked"), "echo held >/srv/held; while [ ! -e /srv/free ]; do sleep 0.05; done; echo x >/srv/blocked")
		first := make(chan []engine.Event)
		go func() {
			first <- fakerun.Run(t, fakerun.One("web1", blocked), on(h), engine.Options{Who: "ann on desk, lvsdeploy nat"})
		}()
		sh(t, h, "while [ ! -e /srv/held ]; do sleep 0.05; done")
		events := fakerun.Run(t, fakerun.One("web1", flag("second")), fast, engine.Options{Who: "bob"})
		expect(t, events, "web1: take the lock: failed: another run holds it: ann on desk, lvsdeploy nat", "web1: second: skipped: another run holds the host")
		busy := slices.ContainsFunc(events, func(e engine.Event) bool { return e.Detail == "waiting for another run on this host" })
		if !busy {
			t.Error("nothing was said while waiting for the lock")
		}
		sh(t, h, "echo x >/srv/free")
		expect(t, <-first, "web1: blocked: changed")

		// one that waits gets it when the other is through
		sh(t, h, "rm /srv/*")
		go func() { first <- fakerun.Run(t, fakerun.One("web1", blocked), on(h), engine.Options{}) }()
		sh(t, h, "while [ ! -e /srv/held ]; do sleep 0.05; done")
		second := make(chan []engine.Event)
		go func() { second <- fakerun.Run(t, fakerun.One("web1", flag("second")), on(h), engine.Options{}) }()
		sh(t, h, "echo x >/srv/free")
		expect(t, <-first, "web1: blocked: changed")
		expect(t, <-second, "web1: second: changed")

		// what a killed run leaves running does not hold the lock
		dies := with(flag("dies"), "sleep 300 & kill -9 $$; sleep 1")
		expect(t, fakerun.Run(t, fakerun.One("web1", dies), on(h), engine.Options{}), "web1: dies: unknown", "web1: error: cannot tell…")
		expect(t, fakerun.Run(t, fakerun.One("web1", flag("third")), fast, engine.Options{}), "web1: third: changed")
	})
}

// TestBarrierWords: words that arrive together are still single words, the
// end of the input ends the program, and so does silence.
func TestBarrierWords(t *testing.T) {
	t.Parallel()
	plan := tasks.Plan{
		{Name: "first", Hosts: []tasks.HostPlan{{Host: "web1", Tasks: []tasks.Task{tasks.Proof("one", ":", "")}}}},
		{Name: "second", After: []string{"first"}, Hosts: []tasks.HostPlan{{Host: "web1", Tasks: []tasks.Task{tasks.Proof("two", ":", "")}}}},
		{Name: "third", After: []string{"first"}, Hosts: []tasks.HostPlan{{Host: "web1", Tasks: []tasks.Task{tasks.Proof("three", ":", "")}}}},
	}
	everyShell(t, func(t *testing.T, h *fakehost.Host) {
		for _, check := range []bool{false, true} {
			text := engine.Compile(plan, "web1", engine.Heading{Cluster: "shop", Host: "web1", Mode: "nat", Nonce: "@n"}, check).Text
			text = strings.Replace(text, "timeout 150 ", "timeout 1 ", 1)
			for input, ends := range map[string]string{
				"wait \nwait \ngo   \ngo   \nrest": "@n passed 2\n@n end\n",
				"go   \nwait \nstop \n":            "@n wait 2\n",
				"go   \n":                          "@n wait 2\n", // the connection has ended
				"go   \nevil\n\n":                  "@n wait 2\n",
				"go":                               "@n wait 1\n",
			} {
				var out strings.Builder
				code := h.Exec(t.Context(), "", text, strings.NewReader(input), &out, nil)
				if !strings.HasSuffix(out.String(), ends) || (code == 0) != strings.HasSuffix(ends, "end\n") || code != 0 && code != 75 {
					t.Errorf("check %v, input %q: exit %d after\n%s", check, input, code, out.String())
				}
			}
			silent, hold := contextReader(t.Context())
			var out strings.Builder
			began := time.Now()
			code := h.Exec(t.Context(), "", text, silent, &out, nil)
			hold()
			if took := time.Since(began); code != 75 || !strings.HasSuffix(out.String(), "@n wait 1\n") || took > 20*time.Second {
				t.Errorf("check %v: silence ended it with %d after %s:\n%s", check, code, took, out.String())
			}
		}
	})
}

// reader reads nothing until it is released.
type reader struct{ ctx context.Context }

func (r reader) Read([]byte) (int, error) {
	<-r.ctx.Done()
	return 0, fmt.Errorf("nothing was said")
}

func contextReader(ctx context.Context) (reader, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	return reader{ctx}, cancel
}
