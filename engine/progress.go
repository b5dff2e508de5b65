package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lvsdeploy/lvsdeploy/bound"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// hostRun is where one host is in its program.
type hostRun struct {
	name    string
	nonce   string
	plan    tasks.Plan // its own once it has come, before that what is known without it
	stages  []int      // of plan, those that it has part in
	steps   []step
	host    Host
	stdin   io.Writer
	session *Session
	quiet   *bound.Silence         // since it last said something that counts
	doing   atomic.Pointer[string] // what it does meanwhile
	kept    int                    // bytes of events that wait
	come    bool                   // or failed to
	asks    bool                   // it waits for leave to change something
	next    int                    // the task that comes now
	waiting int                    // the stage it waits to begin; -1: none
	waits   string                 // for whom, as it was told last
	done    map[int]bool           // stages it is through with
	touched bool                   // something was changed on it
	ended   bool

	ahead     []line // what it said since it went past a barrier unasked, which is the first of these
	looked    bool   // it has done so
	goingBack bool   // what it says is void until it has

	atRisk     []string // the tasks that are taken back unless confirmed
	confirming bool     // a change waits for its confirmation
	lost       bool     // the program's own connection ended meanwhile,
	lostBy     error    // by this

	stopped string // why it was told to stop
	failed  string // the task that failed
	dirty   bool   // a dry run has found something to change here, or on a host that this one waited for
	began   time.Time
	note    []string
	diff    []string
}

// heard takes in one event of a host's program.
func (r *run) heard(ctx context.Context, h *hostRun, l line) {
	h.quiet.Heard()
	switch {
	case l.kind == "beat":
	case l.kind == "confirm":
		r.reachAnew(ctx, h)
	case l.kind == "back":
		h.goingBack = false
	case h.goingBack:
	case l.kind == "ahead", len(h.ahead) > 0:
		h.keep(l)
		h.ahead = append(h.ahead, l)
		r.moved = r.moved || len(h.ahead) == 1
	default:
		r.line(h, l)
	}
}

// line takes an event for true.
func (r *run) line(h *hostRun, l line) {
	switch l.kind {
	case "note":
		h.keep(l)
		h.note = append(h.note, l.rest)
	case "diff":
		h.keep(l)
		h.diff = append(h.diff, l.rest)
	case "task":
		words := strings.SplitN(l.rest, " ", 3)
		n, err := strconv.Atoi(words[0])
		if err != nil || len(words) < 2 || n != h.next || n >= len(h.steps) {
			return // not an event of ours, whatever it is; the task stays unknown
		}
		r.task(h, Status(words[1]), l.at)
	case "passed":
		if n, err := strconv.Atoi(l.rest); err == nil {
			h.done[n] = true
			r.moved = true
		}
	case "wait":
		if n := h.stage(l.rest); n >= 0 {
			h.waiting = n
			r.moved = true
		}
	case "leave":
		h.asks = true
		r.moved = true
	case "busy":
		r.sink(Event{Kind: KindHost, Host: h.name, Detail: "waiting for another run on this host"})
	case "locked":
		h.stopped = "another run holds the host"
		r.sink(Event{Kind: KindTask, Host: h.name, Stage: "begin", Task: "take the lock", Status: Failed, Detail: "another run holds it: " + strings.Join(h.note, "\n"),
			Hint: "wait for it to end; the lock frees itself when that run's program ends on the host"})
	case "refused":
		h.stopped = "the login is not root"
		r.sink(Event{Kind: KindTask, Host: h.name, Stage: "begin", Task: "become root", Status: Failed, Detail: strings.Join(h.note, "\n"),
			Hint: "log in as root, or set become = true in [ssh] to use sudo"})
	}
}

// stage is the stage of that number, -1 if there is none.
func (h *hostRun) stage(number string) int {
	if n, err := strconv.Atoi(number); err == nil && slices.Contains(h.stages, n) {
		return n
	}
	return -1
}

func (r *run) task(h *hostRun, status Status, at time.Time) {
	s := h.steps[h.next]
	e := Event{Kind: KindTask, Host: h.name, Stage: h.plan[s.stage].Name, Task: s.task.Name, Status: status, Took: max(0, at.Sub(h.began))}
	e.Detail = strings.TrimRight(strings.Join(h.note, "\n"), "\n")
	if r.o.Diff {
		e.Diff = strings.Join(h.diff, "\n")
	}
	switch status {
	case Failed:
		e.Hint = hintOf(s.task, e.Detail)
		if !r.o.Check {
			h.failed = s.task.Name
		}
	case WouldChange, Pending:
		h.dirty = true
	case Changed:
		h.touched = true
	}
	if (status == Changed || status == Failed) && s.task.Undo != "" && !r.o.Check {
		h.atRisk = append(h.atRisk, s.task.Name)
	}
	h.note, h.diff, h.kept = nil, nil, 0
	h.next++
	h.began = at
	r.sink(e)
	r.start(h)
}

// hintOf is what to do about a failed task: its own advice, unless it did not
// get as far as that.
func hintOf(t tasks.Task, detail string) string {
	_, why, found := strings.Cut(detail, "cannot write "+stateBelow)
	switch why, _, _ = strings.Cut(why, "\n"); {
	case !found:
		return t.Hint
	case strings.Contains(why, "read-only"), strings.Contains(why, "Read-only"):
		return "what is done to a host is written down there first, and it is mounted read-only: dmesg says why; mount -o remount,rw mounts it for writing"
	}
	return "what is done to a host is written down there first: make room, df -h " + stateBelow + " and df -i " + stateBelow + " show what there is"
}

// start tells what a host does from now on.
func (r *run) start(h *hostRun) {
	if h.next < len(h.steps) {
		s := h.steps[h.next]
		h.doing.Store(&s.task.Name)
		r.sink(Event{Kind: KindStart, Host: h.name, Stage: h.plan[s.stage].Name, Task: s.task.Name})
	}
}

// end settles what a host's program did not get to.
func (r *run) end(h *hostRun, err error) {
	if !h.come { // Enter has said why
		h.come = true
		if errors.Is(err, ErrUnfit) {
			r.unfit = append(r.unfit, h.name)
		}
		return
	}
	if h.next == len(h.steps) && (err == nil || h.settled()) {
		return
	}
	var exit *remote.ExitError
	switch {
	case h.failed != "":
		r.skipRest(h, Skipped, "not tried after: "+h.failed)
	case h.stopped != "":
		r.skipRest(h, Skipped, h.stopped)
	case err == nil || errors.As(err, &exit):
		// it ended by itself without saying so: nobody knows how far it came
		if err == nil {
			err = errors.New("the program ended before its end")
		}
		r.skipRest(h, Unknown, "")
		r.sink(Event{Kind: KindError, Host: h.name, Err: fmt.Errorf("cannot tell how %s ended: %w", h.name, err),
			Hint: "run it again: what is in place is left alone"})
	default:
		r.skipRest(h, Unknown, "")
		r.sink(Event{Kind: KindError, Host: h.name, Err: err})
	}
}

func (r *run) skipRest(h *hostRun, status Status, why string) {
	for ; h.next < len(h.steps); h.next++ {
		s := h.steps[h.next]
		r.sink(Event{Kind: KindTask, Host: h.name, Stage: h.plan[s.stage].Name, Task: s.task.Name, Status: status, Detail: why})
	}
}
