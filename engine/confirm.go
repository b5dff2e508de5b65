package engine

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/bound"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/shell"
)

//go:embed prelude/confirm.sh
var confirmScript string

// DefaultConfirmTimeout is how long a host waits for the confirmation of a
// change that may have cut the workstation off.
const DefaultConfirmTimeout = 30 * time.Second

// ExitRolledBack is the exit code of a run in which a host went back.
const ExitRolledBack = 6

// errReverted: the host has gone back by itself.
var errReverted = errors.New("nobody confirmed the change in time")

// errNothing: there was nothing to confirm after all.
var errNothing = errors.New("nothing waits for a confirmation")

// wentBack is the error of a host that has taken its change back.
type wentBack struct{ error }

func (w *wentBack) Unwrap() error { return w.error }

// reachAnew starts confirming a host's change.
func (r *run) reachAnew(ctx context.Context, h *hostRun) {
	h.confirming = true
	r.sink(Event{Kind: KindHost, Host: h.name, Detail: "being reached anew, to confirm the change"})
	// the run goes on to write what the host's part of it must not read
	change, why := `"`+strings.Join(h.atRisk, `", "`)+`"`, h.lostBy
	if why == nil && h.failed != "" {
		why = fmt.Errorf("%q failed", h.failed)
	}
	r.spawn(func() { r.said <- said{host: h, confirmed: true, err: r.confirm(ctx, h, change, why)} })
}

// lostAtRisk takes over when a program's connection ends while a change may be
// waiting for its confirmation: a new connection tells what became of it.
func (r *run) lostAtRisk(ctx context.Context, h *hostRun, err error) bool {
	if h.confirming {
		h.lost, h.lostBy = true, err
		return true
	}
	var exit *remote.ExitError
	if h.next < len(h.steps) && h.steps[h.next].task.Undo != "" {
		h.atRisk = append(h.atRisk, h.steps[h.next].task.Name)
	}
	// 75: it has stopped of its own accord, perhaps because the host went back
	ended := err == nil || errors.As(err, &exit) && exit.Code != 75
	if r.o.Check || ended || len(h.atRisk) == 0 || ctx.Err() != nil {
		return false
	}
	h.lost, h.lostBy = true, err
	r.reachAnew(ctx, h)
	return true
}

// confirm calls a host's revert off over a connection dialled after the
// change. It tries until the host says that it has gone back, or until it
// should have and still is not heard of. why is what keeps it from confirming,
// as far as that is known.
func (r *run) confirm(ctx context.Context, h *hostRun, change string, why error) error {
	patience := r.o.ConfirmTimeout
	for end := time.Now().Add(patience + 60*time.Second); ; {
		answer, err := r.askConfirmation(ctx, h)
		switch {
		case answer == "confirmed":
			return nil
		case answer == "nothing":
			return errNothing
		case answer == "reverted":
			if why == nil {
				why = errReverted
			}
			return &wentBack{fmt.Errorf("%s went back to its old settings after %s: %w", h.name, change, why)}
		case err != nil:
			why = err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("cannot confirm the change on %s, which goes back by itself in %s: %w", h.name, patience, ctx.Err())
		}
		if time.Now().After(end) {
			if why == nil {
				why = errors.New("it does not say what became of the change")
			}
			return fmt.Errorf("cannot reach %s after the change, nor after it should have gone back: %w", h.name, why)
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (r *run) askConfirmation(ctx context.Context, h *hostRun) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.ConfirmTimeout)
	defer cancel()
	host := h.host
	if r.o.Dial != nil {
		anew, hangUp, err := r.o.Dial(ctx, h.name)
		if err != nil {
			return "", err
		}
		defer hangUp()
		host = anew
	}
	session, err := host.Start(ctx, string(shell.F("state=%s\nnonce=%s\n", "/var/lib/lvsdeploy/"+r.cluster, h.nonce))+confirmScript)
	if err != nil {
		return "", err
	}
	defer session.within("it was asked to confirm the change").End()
	out, err := bound.All(session.Stdout, "a confirmation", bound.Line)
	session.beyond(err)
	return strings.TrimSpace(string(out)), errors.Join(err, session.Wait())
}

// confirmed goes on with a host whose change was confirmed, and ends the run
// on one where it was not.
func (r *run) confirmed(h *hostRun, err error) {
	h.confirming = false
	switch {
	case err == nil && !h.lost:
		h.send(wordGo)
		h.began = time.Now()
		r.start(h)
	case err != nil && !errors.Is(err, errNothing):
		h.stopped = "the host went back to its old settings"
		if back := (*wentBack)(nil); !errors.As(err, &back) {
			h.stopped = "the change was not confirmed"
			r.skipRest(h, Unknown, "nobody knows whether the host has gone back to its old settings")
		}
		r.sink(Event{Kind: KindError, Host: h.name, Err: err, Exit: ExitRolledBack,
			Hint: "the last change of an address, a route or the firewall cut the workstation off: look at that host's part of the inventory"})
		if !h.lost {
			h.send(wordStop)
		}
	}
	h.atRisk = nil
	if h.lost {
		r.end(h, h.lostBy)
	}
}
