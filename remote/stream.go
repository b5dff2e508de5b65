package remote

import (
	"io"
	"sync"

	"github.com/lvsdeploy/lvsdeploy/bound"
)

// inbox is what a program has written and nobody has read yet. Unlike a pipe it
// never has the program's side wait: what waits in a channel in small packets
// takes a hundred times the memory of its bytes.
type inbox struct {
	mu     sync.Mutex
	came   sync.Cond
	unread []byte
	err    error // at the end
	gone   bool  // nobody reads any more
}

func newInbox() *inbox {
	b := &inbox{}
	b.came.L = &b.mu
	return b
}

// Read implements io.Reader.
func (b *inbox) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.unread) == 0 && b.err == nil && len(p) > 0 {
		b.came.Wait()
	}
	if len(b.unread) == 0 && len(p) > 0 {
		return 0, b.err
	}
	n := copy(p, b.unread)
	if b.unread = b.unread[n:]; len(b.unread) == 0 {
		b.unread = nil
	}
	return n, nil
}

// put adds data; false: it is more than may be unread.
func (b *inbox) put(data []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return true
	}
	b.unread = append(b.unread, data...)
	b.came.Broadcast()
	return len(b.unread) <= bound.Unread
}

// end has readers get err, nil is io.EOF, after what is unread. The first end counts.
func (b *inbox) end(err error) {
	if err == nil {
		err = io.EOF
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
		b.came.Broadcast()
	}
}

// abort is end without what is unread.
func (b *inbox) abort(err error) {
	b.mu.Lock()
	b.gone, b.unread = true, nil
	b.mu.Unlock()
	b.end(err)
}

// outbox is what is still to be written to a program. Whoever writes does not
// wait for a host that does not read.
type outbox struct {
	mu      sync.Mutex
	waiting [][]byte
	closing bool // no more comes
	busy    bool // a goroutine writes
}

// send has data written after what waits already; nil is the end of all.
func (p *Process) send(data []byte) {
	o := &p.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return
	}
	if o.closing = data == nil; !o.closing {
		o.waiting = append(o.waiting, data)
	}
	if !o.busy {
		o.busy = p.conn.link.spawn(p.drain)
	}
}

// drain writes what waits, and ends.
func (p *Process) drain() {
	o := &p.out
	for {
		o.mu.Lock()
		if len(o.waiting) == 0 {
			o.busy = false
			closing := o.closing
			o.mu.Unlock()
			if closing {
				_ = p.ch.CloseWrite() // it may have ended already
			}
			return
		}
		data := o.waiting[0]
		o.waiting = o.waiting[1:]
		o.mu.Unlock()
		if _, err := p.ch.Write(data); err != nil {
			o.mu.Lock()
			o.waiting = nil // its reader says why
			o.mu.Unlock()
		}
	}
}
