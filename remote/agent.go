package remote

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// agentKeys is what an agent holds.
type agentKeys struct {
	conn io.Closer
	keys []ssh.Signer
	err  error // why it could not be asked; nil also where there is none
}

func (a *agentKeys) close() {
	if a.conn != nil {
		_ = a.conn.Close()
	}
}

// agent asks the agent at socket, or the usual one; no agent is no error.
func (k *keyring) agent(socket string) *agentKeys {
	if a := k.agents[socket]; a != nil {
		return a
	}
	a := new(agentKeys)
	k.agents[socket] = a
	if socket == noAgent {
		return a
	}
	conn, err := dialAgent(socket)
	if err != nil {
		if !errors.Is(err, errNoAgent) {
			a.err = fmt.Errorf("the agent cannot be asked: %w", plain(err))
		}
		return a
	}
	timed := &timedAgent{conn: conn, timeout: k.timeout}
	a.conn = conn
	if a.keys, err = agent.NewClient(timed).Signers(); err != nil {
		a.keys, a.err = nil, errors.New("the agent does not answer")
		if !timed.late.Load() {
			a.err = fmt.Errorf("the agent gives no keys: %s", printable(err.Error()))
		}
	}
	return a
}

var (
	errNoAgent   = errors.New("no agent")
	errAgentLate = errors.New("the agent does not answer in time")
)

// timedAgent is a connection to an agent that waits for an answer no longer
// than for a host's.
type timedAgent struct {
	conn    io.ReadWriteCloser
	timeout time.Duration
	until   time.Time   // for the whole of an answer
	late    atomic.Bool // it let us wait: what it says later is about something else
}

func (t *timedAgent) Write(b []byte) (int, error) {
	if t.late.Load() {
		return 0, errAgentLate
	}
	t.until = time.Now().Add(t.timeout)
	return t.conn.Write(b)
}

func (t *timedAgent) Read(b []byte) (int, error) {
	timer := time.AfterFunc(time.Until(t.until), func() {
		t.late.Store(true)
		_ = t.conn.Close()
	})
	n, err := t.conn.Read(b)
	timer.Stop()
	if t.late.Load() {
		return 0, errAgentLate
	}
	if errors.Is(err, os.ErrClosed) {
		err = errNoAgent
	}
	return n, err
}
