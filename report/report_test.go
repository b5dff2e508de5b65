package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/engine"
)

// buffer is a bytes.Buffer that the Reporter's goroutine may share.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

type hinted struct{ msg, hint string }

func (h hinted) Error() string { return h.msg }
func (h hinted) Hint() string  { return h.hint }

func task(host, stage, name string, status engine.Status, took time.Duration) engine.Event {
	return engine.Event{Kind: engine.KindTask, Host: host, Stage: stage, Task: name, Status: status, Took: took}
}

func failing() []engine.Event {
	bad := task("web2", "serve", "install httpd", engine.Failed, 1500*time.Millisecond)
	bad.Detail, bad.Hint = "reading lists\nE: no package httpd\n", "look at the package sources of web2"
	unsure := task("nfs", "export", "export /opt/ka", engine.Unknown, 0)
	unsure.Hint = "run again"
	return []engine.Event{
		{Kind: engine.KindHost, Host: "web1", Detail: "connecting"},
		{Kind: engine.KindHost, Host: "web2", Detail: "connecting"},
		{Kind: engine.KindHost, Host: "nfs", Detail: "connecting"},
		{Kind: engine.KindHost, Host: "director", Detail: "connecting"},
		{Kind: engine.KindError, Host: "director", Err: hinted{"cannot reach 192.168.1.10:22: connection refused", "is sshd running there?"}},
		task("web1", "serve", "install httpd", engine.Changed, 812*time.Millisecond),
		task("web1", "serve", "start httpd", engine.OK, 20*time.Millisecond),
		bad, unsure,
	}
}

const failingText = `director  out of the run  after 0.0s  cannot reach 192.168.1.10:22: connection refused
web1      changed       install httpd  0.8s
web2      failed        install httpd  1.5s
nfs       unknown       export /opt/ka

web1      ok=1 changed=1 failed=0 unknown=0  0.8s
web2      ok=0 changed=0 failed=1 unknown=0  1.5s
nfs       ok=0 changed=0 failed=0 unknown=1  0.0s
director  ok=0 changed=0 failed=0 unknown=0  out of the run

web2: install httpd: failed (stage serve)
    reading lists
    E: no package httpd
    hint: look at the package sources of web2

nfs: export /opt/ka: not known whether done: the connection was lost (stage export)
    hint: run again

director: cannot reach 192.168.1.10:22: connection refused
    hint: is sshd running there?

4 hosts: 1 ok, 1 changed, 1 failed, 1 unknown, 1 host out of the run in 0.0s
`

func TestPlain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, err buffer
		r := New(Options{Out: &out, Err: &err})
		for _, e := range failing() {
			r.Event(e)
		}
		r.Event(engine.Event{Kind: engine.KindSummary})
		r.Close()
		if d := cmp.Diff(failingText, out.String()); d != "" {
			t.Error(d)
		}
		if err.String() != "" {
			t.Errorf("stderr: %q", err.String())
		}
		if r.Exit() != TaskFailed {
			t.Errorf("exit %d", r.Exit())
		}
	})
}

// A run that changes nothing is what a second deployment looks like.
func TestNothingChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for verbose, lines := range []string{"", "web1  ok            install httpd  0.1s\nweb2  ok            install httpd  0.1s\n\n"} {
			var out buffer
			r := New(Options{Out: &out, Err: &out, Verbose: verbose})
			r.Event(engine.Event{Kind: engine.KindHost, Host: "web1", Detail: "connecting"})
			r.Event(engine.Event{Kind: engine.KindHost, Host: "web2", Detail: "connecting"})
			time.Sleep(1234 * time.Millisecond)
			r.Event(task("web1", "serve", "install httpd", engine.OK, 100*time.Millisecond))
			r.Event(task("web2", "serve", "install httpd", engine.OK, 100*time.Millisecond))
			r.Event(engine.Event{Kind: engine.KindSummary})
			r.Close()
			want := lines + `web1  ok=1 changed=0 failed=0  0.1s
web2  ok=1 changed=0 failed=0  0.1s

2 hosts: 2 ok, 0 changed, 0 failed in 1.2s
`
			if d := cmp.Diff(want, out.String()); d != "" {
				t.Error(d)
			}
			if r.Exit() != Done {
				t.Errorf("exit %d", r.Exit())
			}
		}
	})
}

func TestCheckDiff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		r := New(Options{Out: &out, Err: &out, Diff: true})
		would := task("web1", "serve", "write /etc/fstab", engine.WouldChange, 0)
		would.Diff = "-old\n+new\n"
		pending := task("web1", "serve", "mount /opt/ka", engine.Pending, 0)
		pending.Detail = "after: write /etc/fstab"
		r.Event(would)
		r.Event(pending)
		r.Event(engine.Event{Kind: engine.KindSummary})
		r.Close()
		want := `web1  would-change  write /etc/fstab
    -old
    +new
web1  pending       mount /opt/ka  (after: write /etc/fstab)

web1  ok=0 changed=0 failed=0 would-change=1 pending=1  0.0s

1 host: 0 ok, 0 changed, 0 failed, 1 would-change, 1 pending in 0.0s
`
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Error(d)
		}
		if r.Exit() != WouldChange {
			t.Errorf("exit %d", r.Exit())
		}
	})
}

// Something is said at least every five seconds, by whom for how long.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, err buffer
		r := New(Options{Out: &out, Err: &err})
		for _, name := range []string{"web1", "web2"} {
			r.Event(engine.Event{Kind: engine.KindStart, Host: name, Stage: "serve", Task: "install httpd"})
		}
		r.Event(engine.Event{Kind: engine.KindHost, Host: "director", Detail: "waiting for web1"})
		time.Sleep(13 * time.Second)
		r.Close()
		want := `... 4s  web1, web2: install httpd 4s; director: waiting for web1 4s
... 8s  web1, web2: install httpd 8s; director: waiting for web1 8s
... 12s  web1, web2: install httpd 12s; director: waiting for web1 12s
`
		if d := cmp.Diff(want, err.String()); d != "" {
			t.Error(d)
		}
		if out.String() != "" {
			t.Errorf("stdout: %q", out.String())
		}
	})
}

func TestJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, err buffer
		r := New(Options{Out: &out, Err: &err, JSON: true})
		for _, e := range failing() {
			r.Event(e)
		}
		evil := task("web1", "serve", "show", engine.Failed, 0)
		evil.Detail = "a\x1b]0;x\x07<b>\u009b\u202e\U000e0001"
		r.Event(evil)
		r.Event(engine.Event{Kind: engine.KindSummary})
		r.Close()
		want := `{"event":"task","host":"web1","stage":"serve","task":"install httpd","status":"changed","took_ms":812}
{"event":"task","host":"web1","stage":"serve","task":"start httpd","status":"ok","took_ms":20}
{"event":"task","host":"web2","stage":"serve","task":"install httpd","status":"failed","took_ms":1500,"detail":"reading lists\nE: no package httpd\n\nhint: look at the package sources of web2"}
{"event":"task","host":"nfs","stage":"export","task":"export /opt/ka","status":"unknown","took_ms":0,"detail":"hint: run again"}
{"event":"task","host":"web1","stage":"serve","task":"show","status":"failed","took_ms":0,"detail":"a\u001b]0;x\u0007<b>\u009b\u202e\udb40\udc01"}
{"event":"summary","exit":1,"hosts":{"director":{"ok":0,"changed":0,"failed":0,"would-change":0,"pending":0,"skipped":0,"unknown":0,"took_ms":0,"error":"cannot reach 192.168.1.10:22: connection refused","hint":"is sshd running there?"},"nfs":{"ok":0,"changed":0,"failed":0,"would-change":0,"pending":0,"skipped":0,"unknown":1,"took_ms":0},"web1":{"ok":1,"changed":1,"failed":1,"would-change":0,"pending":0,"skipped":0,"unknown":0,"took_ms":832},"web2":{"ok":0,"changed":0,"failed":1,"would-change":0,"pending":0,"skipped":0,"unknown":0,"took_ms":1500}}}
`
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Error(d)
		}
		for line := range strings.Lines(out.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %s", line)
			}
		}
		// What is no object is still told, on the other stream.
		if !strings.Contains(err.String(), "director: cannot reach") {
			t.Errorf("stderr: %q", err.String())
		}
	})
}

// Close writes the summary that an interrupted run could not send.
func TestBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		r := New(Options{Out: &out, Err: &out, JSON: true})
		r.Event(task("web1", "serve", "install httpd", engine.Unknown, 0))
		r.Close()
		r.Close()
		if n := strings.Count(out.String(), `"event":"summary","exit":4`); n != 1 {
			t.Errorf("%d summaries in %s", n, out.String())
		}
	})
}

func TestTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(60, 24)
		r := New(Options{Out: s, Err: s, TTY: true, Size: s.size, Color: true})
		r.Event(engine.Event{Kind: engine.KindStart, Host: "web1", Stage: "serve", Task: "install httpd"})
		r.Event(engine.Event{Kind: engine.KindHost, Host: "director", Stage: "serve", Detail: "waiting for web1"})
		time.Sleep(3500 * time.Millisecond)
		want := "web1      serve  install httpd  3s\ndirector  serve  waiting for web1  3s\n"
		if d := cmp.Diff(want, s.text(t)); d != "" {
			t.Error(d)
		}
		r.Event(task("web1", "serve", "install httpd", engine.Changed, 3*time.Second))
		time.Sleep(time.Second)
		want = "web1      changed       install httpd  3.0s\nweb1      serve  1 changed\ndirector  serve  waiting for web1  4s\n"
		if d := cmp.Diff(want, s.text(t)); d != "" {
			t.Error(d)
		}
		resume := r.Pause()
		if d := cmp.Diff("web1      changed       install httpd  3.0s\n", s.text(t)); d != "" {
			t.Error(d)
		}
		time.Sleep(time.Second)
		resume()
		time.Sleep(time.Second)
		r.Event(engine.Event{Kind: engine.KindSummary})
		r.Close()
		want = `web1      changed       install httpd  3.0s

web1      ok=0 changed=1 failed=0  3.0s
director  ok=0 changed=0 failed=0  0.0s

2 hosts: 0 ok, 1 changed, 0 failed in 6.5s
`
		if d := cmp.Diff(want, s.text(t)); d != "" {
			t.Error(d)
		}
	})
}

// Many hosts, a narrow terminal and wide characters: no live line wraps, and
// all together they stay on the screen.
func TestManyHosts(t *testing.T) {
	for _, size := range [][2]int{{40, 24}, {40, 5}, {200, 60}, {20, 10}, {12, 2}} {
		synctest.Test(t, func(t *testing.T) {
			s := newScreen(size[0], size[1])
			r := New(Options{Out: s, Err: s, TTY: true, Size: s.size})
			for i := range 200 {
				name := fmt.Sprintf("服务器-%03d", i)
				e := engine.Event{Kind: engine.KindStart, Host: name, Stage: "serve", Task: "安装安装安装安装安装安装安装安装安装安装 httpd"}
				if i%2 == 0 {
					e = engine.Event{Kind: engine.KindHost, Host: name, Detail: "waiting for director"}
				}
				r.Event(e)
			}
			time.Sleep(2 * time.Second)
			text := s.text(t)
			if n := strings.Count(text, "\n"); n > max(1, size[1]-1) {
				t.Errorf("%d by %d: %d lines:\n%s", size[0], size[1], n, text)
			}
			if size[0] >= 40 && !strings.Contains(text, " more: ") {
				t.Errorf("%d by %d: the rest is not summed up:\n%s", size[0], size[1], text)
			}
			r.Close()
			if strings.TrimSpace(s.text(t)) != "" {
				t.Errorf("left on the screen: %s", s.text(t))
			}
		})
	}
}

// A warning is no failure, and nothing among the results.
func TestWarn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, diagnostics buffer
		r := New(Options{Out: &out, Err: &diagnostics})
		r.Warn("web1", "its key is not kept")
		r.Event(task("web1", "serve", "write /etc/fstab", engine.OK, 0))
		r.Event(engine.Event{Kind: engine.KindSummary})
		r.Close()
		if got := diagnostics.String(); got != "web1  warning  its key is not kept\n" {
			t.Errorf("told %q", got)
		}
		if strings.Contains(out.String(), "its key") || r.Exit() != Done {
			t.Errorf("exit %d, results:\n%s", r.Exit(), out.String())
		}
	})
}

// What a host says cannot move the cursor or fake a line of ours.
func TestInjection(t *testing.T) {
	evil := "\x1b[2J\x1b[1;1Hfake\x1b]0;title\x07\x1b]8;;http://x\x1b\\ \u009b31m\x9b \u202edesrever\x1bc\x1b[31\nroot\rok   \x08\x7f\x00"
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(80, 24)
		r := New(Options{Out: s, Err: s, TTY: true, Size: s.size, Verbose: 1, Diff: true})
		e := task("web1"+evil, evil, evil, engine.Failed, 0)
		e.Detail, e.Diff, e.Hint = evil, evil, evil
		r.Event(engine.Event{Kind: engine.KindHost, Host: e.Host, Stage: evil, Detail: evil})
		time.Sleep(time.Second)
		r.Event(e)
		e.Status = engine.Skipped
		r.Event(e)
		r.Warn("web1"+evil, evil)
		r.Event(engine.Event{Kind: engine.KindError, Host: "web2", Err: errors.New(evil), Hint: evil})
		r.Event(engine.Event{Kind: engine.KindSummary})
		r.Close()
		if text := s.text(t); !strings.Contains(text, `\x08\x7f\x00`) {
			t.Errorf("got %s", text)
		}
	})
}

func TestNoColour(t *testing.T) {
	for _, on := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var out buffer
			r := New(Options{Out: &out, Err: &out, Color: on})
			for _, e := range failing() {
				r.Event(e)
			}
			r.Close()
			if got := strings.Contains(out.String(), "\x1b["); got != on {
				t.Errorf("color %v: escape sequences: %v", on, got)
			}
		})
	}
}

func TestLongDetail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for verbose, want := range []int{tail, 100} {
			var out buffer
			r := New(Options{Out: &out, Err: &out, Verbose: verbose})
			e := task("web1", "serve", "x", engine.Failed, 0)
			e.Detail = strings.Repeat("noise\n", 99) + "cause\n"
			r.Event(e)
			r.Close()
			if n := strings.Count(out.String(), "    noise\n") + strings.Count(out.String(), "    cause\n"); n != want {
				t.Errorf("-v %d: %d lines, want %d", verbose, n, want)
			}
		}
	})
}

// A host may be unfit for several reasons, and all of them are told.
func TestSeveralTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		r := New(Options{Out: &out, Err: &out})
		for _, what := range []string{"cannot find ens33 on web1", "cannot use the clock of web1"} {
			r.Event(engine.Event{Kind: engine.KindError, Host: "web1", Err: errors.New(what), Hint: "mend it", Exit: 1})
		}
		r.Close()
		want := `web1  out of the run  after 0.0s  cannot find ens33 on web1

web1  ok=0 changed=0 failed=0  out of the run

web1: cannot find ens33 on web1
    hint: mend it

web1: cannot use the clock of web1
    hint: mend it

1 host: 0 ok, 0 changed, 0 failed, 1 host out of the run in 0.0s
`
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Error(d)
		}
	})
}

// What a host that stops skips for one reason is one line, with -v a line each.
func TestSkippedInARow(t *testing.T) {
	for verbose, want := range map[int]string{
		0: "web1  skipped       a, and 2 more  (not tried after: x)\nnfs   skipped       a  (not tried after: x)\nnfs   changed       d\n",
		1: "web1  skipped       a  (not tried after: x)\nweb1  skipped       b  (not tried after: x)\nweb1  skipped       c  (not tried after: x)\nnfs   skipped       a  (not tried after: x)\nnfs   changed       d\n",
	} {
		var out strings.Builder
		r := New(Options{Out: &out, Err: io.Discard, Verbose: verbose})
		for _, name := range []string{"web1", "nfs"} { // both are known: the columns are theirs
			r.Event(engine.Event{Kind: engine.KindHost, Host: name, Detail: "connecting"})
		}
		for _, task := range []string{"a", "b", "c"} {
			r.Event(engine.Event{Kind: engine.KindTask, Host: "web1", Task: task, Status: engine.Skipped, Detail: "not tried after: x"})
		}
		r.Event(engine.Event{Kind: engine.KindTask, Host: "nfs", Task: "a", Status: engine.Skipped, Detail: "not tried after: x"})
		r.Event(engine.Event{Kind: engine.KindTask, Host: "nfs", Task: "d", Status: engine.Changed})
		r.Close()
		if got := out.String(); !strings.HasPrefix(got, want) {
			t.Errorf("-v %d:\n%s\nwant:\n%s", verbose, got, want)
		}
	}
}
