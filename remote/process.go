package remote

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/lvsdeploy/lvsdeploy/bound"
)

// pump starts what reads the channel: stdout, stderr and requests. All of it
// ends with the channel, at the latest with the connection.
func (p *Process) pump(reqs <-chan *ssh.Request) {
	started := p.conn.link.spawn(func() {
		defer close(p.ended)
		var streams, status sync.WaitGroup
		status.Go(func() { p.status(reqs) })
		streams.Go(p.readStderr)
		streams.Go(func() {
			p.readStdout()
			status.Wait()
			p.in.end(p.verdict())
		})
		streams.Wait()
		status.Wait()
	})
	if !started { // closed by another goroutine a moment ago
		p.in.abort(p.conn.link.lost(p.conn.name))
		close(p.ended)
	}
}

// abort ends the process from this side; readers of Stdout get err.
func (p *Process) abort(err error) {
	p.in.abort(err)
	// a host that reads no more takes no such message: whoever closes the
	// connection does not wait for this
	p.conn.link.spawn(func() { _ = p.ch.Close() })
}

func (p *Process) signal() {
	select {
	case p.event <- struct{}{}:
	default:
	}
}

// status notes how the program ended, and closes the channel when something
// the program left running in the background keeps it open.
func (p *Process) status(reqs <-chan *ssh.Request) {
	var linger <-chan time.Time
	for {
		select {
		case req, open := <-reqs:
			if !open {
				return
			}
			if p.noteExit(req) && linger == nil {
				tick := time.NewTicker(lingerAfter / 3)
				defer tick.Stop()
				linger = tick.C
			}
			if req.WantReply {
				_ = req.Reply(false, nil)
			}
		case <-linger:
			p.mu.Lock()
			quiet := time.Since(p.heard)
			p.mu.Unlock()
			if quiet > lingerAfter {
				_ = p.ch.Close()
			}
		}
	}
}

func (p *Process) noteExit(req *ssh.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch req.Type {
	case "exit-status":
		var m struct{ Status uint32 }
		if ssh.Unmarshal(req.Payload, &m) != nil {
			return false
		}
		p.clean = m.Status == 0
		p.exit = &ExitError{Host: p.conn.name, Code: int(m.Status)}
	case "exit-signal":
		var m struct {
			Signal  string
			Core    bool
			Message string
			Lang    string
		}
		if ssh.Unmarshal(req.Payload, &m) != nil {
			return false
		}
		p.exit = &ExitError{Host: p.conn.name, Code: 255, Signal: printable(m.Signal)}
	default:
		return false
	}
	p.heard = time.Now()
	return true
}

// verdict is nil when the program has ended by itself, whatever its status.
func (p *Process) verdict() error {
	p.mu.Lock()
	exit := p.exit
	p.mu.Unlock()
	if exit != nil && !p.conn.link.beyond() {
		return nil
	}
	if p.ctx.Err() != nil {
		return p.conn.canceled("go on with "+p.conn.name, p.ctx)
	}
	p.conn.link.dead(lostPatience)
	return p.conn.link.lost(p.conn.name)
}

func (p *Process) readStdout() {
	marks := []byte(p.mark)
	wanted := 1
	if p.ready() {
		wanted = 2
	}
	var head []byte // until all marks are seen
	noise := 0
	buf := make([]byte, 4<<10) // most hosts say less
	for {
		n, err := p.ch.Read(buf)
		data := buf[:n]
		if n > 0 {
			p.mu.Lock()
			p.heard = time.Now()
			p.mu.Unlock()
		}
		for wanted > 0 && len(data) > 0 {
			head = append(head, data...)
			if noise += len(data); noise > bound.Noise {
				p.Stop(bound.TooMuch(bound.Noise, "what is no answer before a program started"))
				return
			}
			data = nil
			i := bytes.Index(head, marks)
			if i < 0 {
				p.mu.Lock()
				p.noise = append(p.noise[:0], head[max(0, len(head)-noiseKept):]...)
				p.mu.Unlock()
				p.signal()
				head = head[max(0, len(head)-noiseKept):]
				break
			}
			wanted--
			data, head = bytes.Clone(head[i+len(marks):]), nil
			p.mu.Lock()
			p.marks++
			p.mu.Unlock()
			p.signal()
		}
		if len(data) > 0 && wanted == 0 && !p.in.put(data) {
			p.Stop(bound.TooMuch(bound.Unread, "output at once"))
			return
		}
		if err != nil {
			return
		}
	}
}

func (p *Process) readStderr() {
	buf := make([]byte, 1<<10)
	total := 0
	for {
		n, err := p.ch.Stderr().Read(buf)
		if total += n; total > bound.Stderr {
			p.Stop(bound.TooMuch(bound.Stderr, "errors"))
			return
		}
		p.mu.Lock()
		p.stderr = append(p.stderr, buf[:n]...)
		p.heard = time.Now()
		for p.marks == 0 {
			i := bytes.Index(p.stderr, []byte(p.ask))
			if i < 0 {
				break
			}
			p.stderr = append(p.stderr[:i], p.stderr[i+len(p.ask):]...)
			p.prompts++
		}
		if extra := len(p.stderr) - stderrKept; extra > 0 {
			p.stderr = append(p.stderr[:0], p.stderr[extra:]...)
		}
		p.mu.Unlock()
		p.signal()
		if err != nil {
			return
		}
	}
}

// Stderr returns the last 64 KiB of what the program wrote to standard error
// so far.
func (p *Process) Stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.stderr)
}

// Wait waits until the program has ended. It returns nil for exit status 0, an
// *ExitError for another, and an *Error of Kind Lost or Canceled when it is
// not known how the program ended. Read Stdout to its end first.
func (p *Process) Wait() error {
	select {
	case <-p.ended:
	case <-p.ctx.Done():
	}
	if err := p.verdict(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clean {
		return nil
	}
	e := *p.exit
	e.Stderr = strings.TrimSpace(string(p.stderr))
	return &e
}

// programInput is a Process's standard input.
type programInput struct{ p *Process }

func (in programInput) Write(b []byte) (int, error) {
	select {
	case <-in.p.ended:
		if e := in.p.verdict(); e != nil {
			return 0, e
		}
		return 0, &Error{Host: in.p.conn.name, Op: "write to the program on " + in.p.conn.name, Kind: Refused, Err: errors.New("it has ended")}
	default:
	}
	in.p.send(bytes.Clone(b))
	return len(b), nil
}

func (in programInput) Close() error {
	in.p.send(nil)
	return nil
}
