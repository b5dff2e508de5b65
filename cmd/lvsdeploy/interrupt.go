package main

import (
	"context"
	"errors"
	"time"
)

// interruptGrace is how long a command may take to end once it was interrupted:
// hosts get a moment to be told. What then still waits, for a file that is a
// pipe, say, is left behind.
const interruptGrace = 7 * time.Second

var errStuck = errors.New("interrupted while something could not be ended")

// untilInterrupted runs a command to its end, or until it was interrupted and
// does not end. patient commands end by themselves: they have machines to stop.
func untilInterrupted(ctx context.Context, patient bool, command func() error) error {
	if patient {
		return command()
	}
	ended := make(chan error, 1)
	go func() { ended <- command() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(interruptGrace)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return errors.Join(errStuck, context.Canceled)
	}
}
