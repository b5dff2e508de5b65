package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
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
	keys    []ssh.Signer
	more    bool // there are keys left for another attempt

	verified bool  // the host's key was accepted
	keyErr   error // or why not
	early    bool  // dropped before it said anything: worth another try
	refused  bool  // no key of this batch was accepted
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
	var ip net.IP
	if tcp, ok := raw.RemoteAddr().(*net.TCPAddr); ok && a.via == nil {
		ip = tcp.IP
	}
	c, chans, reqs, err := ssh.NewClientConn(conn, a.hop.addr(), &ssh.ClientConfig{
		User:              a.hop.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(a.keys...)},
		HostKeyAlgorithms: a.known.algorithms(a.hop),
		Config:            transport(),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			a.keyErr = a.known.check(a.hop, a.name, ip, key, a.cfg.AcceptNew || a.hop.acceptNew)
			a.verified = a.keyErr == nil
			return a.keyErr
		},
	})
	stalled := patience.end()
	canceled := !stop()
	if err != nil || canceled {
		_ = raw.Close()
		if canceled {
			return nil, ctx.Err()
		}
		return nil, a.explain(err, conn.greeting(), stalled)
	}
	return newLink(a.name, ssh.NewClient(c, chans, reqs), conn, a.via, a.cfg.keepalive, bound.Stage(a.timeout)), nil
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
		conn, err := (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", addr)
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

// explain turns what x/crypto/ssh says about a failed handshake into an Error.
func (a *attempt) explain(err error, greeting string, stalled bool) error {
	if a.keyErr != nil {
		return a.keyErr
	}
	var prompt *Error
	if errors.As(err, &prompt) { // of a key's passphrase
		return a.settingsError(a.name, prompt)
	}
	if stalled {
		return a.fail(Unreachable, errNoAnswer, reachHint(errNoAnswer))
	}
	var none *ssh.AlgorithmNegotiationError
	if errors.As(err, &none) {
		return a.fail(Unreachable, nothingCommon(none), "SHA-1 and what is older are not used: "+
			sshdKeyword(none)+" in its sshd_config says what it offers")
	}
	if a.verified {
		a.refused = true
		return a.authError(err)
	}
	if greeting != "" && !strings.HasPrefix(greeting, "SSH-") && !strings.Contains(greeting, "MaxStartups") {
		return a.fail(Unreachable, fmt.Errorf("it says %q", greeting), "is it SSH that listens on this port?")
	}
	if dropped(err) {
		a.early = true
		err = errors.New("the connection was closed before SSH began")
		return a.fail(Unreachable, err, "is it SSH that listens there? sshd's MaxStartups, or a firewall, may drop new connections: try a lower --forks")
	}
	text := strings.TrimPrefix(err.Error(), "ssh: handshake failed: ")
	return a.fail(Unreachable, errors.New(printable(strings.TrimPrefix(text, "ssh: "))), "is it SSH that listens there?")
}

func (a *attempt) authError(err error) error {
	text := err.Error()
	if !strings.Contains(text, "unable to authenticate") && !strings.Contains(text, "disconnect") && !dropped(err) {
		text = printable(strings.TrimPrefix(text, "ssh: handshake failed: "))
		return a.fail(Auth, errors.New(text), "")
	}
	if len(a.keys) == 0 {
		return a.fail(Auth, errors.New("no key to log in with"),
			"make one with ssh-keygen, put it there with ssh-copy-id "+a.hop.login()+", or name one as ssh.identity")
	}
	return a.fail(Auth, fmt.Errorf("none of our keys is accepted for user %s", a.hop.user),
		"ssh-copy-id "+a.hop.login()+" puts your key there; ssh.user and ssh.identity say who logs in, and with which key")
}
