// Package verify proves that a deployed cluster works: it sends requests
// through every virtual service, finds out from the director who served each,
// holds the shares against what the scheduler promises, looks at every host,
// and names the root cause of what is wrong. It changes nothing anywhere.
// It may import inventory, filter and shell; its hosts are whatever the caller gives.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// Host is what verify needs of a host of the cluster.
type Host interface {
	// Output runs a POSIX sh script as root and returns its standard output.
	Output(ctx context.Context, script string) ([]byte, error)
	// Program starts a POSIX sh script as root; what is written reaches its
	// standard input. Close ends it.
	Program(ctx context.Context, script string) (io.ReadWriteCloser, error)
	Dialer
}

// Dialer opens connections; from a host, or from here (net.Dialer).
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Local is the name of the workstation as an origin of requests.
const Local = "local"

// DefaultRequests is how many requests each service gets.
const DefaultRequests = 20

// Options says how to verify. The zero value is usable.
type Options struct {
	N       int           // requests per service; 0: DefaultRequests
	From    string        // Local (or empty) or the name of a host of the inventory
	Timeout time.Duration // of one request; 0: 3 s
	Look    time.Duration // how long a host may take to answer a question; 0: 20 s
	// Local opens the connections of requests sent from here; nil: net.Dialer.
	Local Dialer
	// Source says which of the workstation's addresses reaches a service; nil: ask the kernel.
	Source func(ctx context.Context, to netip.AddrPort) (netip.Addr, error)
	// Neighbour is the MAC address that this machine has for an address on its
	// LAN, empty if none; nil: ask the kernel.
	Neighbour func(netip.Addr) string
	// LiveMode takes the mode from the director's table, not the inventory.
	LiveMode bool
	// Progress is told what is being done, for people; may be nil.
	Progress func(host, doing string)
	// OnAnswer is told each answer as it comes; Server may still be empty
	// then, and known in the Result. May be nil.
	OnAnswer func(service string, a Answer)
}

// Result is everything that was found.
type Result struct {
	Mode     inventory.Mode
	Services []ServiceResult
	Checks   []Check // in the order of hosts and of the mode's list
	Cause    *Check  // the failed check that explains the others; nil if OK
	OK       bool
	// Unasked: requests could not be sent, and no check that was made shows
	// anything wrong. That is no word about the cluster, good or bad.
	Unasked bool
}

// ServiceResult is what the requests through one virtual service showed.
type ServiceResult struct {
	VIP          string // 12.0.0.1:80
	Protocol     string
	Scheduler    string
	Persistent   bool
	From         string // Local or a host
	Requests     int    // sent
	Failed       int
	Unattributed int // answered, but who served could not be told
	Foreign      int // connections of others the director scheduled meanwhile
	Servers      []Share
	Answers      []Answer
	Promise      string // what the scheduler promises of shares, and why
	Note         string // what could not be proven here
	Problem      string // empty: the service did what it should
}

// Share is a real server's part of a service's requests.
type Share struct {
	Name     string
	Address  string // 192.168.1.20:80
	Weight   int
	Answers  int // requests it answered
	Failed   int // requests the director gave to it that got no answer
	Total    int // connections the director gave to it, others' included
	Expected int // of our requests; -1: the scheduler promises no number
}

// Answer is one request and what came of it.
type Answer struct {
	N      int    // from 1
	Server string // name; empty: not known
	By     string // how the server is known: connection table, answer
	Status int    // of HTTP
	Body   string // first line, control characters replaced, cut
	Took   time.Duration
	Err    error

	digest string // of the whole body, to tell servers apart
	dest   netip.AddrPort
}

// Check is one thing that was looked at on a host.
type Check struct {
	Host   string
	Name   string
	OK     bool
	Detail string // what was found
	Hint   string // the command or step that mends it
}

// Unreachable stands for a host that could not be connected: everything asked
// of it fails with err.
func Unreachable(err error) Host { return unreachable{err} }

type unreachable struct{ err error }

func (u unreachable) Output(context.Context, string) ([]byte, error) { return nil, u.err }
func (u unreachable) Program(context.Context, string) (io.ReadWriteCloser, error) {
	return nil, u.err
}
func (u unreachable) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, u.err
}

// Run verifies the cluster over the given connections, by host name. It fails
// only when there is nothing to report: the origin is unknown, or ctx ended.
func Run(ctx context.Context, c *inventory.Cluster, hosts map[string]Host, o Options) (*Result, error) {
	o = o.withDefaults()
	r := &run{cluster: c, hosts: hosts, options: o, mode: c.Mode}
	if o.From != Local && r.host(o.From) == nil {
		return nil, fmt.Errorf("cannot send requests from %q: no such host in %s", o.From, c.File)
	}
	if o.LiveMode || c.Mode == "" {
		mode, err := r.liveMode(ctx)
		if err != nil {
			return nil, err
		}
		r.mode = mode
	}
	if err := CheckOrigin(c, r.mode, o.From); err != nil {
		return nil, err
	}

	// The hosts are looked at while the requests are under way.
	var wg sync.WaitGroup
	var seen sight
	wg.Go(func() { seen = r.lookAtHosts(ctx) })
	services := make([]serviceRun, 0, len(c.Services))
	for i := range c.Services {
		services = append(services, r.serve(ctx, &c.Services[i]))
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("cannot verify: %w", context.Cause(ctx))
	}

	res := &Result{Mode: r.mode, Checks: seen.checks}
	lan := newLAN(c, seen.facts)
	if r.mode == inventory.DR {
		res.Checks = append(res.Checks, lan.answers()...)
	}
	for i := range services {
		s := &services[i]
		s.settle(seen.pages)
		if r.mode == inventory.DR {
			s.device = deviceOf(c.Director.Host, seen.facts[c.Director.Name])
			res.Checks = append(res.Checks, lan.sends(s)...)
		}
		res.Checks = append(res.Checks, s.dropped(c, r.mode, seen.facts)...)
		res.Checks = append(res.Checks, s.checks(c.Director.Name, r.mode)...)
		res.Services = append(res.Services, s.result)
	}
	res.Cause = rootCause(res.Checks)
	res.OK = res.Cause == nil
	for _, c := range res.Checks {
		if !c.OK && c.Name != nameOrigin && c.Name != nameReachable {
			res.Unasked = false
			break
		}
		res.Unasked = res.Unasked || !c.OK && c.Name == nameOrigin
	}
	return res, nil
}

// OriginError is why requests from a host would prove nothing.
type OriginError struct{ msg, hint string }

func (e *OriginError) Error() string { return e.msg }

// Hint says where to send them from.
func (e *OriginError) Hint() string { return e.hint }

// CheckOrigin returns an *OriginError where requests from a host would prove
// nothing: in DR mode director and real servers hold the VIP themselves.
func CheckOrigin(c *inventory.Cluster, m inventory.Mode, from string) error {
	if m != inventory.DR {
		return nil
	}
	hint := "send them from here (--from local)"
	if c.Client != nil {
		hint += " or from the client (--from " + c.Client.Name + ")"
	}
	if from == c.Director.Name {
		return &OriginError{fmt.Sprintf("cannot prove anything by requests from %s: in DR mode the director's own requests to the VIP are not answered, and others' are", from), hint}
	}
	for _, w := range c.Webs {
		if w.Name == from {
			return &OriginError{fmt.Sprintf("cannot prove anything by requests from %s: in DR mode a real server holds the VIP and answers itself, past the director", from), hint}
		}
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.N <= 0 {
		o.N = DefaultRequests
	}
	if o.From == "" {
		o.From = Local
	}
	if o.Timeout <= 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Look <= 0 {
		o.Look = 20 * time.Second
	}
	if o.Local == nil {
		o.Local = &net.Dialer{}
	}
	if o.Source == nil {
		o.Source = localSource
	}
	if o.Neighbour == nil {
		o.Neighbour = localNeighbour
	}
	return o
}

// run is one call of Run.
type run struct {
	cluster *inventory.Cluster
	hosts   map[string]Host
	options Options
	mode    inventory.Mode
	mu      sync.Mutex // over Progress and OnAnswer: they are never called twice at once
}

// errNotConnected is what hosts say for which the caller has no connection.
var errNotConnected = errors.New("not connected")

// host returns a host of the inventory by name, or nil.
func (r *run) host(name string) Host {
	if h, ok := r.hosts[name]; ok {
		return patient{h, r.options.Look}
	}
	for _, n := range hostNames(r.cluster) {
		if n == name {
			return Unreachable(errNotConnected)
		}
	}
	return nil
}

func hostNames(c *inventory.Cluster) []string {
	names := []string{c.Director.Name}
	for _, w := range c.Webs {
		names = append(names, w.Name)
	}
	if c.NFS != nil {
		names = append(names, c.NFS.Name)
	}
	if c.Client != nil {
		names = append(names, c.Client.Name)
	}
	return names
}

func (r *run) progress(host, format string, args ...any) {
	if r.options.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options.Progress(host, fmt.Sprintf(format, args...))
}

func (r *run) answered(service string, a Answer) {
	if r.options.OnAnswer == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.options.OnAnswer(service, a)
}

// liveMode asks the director's table which forwarding method is in use.
func (r *run) liveMode(ctx context.Context) (inventory.Mode, error) {
	d := r.cluster.Director.Name
	f, err := ask(ctx, r.host(d), tableScript)
	if err != nil {
		return "", fmt.Errorf("cannot read the table of %s: %w", d, err)
	}
	for _, s := range parseRules(f.lines("table")) {
		for _, rs := range s.servers {
			switch rs.method {
			case methodOf(inventory.NAT):
				return inventory.NAT, nil
			case methodOf(inventory.DR):
				return inventory.DR, nil
			}
		}
	}
	return "", fmt.Errorf("cannot tell the mode of the cluster: the table of %s has no real server", d)
}

// localSource returns the address that connections from here to the service
// have. A UDP socket knows it without sending anything.
func localSource(ctx context.Context, to netip.AddrPort) (netip.Addr, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", to.String())
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	return addrPortOf(conn.LocalAddr()).Addr(), nil
}
