//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// readKey reads a byte from a terminal in raw mode; 0 and no error: nothing
// was typed for a moment. Never more: what is typed ahead is somebody else's.
func readKey(in *os.File, b []byte) (int, error) {
	fd := int(in.Fd())
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
	if errors.Is(err, unix.EINTR) || (err == nil && n == 0) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if n, err = unix.Read(fd, b[:1]); err != nil || n == 0 {
		return 0, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return n, nil
}

// interrupt does what ^C does.
func interrupt() error { return syscall.Kill(os.Getpid(), syscall.SIGINT) }

// takesEscapes reports whether f is a terminal with colours and a cursor that
// can be moved.
func takesEscapes(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
