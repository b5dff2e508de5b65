package engine_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// flights is how many round trips a converged run takes on one host that waits
// for no other, from the connection to the last event; docs/decisions.md says
// what each is.
const flights = 10

// TestFlights counts them, with few tasks and with many.
func TestFlights(t *testing.T) {
	for _, n := range []int{5, 50} {
		best := 0
		// on a busy machine more is asked for between, and what could go together
		// goes apart: the least of many is what it takes
		for range 60 {
			if f := flightsOf(t, n); best == 0 || f < best {
				best = f
			}
			if best <= flights {
				break
			}
		}
		if best > flights {
			t.Errorf("a run of %d tasks takes %d round trips, want at most %d", n, best, flights)
		}
	}
}

func flightsOf(t *testing.T, n int) int {
	t.Helper()
	// a script that not every login shell would leave alone takes more
	server := sshtest.New(t, sshtest.Options{OnExec: func(cmd string) {
		if !strings.Contains(cmd, "what this host is") {
			t.Errorf("facts are not asked for in an argument, but with %s", cmd)
		}
	}})
	between := relay(t, server.Addr())
	home := sshtest.Home(t, server)
	config := fmt.Sprintf("Host web1\n\tHostKeyAlias %s\n", server.Addr())
	if err := os.WriteFile(filepath.Join(home, ".ssh/config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	r := remote.DialAll(t.Context(), remote.Config{Home: home, AcceptNew: true}, []remote.Target{{Name: "web1", Host: "127.0.0.1", Port: between.port()}})["web1"]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	defer r.Conn.Close()
	// the host is this machine, which is only looked at
	asked, err := engine.Examine(t.Context(), engine.OpenlyOver(r.Conn), engine.Ask{Cluster: "none-of-this-name"})
	if err != nil {
		t.Fatal(err)
	}
	var list []tasks.Task
	for i := range n {
		list = append(list, tasks.Task{Name: fmt.Sprint("task ", i), Check: ":", Apply: "false"})
	}
	events := fakerun.Tasks(fakerun.Run(t, fakerun.One("web1", list...), map[string]engine.Host{"web1": asked}, engine.Options{Check: true}))
	for _, e := range events {
		if e.Status != engine.OK {
			t.Errorf("%s is %s: %s", e.Task, e.Status, e.Detail)
		}
	}
	return between.count()
}

// between passes a connection on and counts how often the client speaks after
// the server has: a round trip each. The TCP connection itself is the first.
type between struct {
	listen net.Listener

	mu      sync.Mutex
	answers bool // the server spoke last
	flights int
}

func relay(t *testing.T, to string) *between {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &between{listen: listen, flights: 1, answers: true}
	var all sync.WaitGroup
	all.Go(func() {
		client, err := listen.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer server.Close()
		all.Go(func() {
			b.pass(client, server, true)
			_ = client.Close()
		})
		b.pass(server, client, false)
	})
	t.Cleanup(func() {
		_ = listen.Close()
		all.Wait()
	})
	return b
}

func (b *between) port() int { return b.listen.Addr().(*net.TCPAddr).Port }

func (b *between) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.flights
}

func (b *between) pass(to io.Writer, from io.Reader, answers bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			b.mu.Lock()
			if b.answers && !answers {
				b.flights++
			}
			b.answers = answers
			b.mu.Unlock()
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
