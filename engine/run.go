package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lvsdeploy/lvsdeploy/bound"
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

// said is what one host's reader passes on: how it came, its program, lines, or the end; or
// how the confirmation of a change went.
type said struct {
	host      *hostRun
	entered   *entry
	session   *Session
	quiet     *bound.Silence
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

	busy atomic.Bool // with what came last: nobody is listened to

	unfit []string // hosts that keep all others from changing anything
	moved bool     // something happened that a host may wait for
}

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
		r.busy.Store(false)
		select {
		case s := <-r.said:
			r.busy.Store(true)
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
			case s.session != nil:
				h := s.host
				h.stdin, h.session, h.quiet = s.session.Stdin, s.session, s.quiet
			case s.entered != nil:
				r.entered(s.host, s.entered)
			default:
				for _, l := range s.lines {
					r.heard(ctx, s.host, l)
				}
			}
			s.host.listen()
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
	quiet := session.listen(h.task, r.busy.Load)
	defer quiet.End()
	r.said <- said{host: h, session: session, quiet: quiet}
	err = listen(session, h.nonce, func(lines []line) { r.said <- said{host: h, lines: lines} })
	r.said <- said{host: h, end: true, err: err}
}

// entered takes a host into the run that has come.
func (r *run) entered(h *hostRun, e *entry) {
	h.come, h.host, h.plan, h.stages, h.steps = true, e.host, e.plan, stagesOf(e.plan, h.name), e.steps
	h.began = time.Now()
	r.moved = true
	r.start(h)
}
