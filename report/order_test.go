package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// Whoever is heard of first, hosts are shown in the inventory's order.
func TestOrder(t *testing.T) {
	hosts := []string{"director", "web1", "web2", "nfs"}
	for _, heard := range [][]string{{"nfs", "web2", "web1", "director"}, {"web1", "director", "nfs", "web2"}, hosts} {
		for _, check := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var out buffer
				screen := newScreen(80, 24)
				r := New(Options{Out: &out, Err: screen, TTY: true, Size: screen.size, Hosts: hosts, Check: check})
				for _, name := range heard {
					r.Event(engine.Event{Kind: engine.KindHost, Host: name, Detail: "connecting"})
				}
				time.Sleep(time.Second)
				live := screen.text(t)
				for _, stage := range []string{"one", "two"} {
					for _, name := range heard {
						status := engine.Changed
						if check {
							status = engine.WouldChange
						}
						r.Event(task(name, stage, "task "+stage, status, 0))
					}
				}
				r.Event(engine.Event{Kind: engine.KindError, Host: "local", Err: errors.New("cannot go on")})
				r.Close()

				at := -1
				for _, name := range hosts {
					next := strings.Index(live, name)
					if next <= at {
						t.Errorf("heard of %v, live:\n%s", heard, live)
					}
					at = next
				}
				var names []string // of the table, and in a dry run of the tasks
				for line := range strings.Lines(out.String()) {
					name, rest, _ := strings.Cut(line, " ")
					if strings.Contains(rest, "ok=") || check && strings.Contains(rest, "task ") {
						names = append(names, name)
					}
				}
				want := "director web1 web2 nfs local"
				if check {
					want = "director director web1 web1 web2 web2 nfs nfs " + want
				}
				if got := strings.Join(names, " "); got != want {
					t.Errorf("heard of %v: %s\nwant %s\n%s", heard, got, want, out.String())
				}
			})
		}
	}
}

// Why a host is out of the run is said at once, and again in the end with what
// to do; what many have in common once.
func TestReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n, want := range map[int]string{2: "", 6: "\n    the same for 5 other hosts: web1, web2, web3, web4, web5\n"} {
			var out buffer
			r := New(Options{Out: &out, Err: io.Discard})
			for i := range n {
				name := fmt.Sprintf("web%d", i)
				r.Event(engine.Event{Kind: engine.KindError, Host: name, Hint: "does `ssh " + name + "` work?",
					Err: fmt.Errorf("cannot reach %s (192.168.1.%d:22): connection refused", name, i)})
				if line := fmt.Sprintf("%s  out of the run  after 0.0s  cannot reach %s (192.168.1.%d:22): connection refused\n", name, name, i); !strings.HasSuffix(out.String(), line) {
					t.Errorf("at once: %s", out.String())
				}
			}
			r.Event(engine.Event{Kind: engine.KindError, Host: "other", Err: errors.New("cannot become root")})
			r.Close()
			_, summary, _ := strings.Cut(out.String(), "\n\n")
			blocks := 1
			if want == "" {
				blocks = n
			}
			if strings.Count(summary, "connection refused") != blocks || strings.Count(summary, "hint: ") != blocks || !strings.Contains(summary, want) ||
				strings.Count(summary, "other: cannot become root") != 1 {
				t.Errorf("of %d hosts:\n%s", n, summary)
			}
			if totals := fmt.Sprintf("\n%d hosts: 0 ok, 0 changed, 0 failed, %d hosts out of the run in 0.0s\n", n+1, n+1); !strings.HasSuffix(summary, totals) {
				t.Errorf("no totals: %s", summary)
			}
		}
	})
}

func TestGeneral(t *testing.T) {
	for _, c := range [][3]string{
		{"web1", "cannot reach web1 (192.168.1.20:22): no answer in time", "cannot reach HOST: no answer in time"},
		{"web1", "cannot reach web1", "cannot reach HOST"},
		{"web1", "web1 (", "HOST ("},
		{"web1", "as web1 and web1 (x) say", "as HOST and HOST say"},
		{"web1", "", ""},
		{"", "text", "text"},
	} {
		if got := general(c[0], c[1]); got != c[2] {
			t.Errorf("%q of %s: %q, want %q", c[1], c[0], got, c[2])
		}
	}
}

// Facts says of every host what it is, or why it could not be asked.
func TestFacts(t *testing.T) {
	lost := func(r *Reporter, name string) {
		r.Event(engine.Event{Kind: engine.KindError, Host: name, Err: fmt.Errorf("cannot reach %s: connection refused", name), Hint: "is sshd running there?"})
	}
	known := HostFacts{Host: "web1", Address: "192.168.1.20", Facts: &tasks.Facts{}}
	synctest.Test(t, func(t *testing.T) {
		var out, errs buffer
		r := New(Options{Out: &out, Err: &errs, Hosts: []string{"director", "web1", "web2"}})
		lost(r, "web2")
		lost(r, "director")
		r.Facts([]HostFacts{{Host: "director"}, known, {Host: "web2"}})
		r.Close()
		got := out.String()
		for _, want := range []string{
			"\nweb1 (192.168.1.20)\n", "\ndirector: cannot reach director: connection refused\n    hint: is sshd running there?\n\nweb2: cannot reach web2: connection refused\n    hint: is sshd running there?\n",
		} {
			if strings.Count(got, want) != 1 {
				t.Errorf("not once %q in:\n%s", want, got)
			}
		}
		if errs.String() != "" || r.Exit() != Unreachable {
			t.Errorf("exit %d, on standard error: %s", r.Exit(), errs.String())
		}
	})
	for _, all := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var out, errs buffer
			r := New(Options{Out: &out, Err: &errs, JSON: true})
			if !all {
				lost(r, "web2")
			}
			r.Facts([]HostFacts{known, {Host: "web2"}})
			r.Close()
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			var last struct {
				Event string
				Exit  int
				Hosts map[string]struct{ Error, Hint string }
			}
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
				t.Fatal(err)
			}
			if all && (last.Event != "facts" || len(lines) != 1) {
				t.Errorf("all asked: %s", out.String())
			}
			if host := last.Hosts["web2"]; !all && (len(lines) != 2 || last.Exit != 4 || host.Error != "cannot reach web2: connection refused" || host.Hint != "is sshd running there?" ||
				strings.Count(errs.String(), "connection refused") != 1) {
				t.Errorf("one not asked: %s%s", out.String(), errs.String())
			}
		})
	}
}

// ^C: what is not known is said once, and what to do.
func TestInterruptedSummary(t *testing.T) {
	for _, check := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var out buffer
			r := New(Options{Out: &out, Err: io.Discard, Check: check})
			e := task("web1", "serve", "install httpd", engine.Unknown, 0)
			e.Detail = "interrupted"
			r.Event(e)
			r.Note(Interrupted)
			r.Close()
			want := `web1  unknown       install httpd

web1  ok=0 changed=0 failed=0 unknown=1  0.0s

1 host: 0 ok, 0 changed, 0 failed, 1 unknown in 0.0s
interrupted: `
			if check {
				want += "run it again\n"
			} else {
				want += "what was done stays, what is unknown may have been done; run it again to go on from there\n"
			}
			if d := cmp.Diff(want, out.String()); d != "" {
				t.Error(d)
			}
		})
	}
}
