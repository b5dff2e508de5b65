package sim

import (
	"maps"
	"slices"
	"time"
)

// revert is what a host has on its disk while a change waits to be confirmed.
type revert struct {
	nonce    string
	undo     map[string]string // what each key was
	deadline time.Time
	back     bool // it has begun going back
}

// arm has a host take its next change back by itself.
func (p *program) arm(s *spec) bool {
	h := p.h
	done := false
	h.w.do(func() {
		if h.full {
			return
		}
		if !p.armed {
			h.revert = &revert{nonce: p.nonce, undo: map[string]string{}, deadline: time.Now().Add(h.w.patience)}
			p.armed = true
			go h.timer(h.revert, h.epoch)
		}
		done = true
	})
	if !done {
		return false
	}
	p.sleep(p.look())
	h.w.do(func() {
		if !p.stillArmed() {
			done = false
			return
		}
		h.revert.deadline = time.Now().Add(h.w.patience)
		if _, known := h.revert.undo[s.key]; !known {
			h.revert.undo[s.key] = h.disk[s.key]
		}
	})
	if !done {
		p.exit(75)
	}
	return true
}

func (p *program) stillArmed() bool {
	r := p.h.revert
	return r != nil && r.nonce == p.nonce && !r.back
}

// timer takes a change back when its time has come.
func (h *host) timer(r *revert, epoch int) {
	gone := func() bool { return h.epoch != epoch || h.revert != r }
	for {
		time.Sleep(time.Second + h.freeze())
		over, due := false, false
		h.w.do(func() {
			if over = gone(); over {
				return
			}
			// a change that is being made is waited for: it would come afterwards
			if due = !time.Now().Before(r.deadline) && h.applying == nil; due {
				r.back = true
				h.w.say("%s: goes back", h.name)
			}
		})
		if over {
			return
		}
		if due {
			break
		}
	}
	time.Sleep(100 * time.Millisecond)
	h.w.do(func() {
		if !gone() {
			h.restore(r)
		}
	})
}

// restore is what going back does.
func (h *host) restore(r *revert) {
	for _, key := range slices.Sorted(maps.Keys(r.undo)) {
		h.put(key, r.undo[key])
	}
	h.reverted, h.revert = r.nonce, nil
	h.wentBack[r.nonce] = true
}

// put sets a value now and for the next boot.
func (h *host) put(key, value string) {
	for _, where := range []map[string]string{h.disk, h.live} {
		if where[key] = value; value == "" {
			delete(where, key)
		}
	}
	if !h.cutOff() {
		h.cutSince = time.Time{}
	}
}

// unconfirmed takes back what a run that broke off has left.
func (p *program) unconfirmed() {
	h := p.h
	for {
		left := false
		h.w.do(func() {
			if r := h.revert; r != nil && h.applying == nil {
				h.w.say("%s: %s takes back what nobody has confirmed", h.name, p.who)
				h.restore(r)
			}
			left = h.revert != nil
		})
		if !left {
			return
		}
		p.sleep(200 * time.Millisecond)
	}
}

// confirmation is what a host answers when it is asked over a new connection.
func (h *host) confirmation(nonce string) string {
	switch r := h.revert; {
	case h.applying != nil: // what it brings is not known yet
		return ""
	case r != nil && r.nonce == nonce && !r.back:
		h.revert = nil
		return "confirmed\n"
	case r != nil:
		return ""
	case h.reverted == nonce:
		return "reverted\n"
	}
	return "nothing\n"
}
