package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// Kind says what sort of trouble there was with a host.
type Kind int

// The kinds of trouble.
const (
	Unreachable Kind = iota + 1 // no connection, or no SSH on the other side
	Auth                        // no key was accepted
	HostKey                     // the host's key is unknown, changed or revoked
	Sudo                        // logged in, but not root
	Lost                        // the connection broke after it was made
	Settings                    // ~/.ssh/config, known_hosts or a key file cannot be used
	Transfer                    // a file could not be uploaded
	Canceled                    // the caller's context ended
	Refused                     // the host refuses what was asked: a channel, a forwarding
)

// String names k in one word, for messages and tests.
func (k Kind) String() string {
	names := [...]string{"", "unreachable", "auth", "host key", "sudo", "lost", "settings", "transfer", "canceled", "refused"}
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Error is what went wrong with one host. Error gives one line without the
// hint; callers print Hint, where there is one, on a line of its own.
type Error struct {
	Host string // Target.Name
	Op   string // what was tried, after "cannot": "reach web1 (192.168.1.20:22)"
	Kind Kind
	Err  error  // the cause; nil where Op says it all
	Hint string // what to try next, or empty
}

// Error returns "cannot Op: cause".
func (e *Error) Error() string {
	if e.Err == nil {
		return "cannot " + e.Op
	}
	return "cannot " + e.Op + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitError is how a program that was started ended, when not with status 0.
type ExitError struct {
	Host   string
	Code   int    // exit status; 255 for a signal
	Signal string // without SIG: "KILL"; empty: it exited
	Stderr string // the last of what it wrote there, trimmed
}

// Error says the exit status and, where there is one, the last line of stderr.
func (e *ExitError) Error() string {
	msg := "program failed on " + e.Host + ": " + e.how()
	if line := lastLine(e.Stderr); line != "" {
		msg += ": " + line
	}
	return msg
}

func (e *ExitError) how() string {
	if e.Signal != "" {
		return "killed by signal " + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// lastLine returns the last line of s that has text, safe for a terminal.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		s = s[i+1:]
	}
	return printable(s)
}

// printable replaces what a host could use to draw on the operator's terminal.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, s))
}

// plain strips what Go's net package wraps around a cause, so that addresses
// are not said twice: "dial tcp 1.2.3.4:22: connect: connection refused"
// becomes "connection refused".
func plain(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		if dns.IsNotFound {
			return fmt.Errorf("no address known for %s", dns.Name)
		}
		return errors.New(dns.Err)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		err = sys.Err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return errNoAnswer
	}
	return err
}

var (
	errNoAnswer = errors.New("no answer in time")
	errClosed   = errors.New("connection closed")
)

// dropped reports whether err is how a connection looks that the other side
// (or a firewall on its behalf) closed without a word, as sshd does with new
// connections beyond MaxStartups.
func dropped(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, errReset) || errors.Is(err, errBrokenByWrite)
}

// reachHint says what to look at when a host cannot be reached.
func reachHint(err error) string {
	switch {
	case errors.Is(err, errRefused):
		return "is sshd running there, and on this port?"
	case errors.Is(err, errHostAway), errors.Is(err, errNetworkAway):
		return "is the host up, and is there a route to it from here?"
	case errors.Is(err, errNoAnswer):
		return "is the host up? a firewall that drops packets looks like this too"
	case dropped(err):
		return "does sshd's MaxStartups, or a firewall, drop new connections? try a lower --forks"
	}
	var dns *net.DNSError
	if errors.As(err, &dns) || strings.HasPrefix(err.Error(), "no address known") {
		return "give its address, or a HostName in ~/.ssh/config"
	}
	return ""
}
