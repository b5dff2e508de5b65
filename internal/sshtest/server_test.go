package sshtest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func dial(t *testing.T, s *Server) *ssh.Client {
	t.Helper()
	c, err := ssh.Dial("tcp", s.Addr(), &ssh.ClientConfig{User: "root",
		Auth: []ssh.AuthMethod{ssh.PublicKeys(s.key)}, HostKeyCallback: ssh.FixedHostKey(s.HostKey())})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t *testing.T, c *ssh.Client, cmd string) (*ssh.Session, io.WriteCloser, io.Reader) {
	t.Helper()
	session, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, err := session.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start(cmd); err != nil {
		t.Fatal(err)
	}
	return session, in, out
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// A command whose connection is lost gets end of file and SIGPIPE, no SIGHUP,
// and goes on to its own end.
func TestCut(t *testing.T) {
	s := New(t, Options{})
	c := dial(t, s)
	_, _, out := start(t, c, `trap 'echo hup >>log' HUP; trap 'echo pipe >>log' PIPE
		echo ready; read word || echo "eof" >>log; echo lost; echo end >>log`)
	if b := make([]byte, 6); func() error { _, err := io.ReadFull(out, b); return err }() != nil || string(b) != "ready\n" {
		t.Fatalf("read %q", b)
	}
	s.Cut()
	log := filepath.Join(s.Dir(), "log")
	eventually(t, "the command ends by itself", func() bool {
		text, _ := os.ReadFile(log)
		return strings.HasSuffix(string(text), "end\n")
	})
	text, _ := os.ReadFile(log)
	if !strings.Contains(string(text), "eof\n") || strings.Contains(string(text), "hup") {
		t.Errorf("it saw %q", text)
	}
	dial(t, s).Close() // and the server goes on
}

// At a given line, every time: before it is passed on, or just after.
func TestCutAtLine(t *testing.T) {
	for line := 1; line <= 5; line++ {
		for verdict, want := range map[Verdict]int{CutBefore: line - 1, CutAfter: line} {
			s := New(t, Options{OnStdout: func(l string) Verdict {
				if l == "line "+strconv.Itoa(line) {
					return verdict
				}
				return Pass
			}})
			_, _, out := start(t, dial(t, s), `for i in 1 2 3 4 5 6; do echo line $i; done; read x`)
			text, _ := io.ReadAll(out)
			if n := strings.Count(string(text), "\n"); n != want {
				t.Errorf("verdict %v at line %d: got %q", verdict, line, text)
			}
		}
	}
}

func TestStatus(t *testing.T) {
	s := New(t, Options{})
	c := dial(t, s)
	defer c.Close()
	for cmd, want := range map[string]string{"exit 0": "", "exit 5": "status 5", "kill -TERM $$": "signal TERM"} {
		session, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		err = session.Run(cmd)
		var exit *ssh.ExitError
		got := ""
		if errors.As(err, &exit) {
			got = "status " + strconv.Itoa(exit.ExitStatus())
			if exit.Signal() != "" {
				got = "signal " + exit.Signal()
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", cmd, got, want)
		}
	}
}

// Nothing outlives Close: not a command that ignores everything, not a daemon.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	s := New(t, Options{})
	c := dial(t, s)
	_, _, out := start(t, c, `trap '' HUP TERM PIPE; setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $! >pid; echo ready; while :; do sleep 300; done`)
	b := make([]byte, 6)
	if _, err := io.ReadFull(out, b); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(s.Dir(), "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	s.Close()
	if took := time.Since(begin); took > killAfter+5*time.Second {
		t.Errorf("Close took %v", took)
	}
	eventually(t, "the daemon is gone", func() bool { return gone(pid) })
	_ = c.Close()
	eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}

// gone reports whether pid has ended; a zombie has.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestExecFunction(t *testing.T) {
	broke := make(chan error, 1)
	s := New(t, Options{Exec: func(ctx context.Context, cmd string, stdin io.Reader, stdout, _ io.Writer) int {
		_, _ = io.WriteString(stdout, "ran "+cmd+"\n")
		_, _ = io.ReadAll(stdin)
		_, err := io.WriteString(stdout, "more\n")
		broke <- errors.Join(err, ctx.Err())
		return 0
	}})
	_, _, out := start(t, dial(t, s), "thing")
	b := make([]byte, len("ran thing\n"))
	if _, err := io.ReadFull(out, b); err != nil || string(b) != "ran thing\n" {
		t.Fatalf("read %q, %v", b, err)
	}
	s.Cut()
	if err := <-broke; err != io.ErrClosedPipe && !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write after the cut: %v", err)
	}
}
