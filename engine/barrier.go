package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// giveLeave lets hosts begin to change something once all have come or failed
// to, unless one of them is not fit.
func (r *run) giveLeave() {
	var late []string
	for _, h := range r.order {
		if !h.come {
			late = append(late, h.name)
		}
	}
	for _, h := range r.order {
		switch {
		case !h.asks || h.ended:
		case len(r.unfit) > 0:
			h.asks = false
			h.stopped = "nothing is changed as long as this is not fit: " + some(r.unfit)
			h.send(wordStop)
		case len(late) > 0:
			r.waits(h, "", "waiting until all hosts were looked at, before the first change: "+some(late))
		default:
			h.asks = false
			h.send(wordGo)
			r.start(h)
		}
	}
}

// waits tells what a host waits for, once.
func (r *run) waits(h *hostRun, stage, what string) {
	if h.waits != what {
		h.waits = what
		r.sink(Event{Kind: KindHost, Host: h.name, Stage: stage, Detail: what})
	}
}

// some names a few of many.
func some(names []string) string {
	if more := len(names) - 3; more > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), more)
	}
	return strings.Join(names, ", ")
}

// through is how far the hosts are with a stage.
type through struct {
	late, never []string // those on their way, and those that will not come
	touched     bool     // something was changed on one of them
	dirty       bool     // a dry run has found something to change on one of them
}

// add is how far the hosts are with both, but for one host.
func (t through) add(more through, but string) through {
	return through{others(t.late, more.late, but), others(t.never, more.never, but), t.touched || more.touched, t.dirty || more.dirty}
}

// through tells how far the hosts are with a stage.
func (r *run) through(stage string) through {
	var t through
	for _, h := range r.order {
		for _, n := range h.stages {
			switch {
			case h.plan[n].Name != stage:
				continue
			case h.done[n]:
			case h.ended:
				t.never = append(t.never, h.name)
			default:
				t.late = append(t.late, h.name)
			}
			t.touched, t.dirty = t.touched || h.touched, t.dirty || h.dirty
		}
	}
	return t
}

// passBarriers lets every waiting host on whose stage may begin, and stops
// those whose stage never can.
func (r *run) passBarriers() {
	stages := map[string]through{} // those that somebody waits for
	for _, h := range r.order {
		stage := h.barrier()
		if stage < 0 || h.ended {
			continue
		}
		var t through
		for _, name := range h.plan[stage].After {
			if _, known := stages[name]; !known {
				stages[name] = r.through(name)
			}
			t = t.add(stages[name], h.name)
		}
		switch {
		case r.o.Check && len(t.late) == 0:
			// nothing will have changed: who cannot be asked holds nobody up
			if len(t.never) > 0 || t.dirty {
				h.dirty = true
				r.pass(h, wordDirty)
			} else {
				r.pass(h, wordGo)
			}
		case len(t.never) > 0 && !r.o.Check:
			h.stopped = fmt.Sprintf("%s did not get through what %s needs first", strings.Join(t.never, " and "), h.plan[stage].Name)
			r.pass(h, wordStop)
		case len(t.late) == 0 && t.touched && len(h.ahead) > 0:
			r.pass(h, wordAgain)
		case len(t.late) == 0:
			r.pass(h, wordGo)
		default:
			r.waits(h, h.plan[stage].Name, "waiting for "+some(t.late))
		}
	}
}

// barrier is the stage whose barrier a host has not passed, whether it waits
// there or looks ahead; -1: none.
func (h *hostRun) barrier() int {
	if len(h.ahead) > 0 {
		return h.stage(h.ahead[0].rest)
	}
	return h.waiting
}

// pass tells a host the word that it waits for at a barrier. What it has found
// ahead of it counts, up to the next barrier, or is void.
func (r *run) pass(h *hostRun, word string) {
	h.waiting, h.waits = -1, ""
	ahead := h.ahead
	h.ahead = nil
	switch {
	case len(ahead) == 0:
		h.began = time.Now()
		r.start(h)
	case word == wordGo:
		h.looked = true
		for i, l := range ahead[1:] {
			if l.kind == "ahead" {
				h.ahead = ahead[1+i:]
				r.moved = true
				break
			}
			r.line(h, l)
		}
	default:
		h.goingBack = true
		h.began = time.Now()
	}
	h.send(word)
}

// settled tells whether all hosts are through but for programs that have looked
// ahead, found all in place, and end at the word that they were given: a round
// trip that need not be waited for.
func (r *run) settled() bool {
	waiting := false
	for _, h := range r.order {
		if !h.ended && !h.settled() {
			return false
		}
		waiting = waiting || !h.ended
	}
	return waiting
}

func (h *hostRun) settled() bool {
	return h.looked && !h.touched && h.come && h.next == len(h.steps) && len(h.ahead) == 0 && !h.goingBack
}

// others adds names but one to a list, each once.
func others(list, more []string, but string) []string {
	known := len(list)
	for _, name := range more {
		if name != but && !slices.Contains(list[:known], name) {
			list = append(list, name)
		}
	}
	return list
}
