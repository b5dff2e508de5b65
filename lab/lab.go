// Package lab runs a cluster's worth of real machines on this one: User-Mode
// Linux machines with kernels, disks and reboots of their own, on networks in a
// network namespace. The workstation of such a cluster is the namespace itself.
//
// A lab is its directory below /run/lvsdeploy-lab: nothing of it lives in a Go
// process, which may end and Open the lab again.
//
// The package needs nothing else of this module and imports nothing of it.
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	stateRoot = "/run/lvsdeploy-lab"
	stateFile = "lab.json"
	// bootTimeout is ample: seven seconds of work for a machine, times the
	// machines that share a busy processor.
	bootTimeout = 4 * time.Minute
)

// Options say which lab, and how much of it.
type Options struct {
	Name     string    // "lab" if empty
	Topology string    // nat (if empty), dr, mixed, or a file ending in .toml
	Image    string    // of machines that name none: debian (if empty) or another of kinds
	Only     []string  // boot these machines and no others
	With     []string  // boot these optional machines as well
	Progress io.Writer // nil: silence
}

// Lab is a lab that was brought up.
type Lab struct {
	name     string
	dir      string
	state    state
	topology *Topology
	progress *progress
}

var labName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

func newLab(name string, w io.Writer) (*Lab, error) {
	if name == "" {
		name = "lab"
	}
	if !labName.MatchString(name) {
		return nil, fmt.Errorf("cannot name a lab %q: a name is a to z, 0 to 9 and -, at most 31 characters", name)
	}
	return &Lab{name: name, dir: filepath.Join(stateRoot, name), progress: newProgress(w)}, nil
}

// ErrNotUp is Open's error for a lab that there is not.
var ErrNotUp = errors.New("it is not up (lvsdeploy lab up)")

// Open finds a lab that is up. Progress of what is done with it goes to w.
func Open(name string, w io.Writer) (*Lab, error) {
	l, err := newLab(name, w)
	if err != nil {
		return nil, err
	}
	if err := Check(); err != nil {
		return nil, err
	}
	l.state, err = readState(filepath.Join(l.dir, stateFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot open lab %s: %w", l.name, ErrNotUp)
	}
	if err == nil {
		l.topology, err = ParseTopology(l.state.Topology, l.state.Default)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open lab %s: %w", l.name, err)
	}
	return l, nil
}

// Up brings a lab up: images are built if need be, and every wanted machine
// that is not running boots. It returns when all of them answer SSH.
func Up(ctx context.Context, o Options) (*Lab, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	if o.Topology == "" {
		o.Topology = "nat"
	}
	topology, err := LoadTopology(o.Topology, o.Image)
	if err != nil {
		return nil, err
	}
	wanted, err := topology.choose(o.Only, o.With)
	if err != nil {
		return nil, err
	}
	l, err := newLab(o.Name, o.Progress)
	if err != nil {
		return nil, err
	}
	unlock, err := l.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()

	if open, err := Open(l.name, o.Progress); err == nil {
		if open.topology.source != topology.source {
			return nil, fmt.Errorf("cannot bring up lab %s with the topology %s: it is up with another one (lvsdeploy lab down first)", l.name, o.Topology)
		}
		if open.topology.image != topology.image {
			return nil, fmt.Errorf("cannot bring up lab %s with the image %s: it is up with %s (lvsdeploy lab down first)", l.name, topology.image, open.topology.image)
		}
		if _, err := os.Stat(l.namespaceFile()); err == nil {
			return open, open.start(ctx, wanted)
		}
		if err := open.down(); err != nil { // half of a lab
			return nil, err
		}
	}
	l.topology = topology
	err = l.create(ctx)
	if err == nil {
		err = l.images(ctx, wanted)
	}
	if err != nil {
		return nil, errors.Join(err, l.down())
	}
	return l, l.start(ctx, wanted)
}

// choose picks the machines to boot.
func (t *Topology) choose(only, with []string) ([]Machine, error) {
	for _, name := range append(slices.Clone(only), with...) {
		if _, err := t.Machine(name); err != nil {
			return nil, err
		}
	}
	var chosen []Machine
	for _, m := range t.Machines {
		switch {
		case slices.Contains(with, m.Name),
			len(only) > 0 && slices.Contains(only, m.Name),
			len(only) == 0 && !m.Optional:
			chosen = append(chosen, m)
		}
	}
	return chosen, nil
}

func (l *Lab) lock(ctx context.Context) (func(), error) {
	if err := os.MkdirAll(stateRoot, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the lab's directory: %w", err)
	}
	return lock(ctx, filepath.Join(stateRoot, "."+l.name+".lock"))
}

// create makes everything of a lab but running machines.
func (l *Lab) create(ctx context.Context) error {
	l.state = state{Topology: l.topology.source, Default: l.topology.image, Disks: filepath.Join(CacheDir(), "disks", l.name)}
	// Disks of a lab that a reboot of this system took away.
	if err := os.RemoveAll(l.state.Disks); err != nil {
		return fmt.Errorf("cannot remove old disks: %w", err)
	}
	for _, dir := range []string{l.dir, filepath.Join(l.dir, "uml"), l.state.Disks} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("cannot make the lab's directory: %w", err)
		}
	}
	// First, so that down knows what to take away if the rest fails.
	if err := l.writeState(); err != nil {
		return err
	}
	if err := l.writeFiles(ctx); err != nil {
		return err
	}
	if err := l.buildXstate(ctx); err != nil {
		return err
	}
	return l.wire(ctx)
}

// start boots those of the machines that are down and waits for all.
func (l *Lab) start(ctx context.Context, machines []Machine) error {
	var down []Machine
	for _, m := range machines {
		if !l.running(m) {
			down = append(down, m)
		}
	}
	if len(down) == 0 {
		l.progress.say("lab %s is up already: %s", l.name, names(machines))
		return nil
	}
	if err := l.images(ctx, down); err != nil {
		return err
	}
	l.progress.say("booting %s", names(down))
	for _, m := range down {
		if err := l.boot(ctx, m); err != nil {
			return err
		}
	}
	if err := l.await(ctx, machines, nil); err != nil {
		return err
	}
	l.progress.say("lab %s is up: %s answer SSH (identity %s)", l.name, names(machines), l.Identity())
	return nil
}

func names(machines []Machine) string {
	var s []string
	for _, m := range machines {
		s = append(s, m.Name)
	}
	return strings.Join(s, ", ")
}

// Down takes a lab away, whatever is left of it: processes, namespace, disks,
// files. Without a lab of that name it does nothing.
func Down(ctx context.Context, name string, w io.Writer) error {
	l, err := newLab(name, w)
	if err != nil {
		return err
	}
	if err := Check(); err != nil {
		return err
	}
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return l.down()
}

// Down takes the lab away.
func (l *Lab) Down() error { return Down(context.Background(), l.name, l.progress.w) }

func (l *Lab) down() error {
	disks := filepath.Join(CacheDir(), "disks", l.name)
	if s, err := readState(filepath.Join(l.dir, stateFile)); err == nil {
		disks = s.Disks
	}
	_, noNamespace := os.Stat(l.namespaceFile())
	_, noDir := os.Stat(l.dir)
	if noNamespace != nil && noDir != nil {
		l.progress.say("lab %s is down already", l.name)
		return os.RemoveAll(disks)
	}
	spared := ancestors() // of `lab exec -- lvsdeploy lab down`
	if err := l.killAll(func(pid, _ int) bool { return !slices.Contains(spared, pid) }); err != nil {
		return err
	}
	if noNamespace == nil {
		if err := run(context.Background(), "ip", "netns", "delete", l.namespace()); err != nil {
			return fmt.Errorf("cannot remove the lab's network: %w", err)
		}
	}
	if err := errors.Join(os.RemoveAll(disks), os.RemoveAll(l.dir)); err != nil {
		return fmt.Errorf("cannot remove the lab's files: %w", err)
	}
	os.Remove(filepath.Dir(disks)) // unless another lab has disks there
	l.progress.say("lab %s is down", l.name)
	return nil
}

// await waits until every machine has finished booting, each on a boot that is
// not the one told in before (which may be nil).
func (l *Lab) await(ctx context.Context, machines []Machine, before map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	var waiting waitingList
	group, ctx := errgroup.WithContext(ctx)
	for _, m := range machines {
		waiting.add(m.Name)
		group.Go(func() error {
			if err := l.awaitOne(ctx, m, before[m.Name]); err != nil {
				return err
			}
			left := waiting.remove(m.Name)
			l.progress.say("%s is up (%d of %d)", m.Name, len(machines)-left, len(machines))
			return nil
		})
	}
	return l.progress.during(func() string { return "waiting for " + waiting.String() }, group.Wait)
}

func (l *Lab) awaitOne(ctx context.Context, m Machine, before string) error {
	const whenUp = `until systemctl -q is-active multi-user.target; do sleep .2; done; cat /proc/sys/kernel/random/boot_id`
	gone, again := 0, false
	for {
		switch {
		case greets(ctx, l.namespaceFile(), m.Address().String()+":22"):
			gone = 0
			if id, err := l.SSH(ctx, m.Name, whenUp); err == nil && strings.TrimSpace(id) != before {
				return nil
			}
		case l.running(m):
			gone = 0
		case gone < 8: // two seconds: a process that is being replaced is hard to see
			gone++
		case !again:
			// User-Mode Linux at times ends where it should begin anew.
			l.progress.say("%s has switched itself off: starting it once more; the end of its console:\n%s", m.Name, tail(l.file(m, "console.log"), 8))
			if err := l.boot(ctx, m); err != nil {
				return err
			}
			gone, again = 0, true
		default:
			return fmt.Errorf("cannot boot %s: its process ended twice; the end of %s:\n%s", m.Name, l.file(m, "console.log"), tail(l.file(m, "console.log"), 8))
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("cannot reach %s at %s by SSH: no answer in %s (%s)", m.Name, m.Address(), bootTimeout, l.file(m, "console.log"))
			}
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// Command is a command run as the workstation. See Exec.
func (l *Lab) Command(ctx context.Context, argv ...string) *exec.Cmd {
	full := l.ExecLine(argv...)
	cmd := exec.CommandContext(ctx, full[0], full[1:]...)
	cmd.Env = l.ExecEnv()
	return cmd
}

// Exec runs a command as the workstation: inside its network namespace, with a
// HOME that has the lab's key and known_hosts in .ssh. It returns what the
// command wrote on standard output; its standard error is part of the error.
func (l *Lab) Exec(ctx context.Context, argv ...string) (string, error) {
	return output(l.Command(ctx, argv...))
}

// SSH runs a shell script as root on a machine, from the workstation.
func (l *Lab) SSH(ctx context.Context, machine, script string) (string, error) {
	if _, err := l.topology.Machine(machine); err != nil {
		return "", err
	}
	return output(l.Command(ctx, l.SSHLine(machine, script)...))
}

func output(cmd *exec.Cmd) (string, error) {
	var errout strings.Builder
	cmd.Stderr = &errout
	out, err := cmd.Output()
	if err != nil && strings.TrimSpace(errout.String()) != "" {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(errout.String()))
	}
	return string(out), err
}

// ExecLine is the command line that runs argv in the workstation's namespace.
func (l *Lab) ExecLine(argv ...string) []string {
	return append([]string{"ip", "netns", "exec", l.namespace()}, argv...)
}

// ExecEnv is the environment of the workstation's commands.
func (l *Lab) ExecEnv() []string {
	return append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		// An agent's keys are not the lab's.
		return strings.HasPrefix(v, "HOME=") || strings.HasPrefix(v, "SSH_AUTH_SOCK=")
	}), "HOME="+filepath.Join(l.dir, "home"))
}

// SSHLine is the ssh command to a machine, to be run as the workstation.
func (l *Lab) SSHLine(machine string, command ...string) []string {
	return append([]string{"ssh", "-F", filepath.Join(l.dir, "ssh_config"), machine}, command...)
}

// Dir is the lab's directory: hosts.toml, id_ed25519, known_hosts, and the
// console.log of each machine in machines/NAME.
func (l *Lab) Dir() string { return l.dir }

// Identity is the private key that every machine's users accept.
func (l *Lab) Identity() string { return filepath.Join(l.dir, "id_ed25519") }

// KnownHosts is the file of all machines' host keys.
func (l *Lab) KnownHosts() string { return filepath.Join(l.dir, "known_hosts") }

// Inventory is the hosts.toml that describes the lab's cluster.
func (l *Lab) Inventory() string { return filepath.Join(l.dir, "hosts.toml") }
