package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/lvsdeploy/lvsdeploy/bound"
)

const (
	keepaliveEvery  = 5 * time.Second
	keepaliveMissed = 3
)

// watched is a network connection that knows when it last heard something.
type watched struct {
	net.Conn
	in   *bufio.Reader // of heard
	ack  func()
	last atomic.Int64 // UnixNano of the last bytes read
	beat func()       // called after each read that gave bytes

	broken atomic.Bool // nothing comes any more

	mu    sync.Mutex
	first []byte // the first bytes heard: who is it that answers?
}

// greeting returns the first line heard, or "".
func (w *watched) greeting() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	line, _, _ := strings.Cut(string(w.first), "\n")
	return printable(line)
}

func newWatched(c net.Conn, beat func()) *watched {
	w := &watched{Conn: c, ack: quickAck(c), beat: beat}
	// x/crypto/ssh reads the peer's first line byte by byte. Larger reads go past this buffer.
	w.in = bufio.NewReaderSize(heard{w}, 1024)
	w.last.Store(time.Now().UnixNano())
	return w
}

func (w *watched) Read(b []byte) (int, error) { return w.in.Read(b) }

// heard reads from the network.
type heard struct{ *watched }

func (w heard) Read(b []byte) (int, error) {
	w.ack()
	n, err := w.Conn.Read(b)
	w.ack()
	if err != nil {
		w.broken.Store(true)
	}
	if n > 0 {
		w.last.Store(time.Now().UnixNano())
		w.beat()
		w.mu.Lock()
		if room := 80 - len(w.first); room > 0 {
			w.first = append(w.first, b[:min(n, room)]...)
		}
		w.mu.Unlock()
	}
	return n, err
}

func (w *watched) silence() time.Duration {
	return time.Since(time.Unix(0, w.last.Load()))
}

// link is one SSH connection. Hosts behind the same jump host share the link
// to it, which is why it counts its users.
type link struct {
	name   string // for messages
	client *ssh.Client
	conn   *watched
	via    *link // the jump host it goes through, or nil

	every time.Duration // how often a sign of life is asked for
	stage time.Duration // how long one stage may last, see bound.Stage
	ended chan struct{} // closed when the connection is over
	wg    sync.WaitGroup

	mu      sync.Mutex
	refs    int
	closing bool  // no goroutine may be started any more
	why     error // why it ended; set before ended is closed
}

// newLink takes over an authenticated connection and holds one reference.
// It takes a reference to via of its own.
func newLink(name string, client *ssh.Client, conn *watched, via *link, every, stage time.Duration) *link {
	l := &link{name: name, client: client, conn: conn, via: via, every: every, stage: stage, ended: make(chan struct{}), refs: 1}
	if via != nil {
		via.hold()
	}
	l.wg.Go(func() {
		err := client.Wait()
		l.end(err)
		close(l.ended)
	})
	l.wg.Go(l.keepalive)
	return l
}

func (l *link) hold() {
	l.mu.Lock()
	l.refs++
	l.mu.Unlock()
}

// release gives a reference back; with the last one the connection is closed.
// It returns when every goroutine of the link has ended.
func (l *link) release() {
	l.mu.Lock()
	l.refs--
	last := l.refs == 0
	l.closing = last
	l.mu.Unlock()
	if !last {
		return
	}
	l.end(errClosed)
	l.wg.Wait()
	if l.via != nil {
		l.via.release()
	}
}

// spawn runs f in a goroutine that release waits for, unless the link is
// closed already.
func (l *link) spawn(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	l.wg.Go(f)
	return true
}

// end closes the connection; the first reason given is kept.
func (l *link) end(why error) {
	l.mu.Lock()
	if l.why == nil {
		l.why = why
	}
	l.mu.Unlock()
	_ = l.conn.Close()
}

// within ends the connection if what is done takes longer than a stage may: the
// host is silent, or what it says leads to nothing. The connection, and not a
// channel, since to close a channel the other side has to read.
func (l *link) within(doing string) (done func()) {
	s := l.listen(doing)
	return func() { s.End() }
}

// listen is within for what may take longer as long as it is heard of.
func (l *link) listen(doing string) *bound.Silence {
	return bound.NewSilence(l.stage, func() bool {
		l.end(bound.Silent(l.stage, doing))
		return true
	})
}

// keepalive asks the other side for a sign of life when nothing was heard
// from it for a while, and ends the connection when none comes. It counts
// ticks, of which there is one at most for the time that this process was
// stopped: what came meanwhile is still to be read.
func (l *link) keepalive() {
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	var waiting atomic.Bool
	missed, last := 0, int64(0)
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
		}
		heard := l.conn.last.Load()
		if missed++; heard != last {
			missed, last = 0, heard
		}
		if missed >= keepaliveMissed {
			l.end(fmt.Errorf("nothing heard for %v", keepaliveMissed*l.every))
			return
		}
		if l.conn.silence() >= l.every/2 && waiting.CompareAndSwap(false, true) {
			l.spawn(func() {
				_, _, _ = l.client.SendRequest("keepalive@openssh.com", true, nil)
				waiting.Store(false)
			})
		}
	}
}

// lost is the error of an operation that the end of the connection cut off.
func (l *link) lost(host string) *Error {
	l.mu.Lock()
	why := l.why
	l.mu.Unlock()
	if errors.Is(why, errClosed) {
		return &Error{Host: host, Op: "go on with " + host, Kind: Lost, Err: errClosed}
	}
	var beyond *bound.Error
	if errors.As(why, &beyond) {
		return &Error{Host: host, Op: "go on with " + host, Kind: Lost, Err: beyond, Hint: beyond.Hint}
	}
	if why == nil || dropped(why) || errors.Is(why, net.ErrClosed) {
		why = errors.New("connection lost")
	}
	return &Error{Host: host, Op: "go on with " + host, Kind: Lost, Err: plain(why),
		Hint: "is the host still up? run the same command again: it goes on where it stopped"}
}

// beyond reports whether the connection was ended because the host went beyond
// a bound.
func (l *link) beyond() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.As(l.why, new(*bound.Error))
}

// dead reports whether the connection is over, giving it a moment to notice.
func (l *link) dead(patience time.Duration) bool {
	select {
	case <-l.ended:
		return true
	case <-time.After(patience):
		return false
	}
}

// open opens a channel. When ctx ends first, the channel is closed as soon as
// it is there.
func (l *link) open(ctx context.Context, kind string, extra []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	type opened struct {
		ch   ssh.Channel
		reqs <-chan *ssh.Request
		err  error
	}
	got := make(chan opened)
	started := l.spawn(func() {
		ch, reqs, err := l.client.OpenChannel(kind, extra)
		select {
		case got <- opened{ch, reqs, err}:
		case <-ctx.Done():
			if err == nil {
				_ = ch.Close()
				ssh.DiscardRequests(reqs)
			}
		}
	})
	if !started {
		return nil, nil, errClosed
	}
	select {
	case o := <-got:
		return o.ch, o.reqs, o.err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}
