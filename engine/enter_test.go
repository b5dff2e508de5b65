package engine_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// run is a run of two hosts, to one of which nothing is to be done, and of a
// third that comes as enter says.
func run(t *testing.T, o engine.Options, enter engine.Enter, sink engine.Sink) (busy *fakehost.Host, events []engine.Event) {
	t.Helper()
	idle := host(t, "idle", fakehost.Dash)
	busy = host(t, "busy", fakehost.Busybox)
	sh(t, idle, "echo x >/srv/a")
	plan := tasks.Plan{{Name: "only", Hosts: []tasks.HostPlan{at("idle", flag("a")), at("busy", flag("b")), at("third", flag("c"))}}}
	others := fakerun.Enter(plan, on(idle, busy))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o.Label, o.Who = func(h string) string { return h }, "the test"
	engine.Run(ctx, "shop", plan, func(ctx context.Context, name string) (engine.Host, tasks.Plan, error) {
		if name == "third" {
			return enter(ctx, name)
		}
		return others(ctx, name)
	}, o, func(e engine.Event) {
		events = append(events, e)
		sink(e)
	})
	if ctx.Err() != nil {
		t.Fatalf("the run took longer than a minute:\n%s", fakerun.Lines(events))
	}
	return busy, events
}

// TestLate: hosts look at all they have while another has not come yet, and
// change nothing before.
func TestLate(t *testing.T) {
	t.Parallel()
	var once sync.Once
	looked, asked := make(chan bool), make(chan bool)
	busy, events := run(t, engine.Options{}, func(context.Context, string) (engine.Host, tasks.Plan, error) {
		<-looked
		<-asked
		return nil, nil, context.DeadlineExceeded
	}, func(e engine.Event) {
		if e.Kind == engine.KindTask && e.Host == "idle" {
			close(looked)
		}
		if e.Host == "busy" && e.Kind == engine.KindHost && strings.Contains(e.Detail, "third") {
			once.Do(func() { close(asked) })
		}
		if e.Host == "busy" && e.Kind == engine.KindTask {
			select {
			case <-asked:
			default:
				t.Errorf("changed before all were looked at: %+v", e)
			}
		}
	})
	expect(t, events, "idle: a: ok", "busy: b: changed")
	if !busy.Exists("/srv/b") {
		t.Error("nothing was done")
	}
}

// TestUnfit: one host that is not what the inventory says keeps all as they are.
func TestUnfit(t *testing.T) {
	t.Parallel()
	unfit := func(context.Context, string) (engine.Host, tasks.Plan, error) { return nil, nil, engine.ErrUnfit }
	busy, events := run(t, engine.Options{}, unfit, func(engine.Event) {})
	lines := fakerun.Lines(events)
	if !strings.Contains(lines, "busy: b: skipped: nothing is changed as long as this is not fit: third\n") || !strings.Contains(lines, "idle: a: ok\n") {
		t.Errorf("events:\n%s", lines)
	}
	if busy.Exists("/srv/b") || busy.Exists("/var/lib/lvsdeploy") {
		t.Error("it was changed")
	}

	// a dry run tells of the others what it finds
	_, events = run(t, engine.Options{Check: true}, unfit, func(engine.Event) {})
	if lines := fakerun.Lines(events); len(fakerun.Tasks(events)) != 2 || !strings.Contains(lines, "busy: b: would-change") || !strings.Contains(lines, "idle: a: ok\n") {
		t.Errorf("events:\n%s", lines)
	}
}
