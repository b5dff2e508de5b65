package main

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// streams are where a command reads and writes. Nothing is written to out and
// err but through Out and Err.
type streams struct {
	in, out, err *os.File
	failed       *writeFailure
}

func newStreams(in, out, err *os.File) streams {
	return streams{in, out, err, &writeFailure{}}
}

// Out is standard output.
func (s streams) Out() io.Writer { return checked{s.out, s.failed} }

// Err is standard error.
func (s streams) Err() io.Writer { return checked{s.err, s.failed} }

// writeFailure remembers the first write that failed. A full disk below
// standard output must not end a deployment in the middle, and must not go
// unnoticed either: the exit code tells in the end.
type writeFailure struct {
	mu  sync.Mutex
	err error
}

func (f *writeFailure) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

// Err is that write's error, nil if there was none.
func (f *writeFailure) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// checked is a file of which it is known whether it took everything. A reader
// that went away (| head) has read what it wanted: that is no failure.
type checked struct {
	file   *os.File
	failed *writeFailure
}

func (c checked) Write(p []byte) (int, error) {
	n, err := c.file.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	if err != nil {
		c.failed.note(err)
	}
	return n, err
}

// outliveReaders has a write that nobody reads any more fail, where it would
// end the process: a deployment goes on without its reader. The signal is
// caught and not ignored, so that programs that are started have it as ever.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
