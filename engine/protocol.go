package engine

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

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

// listen passes a program's events on, until it ends; what came together, at
// once.
func listen(session *Session, nonce string, pass func([]line)) error {
	out := bufio.NewReader(session.Stdout)
	var lines []line
	for {
		text, err := out.ReadString('\n')
		if event, ours := strings.CutPrefix(text, nonce+" "); ours {
			kind, rest, _ := strings.Cut(strings.TrimSuffix(event, "\n"), " ")
			lines = append(lines, line{kind, rest, time.Now()})
		}
		if len(lines) > 0 && (out.Buffered() == 0 || err != nil) {
			pass(lines)
			lines = nil
		}
		if err != nil {
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

// send never blocks the run for long: a word is six bytes. A connection that
// cannot take it has ended, which its reader will say.
func (h *hostRun) send(word string) { _, _ = io.WriteString(h.stdin, word) }
