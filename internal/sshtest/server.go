// Package sshtest is an SSH server inside the test process. It runs commands
// for real (or hands them to a function), serves files, forwards connections,
// and can be told to misbehave: drop connections at a given line of output,
// fall silent, refuse to start.
//
// Like a real sshd without a terminal, it sends no signal to a command whose
// connection is lost: the command finds its input at an end and its output
// closed. Nothing outlives the test: connections, goroutines and process
// groups end at its cleanup.
//
// It is for tests only and imports nothing else of this module.
package sshtest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Exec runs a command and returns its exit status, 128 + n for signal n. When
// the connection is lost, stdin ends and writes fail with io.ErrClosedPipe;
// ctx ends only when the server is closed.
type Exec func(ctx context.Context, cmd string, stdin io.Reader, stdout, stderr io.Writer) int

// Options are what a server does differently from the zero value, which is:
// everybody with the server's own client key may log in, commands are run by
// sh in an empty directory, files are served from there, nothing is forwarded.
type Options struct {
	Exec     Exec            // default: a real sh -c
	Shell    string          // for the default Exec; default sh
	Env      []string        // added to a command's environment, for the default Exec
	Dir      string          // HOME and working directory of commands and of SFTP; default a temporary one
	User     string          // the only login there is; empty: any
	Keys     []ssh.PublicKey // may log in beside the server's own client key
	CA       ssh.PublicKey   // certificates signed by it may log in
	NoKey    bool            // the server's own client key may not log in
	HostKeys []ssh.Signer    // default: one ed25519 key

	Forward bool // allow direct-tcpip
	NoSFTP  bool // refuse the sftp subsystem

	// SFTP serves one session of the sftp subsystem in place of the server's
	// own, which serves the files of this machine.
	SFTP func(ctx context.Context, in io.Reader, out io.Writer) error

	NoExec       bool                    // answer to exec requests with a failure, or silence
	Banner       string                  // said before a login
	OnKey        func(key ssh.PublicKey) // called with each key that is offered
	Second       bool                    // a key does not suffice: a second factor is asked for
	TurnAway     string                  // who has the right key is told this, and the connection is closed, as by PAM's account phase
	SlowLogin    time.Duration           // for which nothing is said after the right key
	MaxAuthTries int                     // keys a connection may offer; default 6
	MaxSessions  int                     // sessions of one connection; default 10
	RefuseFirst  int                     // connections that are dropped as by MaxStartups before one is served

	// OnStdout is called with every line a command writes, without its end,
	// before its last byte is passed on, and says what becomes of the
	// connections. It is not called by two goroutines at once.
	OnStdout func(line string) Verdict
	// OnExec is called with each command before it starts.
	OnExec func(cmd string)
}

// Verdict is what OnStdout decides.
type Verdict int

// The verdicts.
const (
	Pass      Verdict = iota // go on
	CutBefore                // drop all connections; what has not been passed on of the line is lost
	CutAfter                 // pass the line on, then drop all connections
)

// Server is a running SSH server on a loopback port.
type Server struct {
	t      testing.TB
	id     string // see marker
	opts   Options
	key    ssh.Signer // of a client that may log in
	secret ed25519.PrivateKey
	listen net.Listener
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	lines  sync.Mutex // held while OnStdout runs

	mu       sync.Mutex
	closed   bool
	refuse   int
	accepted int
	logins   int
	conns    map[*gate]bool
	sick     *Sickness
}

// New starts a server that ends with the test.
func New(t testing.TB, opts Options) *Server {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	if opts.Shell == "" {
		opts.Shell = "sh"
	}
	if opts.MaxSessions == 0 {
		opts.MaxSessions = 10
	}
	if opts.MaxAuthTries == 0 {
		opts.MaxAuthTries = 6
	}
	if len(opts.HostKeys) == 0 {
		opts.HostKeys = []ssh.Signer{NewKey(t)}
	}
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, id: rand.Text(), opts: opts, key: key, secret: secret, listen: listen, refuse: opts.RefuseFirst, conns: make(map[*gate]bool)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	t.Cleanup(s.Close)
	return s
}

// NewKey makes an ed25519 key.
func NewKey(t testing.TB) ssh.Signer {
	t.Helper()
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s *Server) serverConfig(conn net.Conn) *ssh.ServerConfig {
	errNo := errors.New("not allowed")
	certs := &ssh.CertChecker{
		IsUserAuthority: func(ca ssh.PublicKey) bool { return s.opts.CA != nil && equal(ca, s.opts.CA) },
		UserKeyFallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if (!s.opts.NoKey && equal(key, s.key.PublicKey())) ||
				slices.ContainsFunc(s.opts.Keys, func(k ssh.PublicKey) bool { return equal(k, key) }) {
				return nil, nil
			}
			return nil, errNo
		},
	}
	c := &ssh.ServerConfig{
		MaxAuthTries: s.opts.MaxAuthTries,
		PublicKeyCallback: func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if s.opts.OnKey != nil {
				s.opts.OnKey(key)
			}
			if s.opts.User != "" && conn.User() != s.opts.User {
				return nil, errNo
			}
			return certs.Authenticate(conn, key)
		},
	}
	if s.opts.Banner != "" {
		c.BannerCallback = func(ssh.ConnMetadata) string { return s.opts.Banner }
	}
	var said ssh.ServerPreAuthConn
	c.PreAuthConnCallback = func(p ssh.ServerPreAuthConn) { said = p }
	c.VerifiedPublicKeyCallback = func(_ ssh.ConnMetadata, _ ssh.PublicKey, p *ssh.Permissions, _ string) (*ssh.Permissions, error) {
		switch {
		case s.opts.SlowLogin > 0:
			select {
			case <-time.After(s.opts.SlowLogin):
			case <-s.ctx.Done():
			}
		case s.opts.TurnAway != "":
			_ = said.SendAuthBanner(s.opts.TurnAway)
			_ = conn.Close()
			return nil, errNo
		case s.opts.Second:
			return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{
				KeyboardInteractiveCallback: func(ssh.ConnMetadata, ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) { return nil, errNo },
			}}
		}
		return p, nil
	}
	for _, k := range s.opts.HostKeys {
		c.AddHostKey(k)
	}
	return c
}

func equal(a, b ssh.PublicKey) bool { return string(a.Marshal()) == string(b.Marshal()) }

// Addr returns host:port.
func (s *Server) Addr() string { return s.listen.Addr().String() }

// Port returns the port; the host is 127.0.0.1.
func (s *Server) Port() int { return s.listen.Addr().(*net.TCPAddr).Port }

// Dir returns the directory where commands run and SFTP starts.
func (s *Server) Dir() string { return s.opts.Dir }

// HostKey returns the first host key.
func (s *Server) HostKey() ssh.PublicKey { return s.opts.HostKeys[0].PublicKey() }

// KnownHosts returns the lines known_hosts needs for this server.
func (s *Server) KnownHosts() string {
	var lines string
	for _, k := range s.opts.HostKeys {
		lines += knownhosts.Line([]string{s.Addr()}, k.PublicKey()) + "\n"
	}
	return lines
}

// ClientKey returns the private key that may log in, in the format of OpenSSH.
func (s *Server) ClientKey() []byte {
	block, err := ssh.MarshalPrivateKey(s.secret, "sshtest")
	if err != nil {
		s.t.Fatal(err)
	}
	return encodePEM(block)
}

// Accepted returns how many TCP connections were taken, those refused included.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Logins returns how many connections were authenticated.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Authorize lets the owner of key log in.
func (s *Server) Authorize(key ssh.PublicKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Keys = append(s.opts.Keys, key)
}

// Home makes a home directory from which the servers can be reached: their
// keys in known_hosts, and a key that all of them accept.
func Home(t testing.TB, servers ...*Server) string {
	t.Helper()
	home := t.TempDir()
	dir := filepath.Join(home, ".ssh")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	known := ""
	for i, s := range servers {
		known += s.KnownHosts()
		if i == 0 {
			write(t, filepath.Join(dir, "id_ed25519"), s.ClientKey())
		} else {
			s.Authorize(servers[0].key.PublicKey())
		}
	}
	write(t, filepath.Join(dir, "known_hosts"), []byte(known))
	return home
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Cut drops every connection at once, as when a machine is switched off or a
// client killed. New connections are taken as before.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Freeze makes every connection fall silent, as when a cable is pulled: what
// clients send is not read, what is sent to them is lost. New connections are
// taken as before.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.freeze()
	}
}

// Close ends the server and everything it runs. The test's cleanup calls it.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	_ = s.listen.Close()
	s.Cut()
	s.cancel()
	late := time.AfterFunc(killAfter, s.killAll)
	s.wg.Wait()
	late.Stop()
	s.killAll()
}

func (s *Server) accept() {
	for {
		tcp, err := s.listen.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.accepted++
		refuse := s.refuse > 0
		if refuse {
			s.refuse--
		}
		if refuse || s.closed {
			s.mu.Unlock()
			_ = tcp.Close()
			continue
		}
		g := newGate(tcp)
		s.conns[g] = true
		s.mu.Unlock()
		s.wg.Go(func() {
			s.serve(g)
			_ = g.Close()
			s.mu.Lock()
			delete(s.conns, g)
			s.mu.Unlock()
		})
	}
}

// gate is a connection that can be frozen.
type gate struct {
	net.Conn
	frozen chan struct{}
	gone   chan struct{}
	once   [2]sync.Once
}

func newGate(c net.Conn) *gate {
	return &gate{Conn: c, frozen: make(chan struct{}), gone: make(chan struct{})}
}

func (g *gate) freeze() { g.once[0].Do(func() { close(g.frozen) }) }

func (g *gate) Close() error {
	g.once[1].Do(func() { close(g.gone) })
	return g.Conn.Close()
}

func (g *gate) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	select {
	case <-g.frozen:
		<-g.gone
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (g *gate) Write(b []byte) (int, error) {
	select {
	case <-g.frozen:
		return len(b), nil
	default:
		return g.Conn.Write(b)
	}
}

// String names the server in messages.
func (s *Server) String() string { return fmt.Sprintf("sshtest server on %s", s.Addr()) }
