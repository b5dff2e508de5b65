package engine

import (
	"context"
	"io"

	"github.com/lvsdeploy/lvsdeploy/remote"
)

// Host runs a program as root somewhere. Start returns once it is under way;
// what is written to Stdin after that reaches the program itself.
type Host interface {
	Start(ctx context.Context, program string) (*Session, error)
}

// Session is a program that runs.
type Session struct {
	Stdin  io.WriteCloser
	Stdout io.Reader
	Wait   func() error // after Stdout has ended
	Stderr func() string
}

// Over runs programs over an SSH connection.
func Over(c *remote.Conn) Host { return overSSH{c.Program} }

// OpenlyOver does so with programs that everybody on the host may read, and
// sooner.
func OpenlyOver(c *remote.Conn) Host { return overSSH{c.Command} }

type overSSH struct {
	start func(ctx context.Context, program string) (*remote.Process, error)
}

func (o overSSH) Start(ctx context.Context, program string) (*Session, error) {
	p, err := o.start(ctx, program)
	if err != nil {
		return nil, err
	}
	return &Session{Stdin: p.Stdin, Stdout: p.Stdout, Wait: p.Wait, Stderr: p.Stderr}, nil
}
