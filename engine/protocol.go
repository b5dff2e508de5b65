package engine

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/bound"
	"github.com/lvsdeploy/lvsdeploy/remote"
)

// What a program and the engine say to each other, see the section "The
// protocol between engine and program" of HACKING.md.

// NewNonce makes the mark of one run's events.
func NewNonce() string { return "@" + strings.ToLower(rand.Text()[:16]) }

// line is an event of a host's program, and when it came.
type line struct {
	kind, rest string
	at         time.Time
}

// The words that pass a barrier; six bytes each.
const (
	wordGo    = "go   \n"
	wordAgain = "again\n" // look again at what was looked at ahead
	wordDirty = "dirty\n" // the same; something would be changed before
	wordWait  = "wait \n"
	wordStop  = "stop \n"
)

// manyLines are passed on though more have come.
const manyLines = 256

// listen passes a program's events on, until it ends; what came together, at
// once.
func listen(session *Session, nonce string, pass func([]line)) error {
	out := bound.NewLines(session.Stdout, "a program's output", bound.Program)
	var lines []line
	for {
		text, err := out.Next()
		if event, ours := strings.CutPrefix(text, nonce+" "); ours {
			kind, rest, _ := strings.Cut(strings.TrimSuffix(event, "\n"), " ")
			lines = append(lines, line{kind, rest, time.Now()})
		}
		if len(lines) > 0 && (out.Buffered() == 0 || len(lines) >= manyLines || err != nil) {
			pass(lines)
			lines = nil
		}
		if err != nil {
			session.beyond(err)
			break
		}
	}
	err := session.Wait()
	var exit *remote.ExitError
	if errors.As(err, &exit) && session.Stderr != nil && strings.TrimSpace(session.Stderr()) != "" {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(session.Stderr()))
	}
	return err
}

// send does not wait for the host to take the word. A connection that cannot
// has ended, which its reader will say. What follows is for the host to say.
func (h *hostRun) send(word string) {
	_, _ = io.WriteString(h.stdin, word)
	h.listen()
}

// listen lets the time run for which a host may say nothing, or stops it while
// there is nothing to be said: it waits for the others, or for us.
func (h *hostRun) listen() {
	if h.waiting >= 0 || len(h.ahead) > 0 || h.confirming || h.asks {
		h.quiet.Pause()
	} else {
		h.quiet.Resume()
	}
}

// keep counts what is kept of a host's events until it can be told.
func (h *hostRun) keep(l line) {
	if h.kept += len(l.rest) + lineCost; h.kept > bound.Kept && h.session.Stop != nil {
		h.session.Stop(bound.TooMuch(bound.Kept, "events at once"))
	}
}

// task is what a host does, for the message when it falls silent.
func (h *hostRun) task() string {
	if name := h.doing.Load(); name != nil {
		return fmt.Sprintf("working on %q", *name)
	}
	return "starting the program"
}

// lineCost is what an event costs beside its text.
const lineCost = 64
