package verify

import (
	"context"
	"io"

	"github.com/lvsdeploy/lvsdeploy/remote"
)

// Over makes a host of an SSH connection.
func Over(c *remote.Conn) Host { return over{c} }

type over struct{ *remote.Conn }

func (o over) Program(ctx context.Context, script string) (io.ReadWriteCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	p, err := o.Conn.Program(ctx, script)
	if err != nil {
		cancel()
		return nil, err
	}
	return &conversation{p, cancel}, nil
}

// conversation is a running program as one reader and writer.
type conversation struct {
	p      *remote.Process
	cancel context.CancelFunc
}

func (c *conversation) Read(b []byte) (int, error)  { return c.p.Stdout.Read(b) }
func (c *conversation) Write(b []byte) (int, error) { return c.p.Stdin.Write(b) }

// Close lets the program see the end of its input, and does not wait for it.
func (c *conversation) Close() error {
	err := c.p.Stdin.Close()
	c.cancel()
	return err
}
