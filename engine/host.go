package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/lvsdeploy/lvsdeploy/bound"
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

	Stage time.Duration   // how long it may say nothing, see bound.Stage; 0: for ever
	Stop  func(why error) // ends it, and the connection to its host; may be nil
}

// within gives the session up once nothing was heard for a stage's time.
func (s *Session) within(doing string) *bound.Silence {
	return s.listen(func() string { return doing }, func() bool { return false })
}

// listen is within for what is known only then; busy says that it is this side
// which does not listen.
func (s *Session) listen(doing func() string, busy func() bool) *bound.Silence {
	if s.Stage == 0 || s.Stop == nil {
		return nil
	}
	return bound.NewSilence(s.Stage, func() bool {
		if busy() {
			return false
		}
		s.Stop(bound.Silent(s.Stage, doing()))
		return true
	})
}

// beyond ends the session if an error is that its host went beyond a bound.
func (s *Session) beyond(err error) {
	if errors.As(err, new(*bound.Error)) && s.Stop != nil {
		s.Stop(err)
	}
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
	return &Session{Stdin: p.Stdin, Stdout: p.Stdout, Wait: p.Wait, Stderr: p.Stderr, Stage: p.Stage(), Stop: p.Stop}, nil
}
