package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openPTY returns both ends of a pseudo-terminal, see pty(7).
func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("this test needs a pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// readUntil waits for a prompt, types keys, and returns what was shown up to
// the end of the line.
func readUntil(master io.ReadWriter, prompt, keys string) string {
	var seen strings.Builder
	var b [1]byte
	for !strings.HasSuffix(seen.String(), prompt) {
		if n, err := master.Read(b[:]); err != nil || n == 0 {
			return seen.String()
		}
		seen.WriteByte(b[0])
	}
	if _, err := io.WriteString(master, keys); err != nil {
		return seen.String()
	}
	for !strings.HasSuffix(seen.String(), "\r\n") {
		if n, err := master.Read(b[:]); err != nil || n == 0 {
			return seen.String()
		}
		seen.WriteByte(b[0])
	}
	return seen.String()
}

func TestTerminalQuestions(t *testing.T) {
	master, slave := openPTY(t)
	for _, c := range []struct{ name, keys, want, err string }{
		{name: "plain", keys: "hunter2\r", want: "hunter2"},
		{name: "mended", keys: "hunx\x7fter\x15abc\x7f\r", want: "ab"},
		{name: "utf-8", keys: "pä密\r", want: "pä密"},
		{name: "end of file", keys: "\x04", err: "without an answer"},
	} {
		tty := newTerminal(t.Context(), newStreams(slave, slave, slave))
		if tty == nil {
			t.Fatal("a pseudo-terminal is none")
		}
		paused := 0
		tty.pause = func() func() { paused++; return func() { paused-- } }
		done := make(chan string)
		go func() { done <- readUntil(master, "password: ", c.keys) }()
		got, err := tty.Secret("password: ")
		seen := <-done
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
		if paused != 0 || strings.Contains(seen, "hunter2") {
			t.Errorf("%s: paused %d, on the screen: %q", c.name, paused, seen)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	tty := newTerminal(ctx, newStreams(slave, slave, slave))
	go cancel()
	if _, err := tty.Confirm("go on?"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
