package engine

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// Options are what a run may be told.
type Options struct {
	Check bool
	Diff  bool
	Mode  string
	Who   string                // for the lock's message: "ann@desk, nat"
	Label func(h string) string // a host as a program's heading names it

	// ConfirmTimeout is how long a host waits, before it goes back, for word
	// that it is still reached after a change of an address, a route or a
	// firewall; at least a second. Dial makes the new connection that proves
	// it; the second result hangs it up. Without it the Host at hand is asked,
	// which proves less.
	ConfirmTimeout time.Duration
	Dial           func(ctx context.Context, host string) (Host, func(), error)
}

// NewNonce makes the mark of one run's events.
func NewNonce() string { return "@" + strings.ToLower(rand.Text()[:16]) }

// ErrUnfit is what Enter returns for a host that must not be part of the
// cluster as it is: then nothing is changed on any host.
var ErrUnfit = errors.New("not fit")

// Enter brings a host into the run: it reaches and examines it, and returns
// what its program goes over and a plan that holds its part. It is called for
// all hosts at once. Why it does not come it tells the user itself.
type Enter func(ctx context.Context, host string) (Host, tasks.Plan, error)

// Run takes every host of the plan through its stages and returns when all of
// them are through or cannot go on. The plan is what is known before any host
// was asked: who has part in which stage, at most; Enter fills it in. A host
// that does not come stops those that need it where they need it. A host begins
// as soon as it has come, but none changes anything before all have come or
// failed to. What happened is in the events.
func Run(ctx context.Context, cluster string, plan tasks.Plan, enter Enter, o Options, sink Sink) {
	if o.ConfirmTimeout == 0 {
		o.ConfirmTimeout = DefaultConfirmTimeout
	}
	r := &run{cluster: cluster, o: o, enter: enter, sink: sink, hosts: map[string]*hostRun{}, said: make(chan said)}
	for _, stage := range plan {
		for _, hp := range stage.Hosts {
			if r.hosts[hp.Host] == nil {
				h := &hostRun{name: hp.Host, nonce: NewNonce(), plan: plan, waiting: -1, done: map[int]bool{}}
				r.order = append(r.order, h)
				r.hosts[hp.Host] = h
			}
		}
	}
	for _, h := range r.order {
		h.stages = stagesOf(plan, h.name)
	}
	r.run(ctx)
}

// stagesOf lists the stages that a host has part in.
func stagesOf(plan tasks.Plan, host string) []int {
	var list []int
	for n, stage := range plan {
		if slices.ContainsFunc(stage.Hosts, func(hp tasks.HostPlan) bool { return hp.Host == host }) {
			list = append(list, n)
		}
	}
	return list
}

// said is what one host's reader passes on: how it came, lines, or the end; or
// how the confirmation of a change went.
type said struct {
	host      *hostRun
	entered   *entry
	lines     []line
	end       bool
	confirmed bool
	err       error
}

// entry is a host's part, once it is known.
type entry struct {
	host  Host
	plan  tasks.Plan
	steps []step
}

type run struct {
	cluster string
	o       Options
	enter   Enter
	sink    Sink
	order   []*hostRun
	hosts   map[string]*hostRun
	said    chan said
	spawn   func(func()) // in a goroutine that the run waits for; it says one last thing

	unfit []string // hosts that keep all others from changing anything
	moved bool     // something happened that a host may wait for
}

// hostRun is where one host is in its program.
type hostRun struct {
	name    string
	nonce   string
	plan    tasks.Plan // its own once it has come, before that what is known without it
	stages  []int      // of plan, those that it has part in
	steps   []step
	host    Host
	stdin   io.Writer
	come    bool         // or failed to
	asks    bool         // it waits for leave to change something
	next    int          // the task that comes now
	waiting int          // the stage it waits to begin; -1: none
	waits   string       // for whom, as it was told last
	done    map[int]bool // stages it is through with
	touched bool         // something was changed on it
	ended   bool

	ahead     []line // what it said since it went past a barrier unasked, which is the first of these
	looked    bool   // it has done so
	goingBack bool   // what it says is void until it has

	atRisk     string // the last task that is taken back unless confirmed
	confirming bool   // a change waits for its confirmation
	lost       bool   // the program's own connection ended meanwhile,
	lostBy     error  // by this

	stopped string // why it was told to stop
	failed  string // the task that failed
	dirty   bool   // a dry run has found something to change here, or on a host that this one waited for
	began   time.Time
	note    []string
	diff    []string
}

// line is an event of a host's program, and when it came.
type line struct {
	kind, rest string
	at         time.Time
}

// The words that pass a barrier; six bytes each.
const (
	wordGo    = "go   \n"
	wordAgain = "again\n" // look again at what was looked at ahead
	wordDirty = "dirty\n" // the same; something would be changed before
	wordWait  = "wait \n"
	wordStop  = "stop \n"
)

func (r *run) run(ctx context.Context) {
	var readers sync.WaitGroup
	defer readers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	running := 0
	r.spawn = func(f func()) {
		running++
		readers.Add(1)
		go func() {
			defer readers.Done()
			f()
		}()
	}
	for _, h := range r.order {
		r.spawn(func() { r.host(ctx, h) })
	}
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for running > 0 {
		select {
		case s := <-r.said:
			switch {
			case s.end:
				running--
				r.moved = true
				if s.host.ended = true; !r.lostAtRisk(ctx, s.host, s.err) {
					r.end(s.host, s.err)
				}
			case s.confirmed:
				running--
				r.moved = true
				r.confirmed(s.host, s.err)
			case s.entered != nil:
				r.entered(s.host, s.entered)
			default:
				for _, l := range s.lines {
					r.heard(ctx, s.host, l)
				}
			}
			for r.moved {
				r.moved = false
				r.giveLeave()
				r.passBarriers()
			}
			if r.settled() {
				cancel()
			}
		case <-tick.C:
			for _, h := range r.order {
				if (h.waiting >= 0 || len(h.ahead) > 0 || h.confirming || h.asks) && !h.ended {
					h.send(wordWait)
				}
			}
		}
	}
}

// host takes one host from its first contact to its program's end.
func (r *run) host(ctx context.Context, h *hostRun) {
	host, plan, err := r.enter(ctx, h.name)
	if err != nil {
		r.said <- said{host: h, end: true, err: err}
		return
	}
	program := Compile(plan, h.name, Heading{Cluster: r.cluster, Host: r.o.Label(h.name), Mode: r.o.Mode, Who: r.o.Who, Nonce: h.nonce,
		Patience: r.o.ConfirmTimeout}, r.o.Check)
	r.said <- said{host: h, entered: &entry{host, plan, program.steps}}
	if len(program.steps) == 0 {
		r.said <- said{host: h, end: true}
		return
	}
	session, err := host.Start(ctx, program.Text)
	if err != nil {
		r.said <- said{host: h, end: true, err: err}
		return
	}
	r.said <- said{host: h, end: true, err: r.read(h, session)}
}

// entered takes a host into the run that has come.
func (r *run) entered(h *hostRun, e *entry) {
	h.come, h.host, h.plan, h.stages, h.steps = true, e.host, e.plan, stagesOf(e.plan, h.name), e.steps
	h.began = time.Now()
	r.moved = true
	r.start(h)
}

// read passes a program's events on until it ends.
func (r *run) read(h *hostRun, session *Session) error {
	h.stdin = session.Stdin
	out := bufio.NewReader(session.Stdout)
	var lines []line
	for {
		text, err := out.ReadString('\n')
		if event, ours := strings.CutPrefix(text, h.nonce+" "); ours {
			kind, rest, _ := strings.Cut(strings.TrimSuffix(event, "\n"), " ")
			lines = append(lines, line{kind, rest, time.Now()})
		}
		if len(lines) > 0 && (out.Buffered() == 0 || err != nil) { // what came together is passed on together
			r.said <- said{host: h, lines: lines}
			lines = nil
		}
		if err != nil {
			break
		}
	}
	err := session.Wait()
	var exit *remote.ExitError
	if errors.As(err, &exit) && session.Stderr != nil && strings.TrimSpace(session.Stderr()) != "" {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(session.Stderr()))
	}
	return err
}

// heard takes in one event of a host's program.
func (r *run) heard(ctx context.Context, h *hostRun, l line) {
	switch {
	case l.kind == "confirm":
		r.reachAnew(ctx, h)
	case l.kind == "back":
		h.goingBack = false
	case h.goingBack:
	case l.kind == "ahead", len(h.ahead) > 0:
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
		h.note = append(h.note, l.rest)
	case "diff":
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
		e.Hint = s.task.Hint
		if !r.o.Check {
			h.failed = s.task.Name
		}
	case WouldChange, Pending:
		h.dirty = true
	case Changed:
		h.touched = true
		if s.task.Undo != "" {
			h.atRisk = s.task.Name
		}
	}
	h.note, h.diff = nil, nil
	h.next++
	h.began = at
	r.sink(e)
	r.start(h)
}

// start tells what a host does from now on.
func (r *run) start(h *hostRun) {
	if h.next < len(h.steps) {
		s := h.steps[h.next]
		r.sink(Event{Kind: KindStart, Host: h.name, Stage: h.plan[s.stage].Name, Task: s.task.Name})
	}
}

// send never blocks the run for long: a word is six bytes. A connection that
// cannot take it has ended, which its reader will say.
func (h *hostRun) send(word string) { _, _ = io.WriteString(h.stdin, word) }

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
