package sim

import (
	"fmt"
	"strings"
	"time"
)

// What a program and the workstation say to each other, the lock, and looking
// ahead.

func (p *program) later(format string, args ...any) {
	p.held = append(p.held, fmt.Sprintf(format, args...))
}

func (p *program) event(format string, args ...any) {
	p.later(format, args...)
	p.told()
}

func (p *program) told() {
	var b strings.Builder
	for _, line := range p.held {
		b.WriteString(p.nonce + " " + line + "\n")
	}
	p.held = nil
	if b.Len() > 0 && !p.c.tell(b.String()) {
		p.exit(75)
	}
}

func (p *program) result(n int, status string, s *spec) {
	if status == "ok" {
		p.later("task %d ok %s", n, s.name)
	} else {
		p.event("task %d %s %s", n, status, s.name)
	}
}

func (p *program) hear() {
	for {
		limit := 150 * time.Second
		if p.resting {
			limit = 1000 * time.Hour
		}
		word, heard := p.c.hear(limit)
		p.dead()
		if !heard {
			p.exit(75)
		}
		switch p.word = strings.TrimSpace(word); p.word {
		case "go", "dirty", "again":
			return
		case "wait":
		default:
			p.exit(75)
		}
	}
}

func (p *program) begin() {
	p.hold()
	p.unconfirmed()
}

func (p *program) hold() {
	for tries := 0; !p.take(); tries++ {
		if tries >= 20 {
			p.event("locked")
			p.exit(1)
		}
		p.event("busy")
		p.sleep(time.Second)
	}
}

func (p *program) take() (taken bool) {
	p.h.w.do(func() {
		if taken = p.h.lock == nil || p.h.lock == p; taken {
			p.h.lock = p
		}
	})
	return taken
}

func (p *program) rest() {
	p.h.w.do(func() {
		if p.h.lock == p {
			p.h.lock = nil
		}
	})
	p.resting = true
}

func (p *program) through() bool {
	if p.passes++; p.passes == 1 {
		return false
	}
	if p.goBack < 0 {
		if len(p.unsure) == 0 {
			return true
		}
		p.told()
		p.rest()
		if p.sure() {
			return true
		}
	}
	p.event("back %d", p.goBack)
	if p.resting {
		p.resting = false
		if !p.check {
			p.hold()
		}
	}
	return false
}

func (p *program) untouched() (yes bool) {
	p.h.w.do(func() { yes = len(p.h.manifest) > 0 })
	if p.check {
		return yes && !p.dirty
	}
	return yes && !p.allowed
}

func (p *program) barrier(n int) {
	switch {
	case p.goBack == n:
		p.goBack = -1
	case p.goBack >= 0:
	case p.untouched():
		p.later("ahead %d", n)
		p.unsure = append(p.unsure, n)
	case p.sure():
		p.event("wait %d", n)
		p.hear()
	}
}

func (p *program) sure() bool {
	if len(p.unsure) == 0 {
		return true
	}
	p.told()
	for len(p.unsure) > 0 {
		p.hear()
		if p.word == "again" || p.word == "dirty" {
			p.goBack, p.unsure = p.unsure[0], nil
			return false
		}
		p.unsure = p.unsure[1:]
	}
	return true
}

func (p *program) leave() {
	if !p.allowed {
		p.event("leave")
		p.hear()
		p.allowed = true
	}
}
