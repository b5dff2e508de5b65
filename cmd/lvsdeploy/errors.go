package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// usageError is a wrong command line: exit 2, nothing was contacted.
type usageError struct{ msg, hint string }

func (e *usageError) Error() string { return e.msg }

// Hint says what to do about it.
func (e *usageError) Hint() string { return e.hint }

func usagef(hint, format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...), hint}
}

// exited ends a command with a code when everything has been said already.
type exited report.Exit

func (e exited) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// exit is nil for report.Done, else an error that only carries the code.
func exit(code report.Exit) error {
	if code == report.Done {
		return nil
	}
	return exited(code)
}

// complain prints what err says and returns its exit code.
func complain(w io.Writer, err error) report.Exit {
	code := exitCode(err)
	if silent := (exited)(0); err == nil || errors.As(err, &silent) {
		return code
	}
	// Inventory errors begin with their position, as editors want them.
	prefix := "lvsdeploy: "
	if errors.As(err, new(inventory.Errors)) {
		prefix = ""
	}
	msg := prefix + err.Error()
	if code == report.Interrupted { // nobody needs to be told how
		msg = "lvsdeploy: interrupted"
	}
	if hint := hintFor(err); hint != "" && !strings.Contains(msg, hint) {
		msg += "\n    hint: " + hint
	}
	_, _ = fmt.Fprintln(w, msg)
	return code
}

// exitCode is the one place where errors become exit codes.
func exitCode(err error) report.Exit {
	var (
		done   exited
		usage  *usageError
		broken inventory.Errors
		ssh    *remote.Error
	)
	switch {
	case err == nil:
		return report.Done
	case errors.As(err, &done):
		return report.Exit(done)
	case errors.As(err, &usage), errors.As(err, &broken):
		return report.Usage
	case errors.As(err, &ssh):
		switch ssh.Kind {
		case remote.Canceled:
			return report.Interrupted
		case remote.Transfer: // connected, and then something failed there
			return report.TaskFailed
		}
		return report.Unreachable
	case errors.Is(err, context.Canceled):
		return report.Interrupted
	}
	return report.TaskFailed
}

// hintFor is the hint that an error brings with it, in either of the ways
// that errors of this module have one.
func hintFor(err error) string {
	var ssh *remote.Error
	if errors.As(err, &ssh) {
		return ssh.Hint
	}
	var with interface{ Hint() string }
	if errors.As(err, &with) {
		return with.Hint()
	}
	return ""
}
