package lab

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Status is what is known of a machine.
type Status struct {
	Machine   Machine
	Running   bool // it has a process
	Cut       bool // its LAN cable is out
	Answering bool // an SSH server greets
}

// Status looks at every machine.
func (l *Lab) Status(ctx context.Context) []Status {
	all := make([]Status, len(l.topology.Machines))
	var group errgroup.Group
	for i, m := range l.topology.Machines {
		group.Go(func() error {
			all[i] = Status{Machine: m, Running: l.running(m), Cut: !l.cabled(m)}
			if all[i].Running {
				all[i].Answering = greets(ctx, l.namespaceFile(), m.Address().String()+":22")
			}
			return nil
		})
	}
	group.Wait() // none of them fails
	return all
}

func (l *Lab) machines(names []string) ([]Machine, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("cannot tell which machines are meant: name them")
	}
	var machines []Machine
	for _, name := range names {
		m, err := l.topology.Machine(name)
		if err != nil {
			return nil, err
		}
		machines = append(machines, m)
	}
	return machines, nil
}

// Start boots machines that are down and returns when they answer SSH.
func (l *Lab) Start(ctx context.Context, names ...string) error {
	machines, err := l.machines(names)
	if err != nil {
		return err
	}
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return l.start(ctx, machines)
}

// Stop shuts machines down, all at once, and returns when they are off. One
// that has not gone after half a minute loses its power.
func (l *Lab) Stop(ctx context.Context, names ...string) error {
	machines, err := l.machines(names)
	if err != nil {
		return err
	}
	return l.shutDown(ctx, machines)
}

func (l *Lab) shutDown(ctx context.Context, machines []Machine) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, m := range machines {
		group.Go(func() error {
			if !l.running(m) {
				return nil
			}
			// The connection may end before the answer does: what counts is that it goes.
			ask, cancel := context.WithTimeout(ctx, 20*time.Second)
			l.SSH(ask, m.Name, "systemctl poweroff")
			cancel()
			for range 150 {
				if !l.running(m) {
					return nil
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(200 * time.Millisecond):
				}
			}
			l.progress.say("%s does not go down: cutting its power", m.Name)
			return l.kill(m)
		})
	}
	what := names(machines)
	l.progress.say("shutting down %s", what)
	return l.progress.during(func() string { return "shutting down " + what }, group.Wait)
}

// Kill cuts the power of machines. Their disks keep what was written.
func (l *Lab) Kill(ctx context.Context, names ...string) error {
	machines, err := l.machines(names)
	if err != nil {
		return err
	}
	for _, m := range machines {
		if err := l.kill(m); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Reboot has machines reboot themselves, all at once, and returns when they
// answer SSH again.
func (l *Lab) Reboot(ctx context.Context, names ...string) error {
	machines, err := l.machines(names)
	if err != nil {
		return err
	}
	before := make([]string, len(machines))
	group, asking := errgroup.WithContext(ctx)
	for i, m := range machines {
		group.Go(func() error {
			id, err := l.SSH(asking, m.Name, "cat /proc/sys/kernel/random/boot_id && systemctl --no-block reboot")
			if id == "" && err != nil {
				return fmt.Errorf("cannot ask %s to reboot: %w", m.Name, err)
			}
			before[i] = strings.TrimSpace(id)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	ids := map[string]string{}
	for i, m := range machines {
		ids[m.Name] = before[i]
	}
	return l.await(ctx, machines, ids)
}

// Reset cuts the power of machines and gives it back: a reboot without a
// shutdown.
func (l *Lab) Reset(ctx context.Context, names ...string) error {
	if err := l.Kill(ctx, names...); err != nil {
		return err
	}
	return l.Start(ctx, names...)
}
