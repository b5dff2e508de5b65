package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	stderrKept   = 64 << 10 // bytes of stderr that are kept: the last ones
	noiseKept    = 4 << 10  // of what a login script prints before the program starts
	lingerAfter  = 3 * time.Second
	lostPatience = time.Second
)

// Process is a program that runs on a host.
type Process struct {
	// Stdin is what the program reads after its own text. Close it to let the
	// program see end of file.
	Stdin io.WriteCloser
	// Stdout is what the program writes. A read fails with an *Error of Kind
	// Lost when the connection breaks, of Kind Canceled when the context ends;
	// it ends with io.EOF only when the program has ended. It must be read to
	// its end, or the program may wait for ever.
	Stdout io.Reader

	conn     *Conn
	ctx      context.Context
	ch       ssh.Channel
	out      *io.PipeWriter
	mark     string // printed once the shell has the program, see bootstrap
	ask      string // sudo's prompt
	password bool   // there is one to give to sudo
	event    chan struct{}
	ended    chan struct{} // closed when the channel and all its streams are over

	mu      sync.Mutex
	marks   int
	prompts int
	noise   []byte // stdout before the first mark
	stderr  []byte
	exit    *ExitError // nil: no status yet
	clean   bool       // exit status 0
	heard   time.Time  // when the last output came
}

// Program starts script, POSIX sh text of any size, with /bin/sh, as root if
// the target says Become, as the login user otherwise. The text travels over
// standard input, where a fixed bootstrap reads exactly its bytes; what is
// written to Process.Stdin comes after it. Neither the script nor any secret
// is in an argument list, and an incomplete script is not run.
//
// Program returns when the host has the whole script. It costs two round
// trips; with a sudo password, four.
//
// When ctx ends, the channel is closed: the program sees the end of its
// input, and SIGPIPE when it writes.
func (c *Conn) Program(ctx context.Context, script string) (*Process, error) {
	password := c.secret.known()
	p, err := c.start(ctx, script, password)
	var sudo *sudoError
	if errors.As(err, &sudo) && sudo.wantsPassword && password == "" {
		if password, _ = c.secret.get(); password != "" {
			return c.start(ctx, script, password)
		}
	}
	return p, err
}

// Output runs script to its end and returns what it wrote to standard output.
// A non-zero exit is an *ExitError, with the output beside it.
func (c *Conn) Output(ctx context.Context, script string) ([]byte, error) {
	p, err := c.Program(ctx, script)
	if err != nil {
		return nil, err
	}
	_ = p.Stdin.Close()
	out, readErr := io.ReadAll(p.Stdout)
	if err := p.Wait(); err != nil {
		return out, err
	}
	return out, readErr
}

// bootstrap is the only program text that is ever in an argument list. The
// mark says that all of the script has arrived; it is the script's last line
// too, so that one cut short by a broken connection is not run. Nothing may
// follow the script before the mark is out: busybox's head reads ahead.
func bootstrap(script, mark string) (command, input string) {
	input = script + "\n#" + mark
	return fmt.Sprintf(`p=$(head -c %d); case "$p" in *"#%s") printf %%s %s; eval "$p";; *) exit 74;; esac`,
		len(input), mark, mark), input
}

func (c *Conn) start(ctx context.Context, script, password string) (*Process, error) {
	op := "start a program on " + c.name
	if strings.IndexByte(script, 0) >= 0 {
		return nil, &Error{Host: c.name, Op: op, Kind: Settings, Err: errors.New("it contains a NUL byte")}
	}
	ch, reqs, err := c.link.open(ctx, "session", nil)
	if err != nil {
		return nil, c.openError(ctx, op, err)
	}
	read, write := io.Pipe()
	p := &Process{
		Stdout: read, conn: c, ctx: ctx, ch: ch, out: write,
		mark: nonce(), ask: nonce(), password: password != "", event: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	p.Stdin = programInput{p}
	boot, input := bootstrap(script, p.mark)
	command := "exec /bin/sh -c '" + boot + "'"
	if c.become {
		command = sudoCommand(boot, p.mark, p.ask, password != "")
	}
	// Without a reply, the program can follow at once: a round trip less. That
	// it runs is known by its mark.
	if _, err := ch.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{command})); err != nil {
		_ = ch.Close()
		c.link.dead(lostPatience)
		return nil, c.link.lost(c.name)
	}
	p.pump(reqs)
	stop := context.AfterFunc(ctx, func() { p.abort(c.canceled("go on with "+c.name, ctx)) })
	if !c.link.spawn(func() { <-p.ended; stop() }) {
		stop()
	}
	if err := p.begin(input, password); err != nil {
		p.abort(err)
		return nil, err
	}
	return p, nil
}

// begin hands over the script, the sudo password before it if that is asked
// for, and waits until the host has both.
func (p *Process) begin(input, password string) error {
	op := "start a program on " + p.conn.name
	send := func(s string) { p.conn.link.spawn(func() { _, _ = io.WriteString(p.ch, s) }) }
	// With a password to give, sudo must be done with its input before the
	// script is sent: a mark of its own says so.
	wanted, sent, answered := 1, false, 0
	if p.ready() {
		wanted = 2
	}
	patience := time.NewTimer(6 * p.conn.timeout)
	defer patience.Stop()
	for {
		p.mu.Lock()
		marks, prompts := p.marks, p.prompts
		p.mu.Unlock()
		select {
		case <-p.ended:
			return p.notStarted(op)
		default:
		}
		if marks >= wanted {
			return nil
		}
		if !sent && (wanted == 1 || marks == 1) {
			sent = true
			send(input)
		}
		if prompts > answered {
			if answered > 0 {
				return p.sudoRefused()
			}
			answered = prompts
			send(password + "\n")
		}
		select {
		case <-p.event:
		case <-p.ended:
		case <-p.ctx.Done():
			return p.conn.canceled(op, p.ctx)
		case <-patience.C:
			return p.notAnswered(op)
		}
	}
}

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
			_ = p.out.CloseWithError(p.verdict()) // nil becomes io.EOF
		})
		streams.Wait()
		status.Wait()
	})
	if !started { // closed by another goroutine a moment ago
		_ = p.ch.Close()
		_ = p.out.CloseWithError(p.conn.link.lost(p.conn.name))
		close(p.ended)
	}
}

// abort ends the process from this side; readers of Stdout get err.
func (p *Process) abort(err error) {
	_ = p.out.CloseWithError(err)
	_ = p.ch.Close()
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
	if exit != nil {
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
	buf := make([]byte, 32<<10)
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
			data = nil
			i := bytes.Index(head, marks)
			if i < 0 {
				p.mu.Lock()
				p.noise = append(p.noise[:0], head[max(0, len(head)-noiseKept):]...)
				p.mu.Unlock()
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
		if len(data) > 0 && wanted == 0 {
			if _, err := p.out.Write(data); err != nil {
				// Nobody reads any more: let the host go on to its end.
				_, _ = io.Copy(io.Discard, p.ch)
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Process) readStderr() {
	buf := make([]byte, 8<<10)
	for {
		n, err := p.ch.Stderr().Read(buf)
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
	n, err := in.p.ch.Write(b)
	return n, in.explain(err)
}

func (in programInput) Close() error {
	err := in.p.ch.CloseWrite()
	if errors.Is(err, io.EOF) { // it has ended already
		return nil
	}
	return in.explain(err)
}

func (in programInput) explain(err error) error {
	if err == nil {
		return nil
	}
	if e := in.p.verdict(); e != nil {
		return e
	}
	return &Error{Host: in.p.conn.name, Op: "write to the program on " + in.p.conn.name, Kind: Refused, Err: errors.New("it has ended")}
}
