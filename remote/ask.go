package remote

import (
	"errors"
	"sync"
	"sync/atomic"
)

// asker puts one question at a time to the operator.
type asker struct {
	terminal Terminal
	mu       sync.Mutex
	waiting  atomic.Int32
}

var errNobody = errors.New("no terminal to ask on")

// busy reports whether somebody is waiting for the operator.
func (a *asker) busy() bool { return a.waiting.Load() > 0 }

func (a *asker) confirm(question string) (bool, error) {
	if a.terminal == nil {
		return false, errNobody
	}
	a.waiting.Add(1)
	defer a.waiting.Add(-1)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.terminal.Confirm(question)
}

func (a *asker) secret(prompt string) (string, error) {
	if a.terminal == nil {
		return "", errNobody
	}
	a.waiting.Add(1)
	defer a.waiting.Add(-1)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.terminal.Secret(prompt)
}

// becomeSecret is sudo's password, asked for at most once.
type becomeSecret struct {
	ask      *asker
	mu       sync.Mutex
	asked    bool
	password string
}

// known returns the password, or "" when there is none yet.
func (b *becomeSecret) known() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.password
}

// get returns the password, asking for it if need be and possible.
func (b *becomeSecret) get() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.password != "" || b.asked {
		return b.password, nil
	}
	if b.ask.terminal == nil {
		return "", errNobody
	}
	b.asked = true
	var err error
	b.password, err = b.ask.secret("sudo password (of all hosts): ")
	return b.password, err
}
