package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Conn is an authenticated connection to one host. Its methods may be called
// from several goroutines.
type Conn struct {
	name    string
	user    string
	become  bool // programs go through sudo
	timeout time.Duration
	secret  *becomeSecret
	link    *link
	closing sync.Once
}

// Name returns the Target's name.
func (c *Conn) Name() string { return c.name }

// Close ends the connection and everything that runs over it, and waits until
// its goroutines are gone. A second call does nothing.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		c.link.end(errClosed)
		c.link.release()
	})
	return nil
}

// Done is closed when the connection is over, whoever ended it.
func (c *Conn) Done() <-chan struct{} { return c.link.ended }

// Ping asks the host for a sign of life: one round trip.
func (c *Conn) Ping(ctx context.Context) error {
	defer c.link.within("it was asked for a sign of life")()
	answered := make(chan error, 1)
	started := c.link.spawn(func() {
		_, _, err := c.link.client.SendRequest("keepalive@openssh.com", true, nil)
		answered <- err
	})
	if !started {
		return c.link.lost(c.name)
	}
	select {
	case err := <-answered:
		if err != nil {
			c.link.dead(lostPatience)
			return c.link.lost(c.name)
		}
		return nil
	case <-ctx.Done():
		return c.canceled("reach "+c.name, ctx)
	}
}

func (c *Conn) canceled(op string, ctx context.Context) *Error {
	return canceled(c.name, op, ctx)
}

func canceled(host, op string, ctx context.Context) *Error {
	err := context.Cause(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Host: host, Op: op, Kind: Canceled, Err: fmt.Errorf("%w: %w", errNoAnswer, err)}
	}
	return &Error{Host: host, Op: op, Kind: Canceled, Err: err}
}

// openError explains why a channel could not be opened.
func (c *Conn) openError(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return c.canceled(op, ctx)
	}
	var refused *ssh.OpenChannelError
	if !errors.As(err, &refused) {
		c.link.dead(lostPatience)
		return c.link.lost(c.name)
	}
	return &Error{Host: c.name, Op: op, Kind: Refused, Err: errors.New(printable(refused.Message)),
		Hint: "sshd there has no room for another session: look at MaxSessions in its sshd_config"}
}

// DialContext opens a connection to addr (host:port) from the host, through a
// direct-tcpip channel (RFC 4254, 7.2). The network is tcp, tcp4 or tcp6; the
// host resolves names. Deadlines are not supported on the net.Conn: close it
// instead.
func (c *Conn) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	op := fmt.Sprintf("connect from %s to %s", c.name, addr)
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, &Error{Host: c.name, Op: op, Kind: Settings, Err: fmt.Errorf("network %q is not tcp", network)}
	}
	conn, err := c.link.dial(ctx, addr)
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		return nil, c.canceled(op, ctx)
	}
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) {
		return nil, forwardError(c.name, op, c.name, refused)
	}
	var settings *Error
	if errors.As(err, &settings) {
		return nil, &Error{Host: c.name, Op: op, Kind: settings.Kind, Err: settings.Err}
	}
	c.link.dead(lostPatience)
	return nil, c.link.lost(c.name)
}

// forwardError explains a refused direct-tcpip channel: gateway is who refused.
func forwardError(host, op, gateway string, refused *ssh.OpenChannelError) *Error {
	e := &Error{Host: host, Op: op, Kind: Unreachable}
	switch refused.Reason {
	case ssh.Prohibited:
		e.Kind = Refused
		e.Err = fmt.Errorf("sshd on %s forbids forwarding", gateway)
		e.Hint = "set AllowTcpForwarding yes (or local) in sshd_config on " + gateway + ", and look at PermitOpen"
	default:
		text := printable(refused.Message)
		if text == "" {
			text = refused.Reason.String()
		}
		e.Err = fmt.Errorf("from %s: %s", gateway, text)
	}
	return e
}

// dial opens a direct-tcpip channel as a net.Conn.
func (l *link) dial(ctx context.Context, addr string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &Error{Kind: Settings, Err: err}
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, &Error{Kind: Settings, Err: fmt.Errorf("port %q is not a number", portText)}
	}
	ch, reqs, err := l.open(ctx, "direct-tcpip", ssh.Marshal(struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}{host, uint32(port), "127.0.0.1", 0}))
	if err != nil {
		return nil, err
	}
	c := &channelConn{Channel: ch, link: l, addr: channelAddr(addr), closed: make(chan struct{})}
	if !l.spawn(func() { ssh.DiscardRequests(reqs); close(c.closed) }) {
		return nil, errClosed
	}
	return c, nil
}

// channelConn is a channel as a net.Conn, without deadlines.
type channelConn struct {
	ssh.Channel
	link    *link
	addr    channelAddr
	closed  chan struct{} // by the other side too
	closing sync.Once
}

// Close does not wait for the other side, which has to answer before a read
// ends; it has a stage's time to do so.
func (c *channelConn) Close() error {
	c.closing.Do(func() {
		answered := c.link.within("a connection through it was closed")
		if !c.link.spawn(func() { <-c.closed; answered() }) {
			answered()
		}
		c.link.spawn(func() { _ = c.Channel.Close() })
	})
	return nil
}

func (c *channelConn) LocalAddr() net.Addr  { return channelAddr("127.0.0.1:0") }
func (c *channelConn) RemoteAddr() net.Addr { return c.addr }

var errNoDeadline = errors.New("deadlines are not supported over ssh")

func (c *channelConn) SetDeadline(time.Time) error      { return errNoDeadline }
func (c *channelConn) SetReadDeadline(time.Time) error  { return errNoDeadline }
func (c *channelConn) SetWriteDeadline(time.Time) error { return errNoDeadline }

type channelAddr string

func (channelAddr) Network() string  { return "tcp" }
func (a channelAddr) String() string { return string(a) }
