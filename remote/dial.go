package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"
)

// perAddress bounds the connections to one address that are not authenticated
// yet. sshd starts to drop them at random beyond ten (MaxStartups 10:30:100).
const perAddress = 8

// dialer holds what the hosts of one DialEach share.
type dialer struct {
	cfg      Config
	settings *sshConfig
	known    *knownKeys
	keys     *keyring
	ask      *asker
	secret   *becomeSecret
	slots    chan struct{}  // nil: as many as there are targets
	order    map[string]int // the targets', as they were given

	mu        sync.Mutex
	gateways  map[string]*gateway      // by the hops up to and with it
	addresses map[string]chan struct{} // perAddress slots
	vouched   map[string]bool          // keys the operator was asked about, see unknownKey.id
	warned    map[string]bool          // what was said already
	reporting sync.Mutex
}

// gateway is a jump host that is being, or has been, connected.
type gateway struct {
	done chan struct{}
	link *link
	err  error
}

func newDialer(cfg Config) (*dialer, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.keepalive <= 0 {
		cfg.keepalive = keepaliveEvery
	}
	if cfg.Home == "" {
		home, err := homeDir()
		if err != nil {
			return nil, err
		}
		cfg.Home, cfg.system = home, firstOf(cfg.system, systemConfig())
	}
	settings, err := readSSHConfig(cfg.Home, cfg.system)
	if err != nil {
		return nil, err
	}
	ask := &asker{terminal: cfg.Terminal}
	d := &dialer{
		cfg:       cfg,
		settings:  settings,
		keys:      newKeyring(cfg.Home, cfg.Timeout, ask),
		ask:       ask,
		secret:    &becomeSecret{password: cfg.BecomePassword, ask: ask},
		gateways:  make(map[string]*gateway),
		addresses: make(map[string]chan struct{}),
		vouched:   make(map[string]bool),
		warned:    make(map[string]bool),
		order:     make(map[string]int),
	}
	d.known = newKnownKeys(cfg.Home, d.warn)
	if cfg.Forks > 0 {
		d.slots = make(chan struct{}, cfg.Forks)
	}
	return d, nil
}

// homeDir is $HOME, or what the system says where that is missing or wrong.
func homeDir() (string, error) {
	home, err := os.UserHomeDir()
	if info, statErr := os.Stat(home); err == nil && statErr == nil && info.IsDir() {
		return home, nil
	}
	if u, userErr := user.Current(); userErr == nil && u.HomeDir != "" {
		return u.HomeDir, nil
	}
	return home, err
}

// close gives back the jump hosts' connections; those in use stay open.
func (d *dialer) close() {
	for _, g := range d.gateways {
		if g.link != nil {
			g.link.release()
		}
	}
	d.keys.close()
}

func (d *dialer) settingsError(host string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		e2 := *e
		e2.Host = host
		return &e2
	}
	return &Error{Host: host, Op: "connect to " + host, Kind: Settings, Err: err}
}

func (d *dialer) progress(host, doing string) {
	if d.cfg.Progress == nil {
		return
	}
	d.reporting.Lock()
	defer d.reporting.Unlock()
	d.cfg.Progress(host, doing)
}

// warn tells of what does not end a connection.
func (d *dialer) warn(host, text string) {
	if d.cfg.Warn == nil {
		return
	}
	d.reporting.Lock()
	defer d.reporting.Unlock()
	d.cfg.Warn(host, text)
}

// warnOnce is warn for what is the same for all hosts.
func (d *dialer) warnOnce(host, text string) {
	d.mu.Lock()
	again := d.warned[text]
	d.warned[text] = true
	d.mu.Unlock()
	if !again {
		d.warn(host, text)
	}
}

// unanswered is a target whose host key the operator can be asked about.
type unanswered struct {
	target Target
	key    *unknownKey
	err    error
}

// round dials targets at once, passes on how each ended, and returns those
// that are for the operator to decide.
func (d *dialer) round(ctx context.Context, targets []Target, ended func(string, Result)) []unanswered {
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		open []unanswered
	)
	for _, t := range targets {
		wg.Go(func() {
			conn, err := d.dial(ctx, t)
			mu.Lock()
			defer mu.Unlock()
			if u := d.askable(ctx, err); u != nil {
				open = append(open, unanswered{t, u, err})
				return
			}
			ended(t.Name, Result{Conn: conn, Err: err})
		})
	}
	wg.Wait()
	return open
}

// dial connects one target, through its jump hosts.
func (d *dialer) dial(ctx context.Context, t Target) (*Conn, error) {
	if d.slots != nil {
		select {
		case d.slots <- struct{}{}:
			defer func() { <-d.slots }()
		case <-ctx.Done():
			return nil, canceled(t.Name, "reach "+t.Name, ctx)
		}
	}
	hops, err := d.settings.route(t)
	if err != nil {
		return nil, d.settingsError(t.Name, err)
	}
	d.progress(t.Name, "connecting")
	last := hops[len(hops)-1]
	var via *link
	for i := range hops[:len(hops)-1] {
		via, err = d.gateway(ctx, hops[:i+1], via)
		if err != nil {
			return nil, through(t.Name, last, hops[i], err)
		}
	}
	l, err := d.connect(ctx, t.Name, last, via)
	if err != nil {
		return nil, err
	}
	return &Conn{
		name:    t.Name,
		user:    last.user,
		become:  t.Become && last.user != "root",
		timeout: d.cfg.Timeout,
		secret:  d.secret,
		link:    l,
	}, nil
}

// through turns the error of a jump host into that of a host behind it.
func through(name string, h, jump hop, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	e2 := *e
	e2.Host = name
	e2.Op = fmt.Sprintf("reach %s (%s) through %s", name, h.addr(), jump.addr())
	if e.Kind == HostKey || e.Kind == Settings {
		e2.Op = e.Op + fmt.Sprintf(", the way to %s", name)
	}
	return &e2
}

// gateway returns the connection to the last of hops, made once for all hosts
// behind it. The dialer keeps the reference.
func (d *dialer) gateway(ctx context.Context, hops []hop, via *link) (*link, error) {
	var key strings.Builder
	for _, h := range hops {
		// by its name in ssh_config too: what that says about its key, and about
		// ours, is said for that name alone
		fmt.Fprintf(&key, "%q %s@%s ", h.original, h.user, h.addr())
	}
	d.mu.Lock()
	g := d.gateways[key.String()]
	mine := g == nil
	if mine {
		g = &gateway{done: make(chan struct{})}
		d.gateways[key.String()] = g
	}
	d.mu.Unlock()
	if !mine {
		select {
		case <-g.done:
			return g.link, g.err
		case <-ctx.Done():
			return nil, canceled(hops[len(hops)-1].host, "reach "+hops[len(hops)-1].addr(), ctx)
		}
	}
	h := hops[len(hops)-1]
	g.link, g.err = d.connect(ctx, h.name, h, via)
	close(g.done)
	return g.link, g.err
}

// forgetGateways lets failed jump hosts be tried again.
func (d *dialer) forgetGateways() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, g := range d.gateways {
		if g.err != nil {
			delete(d.gateways, key)
		}
	}
}

// addressSlot waits for one of the perAddress places of addr.
func (d *dialer) addressSlot(ctx context.Context, addr string) (release func(), ok bool) {
	d.mu.Lock()
	slots := d.addresses[addr]
	if slots == nil {
		slots = make(chan struct{}, perAddress)
		d.addresses[addr] = slots
	}
	d.mu.Unlock()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, true
	case <-ctx.Done():
		return nil, false
	}
}

// connect makes one hop, trying again while sshd drops the connection before
// it says who it is: that is how it defends itself against many at once.
func (d *dialer) connect(ctx context.Context, name string, h hop, via *link) (*link, error) {
	keys, err := d.keys.signers(h)
	if err != nil {
		return nil, d.settingsError(name, err)
	}
	started := time.Now()
	wait := 50 * time.Millisecond
	for _, text := range keys.warn {
		d.warnOnce(name, text)
	}
	offers := keys.offers(h)
	for first := 0; ; {
		a := attempt{dialer: d, name: name, hop: h, via: via, timeout: d.timeout(h), notes: keys.notes,
			login: &login{keys: offers, first: first, next: first}}
		l, err := a.run(ctx)
		switch {
		case err == nil:
			return l, nil
		case ctx.Err() != nil:
			return nil, canceled(name, a.op(), ctx)
		case a.refused && a.more:
			first, started = a.next, time.Now()
			d.progress(name, "connecting again with more keys")
			continue
		case !a.early || time.Since(started) > 2*a.timeout:
			return nil, err
		}
		d.progress(name, "connecting again: sshd dropped the connection")
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-ctx.Done():
			return nil, canceled(name, a.op(), ctx)
		}
		wait = min(2*wait, 2*time.Second)
	}
}

func (d *dialer) timeout(h hop) time.Duration {
	if h.timeout > 0 && !d.cfg.TimeoutGiven {
		return h.timeout
	}
	return d.cfg.Timeout
}
