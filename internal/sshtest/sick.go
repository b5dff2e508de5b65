package sshtest

import (
	"crypto/rand"
	"io"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// Sickness is one way to misbehave: it floods, drips, falls silent or talks
// nonsense at one stage of a connection. What is nil is done as ever.
type Sickness struct {
	Name string
	// Harmless says that a client has no reason to give the host up.
	Harmless bool

	raw    func(c net.Conn)                                                  // in place of SSH
	auth   func(gone <-chan struct{})                                        // before a key is accepted
	login  func(c *ssh.ServerConn)                                           // right after
	open   func() bool                                                       // false: a channel is never opened
	run    func(ch ssh.Channel, mark string, gone <-chan struct{})           // in place of a program; mark says that it has begun
	said   func(line string, ch ssh.Channel, gone <-chan struct{}) (on bool) // after each line of a program; false: the rest is lost
	wire   func(c *gate, in *atomic.Bool) net.Conn                           // in: the client is logged in
	config func(*ssh.ServerConfig)
}

// Sicken has the server misbehave from the next connection on; nil heals it.
func (s *Server) Sicken(how *Sickness) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sick = how
}

func (s *Server) sickness() *Sickness {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sick == nil {
		return &Sickness{}
	}
	return s.sick
}

// marks are what a client wants to see before it takes what a program says. It
// writes them in two pieces.
var marks = regexp.MustCompile(`printf %s ([A-Z0-9]+)""([A-Z0-9]+)`)

// Sicknesses are all that there are.
func Sicknesses() []*Sickness {
	block := strings.Repeat("a", 32<<10)
	lines := strings.Repeat("ours file /etc/"+strings.Repeat("x", 80)+"\n", 300)
	garbage := make([]byte, 32<<10)
	_, _ = rand.Read(garbage)

	// forever writes until nobody takes it any more.
	forever := func(w io.Writer, text string, pause time.Duration) {
		for {
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}
	raw := func(hello, text string, pause time.Duration) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = io.WriteString(c, hello)
			if text != "" {
				forever(c, text, pause)
			}
			_, _ = io.Copy(io.Discard, c)
		}
	}
	// program begins as any, and goes on so.
	program := func(on func(ch ssh.Channel)) func(ssh.Channel, string, <-chan struct{}) {
		return func(ch ssh.Channel, mark string, gone <-chan struct{}) {
			_, _ = io.WriteString(ch, mark)
			if on != nil {
				on(ch)
			}
			<-gone
		}
	}
	flood := func(text string, pause time.Duration) func(ch ssh.Channel) {
		return func(ch ssh.Channel) { forever(ch, text, pause) }
	}
	status := func(ch ssh.Channel) { sendStatus(ch, 0) }
	// after goes on differently once a program has said something.
	after := func(what string, on func(line string, ch ssh.Channel)) func(string, ssh.Channel, <-chan struct{}) bool {
		return func(line string, ch ssh.Channel, gone <-chan struct{}) bool {
			if !strings.Contains(line, what) {
				return true
			}
			if on != nil {
				on(line, ch)
			}
			return false
		}
	}
	nonce := func(line string) string { word, _, _ := strings.Cut(line, " "); return word }
	const event = " " // of a program, behind its nonce: facts have none that begins so

	return []*Sickness{
		{Name: "silent at once", raw: raw("", "", 0)},
		{Name: "a version that drips", raw: raw("", "S", 100*time.Millisecond)},
		{Name: "lines before the version", raw: raw("", "hello there, this is no ssh yet\r\n", 0)},
		{Name: "lines that drip before the version", raw: raw("", "x\r\n", 100*time.Millisecond)},
		{Name: "random bytes in place of a version", raw: raw("", string(garbage), 0)},
		{Name: "closed at once", raw: func(net.Conn) {}},
		{Name: "silent after the version", raw: raw("SSH-2.0-OpenSSH_9.2\r\n", "", 0)},
		{Name: "a key exchange that drips", raw: raw("SSH-2.0-OpenSSH_9.2\r\n\x00\x00\x80\x00", "\x01", 100*time.Millisecond)},
		{Name: "random bytes in place of a key exchange", raw: raw("SSH-2.0-OpenSSH_9.2\r\n", string(garbage), 0)},
		{Name: "half closed after the version", raw: func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n")
			_ = c.(*gate).Conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, c)
		}},
		{Name: "silent when asked to let in", auth: func(gone <-chan struct{}) { <-gone }},
		{Name: "requests without end, to be answered", login: func(c *ssh.ServerConn) {
			for {
				if _, _, err := c.SendRequest("x@y", true, []byte(block[:30000])); err != nil {
					return
				}
			}
		}, open: func() bool { return false }},
		{Name: "requests without end", login: func(c *ssh.ServerConn) {
			for {
				if _, _, err := c.SendRequest("x@y", false, []byte(block[:30000])); err != nil {
					return
				}
			}
		}, open: func() bool { return false }},
		{Name: "channels without end", login: func(c *ssh.ServerConn) {
			for range 8 {
				go func() {
					for {
						_, _, _ = c.OpenChannel("forwarded-tcpip", []byte(block[:30000]))
						if _, _, err := c.SendRequest("x@y", false, nil); err != nil {
							return
						}
					}
				}()
			}
		}, open: func() bool { return false }},
		{Name: "gone after the login", login: func(c *ssh.ServerConn) { _ = c.Close() }},
		{Name: "a channel that is never opened", open: func() bool { return false }},
		{Name: "it reads no more after the login", wire: func(c *gate, in *atomic.Bool) net.Conn { return deaf{c, in} }},
		{Name: "everything drips after the login", wire: func(c *gate, in *atomic.Bool) net.Conn { return drip{c, in} }},
		{Name: "a new key exchange all the time", config: func(c *ssh.ServerConfig) { c.RekeyThreshold = 256 }, Harmless: true},
		{Name: "a program that never begins", run: func(_ ssh.Channel, _ string, gone <-chan struct{}) { <-gone }},
		{Name: "noise before a program", run: func(ch ssh.Channel, _ string, gone <-chan struct{}) { forever(ch, block, 0) }},
		{Name: "noise that drips before a program", run: func(ch ssh.Channel, _ string, gone <-chan struct{}) { forever(ch, "x", 100*time.Millisecond) }},
		{Name: "errors without end", run: func(ch ssh.Channel, _ string, gone <-chan struct{}) { forever(ch.Stderr(), block, 0) }},
		{Name: "silent in place of facts", run: program(nil)},
		{Name: "facts that drip", run: program(flood("x y\n", 100*time.Millisecond))},
		{Name: "facts without a line", run: program(flood(block, 0))},
		{Name: "facts without end", run: program(flood(lines, 0))},
		{Name: "facts byte by byte", run: program(flood("\n", 0))},
		{Name: "random bytes in place of facts", run: program(flood(string(garbage), 0))},
		{Name: "requests of a channel without end", run: program(func(ch ssh.Channel) {
			for {
				if _, err := ch.SendRequest("x", true, []byte(block[:30000])); err != nil {
					return
				}
			}
		})},
		{Name: "an exit status and no end", run: program(status)},
		{Name: "an exit status, and then without end", run: program(func(ch ssh.Channel) { status(ch); forever(ch, block, 0) })},
		{Name: "an end and no exit status", run: program(func(ch ssh.Channel) { _ = ch.CloseWrite() })},
		{Name: "closed without an exit status", run: program(func(ch ssh.Channel) { _ = ch.Close() })},
		{Name: "silent after the facts", said: after("next", nil)},
		{Name: "lines without end after the facts", said: after("next", func(_ string, ch ssh.Channel) { forever(ch, lines, 0) })},
		{Name: "byte by byte after the facts", said: after("next", func(_ string, ch ssh.Channel) { forever(ch, "\n", 0) })},
		{Name: "silent after the first task", said: after(event+"task", nil)},
		{Name: "notes without end", said: after(event+"task", func(line string, ch ssh.Channel) {
			forever(ch, strings.Repeat(nonce(line)+" note x\n", 1000), 0)
		})},
		{Name: "a note without an end", said: after(event+"task", func(line string, ch ssh.Channel) {
			_, _ = io.WriteString(ch, nonce(line)+" note ")
			forever(ch, block, 0)
		})},
		{Name: "tasks that are none, without end", said: after(event+"task", func(line string, ch ssh.Channel) {
			forever(ch, strings.Repeat(nonce(line)+" task 999 ok x\n", 1000), 0)
		})},
		{Name: "lines that drip in a program", said: after(event+"task", func(_ string, ch ssh.Channel) { forever(ch, "x\n", 100*time.Millisecond) })},
		{Name: "a program's end is kept quiet", said: after(event+"end", nil), Harmless: true},
	}
}

// deaf reads no more after the login.
type deaf struct {
	*gate
	in *atomic.Bool
}

func (d deaf) Read(p []byte) (int, error) {
	if d.in.Load() {
		<-d.gone
		return 0, net.ErrClosed
	}
	return d.gate.Read(p)
}

// drip writes byte by byte after the login.
type drip struct {
	*gate
	in *atomic.Bool
}

func (d drip) Write(p []byte) (int, error) {
	for i := range p {
		if !d.in.Load() {
			n, err := d.gate.Write(p[i:])
			return i + n, err
		}
		if _, err := d.gate.Write(p[i : i+1]); err != nil {
			return i, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return len(p), nil
}
