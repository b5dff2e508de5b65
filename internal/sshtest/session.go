package sshtest

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

func encodePEM(b *pem.Block) []byte { return pem.EncodeToMemory(b) }

// serve speaks SSH on one connection until it ends, and waits for what it runs.
func (s *Server) serve(conn *gate) {
	sick := s.sickness()
	if sick.raw != nil {
		sick.raw(conn)
		return
	}
	var in atomic.Bool
	config, wire := *s.serverConfig(conn), net.Conn(conn)
	if sick.config != nil {
		sick.config(&config)
	}
	if sick.wire != nil {
		wire = sick.wire(conn, &in)
	}
	if accept := config.PublicKeyCallback; sick.auth != nil {
		config.PublicKeyCallback = func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			sick.auth(conn.gone)
			return accept(c, key)
		}
	}
	sc, chans, reqs, err := ssh.NewServerConn(wire, &config)
	if err != nil {
		return
	}
	in.Store(true)
	s.mu.Lock()
	s.logins++
	s.mu.Unlock()
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { // keepalives: a real sshd says no, which is an answer too
		for r := range reqs {
			if r.WantReply {
				_ = r.Reply(false, nil)
			}
		}
	})
	lost := make(chan struct{})
	running.Go(func() {
		_ = sc.Wait()
		close(lost)
	})
	if sick.login != nil {
		running.Go(func() { sick.login(sc) })
	}
	var sessions atomic.Int32
	for ch := range chans {
		if sick.open != nil && !sick.open() {
			continue
		}
		switch ch.ChannelType() {
		case "session":
			if int(sessions.Load()) >= s.opts.MaxSessions {
				_ = ch.Reject(ssh.ConnectionFailed, "open failed")
				continue
			}
			sessions.Add(1)
			c, reqs, err := ch.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				s.session(c, reqs, conn, lost, sick)
				sessions.Add(-1)
			})
		case "direct-tcpip":
			running.Go(func() { s.forward(ch, lost) })
		default:
			_ = ch.Reject(ssh.UnknownChannelType, "unknown channel type")
		}
	}
}

// session serves one session channel: one exec or subsystem request.
func (s *Server) session(ch ssh.Channel, reqs <-chan *ssh.Request, conn *gate, lost <-chan struct{}, sick *Sickness) {
	defer ch.Close()
	var running sync.WaitGroup
	defer running.Wait()
	started := false
	for r := range reqs {
		ok := false
		switch {
		case r.Type == "env":
			ok = true
		case started:
		case r.Type == "exec" && !s.opts.NoExec:
			var m struct{ Command string }
			if ok = ssh.Unmarshal(r.Payload, &m) == nil; ok {
				started = true
				running.Go(func() { s.exec(ch, m.Command, conn, lost, sick) })
			}
		case r.Type == "subsystem" && !s.opts.NoSFTP:
			var m struct{ Name string }
			if ok = ssh.Unmarshal(r.Payload, &m) == nil && m.Name == "sftp"; ok {
				started = true
				running.Go(func() { s.sftp(ch) })
			}
		}
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
	}
}

// exec runs one command, and sends its status the way sshd does.
func (s *Server) exec(ch ssh.Channel, cmd string, conn *gate, lost <-chan struct{}, sick *Sickness) {
	defer ch.Close()
	if s.opts.OnExec != nil {
		s.opts.OnExec(cmd)
	}
	if sick.run != nil {
		mark := ""
		if m := marks.FindStringSubmatch(cmd); m != nil {
			mark = m[1] + m[2]
		}
		sick.run(ch, mark, lost)
		return
	}
	stdout := &lineWriter{server: s, to: ch}
	through := &sickWriter{sick: sick, ch: ch, lost: lost}
	if sick.said != nil {
		stdout.to = through
	}
	if s.opts.Exec == nil {
		s.run(ch, cmd, stdout, lost)
		return
	}
	code := s.opts.Exec(s.ctx, cmd, ch, broken{stdout, conn}, broken{ch.Stderr(), conn})
	_ = stdout.flush()
	if through.quiet {
		<-lost // its end is kept quiet
		return
	}
	sendStatus(ch, code)
}

func sendStatus(ch ssh.Channel, code int) {
	_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(code)}))
}

// broken gives writes to a channel that is gone the error of a broken pipe. A
// channel tells its reader of the end before it refuses writes, so the
// connection itself is asked.
type broken struct {
	io.Writer
	conn *gate
}

func (b broken) Write(p []byte) (int, error) {
	select {
	case <-b.conn.gone:
		return 0, io.ErrClosedPipe
	default:
	}
	n, err := b.Writer.Write(p)
	if err != nil {
		err = io.ErrClosedPipe
	}
	return n, err
}

// sickWriter passes on what a program writes until its sickness begins.
type sickWriter struct {
	sick  *Sickness
	ch    ssh.Channel
	lost  <-chan struct{}
	rest  string
	quiet bool // what is written now is lost
}

func (w *sickWriter) Write(p []byte) (int, error) {
	text := string(p)
	for !w.quiet && text != "" {
		line, rest, whole := strings.Cut(text, "\n")
		w.rest, text = w.rest+line, rest
		if whole {
			line += "\n"
		}
		if _, err := io.WriteString(w.ch, line); err != nil {
			return 0, err
		}
		if whole {
			w.quiet = !w.sick.said(w.rest, w.ch, w.lost)
			w.rest = ""
		}
	}
	return len(p), nil
}

// lineWriter passes output on line by line, asking OnStdout about each.
type lineWriter struct {
	server *Server
	to     io.Writer
	rest   []byte // a line that is not complete yet
	passed int    // how much of it has been passed on
	cut    bool
}

func (w *lineWriter) Write(p []byte) (int, error) {
	if w.server.opts.OnStdout == nil {
		return w.to.Write(p)
	}
	n := len(p)
	for len(p) > 0 {
		i := 0
		for i < len(p) && p[i] != '\n' {
			i++
		}
		if i == len(p) {
			w.rest = append(w.rest, p...)
			return n, w.flush() // a prompt has no end
		}
		line := append(w.rest, p[:i]...)
		w.rest, p = nil, p[i+1:]
		if err := w.pass(line); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (w *lineWriter) pass(line []byte) error {
	if w.cut {
		return io.ErrClosedPipe
	}
	w.server.lines.Lock()
	verdict := w.server.opts.OnStdout(string(line))
	w.server.lines.Unlock()
	line, w.passed = line[w.passed:], 0
	if verdict == CutBefore {
		w.cut = true
		w.server.Cut()
		return io.ErrClosedPipe
	}
	_, err := w.to.Write(append(line, '\n'))
	if verdict == CutAfter {
		w.cut = true
		w.server.Cut()
		return io.ErrClosedPipe
	}
	return err
}

// flush passes on what is there of a line without an end.
func (w *lineWriter) flush() error {
	if w.cut {
		return io.ErrClosedPipe
	}
	part := w.rest[w.passed:]
	if len(part) == 0 {
		return nil
	}
	w.passed = len(w.rest)
	_, err := w.to.Write(part)
	return err
}

// sftp serves files, relative paths starting at Dir.
func (s *Server) sftp(ch ssh.Channel) {
	defer ch.Close()
	if s.opts.SFTP != nil {
		if err := s.opts.SFTP(s.ctx, ch, ch); err != nil {
			_, _ = fmt.Fprintln(ch.Stderr(), err)
			sendStatus(ch, 1)
			return
		}
		sendStatus(ch, 0)
		return
	}
	server, err := sftp.NewServer(ch, sftp.WithServerWorkingDirectory(s.opts.Dir))
	if err != nil {
		return
	}
	_ = server.Serve()
	_ = server.Close()
	sendStatus(ch, 0)
}

// forward serves a direct-tcpip channel.
func (s *Server) forward(nc ssh.NewChannel, lost <-chan struct{}) {
	if !s.opts.Forward {
		_ = nc.Reject(ssh.Prohibited, "open failed")
		return
	}
	var m struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(nc.ExtraData(), &m); err != nil {
		_ = nc.Reject(ssh.ConnectionFailed, "bad request")
		return
	}
	var d net.Dialer
	conn, err := d.DialContext(s.ctx, "tcp", net.JoinHostPort(m.Host, strconv.Itoa(int(m.Port))))
	if err != nil {
		_ = nc.Reject(ssh.ConnectionFailed, fmt.Sprintf("Connection refused: %v", err))
		return
	}
	defer conn.Close()
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { ssh.DiscardRequests(reqs) })
	done := make(chan struct{})
	running.Go(func() {
		_, _ = io.Copy(conn, ch)
		if c, ok := conn.(*net.TCPConn); ok {
			_ = c.CloseWrite()
		}
	})
	running.Go(func() {
		defer close(done)
		_, _ = io.Copy(ch, conn)
		_ = ch.CloseWrite()
	})
	select {
	case <-done:
	case <-lost:
	case <-s.ctx.Done():
	}
	_ = conn.Close()
	_ = ch.Close()
}
