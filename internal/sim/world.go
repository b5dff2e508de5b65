// Package sim holds the engine against a model of what its programs do on
// hosts, with faults drawn from a seed, on a clock of its own. The engine is
// the real one; the shell programs, the hosts and the connections between are
// modelled. It imports engine, tasks and remote (for the error of a program
// that fails).
package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// world is one simulated cluster. Everything in it is guarded by mu; whoever
// sleeps does so without it.
type world struct {
	mu    sync.Mutex
	seed  uint64
	start time.Time
	hosts map[string]*host
	story []string
	wrong []string // what must not have happened

	patience time.Duration // the confirm timeout of every run
	alone    bool          // no second operator: what a barrier promises can be checked
}

// say adds a line to the story of the run, which a failing seed prints.
func (w *world) say(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf("%9.3f  ", time.Since(w.start).Seconds())+fmt.Sprintf(format, args...))
}

// broken notes that something happened that must not.
func (w *world) broken(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.wrong = append(w.wrong, text)
	w.say("WRONG: %s", text)
}

// do runs f with the world to itself.
func (w *world) do(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// host is one machine. What is on its disk outlives a power cut.
type host struct {
	w    *world
	name string

	// on disk
	disk     map[string]string // what the next boot brings, by key
	manifest map[string]bool
	owed     map[string]bool
	revert   *revert
	reverted string          // the nonce of the run whose change was taken back last
	wentBack map[string]bool // the nonces of all of them

	// gone with a power cut
	epoch    int // one more with each power cut: programs of an earlier one are dead
	up       bool
	live     map[string]string
	loaded   map[string]string // what each running service has read
	lock     *program
	applying *program // a change that a revert has to wait for
	frozen   time.Time

	full     bool // no room for the state
	cutSince time.Time
	sessions int
}

// cutOff: has a change cut this host off from every workstation?
func (h *host) cutOff() bool {
	for _, v := range h.live {
		if v == bad {
			return true
		}
	}
	return false
}

// bad is the value of a thing that cuts a host off.
const bad = "bad"

// files are what a service reads, as it stands on the disk.
func (h *host) files(service string, plan *plan) string {
	var b strings.Builder
	for _, s := range plan.specs {
		if s.notify == service {
			fmt.Fprintf(&b, "%s=%s ", s.key, h.disk[s.key])
		}
	}
	return b.String()
}

// powerCut takes a host down; what has not reached the disk is gone.
func (h *host) powerCut() {
	h.w.say("%s: power cut", h.name)
	h.epoch++
	h.up, h.lock, h.applying = false, nil, nil
}

// boot brings a host up again, with what its disk says.
func (h *host) boot(plan *plan) {
	if r := h.revert; r != nil {
		h.w.say("%s: boots, and takes back what was not confirmed", h.name)
		h.restore(r)
	} else {
		h.w.say("%s: boots", h.name)
	}
	h.up = true
	h.live = maps.Clone(h.disk)
	for service := range h.loaded {
		h.loaded[service] = h.files(service, plan)
	}
}

// order lists the hosts by name, so that a seed always does the same.
func (w *world) order() []*host {
	var all []*host
	for _, name := range slices.Sorted(maps.Keys(w.hosts)) {
		all = append(all, w.hosts[name])
	}
	return all
}
