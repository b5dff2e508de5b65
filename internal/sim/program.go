package sim

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// program is the model of what engine.Compile makes: engine/prelude/*.sh, with
// the same names, as far as the engine can tell the difference.
type program struct {
	h     *host
	plan  *plan
	who   string
	nonce string
	check bool
	epoch int
	dice  *dice
	c     *session

	held    []string
	unsure  []int // the stages whose barriers it has passed without a word
	goBack  int   // the stage where it goes on; -1: none
	resting bool
	word    string
	passes  int
	changed bool
	allowed bool
	armed   bool
	dirty   bool
	due     map[string]bool
	settled map[string]bool

	applied map[int]bool // tasks that this program has made so
	early   map[int]bool // proofs that it has made before what they are to prove was there
	code    int
}

// exit ends the program.
func (p *program) exit(code int) {
	p.code = code
	runtime.Goexit()
}

// run is the program from its first line to its last.
func (p *program) run() {
	p.goBack = -1
	p.early = map[int]bool{}
	p.applied, p.due, p.settled = map[int]bool{}, map[string]bool{}, map[string]bool{}
	defer func() {
		p.h.w.do(func() {
			if p.h.epoch != p.epoch {
				return
			}
			if p.h.lock == p {
				p.h.lock = nil
			}
			if p.h.applying == p {
				p.h.applying = nil
			}
			p.h.w.say("%s: program of %s ends with %d", p.h.name, p.who, p.code)
		})
		p.c.ended(p.code)
	}()
	if !p.check {
		p.begin()
	}
	stages := p.stages()
	for !p.through() {
		for _, n := range stages {
			if p.goBack < 0 || p.goBack == n {
				p.stage(n)
			}
		}
	}
	if !p.check {
		p.remember()
	}
	p.event("end")
}

func (p *program) stages() []int {
	var list []int
	for n, st := range p.plan.stages {
		for _, hp := range st.Hosts {
			if hp.Host == p.h.name {
				list = append(list, n)
			}
		}
	}
	return list
}

func (p *program) stage(n int) {
	st := p.plan.stages[n]
	if len(st.After) > 0 {
		p.barrier(n)
	}
	all := p.plan.of(p.h.name)
	for i, s := range all {
		if s.stage != st.Name {
			continue
		}
		switch s.kind {
		case proof:
			p.proof(i, s)
		case handler:
			p.handler(i, s)
		default:
			p.task(i, s)
		}
		next := i+1 < len(all) && all[i+1].stage == st.Name && all[i+1].kind == revertible
		if s.kind == revertible && !next && !p.check {
			p.confirm()
		}
	}
	if p.goBack < 0 {
		p.later("passed %d", n)
	}
}

// sleep is time that passes on the host, which may be frozen or lose power
// meanwhile.
func (p *program) sleep(d time.Duration) {
	time.Sleep(d + p.h.freeze())
	p.dead()
}

// freeze is how long the host stands still from now on.
func (h *host) freeze() (d time.Duration) {
	h.w.do(func() { d = max(0, time.Until(h.frozen)) })
	return d
}

// dead ends a program whose host has lost power.
func (p *program) dead() {
	gone := false
	p.h.w.do(func() { gone = p.h.epoch != p.epoch })
	if gone {
		p.exit(137)
	}
}

func (p *program) look() time.Duration {
	return p.dice.between(time.Millisecond, 30*time.Millisecond)
}

// event tells whoever runs this; where nobody listens any more, it stops.
// result is one for each task.
// hear waits for the next word.
// begin takes the lock: one run at a time on a host.
// rest gives the lock back while only the word of others is waited for.
// untouched: was the cluster deployed here, and nothing changed in this run?
// sure: does what was looked at ahead count?
func (p *program) fail(n int, s *spec, why string) {
	p.later("note %s", why)
	p.result(n, "failed", s)
	p.confirm()
	p.event("end")
	p.exit(1)
}

// inPlace: is it so, now and for the next boot?
func (p *program) inPlace(s *spec) (yes bool) {
	p.sleep(p.look())
	p.h.w.do(func() {
		if s.kind == starter {
			_, yes = p.h.loaded[s.service]
			return
		}
		yes = p.h.disk[s.key] == s.want && p.h.live[s.key] == s.want
	})
	return yes
}

func (p *program) task(n int, s *spec) {
	if p.goBack >= 0 {
		return
	}
	if p.inPlace(s) {
		p.result(n, "ok", s)
		return
	}
	if p.check {
		p.would(n, s)
		return
	}
	if !p.sure() {
		return
	}
	p.leave()
	if full := p.remembers(s); full {
		p.fail(n, s, "no room")
	}
	if s.kind == revertible && !p.arm(s) {
		p.fail(n, s, "no room")
	}
	p.apply(n, s)
	p.result(n, "changed", s)
	p.changed = true
}

// remembers writes down what is ours and what is owed, before the change.
func (p *program) remembers(s *spec) (full bool) {
	h := p.h
	h.w.do(func() {
		if full = h.full; full {
			return
		}
		for _, owned := range s.task().Owns {
			h.manifest[owned] = true
		}
		if s.notify != "" {
			h.owed[s.notify] = true
		}
	})
	return full
}

// apply makes it so.
func (p *program) apply(n int, s *spec) {
	h := p.h
	p.told()
	started := false
	h.w.do(func() {
		if s.kind == revertible {
			if !p.stillArmed() {
				return
			}
			h.applying = p
		}
		started = true
		p.allAtOnce()
		p.promised(s)
	})
	if !started {
		p.exit(75)
	}
	p.sleep(p.dice.between(s.slow/2, s.slow+1))
	h.w.do(func() {
		p.allAtOnce()
		switch s.kind {
		case starter, handler:
			h.loaded[s.service] = h.files(s.service, p.plan)
			delete(h.owed, s.service)
		default:
			h.put(s.key, s.want)
		}
		p.applied[n] = true
		h.w.say("%s: %s: %s = %s", h.name, p.who, s.name, s.want)
		if h.applying == p {
			h.applying = nil
			if p.stillArmed() { // however long it took, the workstation has its time
				h.revert.deadline = time.Now().Add(h.w.patience)
			}
		}
	})
}

// allAtOnce: two runs that change one host at once are what the lock is for.
func (p *program) allAtOnce() {
	if p.check {
		p.h.w.broken("a dry run changes %s", p.h.name)
	}
	if p.h.lock != p && p.h.epoch == p.epoch {
		p.h.w.broken("%s changes %s without its lock", p.who, p.h.name)
	}
}

// promised holds a change against what its stage's barrier promises.
func (p *program) promised(s *spec) {
	w := p.h.w
	if !w.alone || p.c.o.over { // another version may be there by now
		return
	}
	if missing := p.missing(s); missing != "" {
		w.broken("%s makes %q, and not yet has %s", p.h.name, s.name, missing)
	}
}

// missing is what is not there of that which the stage of a task waits for.
func (p *program) missing(s *spec) string {
	for _, st := range p.plan.stages {
		if st.Name != s.stage {
			continue
		}
		for _, before := range st.After {
			for _, name := range p.plan.hostsIn(before) {
				for _, other := range p.plan.of(name) {
					made := other.kind == ordinary || other.kind == revertible
					if name != p.h.name && made && p.h.w.hosts[name].disk[other.key] != other.want {
						return fmt.Sprintf("%s %q", name, other.name)
					}
					if other.stage == before {
						break
					}
				}
			}
		}
	}
	return ""
}

func (p *program) proof(n int, s *spec) {
	if p.goBack >= 0 {
		return
	}
	if p.check && (p.dirty || p.word == "dirty") {
		p.result(n, "skipped", s)
		return
	}
	p.sleep(p.look())
	p.h.w.do(func() { p.early[n] = p.missing(s) != "" })
	if !p.proven(s) {
		if p.check {
			p.result(n, "failed", s)
			return
		}
		if p.sure() {
			p.fail(n, s, "it does not serve")
		}
		return
	}
	p.result(n, "ok", s)
}

// proven: web servers serve once what they need is there; the director is
// content when all that its stage waits for is.
func (p *program) proven(s *spec) (yes bool) {
	p.h.w.do(func() {
		_, yes = p.h.loaded["httpd"]
		yes = yes || p.h.name == "director"
	})
	return yes
}

func (p *program) handler(n int, s *spec) {
	if p.goBack >= 0 {
		return
	}
	owed := false
	p.h.w.do(func() { owed = p.h.owed[s.service] })
	if p.check {
		switch {
		case p.due[s.service]:
			p.would(n, s)
		case p.settled[s.service], !owed:
			p.result(n, "ok", s)
		default:
			p.would(n, s)
		}
		return
	}
	if !owed {
		p.result(n, "ok", s)
		return
	}
	if !p.sure() {
		return
	}
	p.leave()
	p.apply(n, s)
	p.result(n, "changed", s)
	p.changed = true
}

func (p *program) would(n int, s *spec) {
	p.dirty = true
	if s.notify != "" {
		p.due[s.notify] = true
	}
	if s.kind == starter {
		delete(p.due, s.service)
		p.settled[s.service] = true
	}
	p.result(n, "would-change", s)
}

func (p *program) confirm() {
	if !p.armed {
		return
	}
	still := false
	p.h.w.do(func() {
		if still = p.stillArmed(); still {
			p.h.revert.deadline = time.Now().Add(p.h.w.patience)
		}
	})
	if !still {
		p.exit(75)
	}
	p.event("confirm")
	p.hear()
	p.armed = false
}

// remember: ours is what the plan owns and the manifest has.
func (p *program) remember() {
	if p.resting {
		taken := p.take()
		if !taken {
			return
		}
	}
	p.h.w.do(func() {
		var wanted []string
		for _, s := range p.plan.of(p.h.name) {
			wanted = append(wanted, s.task().Owns...)
		}
		for owned := range p.h.manifest {
			if !slices.Contains(wanted, owned) {
				delete(p.h.manifest, owned)
			}
		}
	})
}
