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

// Run takes every host of the plan through its stages and returns when all of
// them are through or cannot go on. A host of the plan that is not in hosts
// was not reached: those that need it stop where they need it. What happened is in the events.
func Run(ctx context.Context, cluster string, plan tasks.Plan, hosts map[string]Host, o Options, sink Sink) {
	if o.ConfirmTimeout == 0 {
		o.ConfirmTimeout = DefaultConfirmTimeout
	}
	if o.Dial == nil {
		o.Dial = func(_ context.Context, name string) (Host, func(), error) { return hosts[name], func() {}, nil }
	}
	r := &run{cluster: cluster, plan: plan, o: o, sink: sink, hosts: map[string]*hostRun{}, said: make(chan said)}
	for _, stage := range plan {
		for _, hp := range stage.Hosts {
			if r.hosts[hp.Host] == nil {
				nonce := NewNonce()
				r.order = append(r.order, hp.Host)
				r.hosts[hp.Host] = &hostRun{name: hp.Host, nonce: nonce, waiting: -1, done: map[int]bool{},
					program: Compile(plan, hp.Host, Heading{Cluster: cluster, Host: o.Label(hp.Host), Mode: o.Mode, Who: o.Who, Nonce: nonce,
						Patience: o.ConfirmTimeout}, o.Check)}
			}
		}
	}
	r.run(ctx, hosts)
}

// said is what one host's reader passes on: a line, or the end; or how the
// confirmation of a change went.
type said struct {
	host      *hostRun
	line      string
	end       bool
	confirmed bool
	err       error
}

type run struct {
	cluster string
	plan    tasks.Plan
	o       Options
	sink    Sink
	order   []string
	hosts   map[string]*hostRun
	said    chan said
	spawn   func(func()) // in a goroutine that the run waits for; it says one last thing
}

// hostRun is where one host is in its program.
type hostRun struct {
	name    string
	nonce   string
	program Program
	stdin   io.Writer
	next    int          // the task that comes now
	waiting int          // the stage it waits to begin; -1: none
	done    map[int]bool // stages it is through with
	ended   bool

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

// The words that pass a barrier; six bytes each.
const (
	wordGo    = "go   \n"
	wordDirty = "dirty\n"
	wordWait  = "wait \n"
	wordStop  = "stop \n"
)

func (r *run) run(ctx context.Context, hosts map[string]Host) {
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
	for _, name := range r.order {
		h := r.hosts[name]
		if hosts[name] == nil {
			h.ended = true // the others learn at their barriers that it does not come
			continue
		}
		h.began = time.Now()
		r.start(h)
		r.spawn(func() { r.read(ctx, h, hosts[name]) })
	}
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for running > 0 {
		select {
		case s := <-r.said:
			switch {
			case s.end:
				running--
				if s.host.ended = true; !r.lostAtRisk(ctx, s.host, s.err) {
					r.end(s.host, s.err)
				}
			case s.confirmed:
				running--
				r.confirmed(s.host, s.err)
			case s.line == "confirm":
				r.reachAnew(ctx, s.host)
			default:
				r.line(s.host, s.line)
			}
			r.passBarriers()
		case <-tick.C:
			for _, h := range r.hosts {
				if (h.waiting >= 0 || h.confirming) && !h.ended {
					h.send(wordWait)
				}
			}
		}
	}
}

// read starts the program and passes its events on until it ends.
func (r *run) read(ctx context.Context, h *hostRun, host Host) {
	session, err := host.Start(ctx, h.program.Text)
	if err != nil {
		r.said <- said{host: h, end: true, err: err}
		return
	}
	h.stdin = session.Stdin
	h.program.Text = "" // the host has it; with many hosts it is much to keep
	lines := bufio.NewReader(session.Stdout)
	for {
		line, err := lines.ReadString('\n')
		if event, ours := strings.CutPrefix(line, h.nonce+" "); ours {
			r.said <- said{host: h, line: strings.TrimSuffix(event, "\n")}
		}
		if err != nil {
			break
		}
	}
	err = session.Wait()
	var exit *remote.ExitError
	if errors.As(err, &exit) && session.Stderr != nil && strings.TrimSpace(session.Stderr()) != "" {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(session.Stderr()))
	}
	r.said <- said{host: h, end: true, err: err}
}

// line takes in one event of a host's program.
func (r *run) line(h *hostRun, line string) {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "note":
		h.note = append(h.note, rest)
	case "diff":
		h.diff = append(h.diff, rest)
	case "task":
		words := strings.SplitN(rest, " ", 3)
		n, err := strconv.Atoi(words[0])
		if err != nil || len(words) < 2 || n != h.next || n >= len(h.program.steps) {
			return // not an event of ours, whatever it is; the task stays unknown
		}
		r.task(h, Status(words[1]))
	case "passed":
		if n, err := strconv.Atoi(rest); err == nil {
			h.done[n] = true
		}
	case "wait":
		if n, err := strconv.Atoi(rest); err == nil {
			h.waiting = n
		}
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

func (r *run) task(h *hostRun, status Status) {
	s := h.program.steps[h.next]
	e := Event{Kind: KindTask, Host: h.name, Stage: r.plan[s.stage].Name, Task: s.task.Name, Status: status, Took: time.Since(h.began)}
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
		if s.task.Undo != "" {
			h.atRisk = s.task.Name
		}
	}
	h.note, h.diff = nil, nil
	h.next++
	h.began = time.Now()
	r.sink(e)
	r.start(h)
}

// start tells what a host does from now on.
func (r *run) start(h *hostRun) {
	if h.next < len(h.program.steps) {
		s := h.program.steps[h.next]
		r.sink(Event{Kind: KindStart, Host: h.name, Stage: r.plan[s.stage].Name, Task: s.task.Name})
	}
}

// passBarriers lets every waiting host on whose stage may begin, and stops
// those whose stage never can.
func (r *run) passBarriers() {
	for _, name := range r.order {
		h := r.hosts[name]
		if h.waiting < 0 || h.ended {
			continue
		}
		late, never := r.missing(h)
		switch {
		case r.o.Check && len(late) == 0:
			// nothing will have changed: who cannot be asked holds nobody up
			if len(never) > 0 || r.dirtyBefore(h) {
				h.dirty = true
				h.pass(wordDirty)
			} else {
				h.pass(wordGo)
			}
			r.start(h)
		case len(never) > 0:
			h.stopped = fmt.Sprintf("%s did not get through what %s needs first", strings.Join(never, " and "), r.plan[h.waiting].Name)
			h.pass(wordStop)
		case len(late) == 0:
			h.pass(wordGo)
			h.began = time.Now()
			r.start(h)
		default:
			r.sink(Event{Kind: KindHost, Host: h.name, Stage: r.plan[h.waiting].Name, Detail: "waiting for " + strings.Join(late, ", ")})
		}
	}
}

// missing lists the hosts that h's stage waits for: those that are still on
// their way, and those that will not come.
func (r *run) missing(h *hostRun) (late, never []string) {
	for n, stage := range r.plan {
		if !slices.Contains(r.plan[h.waiting].After, stage.Name) {
			continue
		}
		for _, hp := range stage.Hosts {
			other := r.hosts[hp.Host]
			switch {
			case other.done[n], other == h:
			case other.ended:
				never = append(never, hp.Host)
			default:
				late = append(late, hp.Host)
			}
		}
	}
	slices.Sort(late)
	slices.Sort(never)
	return slices.Compact(late), slices.Compact(never)
}

// dirtyBefore tells whether a dry run has found something to change on a host
// that h's stage waits for.
func (r *run) dirtyBefore(h *hostRun) bool {
	for _, stage := range r.plan {
		if slices.Contains(r.plan[h.waiting].After, stage.Name) &&
			slices.ContainsFunc(stage.Hosts, func(hp tasks.HostPlan) bool { return r.hosts[hp.Host].dirty }) {
			return true
		}
	}
	return false
}

func (h *hostRun) pass(word string) {
	h.waiting = -1
	h.send(word)
}

// send never blocks the run for long: a word is six bytes. A connection that
// cannot take it has ended, which its reader will say.
func (h *hostRun) send(word string) { _, _ = io.WriteString(h.stdin, word) }

// end settles what a host's program did not get to.
func (r *run) end(h *hostRun, err error) {
	if h.next == len(h.program.steps) && err == nil {
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
	for ; h.next < len(h.program.steps); h.next++ {
		s := h.program.steps[h.next]
		r.sink(Event{Kind: KindTask, Host: h.name, Stage: r.plan[s.stage].Name, Task: s.task.Name, Status: status, Detail: why})
	}
}
