package remote

import (
	"context"
	"time"
)

// Target is one host to reach. Zero values mean: what ~/.ssh/config says for
// Host, then the default.
type Target struct {
	Name     string   // how the host is called in messages and results; unique
	Host     string   // address or name; also what ~/.ssh/config is asked about
	Port     int      // default 22
	User     string   // default root
	Identity string   // private key file, tried first; ~/ is Config.Home
	Jump     []string // user@host:port, hop by hop; user and port may be left out
	Become   bool     // run programs as root through sudo
}

// Terminal asks the operator. Calls never overlap.
type Terminal interface {
	// Confirm asks a question, which may have several lines, to be answered
	// by yes or no.
	Confirm(question string) (bool, error)
	// Secret asks for something that must not be shown.
	Secret(prompt string) (string, error)
}

// Config is what is common to all hosts of a run.
type Config struct {
	Home           string                   // the directory that holds .ssh; default $HOME, or what the system says; with one that is given, the ssh_config for all users is not read
	AcceptNew      bool                     // add unknown host keys to known_hosts; a changed key is refused all the same
	Timeout        time.Duration            // default 10 s; see DialAll
	Forks          int                      // hosts dialled at the same time; 0: all
	Terminal       Terminal                 // nil: nobody to ask
	BecomePassword string                   // sudo's; empty: none known
	Progress       func(host, doing string) // may be nil; called from several goroutines, but one at a time

	Warn func(host, text string) // the same, for what the operator has to know and is no error

	TimeoutGiven bool // by the operator: ConnectTimeout of ssh_config does not count

	keepalive time.Duration // tests make it shorter
	system    string        // the directory of the ssh_config for all users; tests have one of their own
}

// DefaultTimeout is what Config.Timeout is when not given.
const DefaultTimeout = 10 * time.Second

// Result is how dialling one target ended: a Conn, or an error, which is
// always an *Error.
type Result struct {
	Conn *Conn
	Err  error
}

// DialAll is DialEach for those who need all connections before they can go on:
// the result has an entry for every Target.Name.
func DialAll(ctx context.Context, cfg Config, targets []Target) map[string]Result {
	results := make(map[string]Result, len(targets))
	DialEach(ctx, cfg, targets, func(name string, r Result) { results[name] = r })
	return results
}

// DialEach connects to all targets at once, tells how each ended as soon as it
// is known, one at a time, and returns after the last. Hosts behind the same
// jump host share one connection to it, closed with the last of them.
//
// Config.Timeout bounds how long a host may stay silent while it is being
// connected, so that a busy machine, or many hosts at once, make it slower but
// do not fail it; twice Timeout bounds the whole. Time spent waiting for the
// operator does not count, nor time for which this process was stopped. What
// comes after the login is bounded by bound.Stage(Timeout).
//
// Unknown host keys are collected from all hosts and asked for once, then
// those hosts are dialled again. (Hosts behind a jump host whose own key was
// unknown need a second question: they cannot be seen before.)
//
// When ctx ends, hosts not connected yet fail with Kind Canceled; those
// connected stay so, and are the caller's to close.
func DialEach(ctx context.Context, cfg Config, targets []Target, ended func(name string, r Result)) {
	d, err := newDialer(cfg)
	if err != nil {
		for _, t := range targets {
			ended(t.Name, Result{Err: d.settingsError(t.Name, err)})
		}
		return
	}
	defer d.close()
	for n, t := range targets {
		d.order[t.Name] = n
	}
	for todo := targets; len(todo) > 0; {
		todo = d.askUnknown(d.round(ctx, todo, ended), ended)
	}
}
