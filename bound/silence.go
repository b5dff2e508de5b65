package bound

import (
	"sync"
	"time"
)

// steps is in how many steps silence is measured.
const steps = 8

// Silence runs out when nothing was heard for a time; nil never does. Time for which this
// process itself stood still (a laptop asleep, ^Z) counts one step at most:
// what came meanwhile is read first.
type Silence struct {
	limit time.Duration
	over  func() bool

	mu     sync.Mutex
	timer  *time.Timer
	left   int
	paused bool
	ended  bool
	ranOut bool
}

// NewSilence begins to listen. When the time has run out, over is called once,
// in a goroutine of its own; if it returns false, the time begins anew.
func NewSilence(limit time.Duration, over func() bool) *Silence {
	s := &Silence{limit: limit, over: over, left: steps}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(limit/steps, s.step)
	return s
}

func (s *Silence) step() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.paused {
		return
	}
	if s.left--; s.left <= 0 {
		s.ranOut = true // before over, which may be what whoever calls End waits for
		s.mu.Unlock()
		over := s.over()
		s.mu.Lock()
		if s.ended = s.ended || over; s.ended {
			return
		}
		s.ranOut, s.left = false, steps
		if s.paused {
			return
		}
	}
	s.timer.Reset(s.limit / steps)
}

// Heard has the time begin anew.
func (s *Silence) Heard() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.left = steps + 1 // the step that is under way counts for none
	s.mu.Unlock()
}

// Pause stops the time while nothing need be said; it begins anew with Resume.
func (s *Silence) Pause() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.paused && !s.ended {
		s.paused = true
		s.timer.Stop()
	}
}

// Resume is the end of a Pause; without one, it does nothing.
func (s *Silence) Resume() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused && !s.ended {
		s.paused, s.left = false, steps
		s.timer.Reset(s.limit / steps)
	}
}

// End ends it, and reports whether the time had run out.
func (s *Silence) End() (ranOut bool) {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.timer.Stop()
	return s.ranOut
}
