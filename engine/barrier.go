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
	dirty       bool     // a dry run has found something to change on one of them
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
			t.dirty = t.dirty || h.dirty
		}
	}
	return t
}

// passBarriers lets every waiting host on whose stage may begin, and stops
// those whose stage never can.
func (r *run) passBarriers() {
	stages := map[string]through{} // those that somebody waits for
	for _, h := range r.order {
		if h.waiting < 0 || h.ended {
			continue
		}
		var late, never []string
		dirty := false
		for _, name := range h.plan[h.waiting].After {
			t, known := stages[name]
			if !known {
				t = r.through(name)
				stages[name] = t
			}
			late, never, dirty = others(late, t.late, h.name), others(never, t.never, h.name), dirty || t.dirty
		}
		switch {
		case r.o.Check && len(late) == 0:
			// nothing will have changed: who cannot be asked holds nobody up
			if len(never) > 0 || dirty {
				h.dirty = true
				h.pass(wordDirty)
			} else {
				h.pass(wordGo)
			}
			r.start(h)
		case len(never) > 0:
			h.stopped = fmt.Sprintf("%s did not get through what %s needs first", strings.Join(never, " and "), h.plan[h.waiting].Name)
			h.pass(wordStop)
		case len(late) == 0:
			h.pass(wordGo)
			h.began = time.Now()
			r.start(h)
		default:
			r.waits(h, h.plan[h.waiting].Name, "waiting for "+some(late))
		}
	}
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

func (h *hostRun) pass(word string) {
	h.waiting, h.waits = -1, ""
	h.send(word)
}
