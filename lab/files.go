package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// writeFiles makes keys, seeds, and what the workstation reads.
func (l *Lab) writeFiles(ctx context.Context) error {
	if err := keygen(ctx, l.Identity(), "lab"); err != nil {
		return err
	}
	public, err := os.ReadFile(l.Identity() + ".pub")
	if err != nil {
		return fmt.Errorf("cannot read the lab's key: %w", err)
	}
	var known strings.Builder
	for _, m := range l.topology.Machines {
		if err := os.MkdirAll(filepath.Dir(l.file(m, "")), 0o700); err != nil {
			return fmt.Errorf("cannot make the directory of %s: %w", m.Name, err)
		}
		hostKey := l.file(m, "ssh_host_ed25519_key")
		if err := os.MkdirAll(filepath.Dir(hostKey), 0o700); err != nil {
			return fmt.Errorf("cannot make the directory of %s: %w", m.Name, err)
		}
		if err := keygen(ctx, hostKey, m.Name); err != nil {
			return err
		}
		hostPrivate, err := os.ReadFile(hostKey)
		if err != nil {
			return fmt.Errorf("cannot read the host key of %s: %w", m.Name, err)
		}
		hostPublic, err := os.ReadFile(hostKey + ".pub")
		if err != nil {
			return fmt.Errorf("cannot read the host key of %s: %w", m.Name, err)
		}
		disk, err := seed(m, hostPrivate, hostPublic, public, string(public))
		if err != nil {
			return err
		}
		if err := os.WriteFile(l.file(m, "seed.tar"), disk, 0o600); err != nil {
			return fmt.Errorf("cannot write the seed of %s: %w", m.Name, err)
		}
		known.WriteString(knownHostsLine(m, string(hostPublic)))
	}

	private, err := os.ReadFile(l.Identity())
	if err != nil {
		return fmt.Errorf("cannot read the lab's key: %w", err)
	}
	home := filepath.Join(l.dir, "home", ".ssh")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return fmt.Errorf("cannot make the workstation's home: %w", err)
	}
	for file, text := range map[string]string{
		l.KnownHosts():                     known.String(),
		filepath.Join(home, "known_hosts"): known.String(),
		filepath.Join(home, "id_ed25519"):  string(private),
		filepath.Join(l.dir, "ssh_config"): l.sshConfig(),
		l.Inventory():                      strings.ReplaceAll(l.topology.Inventory.Text, "@IDENTITY@", l.Identity()),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return fmt.Errorf("cannot write the lab's files: %w", err)
		}
	}
	return nil
}

// keygen leaves the key to ssh-keygen: SSH is package remote's business.
func keygen(ctx context.Context, file, comment string) error {
	if err := run(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file); err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	return nil
}

// knownHostsLine names a machine by address and by name.
func knownHostsLine(m Machine, publicKey string) string {
	words := strings.Fields(publicKey) // type, key, comment
	return fmt.Sprintf("%s,%s %s %s\n", m.Address(), m.Name, words[0], words[1])
}

func (l *Lab) sshConfig() string {
	var b strings.Builder
	for _, m := range l.topology.Machines {
		fmt.Fprintf(&b, "Host %s\n\tHostName %s\n", m.Name, m.Address())
	}
	fmt.Fprintf(&b, "Host *\n\tUser root\n\tIdentityFile %s\n\tIdentitiesOnly yes\n\tUserKnownHostsFile %s\n", l.Identity(), l.KnownHosts())
	b.WriteString("\tStrictHostKeyChecking yes\n\tBatchMode yes\n\tLogLevel ERROR\n\tConnectTimeout 10\n\tServerAliveInterval 5\n")
	return b.String()
}

// ancestors are this process and those it descends from.
func ancestors() []int {
	var pids []int
	for pid := os.Getpid(); pid > 1; {
		pids = append(pids, pid)
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			break
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 {
			break
		}
		pid, _ = strconv.Atoi(fields[1])
	}
	return pids
}

// waitingList is a set of names that goroutines take themselves off.
type waitingList struct {
	mu    sync.Mutex
	names []string
}

func (w *waitingList) add(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names = append(w.names, name)
}

// remove returns how many are left.
func (w *waitingList) remove(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, n := range w.names {
		if n == name {
			w.names = append(w.names[:i], w.names[i+1:]...)
			break
		}
	}
	return len(w.names)
}

func (w *waitingList) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.names, ", ")
}
