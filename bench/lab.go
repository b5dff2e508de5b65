package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// labName keeps the bench's machines apart from other labs.
const labName = "bench"

// The contender of first deployments that installs the packages and does
// nothing else.
const namePackages = "packages alone"

// labs measures on the lab's machines: first deployments, each on machines
// that have just been made, and converged runs on the last of them. The
// machines are booted from here; what runs among them does so through
// `lvsdeploy lab exec`, as this program's __lab.
func labs(ctx context.Context, o options) (err error) {
	defer func() {
		down := exec.Command(o.Lvsdeploy, "lab", "--name", labName, "down")
		err = errors.Join(err, down.Run())
	}()
	first := Case{Name: "lab, first deployment", Hosts: 4}
	samples := map[string][]Sample{}
	order := []string{namePackages, nameOurs, nameAnsible, nameMitogen}
	for round := range o.LabRounds {
		for i := range order {
			name := order[(i+round)%len(order)]
			say("%s: round %d: fresh machines for %s", first.Name, round+1, name)
			if err := freshLab(ctx, o); err != nil {
				return err
			}
			var s []Sample
			if err := labStep(ctx, o, &s, name); err != nil {
				return err
			}
			say("%s: round %d: %-17s %8.3f s, CPU %8.3f s", first.Name, round+1, name, s[0].Wall, s[0].CPU)
			samples[name] = append(samples[name], s...)
		}
	}
	for _, name := range order {
		first.Rows = append(first.Rows, row(name, samples[name]))
	}
	if err := freshLab(ctx, o); err != nil {
		return err
	}
	var again Case
	if err := labStep(ctx, o, &again, "converged"); err != nil {
		return err
	}
	results := filepath.Join(o.Out, "latest.json")
	r, err := load(results)
	if err != nil {
		return err
	}
	r.Cases = append(r.Cases, first, again)
	return save(results, r)
}

func freshLab(ctx context.Context, o options) error {
	for _, verb := range []string{"down", "up"} {
		if out, err := child(ctx, o.Lvsdeploy, "lab", "--name", labName, verb).CombinedOutput(); err != nil {
			return fmt.Errorf("cannot have fresh machines: lab %s: %w: %s", verb, err, tail(out))
		}
	}
	return nil
}

// child is a command that is asked to end with ctx.
func child(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// labStep has one thing measured among the machines.
func labStep(ctx context.Context, o options, into any, what string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-lab-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	order, err := json.Marshal(labOrder{o, what, dir})
	if err != nil {
		return err
	}
	cmd := child(ctx, o.Lvsdeploy, "lab", "--name", labName, "exec", "--", self, "__lab", string(order))
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("lab, %s: %w", what, errors.Join(err, ctx.Err()))
	}
	text, err := os.ReadFile(filepath.Join(dir, "result"))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// labOrder is what __lab is told.
type labOrder struct {
	Options options
	What    string
	Dir     string
}

// labMain runs among the lab's machines, with the workstation's HOME.
func labMain(ctx context.Context, text string) error {
	var order labOrder
	if err := json.Unmarshal([]byte(text), &order); err != nil {
		return err
	}
	home := os.Getenv("HOME")
	t, err := newTarget(ctx, target{mode: inventory.NAT, dir: order.Dir, home: home, inventory: filepath.Join(home, "../hosts.toml"), identity: filepath.Join(home, ".ssh/id_ed25519")})
	if err != nil {
		return err
	}
	var result any
	switch order.What {
	case "converged":
		result, err = t.labConverged(ctx, order.Options)
	default:
		var c contender
		switch order.What {
		case namePackages:
			if err := t.writePackages(); err != nil {
				return err
			}
			c = t.floor("packages.json")
		case nameOurs:
			c = t.ours(order.Options).applied()
		default:
			c = t.ansible(order.What).applied()
		}
		var s Sample
		if s, err = measure(ctx, c); err == nil && order.What != namePackages {
			_, err = measure(ctx, t.ours(order.Options, "--check", "--diff")) // it is as it should be
		}
		result = []Sample{s}
	}
	if err != nil {
		return err
	}
	out, err := json.Marshal(result)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(order.Dir, "result"), out, 0o644)
}

func (t *target) labConverged(ctx context.Context, o options) (Case, error) {
	c := Case{Name: "lab, converged", Hosts: len(t.cluster.Hosts())}
	if _, err := measure(ctx, t.ours(o).applied()); err != nil {
		return c, err
	}
	return c, c.turns(ctx, o.Rounds, t.all(o, true))
}

// writePackages is a job for the floor that only installs the hosts' packages,
// all at once, in lvsdeploy's own words: what no first deployment can avoid.
func (t *target) writePackages() error {
	return t.writeJob("packages.json", func(host string) string {
		for _, task := range t.tasksOf(host) {
			if strings.HasPrefix(task.Name, "install ") {
				return installScript(task)
			}
		}
		return "echo end\n"
	})
}

func installScript(task tasks.Task) string {
	_, names, _ := strings.Cut(task.Name, " ")
	return "export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none\n" +
		"get() { apt-get -y -q -o Dpkg::Options::=--force-confold \"$@\" >/dev/null 2>&1; }\nset -- " + names +
		"\nget install --no-install-recommends \"$@\" || { get update && get install --no-install-recommends \"$@\"; } || echo failed\necho end\n"
}
