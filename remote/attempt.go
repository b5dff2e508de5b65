package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/lvsdeploy/lvsdeploy/bound"
)

// attempt is one try at one hop.
type attempt struct {
	*dialer
	name    string
	hop     hop
	via     *link
	timeout time.Duration
	login   *login
	notes   []string // about keys that are not offered

	verified bool  // the host's key was accepted
	keyErr   error // or why not
	early    bool  // dropped before it said anything: worth another try
	refused  bool  // no key that was offered was accepted
	next     int   // the key to go on with over another connection
	more     bool  // there is one
}

func (a *attempt) op() string {
	if a.name == a.hop.host {
		return "reach " + a.hop.addr()
	}
	return fmt.Sprintf("reach %s (%s)", a.name, a.hop.addr())
}

func (a *attempt) fail(kind Kind, err error, hint string) error {
	return &Error{Host: a.name, Op: a.op(), Kind: kind, Err: err, Hint: hint}
}

func (a *attempt) run(ctx context.Context) (*link, error) {
	release, ok := a.addressSlot(ctx, a.hop.addr())
	if !ok {
		return nil, ctx.Err()
	}
	defer release()
	raw, err := a.dialRaw(ctx)
	if err != nil {
		return nil, err
	}

	// The host is given up when it is silent for too long, unless it is the
	// operator who is being waited for.
	patience := a.watch(raw)
	conn := newWatched(raw, patience.quiet.Heard)
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	c, chans, reqs, err := ssh.NewClientConn(conn, a.hop.addr(), a.clientConfig(conn))
	stalled := patience.end()
	canceled := !stop()
	if err != nil || canceled {
		_ = raw.Close()
		if canceled {
			return nil, ctx.Err()
		}
		return nil, a.explain(err, conn, stalled)
	}
	return newLink(a.name, ssh.NewClient(c, chans, reqs), conn, a.via, a.cfg.keepalive, bound.Stage(a.timeout)), nil
}

func (a *attempt) clientConfig(conn *watched) *ssh.ClientConfig {
	var ip net.IP
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok && a.via == nil {
		ip = tcp.IP
	}
	a.login.broken = conn.broken.Load
	return &ssh.ClientConfig{
		User:              a.hop.user,
		AuthCallback:      a.login.choose,
		BannerCallback:    a.login.hear,
		HostKeyAlgorithms: a.known.algorithms(a.hop),
		Config:            ssh.Config{KeyExchanges: a.hop.chosen("kexalgorithms"), Ciphers: a.hop.chosen("ciphers"), MACs: a.hop.chosen("macs")},
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			a.keyErr = a.known.check(a.hop, a.name, ip, key, a.cfg.AcceptNew || a.hop.acceptNew)
			a.verified = a.keyErr == nil
			return a.keyErr
		},
	}
}

// patience closes a connection that is silent for too long while it is set up,
// or is not set up in twice that time, whatever is heard. Time that the operator
// takes does not count.
type patience struct{ quiet, whole *bound.Silence }

func (a *attempt) watch(raw net.Conn) patience {
	over := func() bool {
		if a.ask.busy() {
			return false
		}
		_ = raw.Close()
		return true
	}
	return patience{bound.NewSilence(a.timeout, over), bound.NewSilence(2*a.timeout, over)}
}

// end stops watching and reports whether the connection was given up.
func (p patience) end() (stalled bool) {
	quiet, whole := p.quiet.End(), p.whole.End()
	return quiet || whole
}

// dialRaw opens the connection SSH is to be spoken on.
func (a *attempt) dialRaw(ctx context.Context) (net.Conn, error) {
	// not a deadline of the context's: that runs on while this process is stopped
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer bound.NewSilence(a.timeout, func() bool { cancel(errNoAnswer); return true }).End()
	addr := a.hop.addr()
	if a.via == nil {
		dial := net.Dialer{KeepAlive: -1}
		if ip := net.ParseIP(a.hop.bind); ip != nil {
			dial.LocalAddr = &net.TCPAddr{IP: ip}
		}
		conn, err := dial.DialContext(ctx, a.hop.network, addr)
		if err != nil {
			if ctx.Err() != nil {
				err = errNoAnswer
			}
			a.early = dropped(err)
			return nil, a.fail(Unreachable, plain(err), reachHint(plain(err)))
		}
		return conn, nil
	}
	conn, err := a.via.dial(ctx, addr)
	if err == nil {
		return conn, nil
	}
	var refused *ssh.OpenChannelError
	switch {
	case errors.As(err, &refused):
		return nil, forwardError(a.name, a.op()+" through "+a.via.name, a.via.name, refused)
	case ctx.Err() != nil:
		return nil, a.fail(Unreachable, errNoAnswer, reachHint(errNoAnswer))
	}
	a.via.dead(lostPatience)
	return nil, a.via.lost(a.name)
}
