package fakehost

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Kind is the family of distributions a host pretends to be of.
type Kind string

// The kinds there are.
const (
	Debian Kind = "debian" // Debian 12: apt-get, ifupdown
	EL     Kind = "el"     // CentOS 7 (yum, network-scripts), or what Options.Version says
)

// Shell is what /bin/sh is inside.
type Shell string

// The shells there are.
const (
	Dash    Shell = "dash"
	Bash    Shell = "bash"
	Busybox Shell = "busybox" // and every command that is an applet is busybox's
)

// Shells is all of them, for tests that run under each.
func Shells() []Shell { return []Shell{Dash, Bash, Busybox} }

// Interface is a network card. Its link is up.
type Interface struct {
	Name      string
	Addresses []string // with prefix length: 192.168.1.20/24
}

// Options says what machine to make. The zero value is a bare Debian with dash and ens33 192.168.1.20/24.
type Options struct {
	Name           string      // host name; default "host"
	Kind           Kind        // default Debian
	Version        string      // EL: "7" (default, yum), "8", "9", "10" (dnf, yum a link to it)
	Shell          Shell       // default Dash
	Interfaces     []Interface // default ens33 192.168.1.20/24
	Gateway        string      // default route, if any
	NetworkManager string      // "" the kind's own, "none", "NetworkManager", "networkd", "netplan"
	Packages       []string    // installed, enabled and started before New returns
	Firewalld      bool        // installed and running
	SELinux        string      // EL: enforcing, permissive, disabled; default disabled
	NoPackageLists bool        // Debian: packages are known only after apt-get update
	Cluster        *Cluster    // whose hosts see each other's exports; default: alone
}

// Host is a running fake machine.
type Host struct {
	Name string

	opts    Options
	root    string // the directory that is / inside, seen from outside, without the mounts
	holder  *exec.Cmd
	leash   io.Closer // closing it ends the holder
	cluster *Cluster
	helpers []*Process // that Reach left there; they end with the host
	close   sync.Once
}

//go:embed setup.sh
var setupScript string

// New makes a host and arranges for it to be closed at the end of the test.
func New(t testing.TB, o Options) *Host {
	t.Helper()
	h, err := Start(o)
	if err != nil {
		t.Fatalf("cannot make a fake host: %v", err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("cannot close fake host %s: %v", h.Name, err)
		}
	})
	return h
}

// Start is New for those who are not a test; the caller must Close.
func Start(o Options) (*Host, error) {
	if o.Name == "" {
		o.Name = "host"
	}
	if o.Kind == "" {
		o.Kind = Debian
	}
	if o.Kind == EL && o.Version == "" {
		o.Version = "7"
	}
	if o.Shell == "" {
		o.Shell = Dash
	}
	if o.Interfaces == nil {
		o.Interfaces = []Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}}
	}
	c := o.Cluster
	if c == nil {
		var err error
		if c, err = newCluster(); err != nil {
			return nil, err
		}
	}
	h := &Host{Name: o.Name, opts: o, cluster: c, root: filepath.Join(c.dir, o.Name)}
	if err := h.start(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *Host) start() error {
	if err := os.Mkdir(h.root, 0o755); err != nil {
		return fmt.Errorf("cannot make host %s: %w", h.Name, err)
	}
	for _, i := range h.opts.Interfaces {
		for _, a := range i.Addresses {
			p, err := netip.ParsePrefix(a)
			if err != nil {
				return fmt.Errorf("cannot give %s the address %q: %w", i.Name, a, err)
			}
			if err := h.cluster.claim(p.Addr().String(), h.Name); err != nil {
				return err
			}
		}
	}
	start, err := populate(h.root, h.opts)
	if err != nil {
		return err
	}
	if err := h.hold(); err != nil {
		return err
	}
	if len(start) == 0 {
		return nil
	}
	if out, code := h.output("/.fakehost/stubs/systemctl --fakehost-start \"$@\"", start...); code != 0 {
		return fmt.Errorf("cannot start %s: %s", strings.Join(start, ", "), out)
	}
	return nil
}

// hold starts the process that holds the namespaces and waits until they are furnished.
func (h *Host) hold() error {
	uid, gid := os.Getuid(), os.Getgid()
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID |
			syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}},
	}
	if uid == 0 { // then chown works inside too
		attr.UidMappings[0].Size, attr.GidMappings[0].Size = 65536, 65536
		attr.GidMappingsEnableSetgroups = true
	}
	cmd := exec.Command("/bin/sh", "-c", setupScript, "fakehost", h.root, h.cluster.dir, h.Name)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = attr
	leash, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot make namespaces: %w\nhint: as an ordinary user this needs unprivileged user namespaces", err)
	}
	h.holder, h.leash = cmd, leash
	if word, err := bufio.NewReader(out).ReadString('\n'); word != "ready\n" {
		leash.Close()
		err = errors.Join(err, cmd.Wait())
		h.holder = nil
		return fmt.Errorf("cannot furnish host %s: %w: %s%s", h.Name, err, word, complaints.String())
	}
	return nil
}

// Root is the host's root directory as seen from outside, without what is mounted inside.
func (h *Host) Root() string { return h.root }

// Pid is the process that holds the host, in the caller's numbering.
func (h *Host) Pid() int { return h.holder.Process.Pid }

// Close ends every process of the host and removes its files. It may be called more than once.
func (h *Host) Close() (err error) {
	h.close.Do(func() {
		if h.holder != nil {
			h.leash.Close()
			_ = h.holder.Process.Kill() // not only the end of its input: it may be stopped
			_ = h.holder.Wait()         // the kernel has reaped the whole pid namespace when this returns
			for _, p := range h.helpers {
				_, _ = p.Wait() // killed with it
			}
		}
		err = h.cluster.release(h)
	})
	return err
}
