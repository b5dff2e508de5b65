package fakehost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Cluster is a set of hosts that find each other by address: showmount and mount on one see what another exports.
// Their root directories lie in one directory, which each has at /.fakehost/lan. Packets do not flow between hosts.
type Cluster struct {
	dir string

	mu   sync.Mutex
	keep bool // the directory outlives its last host
}

// NewCluster makes a cluster without hosts; give it to Options.Cluster.
func NewCluster(t testing.TB) *Cluster {
	t.Helper()
	c, err := newCluster()
	if err != nil {
		t.Fatal(err)
	}
	c.keep = true
	t.Cleanup(func() {
		if err := os.RemoveAll(c.dir); err != nil {
			t.Errorf("cannot remove the cluster's directory: %v", err)
		}
	})
	return c
}

func newCluster() (*Cluster, error) {
	// Hundreds of hosts come and go in a test run: memory rather than disk, where there is a choice.
	var err error
	for _, parent := range []string{"/dev/shm", ""} {
		var dir string
		if dir, err = os.MkdirTemp(parent, "fakehost-"); err == nil {
			err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, ".address"), 0o755))
			return &Cluster{dir: dir}, err
		}
	}
	return nil, fmt.Errorf("cannot make a directory for fake hosts: %w", err)
}

// claim lets the others find host by address.
func (c *Cluster) claim(address, host string) error {
	if err := os.Symlink("../"+host, filepath.Join(c.dir, ".address", address)); err != nil {
		return fmt.Errorf("cannot give host %s the address %s: another has it: %w", host, address, err)
	}
	return nil
}

// release forgets a closed host and its files.
func (c *Cluster) release(h *Host) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	dir := c.dir
	if c.keep {
		dir = h.root
	}
	return os.RemoveAll(dir)
}
