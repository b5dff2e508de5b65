package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
)

// stage is what a script's own commands work on.
type stage struct {
	fleet  *fleet
	before map[string]fakehost.Snapshot
}

type stageKey struct{}

// scriptCommands are the commands of scripts besides testscript's own.
func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"status":    status,
		"fleet":     makeFleet,
		"on":        onHost,
		"forget":    forget,
		"calls":     calls,
		"snapshot":  snapshot,
		"unchanged": unchanged,
		"untouched": untouched,
		"down":      down,
		"tasks":     taskNames,
	}
}

func on(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

func (s *stage) machine(ts *testscript.TestScript, name string) *machine {
	if s.fleet == nil || s.fleet.hosts[name] == nil {
		ts.Fatalf("there is no host %q: begin with fleet", name)
	}
	return s.fleet.hosts[name]
}

// makeFleet: fleet [user=ops] [HOST=KIND[/SHELL]...] makes the tutorial's machines, bare.
func makeFleet(ts *testscript.TestScript, _ bool, args []string) {
	user := ""
	if len(args) > 0 && strings.HasPrefix(args[0], "user=") {
		user, args = strings.TrimPrefix(args[0], "user="), args[1:]
	}
	s := on(ts)
	s.fleet = newFleet(ts.Value(tbKey{}).(testing.TB), mix(strings.Join(args, " ")), sshUser(user))
	ts.Setenv("HOME", s.fleet.home)
}

type tbKey struct{}

// onHost: on HOST SCRIPT runs a script on a machine; it has to succeed.
func onHost(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: on HOST SCRIPT")
	}
	line := on(ts).machine(ts, args[0]).Args(args[1])
	if err := ts.Exec(line[0], line[1:]...); (err != nil) != neg {
		ts.Fatalf("on %s: %v", args[0], err)
	}
}

// forget empties the logs of what the machines' programs were told to change.
func forget(ts *testscript.TestScript, _ bool, _ []string) {
	for _, m := range on(ts).fleet.hosts {
		ts.Check(m.ForgetMutations())
	}
}

// calls: calls HOST FILE compares what was changed since forget, one call of
// ipvsadm, systemctl, … a line, with a file; calls HOST - says there was none.
func calls(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: calls HOST FILE")
	}
	m := on(ts).machine(ts, args[0])
	want := ""
	if args[1] != "-" {
		want = strings.TrimSpace(ts.ReadFile(args[1]))
	}
	if got := strings.Join(m.Mutations(), "\n"); got != want {
		ts.Fatalf("on %s, calls that change something:\n%s\nwant:\n%s", args[0], got, want)
	}
	if bad := m.Violations(); len(bad) > 0 {
		ts.Fatalf("on %s, what no run may ever do: %q", args[0], bad)
	}
}

// snapshot reads the whole state of all machines, for unchanged.
func snapshot(ts *testscript.TestScript, _ bool, _ []string) {
	s := on(ts)
	s.before = s.fleet.snapshots(ts.Value(tbKey{}).(testing.TB))
}

// unchanged compares with the last snapshot: files with their mtimes, and live state.
func unchanged(ts *testscript.TestScript, neg bool, _ []string) {
	s := on(ts)
	d := s.fleet.diff(s.before, s.fleet.snapshots(ts.Value(tbKey{}).(testing.TB)))
	if (d != "") != neg {
		ts.Fatalf("differences since the snapshot: %s", d)
	}
}

// untouched: no SSH server has seen a connection.
func untouched(ts *testscript.TestScript, _ bool, _ []string) {
	for name, m := range on(ts).fleet.hosts {
		if n := m.server.Accepted(); n > 0 {
			ts.Fatalf("%s saw %d connections", name, n)
		}
	}
}

// down: down HOST has nobody listen where the host's SSH server should be; ! down HOST ends it.
func down(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: down HOST")
	}
	f := on(ts).fleet
	m := on(ts).machine(ts, args[0])
	there, away := fmt.Sprintf("\tPort %d\n", m.server.Port()), fmt.Sprintf("\tPort 1 # not %d\n", m.server.Port())
	if neg {
		there, away = away, there
	}
	path := filepath.Join(f.home, ".ssh/config")
	text, err := os.ReadFile(path)
	ts.Check(err)
	if !strings.Contains(string(text), there) {
		ts.Fatalf("%s is not up", args[0])
	}
	ts.Check(os.WriteFile(path, []byte(strings.Replace(string(text), there, away, 1)), 0o600))
}

// taskNames: tasks EVENTS STATUS... [> FILE] writes "HOST: TASK" for every task of the event
// stream in EVENTS that ended so, sorted, to a file; without one there must be none.
func taskNames(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: tasks EVENTS STATUS... [> FILE]")
	}
	file := ""
	if n := len(args); n > 2 && args[n-2] == ">" {
		file, args = args[n-1], args[:n-2]
	}
	events, err := readEvents(ts.ReadFile(args[0]))
	ts.Check(err)
	names := events.with(args[1:]...)
	if file == "" {
		if len(names) > 0 {
			ts.Fatalf("there are %s", strings.Join(names, "; "))
		}
		return
	}
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(strings.Join(names, "\n")+"\n"), 0o644))
}
