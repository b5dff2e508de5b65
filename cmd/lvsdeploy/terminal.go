package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// terminal asks the operator; it is a remote.Terminal.
type terminal struct {
	ctx   context.Context // of the command: ^C ends a question
	in    *os.File
	out   io.Writer
	pause func() (resume func()) // takes the live lines away; may be nil
	mu    sync.Mutex
}

// newTerminal returns nil when there is nobody to ask.
func newTerminal(ctx context.Context, std streams) *terminal {
	if !term.IsTerminal(int(std.in.Fd())) || !term.IsTerminal(int(std.err.Fd())) {
		return nil
	}
	return &terminal{ctx: ctx, in: std.in, out: std.Err()}
}

// Confirm asks a question to be answered by yes or no.
func (t *terminal) Confirm(question string) (bool, error) {
	for {
		answer, err := t.ask(question+" [yes/no] ", true)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "yes", "y":
			return true, nil
		case "no", "n":
			return false, nil
		}
		question = "please answer"
	}
}

// Secret asks for something that is not shown.
func (t *terminal) Secret(prompt string) (string, error) {
	return t.ask(prompt, false)
}

func (t *terminal) ask(prompt string, echo bool) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pause != nil {
		defer t.pause()()
	}
	fd := int(t.in.Fd())
	// Raw mode, and our own few editing keys: a read in the terminal's line
	// mode could not be given up when the command is interrupted.
	old, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("cannot ask on the terminal: %w", err)
	}
	defer func() { _ = term.Restore(fd, old) }()
	if _, err := io.WriteString(t.out, strings.ReplaceAll(prompt, "\n", "\r\n")); err != nil {
		return "", fmt.Errorf("cannot ask on the terminal: %w", err)
	}
	line, err := t.read(echo)
	_, _ = io.WriteString(t.out, "\r\n")
	return line, err
}

// read takes one line, looking now and then whether it is still wanted.
func (t *terminal) read(echo bool) (string, error) {
	var line []rune
	var partial []byte // of a character in UTF-8
	show := func(s string) {
		if echo {
			_, _ = io.WriteString(t.out, s)
		}
	}
	for {
		if err := t.ctx.Err(); err != nil {
			return "", err
		}
		var b [utf8.UTFMax]byte // one key on Windows, one byte of it elsewhere
		n, err := readKey(t.in, b[:])
		if err == nil && n == 0 {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("cannot read from the terminal: %w", err)
		}
		for _, key := range b[:n] {
			switch key {
			case '\r', '\n':
				return string(line), nil
			case 0x03: // ^C sends no signal in raw mode
				if err := interrupt(); err != nil {
					return "", err
				}
				return "", context.Canceled
			case 0x04: // ^D
				if len(line) == 0 {
					return "", fmt.Errorf("cannot go on without an answer: %w", io.EOF)
				}
			case 0x15: // ^U
				show(strings.Repeat("\b \b", len(line)))
				line = nil
			case 0x7f, 0x08:
				if len(line) > 0 {
					line = line[:len(line)-1]
					show("\b \b")
				}
			default:
				if key < 0x20 {
					continue
				}
				partial = append(partial, key)
				if whole := []rune(string(partial)); len(whole) == 1 && (whole[0] != '\uFFFD' || len(partial) >= 4) {
					line = append(line, whole[0])
					show(string(partial))
					partial = nil
				}
			}
		}
	}
}
