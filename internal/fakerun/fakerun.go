// Package fakerun runs the engine's programs on the fake hosts of
// internal/fakehost, without SSH, for tests. It imports engine, tasks, remote
// (for the error of a program that fails) and fakehost.
package fakerun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// Host is a fake host as the engine sees one. Edit, if any, is applied to
// each program before it runs; Stage is how long a program may say nothing.
type Host struct {
	*fakehost.Host
	Edit  func(program string) string
	Stage time.Duration
}

// Start implements engine.Host.
func (h Host) Start(ctx context.Context, program string) (*engine.Session, error) {
	if h.Edit != nil {
		program = h.Edit(program)
	}
	// files, not readers: a session must not outlive its program because
	// something that a task left behind holds a pipe
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer inRead.Close()
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer outWrite.Close()
	stderr := &buffer{}
	p, err := h.Host.Start(ctx, "", program, inRead, outWrite, stderr)
	if err != nil {
		return nil, err
	}
	ended, stop := context.WithCancelCause(ctx)
	return &engine.Session{
		Stdin: inWrite, Stdout: outRead, Stderr: stderr.String, Stage: h.Stage,
		Stop: func(why error) {
			stop(why)
			_ = inWrite.Close()
			_ = outRead.Close()
		},
		Wait: func() error {
			defer outRead.Close()
			defer inWrite.Close()
			if ended.Err() != nil && ctx.Err() == nil {
				return context.Cause(ended)
			}
			defer stop(nil)
			code, err := p.Wait()
			switch {
			case err != nil:
				return err
			case code != 0:
				return &remote.ExitError{Host: h.Name, Code: code, Stderr: strings.TrimSpace(stderr.String())}
			}
			return nil
		},
	}, nil
}

// buffer is written by one goroutine and read by another.
type buffer struct {
	mu sync.Mutex
	b  strings.Builder
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

// Enter brings hosts into a run that need not be reached; the others of the
// plan do not come.
func Enter(plan tasks.Plan, hosts map[string]engine.Host) engine.Enter {
	return func(_ context.Context, name string) (engine.Host, tasks.Plan, error) {
		if hosts[name] == nil {
			return nil, nil, errors.New("there is no such host")
		}
		return hosts[name], plan, nil
	}
}

// Run runs a plan and returns what happened; it fails the test when that
// takes longer than a minute.
func Run(t testing.TB, plan tasks.Plan, hosts map[string]engine.Host, o engine.Options) []engine.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var events []engine.Event
	if o.Label == nil {
		o.Label = func(h string) string { return h }
	}
	if o.Who == "" {
		o.Who = "the test"
	}
	engine.Run(ctx, "shop", plan, Enter(plan, hosts), o, func(e engine.Event) { events = append(events, e) })
	if ctx.Err() != nil {
		t.Errorf("the run took longer than a minute; its events:\n%s", Lines(events))
	}
	return events
}

// Lines tells how each task ended, a line each, and what else went wrong.
func Lines(events []engine.Event) string {
	var b strings.Builder
	for _, e := range events {
		switch e.Kind {
		case engine.KindTask:
			fmt.Fprintf(&b, "%s: %s: %s", e.Host, e.Task, e.Status)
			if e.Detail != "" {
				b.WriteString(": " + strings.ReplaceAll(e.Detail, "\n", " | "))
			}
			b.WriteString("\n")
		case engine.KindError:
			fmt.Fprintf(&b, "%s: error: %v\n", e.Host, e.Err)
		}
	}
	return b.String()
}

// Tasks are the events that say how a task ended.
func Tasks(events []engine.Event) []engine.Event {
	var ended []engine.Event
	for _, e := range events {
		if e.Kind == engine.KindTask {
			ended = append(ended, e)
		}
	}
	return ended
}

// One is a plan of one stage on one host.
func One(host string, list ...tasks.Task) tasks.Plan {
	hp := tasks.HostPlan{Host: host}
	for _, t := range list {
		if t.Key() == "" {
			hp.Tasks = append(hp.Tasks, t)
		} else {
			hp.Handlers = append(hp.Handlers, t)
		}
	}
	return tasks.Plan{{Name: "all", Hosts: []tasks.HostPlan{hp}}}
}
