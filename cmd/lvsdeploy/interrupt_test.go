package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvsdeploy/lvsdeploy/report"
)

// TestUntilInterrupted: the first ^C ends a command that waits for what does
// not come (an inventory that is a pipe), and gives one that tidies up its time.
func TestUntilInterrupted(t *testing.T) {
	tidied := errors.New("tidied up")
	for _, c := range []struct {
		name    string
		takes   time.Duration
		patient bool
		want    error
		after   time.Duration
	}{
		{"stuck", time.Hour, false, errStuck, time.Second + interruptGrace},
		{"tidies up", 3 * time.Second, false, tidied, 3 * time.Second},
		{"machines", time.Minute, true, tidied, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				began := time.Now()
				err := untilInterrupted(ctx, c.patient, func() error {
					time.Sleep(c.takes)
					return tidied
				})
				if took := time.Since(began); !errors.Is(err, c.want) || took != c.after {
					t.Errorf("%v after %v", err, took)
				}
				if c.want == errStuck && exitCode(err) != report.Interrupted {
					t.Errorf("exit %d", exitCode(err))
				}
				time.Sleep(time.Hour)
			})
		})
	}
}
