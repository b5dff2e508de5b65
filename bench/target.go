package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// target is a cluster as the contenders see it: an inventory, the way to its
// hosts, and what is to be so on them.
type target struct {
	mode      inventory.Mode
	dir       string // everything written for it
	inventory string // hosts.toml
	home      string // holds .ssh
	identity  string

	cluster *inventory.Cluster
	plan    tasks.Plan
	facts   map[string]*tasks.Facts
}

// newTarget asks the hosts what they are and makes lvsdeploy's own plan of
// them. The floor and the playbook get theirs from it, so that nobody does
// another's work.
func newTarget(ctx context.Context, t target) (*target, error) {
	var err error
	if t.cluster, err = inventory.Load(t.inventory, t.mode); err != nil {
		return nil, err
	}
	if err := t.gather(ctx); err != nil {
		return nil, err
	}
	in := roles.Input{Cluster: t.cluster, Facts: t.facts, Staging: map[string]string{}, Sites: map[string][]tasks.SiteFile{}}
	t.plan = roles.For(t.mode)(in)
	if err := t.writePlaybook(); err != nil {
		return nil, err
	}
	return &t, t.writeFloor()
}

func (t *target) gather(ctx context.Context) error {
	var targets []remote.Target
	for _, h := range t.cluster.Hosts() {
		targets = append(targets, remote.Target{Name: h.Name, Host: at(h), Port: h.SSH.Port, User: h.SSH.User, Identity: t.identity})
	}
	t.facts = map[string]*tasks.Facts{}
	for name, r := range remote.DialAll(ctx, remote.Config{Home: t.home}, targets) {
		if r.Err != nil {
			return r.Err
		}
		facts, err := engine.Gather(ctx, engine.OpenlyOver(r.Conn), engine.Ask{Cluster: t.cluster.Name})
		_ = r.Conn.Close()
		if err != nil {
			return err
		}
		t.facts[name] = facts
	}
	return nil
}

// at is where a host's sshd is.
func at(h inventory.Host) string {
	if h.SSH.Host != "" {
		return h.SSH.Host
	}
	return h.Address.String()
}

func (t *target) path(name string) string { return filepath.Join(t.dir, name) }

func (t *target) write(name, text string) error {
	path := t.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// tasksOf lists a host's tasks, handlers left out.
func (t *target) tasksOf(host string) (all []tasks.Task) {
	for _, stage := range t.plan {
		for _, hp := range stage.Hosts {
			if hp.Host == host {
				all = append(all, hp.Tasks...)
			}
		}
	}
	return all
}

// hostsTOML is the inventory of a fleet, whose hosts' sshd are at the addresses
// that at returns; "" where the host's own address is.
func hostsTOML(s shape, address, at func(i int) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[cluster]\nname = \"bench\"\nmode = %q\nnetwork = %q\n", s.mode, lanNet)
	for i := range s.hosts {
		table := "web"
		if i == 0 {
			table = "director"
		}
		fmt.Fprintf(&b, "[[%s]]\nname = %q\naddress = %q\ninterface = %q\n", table, hostName(i), address(i), hostDev)
		switch {
		case i > 0:
			fmt.Fprintf(&b, "index = \"this is %s\"\n", hostName(i))
		case s.mode == inventory.NAT:
			fmt.Fprintf(&b, "wan_interface = \"ens37\"\nwan_address = \"12.0.0.1/24\"\n")
		}
		if ssh := at(i); ssh != "" {
			fmt.Fprintf(&b, "[%s.ssh]\nhost = %q\n", table, ssh)
		}
	}
	b.WriteString("[[service]]\nport = 80\n")
	if s.mode == inventory.DR {
		fmt.Fprintf(&b, "vip = %q\n", fleetVIP)
	}
	return b.String()
}
