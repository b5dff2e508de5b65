package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// onScreen is what a terminal gets until nobody writes there any more.
func onScreen(t *testing.T, master, slave *os.File, run func()) string {
	t.Helper()
	all := make(chan string)
	go func() {
		var text strings.Builder
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			text.Write(b[:n])
			if err != nil || strings.HasSuffix(text.String(), "\x00end\n") || strings.HasSuffix(text.String(), "\x00end\r\n") {
				all <- text.String()
				return
			}
		}
	}()
	run()
	if _, err := slave.WriteString("\x00end\n"); err != nil {
		t.Fatal(err)
	}
	return <-all
}

// TestLiveLines: lines that are redrawn are for a terminal that nobody else
// writes on, and never in a log.
func TestLiveLines(t *testing.T) {
	// hosts that take long enough for a live line to be drawn, and then know nothing
	server := sshtest.New(t, sshtest.Options{Exec: func(context.Context, string, io.Reader, io.Writer, io.Writer) int {
		time.Sleep(400 * time.Millisecond)
		return 1
	}})
	home := sshtest.Home(t, server)
	write(t, home+"/.ssh/config", fmt.Sprintf("Host *\n\tHostName 127.0.0.1\n\tPort %d\n", server.Port()))
	dir := t.TempDir()
	write(t, dir+"/hosts.toml", clusterTOML+websTOML)
	t.Setenv("HOME", home)
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Chdir(dir)
	for _, c := range []struct {
		name       string
		out, err   bool // terminals
		term, ci   string
		live, says bool // redrawn lines, and the reasons of hosts
	}{
		{name: "a terminal", out: true, err: true, term: "xterm", live: true, says: true},
		{name: "| tee run.log", err: true, term: "xterm"},
		{name: "2>log", out: true, term: "xterm", says: true},
		{name: "a dumb terminal", out: true, err: true, term: "dumb", says: true},
		{name: "continuous integration", out: true, err: true, term: "xterm", ci: "true", says: true},
		{name: "CI=false", out: true, err: true, term: "xterm", ci: "false", live: true, says: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			master, slave := openPTY(t)
			if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
				t.Fatal(err)
			}
			t.Setenv("TERM", c.term)
			t.Setenv("CI", c.ci)
			null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer null.Close()
			std := newStreams(null, null, null)
			if c.out {
				std.out = slave
			}
			if c.err {
				std.err = slave
			}
			text := onScreen(t, master, slave, func() { run(t.Context(), []string{"lvsdeploy", "nat", "--check"}, std) })
			if got := strings.Contains(text, "\x1b[J") || strings.Contains(text, "A\r"); got != c.live {
				t.Errorf("redrawn lines: %v, want %v\n%q", got, c.live, text)
			}
			if got := strings.Contains(text, "4 hosts: "); got != c.says {
				t.Errorf("a summary: %v, want %v\n%q", got, c.says, text)
			}
		})
	}
}
