package sim

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// simulate plays the world of a seed: some runs with faults, then, with the
// faults over, one that has to converge and one that has to find nothing to do.
func simulate(seed uint64) *world {
	d := newDice(seed, "world")
	w := &world{seed: seed, start: time.Now(), hosts: map[string]*host{}, patience: d.between(4*time.Second, 30*time.Second).Round(time.Second)}
	sh := &shape{webs: 1 + d.IntN(3), nfs: d.oneIn(2), slow: map[string]time.Duration{}}
	for _, s := range sh.at(1, "").specs {
		if s.key != "" && d.oneIn(6) {
			sh.slow[s.host+" "+s.key] = d.between(time.Second, 8*time.Second)
		}
		if s.key != "" && d.oneIn(40) {
			sh.slow[s.host+" "+s.key] = 3 * w.patience
		}
		if w.hosts[s.host] == nil {
			w.hosts[s.host] = &host{w: w, name: s.host, up: true, disk: map[string]string{}, live: map[string]string{},
				manifest: map[string]bool{}, owed: map[string]bool{}, wentBack: map[string]bool{}, loaded: map[string]string{}}
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { w.watch(ctx, sh) })
	version := 0
	if d.oneIn(2) { // deployed before anything happens
		version++
		w.play(&deployment{op: w.operator("before"), plan: sh.at(version, "")})
	}
	runs := 1 + d.IntN(3)
	w.alone = runs == 1 || d.oneIn(2)
	var all sync.WaitGroup
	for n := range runs {
		if !d.oneIn(4) {
			version++
		}
		if version == 0 {
			version = 1
		}
		cuts := ""
		if d.oneIn(4) {
			cuts = w.pick(d, sh)
		}
		r := &deployment{op: w.operator(fmt.Sprintf("run%d", n+1)), plan: sh.at(version, cuts), check: d.oneIn(5)}
		faults := newDice(seed, r.op.name+" faults")
		w.atTheDoor(r, faults, sh)
		all.Go(func() { w.disturb(r, faults, sh) })
		if all.Go(func() { w.play(r) }); w.alone {
			all.Wait()
		} else {
			time.Sleep(d.between(0, 20*time.Second))
		}
	}
	all.Wait()
	w.heal(sh)
	// whoever waits for a word gives up in this time, and goes back in that
	time.Sleep(6*time.Minute + 4*w.patience)
	w.alone = true
	version++
	last := sh.at(version, "")
	w.play(&deployment{op: w.operator("last"), plan: last, whole: true})
	w.play(&deployment{op: w.operator("again"), plan: last, whole: true, nothing: true})
	stop()
	watching.Wait()
	time.Sleep(10 * time.Minute) // all that was left running ends
	return w
}

func (w *world) operator(name string) *operator {
	return &operator{w: w, name: name, silent: map[string]time.Time{}}
}

// pick is a revertible thing, whose new value will cut its host off.
func (w *world) pick(d *dice, sh *shape) string {
	var risky []string
	for _, s := range sh.at(1, "").specs {
		if s.kind == revertible {
			risky = append(risky, s.host+" "+s.key)
		}
	}
	return risky[d.IntN(len(risky))]
}

// deployment is one run of an operator.
type deployment struct {
	op      *operator
	plan    *plan
	check   bool
	whole   bool // nothing disturbs it: it has to succeed
	nothing bool // and has nothing to do
	refuse  map[string]bool
	unfit   map[string]bool
	kept    string // the host that keeps this run from changing anything
	late    map[string]time.Duration
	cancel  context.CancelFunc
	stopped bool // it was interrupted
}

// play runs the engine.
func (w *world) play(r *deployment) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	w.do(func() {
		r.cancel = cancel
		w.say("%s begins (check %v)", r.op.name, r.check)
	})
	var events []engine.Event
	engine.Run(ctx, "shop", r.plan.stages, func(ctx context.Context, name string) (engine.Host, tasks.Plan, error) {
		return r.enter(ctx, w, name)
	}, engine.Options{
		Check: r.check, Who: r.op.name, Label: func(h string) string { return h }, ConfirmTimeout: w.patience,
		Dial: func(ctx context.Context, name string) (engine.Host, func(), error) {
			h := w.hosts[name]
			if !w.reach(ctx, r.op, h, 10*time.Second) {
				return nil, nil, errUnreachable
			}
			return connection{o: r.op, h: h}, func() {}, nil
		},
	}, func(e engine.Event) {
		events = append(events, e)
		switch e.Kind {
		case engine.KindTask:
			w.do(func() { w.say("%s hears: %s: %s: %s %s", r.op.name, e.Host, e.Task, e.Status, e.Detail) })
		case engine.KindError:
			w.do(func() { w.say("%s hears: %s: error %v (exit %d)", r.op.name, e.Host, e.Err, e.Exit) })
		}
	})
	w.do(func() {
		r.op.over = true
		w.say("%s ends", r.op.name)
		if context.Cause(ctx) == context.DeadlineExceeded {
			w.broken("%s has not ended after 30 minutes", r.op.name)
		}
		if !r.op.killed {
			w.judge(r, events)
		}
	})
}

func (r *deployment) enter(ctx context.Context, w *world, name string) (engine.Host, tasks.Plan, error) {
	var late time.Duration
	refused := false
	w.do(func() { late, refused = r.late[name], r.refuse[name] })
	time.Sleep(late)
	h := w.hosts[name]
	if refused || !w.reach(ctx, r.op, h, 10*time.Second) {
		return nil, nil, errUnreachable
	}
	unfit := false
	w.do(func() {
		if unfit = r.unfit[name]; unfit {
			r.kept = name
		}
	})
	if unfit {
		return nil, nil, engine.ErrUnfit
	}
	return connection{o: r.op, h: h, plan: r.plan, check: r.check}, r.plan.stages, nil
}

// reach waits until an operator reaches a host.
func (w *world) reach(ctx context.Context, o *operator, h *host, limit time.Duration) bool {
	for end := time.Now().Add(limit); ; time.Sleep(103 * time.Millisecond) {
		ok := false
		w.do(func() { ok = o.reaches(h) })
		if ok || ctx.Err() != nil || time.Now().After(end) {
			return ok && ctx.Err() == nil
		}
	}
}

// heal ends all faults.
func (w *world) heal(sh *shape) {
	w.do(func() {
		w.say("the faults are over")
		for _, h := range w.order() {
			h.full = false
			if !h.up {
				h.boot(sh.at(1, ""))
			}
		}
	})
}

// owns tells whether a manifest holds what belongs to a key.
func (h *host) owns(key string) bool { return h.manifest["file /"+key] }

// keys lists what a host has, in order.
func (h *host) keys() []string {
	var keys []string
	for k := range h.disk {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
