package lab

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// linkCommands are the `ip -batch` lines that wire a topology inside its
// namespace.
func linkCommands(t *Topology) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("link set lo up")
	for _, n := range t.Networks {
		line("link add %s type bridge forward_delay 0 mcast_snooping 0", n.Name)
		line("address add %s brd + dev %s", n.Workstation, n.Name)
		line("link set %s up", n.Name)
	}
	for _, m := range t.Machines {
		for i, nic := range m.NICs {
			line("link add %s type veth peer name %s", m.port(i), m.plug(i))
			line("link set %s master %s", m.port(i), nic.On)
			line("link set %s up", m.port(i))
			line("link set %s up", m.plug(i))
		}
	}
	return b.String()
}

// wire makes the namespace with all bridges and cables.
func (l *Lab) wire(ctx context.Context) error {
	if err := run(ctx, "ip", "netns", "add", l.namespace()); err != nil {
		return fmt.Errorf("cannot make the network namespace %s (the lab needs a kernel with namespaces, and the right to use them): %w", l.namespace(), err)
	}
	batch := strings.NewReader(linkCommands(l.topology))
	cmd := exec.CommandContext(ctx, "ip", "-n", l.namespace(), "-batch", "-")
	cmd.Stdin = batch
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot wire the lab's networks: %w: %s", err, strings.TrimSpace(string(out)))
	}
	for _, m := range l.topology.Machines {
		for i := range m.NICs {
			// A machine's raw socket sees frames as they are on the cable: the
			// ends must not leave checksums and segmentation to hardware.
			for _, end := range []string{m.port(i), m.plug(i)} {
				err := run(ctx, "ip", "netns", "exec", l.namespace(),
					"ethtool", "-K", end, "tx", "off", "rx", "off", "gro", "off", "tso", "off", "gso", "off")
				if err != nil {
					return fmt.Errorf("cannot turn off the offloads of %s: %w", end, err)
				}
			}
		}
	}
	return nil
}

func (l *Lab) namespace() string { return "lvslab-" + l.name }

func (l *Lab) namespaceFile() string { return "/run/netns/" + l.namespace() }

// Cut pulls a machine's LAN cable, that is the one SSH uses.
func (l *Lab) Cut(ctx context.Context, machine string) error { return l.cable(ctx, machine, "down") }

// Heal plugs it in again.
func (l *Lab) Heal(ctx context.Context, machine string) error { return l.cable(ctx, machine, "up") }

func (l *Lab) cable(ctx context.Context, machine, state string) error {
	m, err := l.topology.Machine(machine)
	if err != nil {
		return err
	}
	nic, _ := m.lanNIC()
	return run(ctx, "ip", "-n", l.namespace(), "link", "set", m.port(nic), state)
}

// cabled says whether a machine's LAN cable is in. A machine may be up and
// out of reach.
func (l *Lab) cabled(m Machine) bool {
	nic, _ := m.lanNIC()
	out, err := exec.Command("ip", "-n", l.namespace(), "-o", "link", "show", m.port(nic), "up").Output()
	return err == nil && len(out) > 0
}

// run runs a command to its end; its output, if any, becomes part of the error.
func run(ctx context.Context, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
