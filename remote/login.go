package remote

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// login is the part of an attempt in which a user logs in. Keys are offered one
// by one, so that it is known which of them sshd has answered when it hangs up.
type login struct {
	keys  []*offer
	first int // the first to be offered on this connection

	accepted atomic.Bool // sshd took a key, and got its signature
	signing  atomic.Bool // an agent, or the operator, is waited for

	mu       sync.Mutex
	next     int      // the next to be offered
	methods  []string // that sshd allows at last
	partial  []string // that it is content with, and wants more
	banner   string   // what it said last
	signErr  error    // why a key that it takes could not be used
	answered bool     // to none, at least
	broken   func() bool
}

var errHungUp = errors.New("the connection was closed while keys were offered")

// choose is asked for the next thing to try.
func (l *login) choose(ctx *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken() { // what was tried has no answer
		return nil, errHungUp
	}
	l.answered = true
	l.methods, l.partial = ctx.AllowedMethods, ctx.PartialSuccessMethods
	if !slices.Contains(l.methods, "publickey") || l.next >= len(l.keys) || l.next-l.first >= triesPerConnection {
		return nil, nil
	}
	key := l.keys[l.next]
	key.used = l
	l.next++
	return ssh.PublicKeys(key), nil
}

func (l *login) hear(banner string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text := strings.TrimSpace(banner); text != "" {
		l.banner = text
	}
	return nil
}

// resume says with which key to go on over a new connection, if with any,
// after this one ended with err. An sshd of OpenSSH's hangs up in place of the
// answer to the last key that it allows; of others that do not say
// so it is not known whether the last was looked at.
func (l *login) resume(err error, openSSH bool) (next int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 || l.accepted.Load() || !slices.Contains(l.methods, "publickey") {
		return 0, false
	}
	next = l.next
	text := strings.ToLower(err.Error())
	last := strings.Contains(text, "unable to authenticate") ||
		strings.Contains(text, "disconnect") && (openSSH || strings.Contains(text, "authentication failures"))
	if !last && next > l.first+1 {
		next--
	}
	return next, next > l.first && next < len(l.keys)
}
