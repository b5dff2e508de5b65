package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// fleets is everything that is measured on light machines; it runs inside the
// namespaces that enclosed has made.
func fleets(ctx context.Context, o options) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := furnish(); err != nil {
		return err
	}
	if o.Run != "" {
		return runIn(ctx, o)
	}
	results := filepath.Join(o.Out, "latest.json")
	r, err := load(results)
	if err != nil {
		return err
	}
	checked := map[inventory.Mode]bool{}
	for _, s := range o.shapes() {
		if !checked[s.mode] && s.hosts <= o.Ansible {
			few := shape{hosts: min(4, s.hosts), mode: s.mode}
			say("%s: do both end in the same state?", few)
			if err := sameState(ctx, o, few); err != nil {
				return err
			}
			r.SameState, checked[s.mode] = true, true
		}
		c, err := measureFleet(ctx, o, s)
		if err != nil {
			return err
		}
		r.Cases = append(r.Cases, c)
		if err := save(results, r); err != nil {
			return err
		}
	}
	if o.Trouble > 0 {
		if r.Trouble, err = measureTrouble(ctx, o); err != nil {
			return err
		}
	}
	return save(results, r)
}

// shape is what a fleet is like.
type shape struct {
	hosts int
	mode  inventory.Mode
	rtt   time.Duration // all of them are so far away
}

func (s shape) String() string {
	name := fmt.Sprintf("%d hosts", s.hosts)
	if s.mode != inventory.NAT {
		name += ", " + strings.ToUpper(string(s.mode))
	}
	if s.rtt > 0 {
		name += fmt.Sprintf(", %v RTT", s.rtt)
	}
	return name
}

// shapes lists the fleets that are to be measured.
func (o options) shapes() (all []shape) {
	for _, n := range o.Hosts {
		for _, rtt := range o.RTT {
			if rtt == 0 || n == o.RTTHosts {
				all = append(all, shape{n, inventory.NAT, rtt})
			}
		}
	}
	for _, n := range o.DR {
		all = append(all, shape{n, inventory.DR, 0})
	}
	return all
}

// runIn deploys a fleet and runs a command beside it, to look closer.
func runIn(ctx context.Context, o options) error {
	all := o.shapes()
	if len(all) == 0 {
		return errors.New("cannot run a command beside no fleet")
	}
	p, err := prepare(ctx, all[0])
	if err != nil {
		return err
	}
	defer p.close()
	if _, err := measure(ctx, p.ours(o).applied()); err != nil {
		return err
	}
	roots := ""
	for _, m := range p.hosts {
		roots += strconv.Itoa(m.Pid()) + " "
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", o.Run)
	cmd.Env = append(p.environment(), "HOSTS_TOML="+p.inventory, "FLOOR_JSON="+p.path("floor.json"), "ROOTS="+roots)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// prepared is a booted fleet and what reaches it.
type prepared struct {
	*fleet
	*target
	cancel context.CancelFunc // ends the proxies
}

// prepare boots a fleet and writes what the contenders need to reach it.
func prepare(ctx context.Context, s shape) (*prepared, error) {
	dir, err := os.MkdirTemp(scratch, "fleet-")
	if err != nil {
		return nil, err
	}
	private, public, err := newKey()
	if err != nil {
		return nil, err
	}
	t := target{mode: s.mode, dir: dir, home: filepath.Join(dir, "home"), inventory: filepath.Join(dir, "hosts.toml")}
	t.identity = filepath.Join(t.home, ".ssh/id_ed25519")
	began := time.Now()
	f, err := newFleet(ctx, s.hosts, public)
	if err != nil {
		return nil, err
	}
	say("%s: up after %.1f s", s, time.Since(began).Seconds())
	ctx, cancel := context.WithCancel(ctx)
	p := &prepared{fleet: f, cancel: cancel}
	fail := func(err error) (*prepared, error) {
		p.close()
		return nil, err
	}
	ssh := make([]string, s.hosts) // where each is reached, "" at its own address
	var known strings.Builder
	for i, m := range f.hosts {
		if s.rtt > 0 {
			ssh[i] = m.behind()
			if err := proxy(ctx, net.JoinHostPort(ssh[i], "22"), net.JoinHostPort(m.address, "22"), s.rtt, 0); err != nil {
				return fail(err)
			}
		}
		fmt.Fprintf(&known, "%s %s\n", m.address, m.key)
		if ssh[i] != "" {
			fmt.Fprintf(&known, "%s %s\n", ssh[i], m.key)
		}
	}
	address := func(i int) string { return f.hosts[i].address }
	for name, text := range map[string]string{
		"home/.ssh/id_ed25519": private, "home/.ssh/known_hosts": known.String(),
		"hosts.toml": hostsTOML(s, address, func(i int) string { return ssh[i] }),
	} {
		if err := t.write(name, text); err != nil {
			return fail(err)
		}
	}
	p.target, err = newTarget(ctx, t)
	if err != nil {
		return fail(err)
	}
	return p, nil
}

func (p *prepared) close() {
	p.cancel()
	p.fleet.close()
	if p.target != nil {
		_ = os.RemoveAll(p.dir)
	}
}

// know adds lines to known_hosts, once.
func (p *prepared) know(lines string) error {
	path := p.path("home/.ssh/known_hosts")
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), lines) {
		return err
	}
	return os.WriteFile(path, append(text, lines...), 0o600)
}

// sameState deploys one fleet with lvsdeploy and one with Ansible: each must
// find nothing to change on the other's.
func sameState(ctx context.Context, o options, s shape) error {
	for _, first := range []string{nameOurs, nameAnsible} {
		p, err := prepare(ctx, s)
		if err != nil {
			return err
		}
		err = func() error {
			defer p.close()
			ours, theirs := p.ours(o), p.ansible(nameAnsible)
			if first == nameOurs {
				if _, err := measure(ctx, ours.applied()); err != nil {
					return err
				}
				_, err := measure(ctx, theirs.converged())
				return err
			}
			if _, err := measure(ctx, theirs.applied()); err != nil {
				return err
			}
			_, err := measure(ctx, p.ours(o, "--check", "--diff")) // exits 3 if there is something to do
			return err
		}()
		if err != nil {
			return fmt.Errorf("first by %s, then by the other: %w", first, err)
		}
	}
	return nil
}

// measureFleet runs all contenders in turns on one fleet, deployed before.
func measureFleet(ctx context.Context, o options, s shape) (Case, error) {
	c := Case{Name: s.String(), Hosts: s.hosts, RTT: s.rtt.Milliseconds()}
	p, err := prepare(ctx, s)
	if err != nil {
		return c, err
	}
	defer p.close()
	say("%s: first deployment", c.Name)
	first, err := measure(ctx, p.ours(o).applied())
	if err != nil {
		return c, err
	}
	say("%s: first deployment took %.2f s", c.Name, first.Wall)
	return c, c.turns(ctx, o.Rounds, p.all(o, s.hosts <= o.Ansible))
}

// all are the contenders, converged.
func (t *target) all(o options, ansible bool) []contender {
	list := []contender{t.floor("floor.json"), t.ours(o).converged()}
	if ansible {
		list = append(list, t.ansible(nameAnsible).converged(), t.ansible(nameMitogen).converged())
	}
	return list
}

// quickTurns is how often a round has floor and lvsdeploy run: what differs by a
// few hundredths of a second takes more runs to see, and they are cheap.
const quickTurns = 3

// turns runs every contender each round, after a run that does not count. Who
// is first changes.
func (c *Case) turns(ctx context.Context, rounds int, list []contender) error {
	samples := map[string][]Sample{}
	run := func(round int, who contender) error {
		if err := settle(ctx); err != nil {
			return err
		}
		s, err := measure(ctx, who)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		if round > 0 {
			say("%s: round %d: %-17s %8.3f s, CPU %8.3f s, %4d MB", c.Name, round, who.name, s.Wall, s.CPU, s.RSS>>10)
			samples[who.name] = append(samples[who.name], s)
		}
		return nil
	}
	for round := range rounds + 1 {
		for turn := range quickTurns {
			for i := range list {
				who := list[(i+round+turn)%len(list)]
				if who.slow && (turn > 0 || round == 0) {
					continue // Ansible's own start has nothing left to warm up
				}
				if err := run(round, who); err != nil {
					return err
				}
			}
		}
	}
	for _, who := range list {
		c.Rows = append(c.Rows, row(who.name, samples[who.name]))
	}
	return nil
}
