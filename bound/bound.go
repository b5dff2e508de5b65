// Package bound says how much a host may say, and for how long it may say
// nothing, at every stage of a run: whatever a host does, it costs no more
// memory than a healthy one, holds up nobody, and is given up within three
// times --timeout. It imports nothing of this module.
package bound

import (
	"fmt"
	"time"
)

// How much is taken from a host.
const (
	Line    = 64 << 10  // the longest line; a task's output comes in shorter ones
	Noise   = 256 << 10 // what login scripts print before a program starts
	Stderr  = 4 << 20   // of one program
	Unread  = 1 << 20   // sent ahead of what reads it
	Facts   = 4 << 20   // a site of 30000 files has as much
	Program = 16 << 20  // a run's events
	Kept    = 2 << 20   // of events that wait for others, and what belongs to one task
	Answer  = 4 << 20   // to a script of verify, or to a confirmation
	Page    = 256 << 10 // of a web page: enough to tell two apart
	Header  = 64 << 10  // of an HTTP answer
)

// Beat is how often a program says that it is alive while it changes something,
// see busy in engine/prelude/common.sh.
const Beat = time.Second

// Stage is how long one stage after the login may last, or how long a program
// may be silent: a host that has just been connected gets twice the time for
// which it may be silent while it is being connected, and never less than a
// few signs of life take.
func Stage(timeout time.Duration) time.Duration {
	return max(2*timeout, 5*Beat/2)
}

// Error is a bound that a host went beyond.
type Error struct {
	Text string // after "cannot go on with web1: "
	Hint string
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

const strange = "is it the host that you mean? look at what its login scripts and commands print"

// TooMuch is the error of a host that sent more than n bytes of what.
func TooMuch(n int, what string) *Error {
	return &Error{fmt.Sprintf("it sent more than %s of %s", size(n), what), strange}
}

// TooLong is the error of a line that does not end.
func TooLong(what string) *Error {
	return &Error{fmt.Sprintf("it sent a line of more than %s in %s", size(Line), what), strange}
}

// Silent is the error of a host that said nothing for so long while it did
// something: "answering what it is".
func Silent(d time.Duration, doing string) *Error {
	return &Error{fmt.Sprintf("no answer for %v while %s", d.Round(100*time.Millisecond), doing),
		"is it overloaded, or is a disk or an NFS server gone that it needs? a larger --timeout waits longer"}
}

func size(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d kB", n>>10)
}
