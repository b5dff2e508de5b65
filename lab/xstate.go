package lab

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed xstate/xstate.c
var xstateSource []byte

// xstate is the library that is preloaded into the lab's machines: why, its
// source says. It is beside the disks, as many systems have /run noexec.
func (l *Lab) xstate() string { return filepath.Join(l.state.Disks, "xstate.so") }

func (l *Lab) buildXstate(ctx context.Context) error {
	source := filepath.Join(l.state.Disks, "xstate.c")
	if err := os.WriteFile(source, xstateSource, 0o600); err != nil {
		return fmt.Errorf("cannot write a library for the machines: %w", err)
	}
	return compile(ctx, l.xstate(), source, "-shared", "-fPIC")
}

func compile(ctx context.Context, binary, source string, flags ...string) error {
	argv := append([]string{"gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", binary, source}, flags...)
	if err := run(ctx, argv...); err != nil {
		return fmt.Errorf("cannot compile (apt-get install gcc libc6-dev): %w", err)
	}
	return nil
}
