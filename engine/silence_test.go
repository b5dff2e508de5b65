package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// silent is how long a program may say nothing in these tests: more than two
// signs of life are apart.
const silent = 2500 * time.Millisecond

// TestBusy: what takes long is not taken for silence as long as the program
// does something to the host: a change, the check after it, a proof that takes
// several tries, a handler; nor is a host that waits for another.
func TestBusy(t *testing.T) {
	for _, shell := range []fakehost.Shell{fakehost.Dash, fakehost.Bash, fakehost.Busybox} {
		t.Run(string(shell), func(t *testing.T) {
			t.Parallel()
			slow := fakerun.Host{Host: host(t, "slow", shell), Stage: silent}
			waits := fakerun.Host{Host: host(t, "waits", shell), Stage: silent}
			apply := flag("change")
			apply.Apply = "sleep 4\n" + apply.Apply
			apply.Notify = "later"
			check := flag("check")
			check.Check = "[ ! -e /srv/check ] || sleep 4\n" + check.Check
			proof := tasks.Task{Name: "proof", Check: "[ -z \"$brief\" ] || exit 1\nsleep 4"}
			handler := tasks.Handler("later", tasks.Task{Name: "handler", Apply: "sleep 4"})
			plan := tasks.Plan{
				{Name: "first", Hosts: []tasks.HostPlan{{Host: "slow", Tasks: []tasks.Task{apply, check, proof}, Handlers: []tasks.Task{handler}}}},
				{Name: "second", After: []string{"first"}, Hosts: []tasks.HostPlan{at("waits", flag("waits"))}},
			}
			events := fakerun.Run(t, plan, map[string]engine.Host{"slow": slow, "waits": waits}, engine.Options{})
			want := "slow: change: changed\nslow: check: changed\nslow: proof: ok\nslow: handler: changed\nwaits: waits: changed\n"
			if got := fakerun.Lines(events); got != want {
				t.Errorf("the run was\n%swant\n%s", got, want)
			}
			// nothing of it stays behind
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
				left, _, _ := slow.Run("cat /proc/[0-9]*/comm | grep -cx sleep")
				if strings.TrimSpace(left) == "0" {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("processes that sleep: %s", left)
				}
			}
		})
	}
}

// TestSilent: a program that says nothing before its first change, or goes on
// at no word, is given up; the others are done as without it.
func TestSilent(t *testing.T) {
	t.Parallel()
	hangs := flag("hangs")
	hangs.Check = "sleep 60"
	sick := fakerun.Host{Host: host(t, "sick", fakehost.Dash), Stage: silent}
	deaf := fakerun.Host{Host: host(t, "deaf", fakehost.Dash), Stage: silent, Edit: func(program string) string {
		return strings.Replace(program, "\nhear() {\n", "\nhear() {\nsleep 60\n", 1)
	}}
	well := fakerun.Host{Host: host(t, "well", fakehost.Dash), Stage: silent}
	plan := tasks.Plan{{Name: "only", Hosts: []tasks.HostPlan{at("sick", hangs), at("deaf", flag("deaf")), at("well", flag("well"))}}}
	began := time.Now()
	events := fakerun.Run(t, plan, map[string]engine.Host{"sick": sick, "deaf": deaf, "well": well}, engine.Options{})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	got := fakerun.Lines(events)
	for _, want := range []string{
		"well: well: changed\n", "sick: hangs: unknown\n", "deaf: deaf: unknown\n",
		"sick: error: no answer for 2.5s while working on \"hangs\"\n", "deaf: error: no answer for 2.5s while working on \"deaf\"\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the run was\n%slacks %s", got, want)
		}
	}
}

// TestSlowFacts: checksums of large files are not taken for silence, and what
// never ends is not taken for an answer.
func TestSlowFacts(t *testing.T) {
	t.Parallel()
	h := fakerun.Host{Host: host(t, "web1", fakehost.Dash), Stage: silent}
	sh(t, h.Host, `mkdir -p /srv/www && echo x >/srv/www/page && mv /usr/bin/sha256sum /usr/bin/sum.real &&
printf '#!/bin/sh\nsleep 4\nexec sum.real "$@"\n' >/usr/bin/sha256sum && chmod +x /usr/bin/sha256sum`)
	f, err := engine.Gather(t.Context(), h, engine.Ask{Cluster: "shop", Files: []string{"/srv/www/page"}})
	if err != nil || len(f.Sums) != 1 {
		t.Errorf("%v, %+v", err, f)
	}
	for what, c := range map[string]struct{ text, want string }{
		"nothing":       {"sleep 60", "no answer for 2.5s while it was asked what it is"},
		"a drip":        {"while echo x y; do sleep 1; done", "no answer for 2.5s while it was asked what it is"},
		"lines":         {"yes ours file /etc/x", "it sent more than"},
		"no line":       {"cat /dev/zero", "it sent a line of more than 64 kB in facts"},
		"random bytes":  {"head -c 1000000 /dev/urandom >/tmp/r; while cat /tmp/r; do :; done", "it sent "},
		"signs of life": {"yes beat", "it sent more than"},
	} {
		t.Run(what, func(t *testing.T) {
			h := h
			h.Edit = func(string) string { return c.text }
			if strings.HasPrefix(c.want, "it sent") { // however slow this machine is
				h.Stage = 30 * time.Second
			}
			began := time.Now()
			_, err := engine.Gather(t.Context(), h, engine.Ask{Cluster: "shop"})
			if err == nil || !strings.Contains(err.Error(), c.want) || time.Since(began) > 40*time.Second {
				t.Errorf("after %v: %v, want %s", time.Since(began), err, c.want)
			}
		})
	}
}
