package remote

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// nobody is a port on which nothing listens, and which no other test can be
// given meanwhile, as one that was closed could.
const (
	nobody      = 1
	nobodyThere = "127.0.0.1:1"
)

func TestDialErrors(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	go func() {
		for {
			c, err := web.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			c.Close()
		}
	}()
	stranger := sshtest.New(t, sshtest.Options{NoKey: true})
	home := sshtest.Home(t, stranger)
	port := func(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
	tests := []struct {
		name   string
		target Target
		kind   Kind
		want   []string
	}{
		{"nobody listens", Target{Host: "127.0.0.1", Port: nobody}, Unreachable,
			[]string{fmt.Sprintf("cannot reach web1 (%s): connection refused", nobodyThere), "is sshd running there"}},
		{"silence", Target{Host: "127.0.0.1", Port: port(silent)}, Unreachable, []string{"no answer in time", "is the host up?"}},
		{"not ssh", Target{Host: "127.0.0.1", Port: port(web)}, Unreachable, []string{`: it says "HTTP/1.1 400 Bad Request"`, "is it SSH that listens on this port?"}},
		{"no such name", Target{Host: "web1.invalid"}, Unreachable, []string{"cannot reach web1 (web1.invalid:22): ", "HostName"}},
		{"no key accepted", target("", stranger), Auth, []string{"none of our keys is accepted for user root", "ssh-copy-id -p "}},
		{"no such identity", Target{Host: "127.0.0.1", Port: stranger.Port(), Identity: "~/.ssh/gone"}, Settings,
			[]string{"cannot read key " + filepath.Join(home, ".ssh/gone") + ": no such file"}},
		{"bad jump", Target{Host: "127.0.0.1", Jump: []string{"a@b:x"}}, Settings, []string{`cannot use jump host "a@b:x"`, "user@host:port"}},
	}
	var targets []Target
	for i, tt := range tests {
		tt.target.Name = fmt.Sprint("web", i+1)
		targets = append(targets, tt.target)
	}
	results := DialAll(t.Context(), Config{Home: home, Timeout: 700 * time.Millisecond}, targets)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name := fmt.Sprint("web", i+1)
			for j := range tt.want {
				tt.want[j] = strings.ReplaceAll(tt.want[j], "web1 (", name+" (")
			}
			e := wantError(t, results[name].Err, tt.kind, tt.want...)
			if e != nil && (e.Host != name || strings.Contains(e.Error(), "dial tcp")) {
				t.Errorf("host %q: %v", e.Host, e)
			}
		})
	}
}

// sshd drops connections at random beyond MaxStartups.
func TestDialAgainWhenDropped(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{RefuseFirst: 4})
	var mu sync.Mutex
	said := ""
	cfg := Config{Home: sshtest.Home(t, s), Progress: func(_, doing string) { mu.Lock(); said += doing + "\n"; mu.Unlock() }}
	dialOne(t, cfg, target("web1", s))
	if n := s.Accepted(); n != 5 {
		t.Errorf("dialled %d times, want 5", n)
	}
	if !strings.Contains(said, "connecting again") {
		t.Errorf("progress was %q", said)
	}
}

func TestDialManyAtOnce(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	for _, forks := range []int{0, 3} {
		var targets []Target
		for i := range 40 {
			targets = append(targets, target(fmt.Sprint("web", i), s))
		}
		for name, r := range DialAll(t.Context(), Config{Home: sshtest.Home(t, s), Forks: forks}, targets) {
			if r.Err != nil {
				t.Fatal(name, r.Err)
			}
			_ = r.Conn.Close()
			_ = r.Conn.Close()
		}
	}
}

func TestDialCanceled(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	begin := time.Now()
	tg := Target{Name: "web1", Host: "127.0.0.1", Port: silent.Addr().(*net.TCPAddr).Port}
	r := DialAll(ctx, Config{Home: t.TempDir()}, []Target{tg})["web1"]
	wantError(t, r.Err, Canceled)
	if took := time.Since(begin); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

// A host that falls silent is noticed, whatever waits for it.
func TestKeepalive(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	c := dialOne(t, Config{Home: sshtest.Home(t, s), keepalive: 200 * time.Millisecond}, target("web1", s))
	p, err := c.Program(t.Context(), "echo on; read wait")
	if err != nil {
		t.Fatal(err)
	}
	on := make([]byte, 3)
	if _, err := io.ReadFull(p.Stdout, on); err != nil || string(on) != "on\n" {
		t.Fatalf("read %q, %v", on, err)
	}
	s.Freeze()
	begin := time.Now()
	_, err = io.ReadAll(p.Stdout)
	wantError(t, err, Lost, "nothing heard for 600ms")
	if took := time.Since(begin); took < 400*time.Millisecond || took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestJump(t *testing.T) {
	t.Parallel()
	bastion := sshtest.New(t, sshtest.Options{Forward: true})
	inner := sshtest.New(t, sshtest.Options{Forward: true})
	web1, web2 := sshtest.New(t, sshtest.Options{}), sshtest.New(t, sshtest.Options{})
	all := []*sshtest.Server{bastion, inner, web1, web2}
	home := sshtest.Home(t, all...)
	jump := []string{"ops@" + bastion.Addr(), inner.Addr()}
	t1, t2 := target("web1", web1), target("web2", web2)
	t1.Jump, t2.Jump = jump, jump
	results := DialAll(t.Context(), Config{Home: home}, []Target{t1, t2})
	for name, r := range results {
		if r.Err != nil {
			t.Fatal(name, r.Err)
		}
		out, err := r.Conn.Output(t.Context(), "echo here")
		if err != nil || string(out) != "here\n" {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
	for _, s := range all {
		if n := s.Logins(); n != 1 {
			t.Errorf("%v has %d logins, want 1", s, n)
		}
	}
	if err := results["web1"].Conn.Close(); err != nil {
		t.Error(err)
	}
	if err := results["web2"].Conn.Ping(t.Context()); err != nil {
		t.Errorf("the shared connection went with its first user: %v", err)
	}
	bastion.Cut()
	_, err := results["web2"].Conn.Output(t.Context(), "echo x")
	wantError(t, err, Lost)
	_ = results["web2"].Conn.Close()
}

func TestJumpErrors(t *testing.T) {
	t.Parallel()
	forbids := sshtest.New(t, sshtest.Options{})
	bastion := sshtest.New(t, sshtest.Options{Forward: true})
	stranger := sshtest.New(t, sshtest.Options{NoKey: true, Forward: true})
	unknown := sshtest.New(t, sshtest.Options{Forward: true})
	web := sshtest.New(t, sshtest.Options{})
	home := sshtest.Home(t, bastion, forbids, web, unknown)
	put(t, home, "known_hosts", forbids.KnownHosts()+bastion.KnownHosts()+stranger.KnownHosts()+web.KnownHosts())
	tests := []struct {
		name, jump string
		port       int
		kind       Kind
		want       []string
	}{
		{"forwarding forbidden", forbids.Addr(), web.Port(), Refused, []string{"forbids forwarding", "AllowTcpForwarding"}},
		{"refused behind it", bastion.Addr(), nobody, Unreachable, []string{"cannot reach x", "Connection refused"}},
		{"jump host down", nobodyThere, web.Port(), Unreachable, []string{" through " + nobodyThere + ": connection refused"}},
		{"jump host refuses us", stranger.Addr(), web.Port(), Auth, []string{" through " + stranger.Addr(), "ssh-copy-id"}},
		{"jump host unknown", unknown.Addr(), web.Port(), HostKey, []string{"cannot trust " + unknown.Addr(), "the way to x", "is not known"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tg := Target{Name: "x", Host: "127.0.0.1", Port: tt.port, Jump: []string{tt.jump}}
			r := DialAll(t.Context(), Config{Home: home}, []Target{tg})["x"]
			wantError(t, r.Err, tt.kind, tt.want...)
		})
	}

	// Both the jump host's key and that of the host behind it are unknown:
	// the second can be seen only after the first was accepted.
	put(t, home, "known_hosts", "")
	terminal := &fakeTerminal{yes: true}
	tg := target("web1", web)
	tg.Jump = []string{unknown.Addr()}
	dialOne(t, Config{Home: home, Terminal: terminal}, tg)
	if len(terminal.questions) != 2 {
		t.Errorf("asked %q", terminal.questions)
	}
}

func TestDialContext(t *testing.T) {
	t.Parallel()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listen.Close()
	go func() {
		for {
			c, err := listen.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "page")
			c.Close()
		}
	}()
	s := sshtest.New(t, sshtest.Options{Forward: true})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("client", s))
	conn, err := c.DialContext(t.Context(), "tcp", listen.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 10)
	if n, err := conn.Read(buf); string(buf[:n]) != "page" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	_ = conn.Close()
	_, err = c.DialContext(t.Context(), "tcp", nobodyThere)
	wantError(t, err, Unreachable, "cannot connect from client to "+nobodyThere, "Connection refused")
	_, err = c.DialContext(t.Context(), "udp", "127.0.0.1:1")
	wantError(t, err, Settings)

	no := sshtest.New(t, sshtest.Options{})
	c = dialOne(t, Config{Home: sshtest.Home(t, no)}, target("client", no))
	_, err = c.DialContext(t.Context(), "tcp", "127.0.0.1:1")
	wantError(t, err, Refused, "sshd on client forbids forwarding", "AllowTcpForwarding")
}
