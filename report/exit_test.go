package report

import (
	"errors"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
)

func TestWorst(t *testing.T) {
	for _, c := range []struct {
		codes []Exit
		want  Exit
	}{
		{nil, Done},
		{[]Exit{Done, WouldChange}, WouldChange},
		{[]Exit{WouldChange, Unhealthy}, Unhealthy},
		{[]Exit{Unhealthy, Unreachable}, Unreachable},
		{[]Exit{Unreachable, TaskFailed}, TaskFailed},
		{[]Exit{TaskFailed, RolledBack}, RolledBack},
		{[]Exit{TaskFailed, Unreachable, Interrupted}, Interrupted},
		{[]Exit{Interrupted, RolledBack}, RolledBack},
		{[]Exit{RolledBack, TaskFailed, Unreachable, Unhealthy, WouldChange, Done}, RolledBack},
		{[]Exit{Done, WouldChange, Unhealthy, Unreachable, TaskFailed}, TaskFailed},
		{[]Exit{RolledBack, 77}, 77}, // never hidden
	} {
		if got := Worst(c.codes...); got != c.want {
			t.Errorf("Worst(%v) = %d, want %d", c.codes, got, c.want)
		}
	}
}

// Every end that events can tell of, as an exit code.
func TestExit(t *testing.T) {
	status := func(s engine.Status) engine.Event { return task("web1", "serve", "x", s, 0) }
	gone := engine.Event{Kind: engine.KindError, Host: "web1", Err: errors.New("cannot reach web1")}
	locked := engine.Event{Kind: engine.KindError, Host: "web1", Err: errors.New("cannot lock web1"), Exit: 1}
	end := func(code int) engine.Event { return engine.Event{Kind: engine.KindSummary, Exit: code} }
	for _, c := range []struct {
		name   string
		events []engine.Event
		want   Exit
	}{
		{"nothing", nil, Done},
		{"ok", []engine.Event{status(engine.OK), end(0)}, Done},
		{"changed", []engine.Event{status(engine.Changed), end(0)}, Done},
		{"skipped", []engine.Event{status(engine.Skipped), end(0)}, Done},
		{"would change", []engine.Event{status(engine.WouldChange), end(0)}, WouldChange},
		{"pending", []engine.Event{status(engine.Pending), end(0)}, WouldChange},
		{"failed", []engine.Event{status(engine.WouldChange), status(engine.Failed), end(0)}, TaskFailed},
		{"unreachable", []engine.Event{status(engine.WouldChange), gone, end(0)}, Unreachable},
		{"lost on the way", []engine.Event{status(engine.Changed), status(engine.Unknown)}, Unreachable},
		{"lost and failed", []engine.Event{status(engine.Unknown), status(engine.Failed)}, TaskFailed},
		{"locked", []engine.Event{locked}, TaskFailed},
		{"rolled back", []engine.Event{status(engine.Failed), end(6)}, RolledBack},
		{"interrupted", []engine.Event{status(engine.Failed), gone, end(130)}, Interrupted},
	} {
		var out buffer
		r := New(Options{Out: &out, Err: &out})
		for _, e := range c.events {
			r.Event(e)
		}
		r.Close()
		if got := r.Exit(); got != c.want {
			t.Errorf("%s: exit %d, want %d\n%s", c.name, got, c.want, out.String())
		}
	}
}
