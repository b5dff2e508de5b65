package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// viewer prints programs before they run, whole, one host's at a time.
type viewer struct {
	mu     sync.Mutex
	to     io.Writer
	report *report.Reporter
}

// watch returns the host with its programs shown.
func (v *viewer) watch(name, what string, h engine.Host) engine.Host {
	return shown{h, func(program string) {
		v.mu.Lock()
		defer v.mu.Unlock()
		defer v.report.Pause()()
		// A program ends with a line of its own; the frame says where.
		_, _ = fmt.Fprintf(v.to, "==> %s: %s\n%s\n<== %s\n", name, what, strings.TrimSuffix(program, "\n"), name)
	}}
}

// shown is a host whose programs are looked at.
type shown struct {
	engine.Host
	look func(program string)
}

func (s shown) Start(ctx context.Context, program string) (*engine.Session, error) {
	s.look(program)
	return s.Host.Start(ctx, program)
}
