package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/remote"
)

// What package remote does about a connection that has gone silent.
const lostAfter = 15 * time.Second

var (
	errLost        = errors.New("the connection was lost")
	errUnreachable = errors.New("no route to host")
)

// operator is whoever runs lvsdeploy somewhere.
type operator struct {
	w      *world
	name   string
	killed bool                 // with SIGKILL: its connections are closed, and it says no more
	over   bool                 // its run has ended
	silent map[string]time.Time // until when nothing passes to and from a host

	programs []*program // those that it has started
}

// reaches: do packets pass between an operator and a host now?
func (o *operator) reaches(h *host) bool {
	return h.up && !h.cutOff() && !o.killed && !time.Now().Before(h.frozen) && !time.Now().Before(o.silent[h.name])
}

// session is one program over one connection.
type session struct {
	o  *operator
	h  *host
	up chan string // what the program says, on its way
	to chan string // words, on their way

	out   chan string // what has come
	words chan string

	once   sync.Once
	gone   chan struct{} // the workstation takes the connection for lost, or has closed it
	err    error         // why
	closed chan struct{} // the host knows that the other side is gone
	shut   sync.Once
	done   chan struct{} // the program has ended
	code   int
	rest   string
}

func (o *operator) session(ctx context.Context, h *host, name string) *session {
	c := &session{o: o, h: h, up: make(chan string, 1<<12), to: make(chan string, 1<<12), out: make(chan string), words: make(chan string),
		gone: make(chan struct{}), closed: make(chan struct{}), done: make(chan struct{})}
	go c.carry(c.up, c.out, newDice(h.w.seed, name+" up"))
	go c.carry(c.to, c.words, newDice(h.w.seed, name+" to"))
	go c.watch(ctx)
	return c
}

// carry brings what is sent from one end to the other.
func (c *session) carry(from, to chan string, d *dice) {
	for {
		var s string
		var open bool
		select {
		case s, open = <-from:
		case <-c.gone:
			return
		}
		if !open {
			c.reachable()
			close(to)
			return
		}
		time.Sleep(d.between(200*time.Microsecond, 20*time.Millisecond))
		if !c.reachable() {
			return
		}
		select {
		case to <- s:
		case <-c.gone:
			return
		}
	}
}

// reachable waits until packets pass; false: the connection is gone before.
func (c *session) reachable() bool {
	for {
		ok := false
		c.o.w.do(func() { ok = c.o.reaches(c.h) })
		if ok {
			return true
		}
		select {
		case <-c.gone:
			return false
		case <-time.After(97 * time.Millisecond):
		}
	}
}

// watch gives a silent connection up, on both sides in their time.
func (c *session) watch(ctx context.Context) {
	since := time.Now()
	for {
		select {
		case <-c.gone:
		case <-ctx.Done():
			c.end(ctx.Err())
		case <-time.After(101 * time.Millisecond):
			ok, killed := false, false
			c.o.w.do(func() { ok, killed = c.o.reaches(c.h), c.o.killed })
			switch {
			case killed:
				c.end(errLost)
			case ok:
				since = time.Now()
			case time.Since(since) > lostAfter:
				c.end(errLost)
			}
			continue
		}
		break
	}
	// the host hears of it when packets pass again
	for range 3000 {
		heard := false
		c.o.w.do(func() { heard = c.h.up && !c.h.cutOff() && !time.Now().Before(c.o.silent[c.h.name]) })
		if heard {
			c.shut.Do(func() { close(c.closed) })
			return
		}
		select {
		case <-c.done:
			return
		case <-time.After(99 * time.Millisecond):
		}
	}
}

func (c *session) end(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.gone)
	})
}

// tell is the program's standard output; false: nobody listens any more.
func (c *session) tell(text string) bool {
	select {
	case <-c.closed:
		return false
	default:
	}
	select {
	case c.up <- text:
	default:
	}
	return true
}

// hear is the program's standard input.
func (c *session) hear(limit time.Duration) (string, bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case word, open := <-c.words:
		return word, open
	case <-c.closed:
		return "", false
	case <-timer.C:
		return "", false
	}
}

// ended is the program's exit.
func (c *session) ended(code int) {
	c.code = code
	close(c.up)
	close(c.done)
}

// Read is the engine's side of standard output.
func (c *session) Read(b []byte) (int, error) {
	for c.rest == "" {
		select {
		case s, open := <-c.out:
			if !open {
				return 0, io.EOF
			}
			c.rest = s
		case <-c.gone:
			return 0, c.err
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write is the engine's side of standard input.
func (c *session) Write(b []byte) (int, error) {
	select {
	case <-c.gone:
		return 0, c.err
	case <-c.done:
		return 0, io.EOF
	case c.to <- string(b):
		return len(b), nil
	}
}

func (c *session) Close() error { return nil }

// wait is how the program ended, as the engine learns of it.
func (c *session) wait() error {
	select {
	case <-c.gone:
		return c.err
	default:
	}
	select {
	case <-c.gone:
		return c.err
	case <-c.done:
	}
	defer c.end(io.EOF)
	if c.code != 0 {
		return &remote.ExitError{Host: c.h.name, Code: c.code}
	}
	return nil
}

// connection is a host as the engine sees it.
type connection struct {
	o     *operator
	h     *host
	plan  *plan
	check bool
}

// Start implements engine.Host.
func (k connection) Start(ctx context.Context, text string) (*engine.Session, error) {
	nonce := quoted(text, "nonce=")
	var name string
	k.h.w.do(func() {
		k.h.sessions++
		name = fmt.Sprintf("%s %s %d", k.o.name, k.h.name, k.h.sessions)
	})
	d := newDice(k.h.w.seed, name)
	c := k.o.session(ctx, k.h, name)
	time.Sleep(d.between(time.Millisecond, 50*time.Millisecond))
	if !c.reachable() {
		return nil, c.err
	}
	if k.plan == nil { // a confirmation
		k.h.w.do(func() {
			answer := k.h.confirmation(nonce)
			k.h.w.say("%s: asked whether the change is confirmed: %q", k.h.name, answer)
			c.tell(answer)
		})
		c.ended(0)
	} else {
		p := &program{h: k.h, plan: k.plan, who: k.o.name, nonce: nonce, check: k.check, epoch: k.h.epoch, dice: d, c: c}
		k.h.w.do(func() { k.o.programs = append(k.o.programs, p) })
		go p.run()
	}
	return &engine.Session{Stdin: c, Stdout: c, Wait: c.wait, Stderr: func() string { return "" }}, nil
}

// quoted is the value that a program gives a variable.
func quoted(text, variable string) string {
	_, after, _ := strings.Cut(text, variable)
	value, _, _ := strings.Cut(after, "\n")
	return strings.Trim(value, "'")
}
