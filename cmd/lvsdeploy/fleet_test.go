package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
	"github.com/lvsdeploy/lvsdeploy/report"
)

var full = flag.Bool("full", false, "every boundary of every host, every mix of platforms; some minutes")

// long leaves a test out of the short form that go test ./... runs within its
// minute; make test runs the long form too.
func long(t *testing.T) {
	t.Helper()
	if !*full {
		t.Skip("NOT RUN: it is in the long form (-full), make unit-long or unit-all")
	}
}

// fleet is the tutorial's cluster in this process: four sandboxed machines
// (internal/fakehost) behind an SSH server each (internal/sshtest), and the
// home directory of an operator who can reach them.
//
// Each machine's address in the inventory is the tutorial's; ~/.ssh/config
// says where its SSH server really is. The director reaches the webs' own web
// servers by fakehost's Reach; nothing else flows between the machines, and
// showmount and mount go through the directory that they share.
type fleet struct {
	t     testing.TB
	home  string
	order []string
	hosts map[string]*machine
}

// machine is one host of a fleet.
type machine struct {
	*fakehost.Host
	server *sshtest.Server

	mu   sync.Mutex
	line func(line string) sshtest.Verdict // asked about each line of output; nil: pass all
}

// mix says what the machines are: "director=el/bash web1=debian nfs=debian/busybox".
// Left out: debian/dash. A web3 exists only when it is named.
type mix string

// mixes are those that the tests run with.
func mixes() []mix {
	return []mix{
		"",
		"director=el/bash web1=el web2=el/busybox nfs=el",
		"director=el web1=debian/busybox web2=el/bash nfs=debian/bash",
	}
}

// tutorial is where the machines of the tutorial live.
var tutorial = []struct{ name, address string }{
	{"director", "192.168.1.10"}, {"web1", "192.168.1.20"}, {"web2", "192.168.1.30"}, {"web3", "192.168.1.50"}, {"nfs", "192.168.1.40"},
}

// sshUser is who logs in; "" is root, "ops" has to use the stub of sudo.
type sshUser string

func newFleet(t testing.TB, m mix, user sshUser) *fleet {
	t.Helper()
	f := &fleet{t: t, hosts: map[string]*machine{}}
	wanted := map[string]string{"director": "", "web1": "", "web2": "", "nfs": ""}
	for word := range strings.FieldsSeq(string(m)) {
		name, what, ok := strings.Cut(word, "=")
		if !ok {
			t.Fatalf("%q is no HOST=KIND[/SHELL[/FIREWALL+NETWORK]]", word)
		}
		wanted[name] = what
	}
	cluster := fakehost.NewCluster(t)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, host := range tutorial {
		what, ok := wanted[host.name]
		if !ok {
			continue
		}
		f.order = append(f.order, host.name)
		all.Go(func() {
			kind, rest, _ := strings.Cut(what, "/")
			shell, beside, _ := strings.Cut(rest, "/")
			o := fakehost.Options{Name: host.name, Kind: fakehost.Kind(kind), Shell: fakehost.Shell(shell), Cluster: cluster, NoPackageLists: true,
				Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{host.address + "/24"}}}}
			for extra := range strings.SplitSeq(beside, "+") {
				if o.Firewalld = o.Firewalld || extra == "firewalld"; extra != "firewalld" && extra != "" {
					o.NetworkManager = extra
				}
			}
			if host.name == "director" {
				o.Interfaces = append(o.Interfaces, fakehost.Interface{Name: "ens37"})
			}
			h, err := fakehost.Start(o)
			if err != nil {
				t.Errorf("cannot make %s: %v", host.name, err)
				return
			}
			t.Cleanup(func() {
				if err := h.Close(); err != nil {
					t.Errorf("cannot close %s: %v", host.name, err)
				}
			})
			mu.Lock()
			defer mu.Unlock()
			f.hosts[host.name] = &machine{Host: h}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	var servers []*sshtest.Server
	config := "" // for ~/.ssh/config
	for _, name := range f.order {
		m := f.hosts[name]
		if strings.HasPrefix(name, "web") {
			if err := f.hosts["director"].Reach(m.Host, 80, 8080); err != nil {
				t.Fatal(err)
			}
		}
		m.serve(t, user)
		servers = append(servers, m.server)
		config += fmt.Sprintf("Host %s\n\tHostName 127.0.0.1\n\tPort %d\n", m.Address(), m.server.Port())
	}
	f.home = sshtest.Home(t, servers...)
	if err := os.WriteFile(filepath.Join(f.home, ".ssh/config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// serve starts the machine's SSH server.
func (m *machine) serve(t testing.TB, user sshUser) {
	t.Helper()
	home := "/root"
	if user != "" {
		home = "/home/" + string(user)
		m.stubSudo(t)
	}
	m.server = sshtest.New(t, sshtest.Options{
		User: string(user),
		Exec: m.exec,
		SFTP: func(ctx context.Context, in io.Reader, out io.Writer) error { return m.Host.SFTP(ctx, home, in, out) },
		OnStdout: func(line string) sshtest.Verdict {
			m.mu.Lock()
			f := m.line
			m.mu.Unlock()
			if f == nil {
				return sshtest.Pass
			}
			return f(line)
		},
	})
}

// exec runs a command as sshd does: when the connection is lost, its input
// ends and its output is closed, and that is all.
func (m *machine) exec(ctx context.Context, cmd string, stdin io.Reader, stdout, stderr io.Writer) int {
	in, feed, err := os.Pipe() // with a reader that is no file, Wait would wait for its end
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 255
	}
	go func() { // ends with the session's channel
		_, _ = io.Copy(feed, stdin)
		_ = feed.Close()
	}()
	p, err := m.Start(ctx, "", cmd, in, stdout, stderr)
	_ = in.Close()
	code := 255
	if err == nil {
		code, err = p.Wait()
	}
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		fmt.Fprintln(stderr, err)
	}
	return max(code, 0)
}

// onLine has f asked about each line that the machine's programs write.
func (m *machine) onLine(f func(line string) sshtest.Verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line = f
}

// each does the same on all machines at once.
func (f *fleet) each(do func(m *machine)) {
	var all sync.WaitGroup
	for _, name := range f.order {
		all.Go(func() { do(f.hosts[name]) })
	}
	all.Wait()
}

// result is how a run of the command ended.
type result struct {
	code     report.Exit
	out, err string
}

// env is the operator's environment: nothing of this machine's own.
func (f *fleet) env() []string {
	return []string{"HOME=" + f.home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8", "SSH_AUTH_SOCK="}
}

// process is lvsdeploy as a process of its own.
type process struct {
	*exec.Cmd
	started chan struct{}
}

// command is not started yet; run does it.
func (f *fleet) command(dir string, args ...string) *process {
	p := &process{exec.Command("lvsdeploy", args...), make(chan struct{})}
	p.Dir, p.Env = dir, f.env()
	return p
}

// signal may be called by whoever sees what the process does elsewhere.
func (p *process) signal(sig os.Signal) {
	<-p.started
	_ = p.Process.Signal(sig)
}

// run runs a command to its end, giving it at most two minutes.
func (f *fleet) run(cmd *process) result {
	f.t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Start()
	if err != nil {
		f.t.Fatal(err)
	}
	close(cmd.started)
	stuck := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	err = cmd.Wait()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		f.t.Fatal(err)
	}
	return result{report.Exit(cmd.ProcessState.ExitCode()), out.String(), errs.String()}
}

// deploy runs a command line in dir, and demands an exit code.
func (f *fleet) deploy(dir string, want report.Exit, args ...string) result {
	f.t.Helper()
	r := f.run(f.command(dir, args...))
	if r.code != want {
		f.t.Errorf("lvsdeploy %s: exit %d, want %d\n%s%s", strings.Join(args, " "), r.code, want, r.out, r.err)
	}
	return r
}

// snapshots is the state of all machines. What a run may always touch is left
// out: the directory of its lock, which is gone after a boot.
func (f *fleet) snapshots(t testing.TB) map[string]fakehost.Snapshot {
	t.Helper()
	var mu sync.Mutex
	all := map[string]fakehost.Snapshot{}
	f.each(func(m *machine) {
		s := m.Snapshot(t).Without("/run/lvsdeploy")
		mu.Lock()
		defer mu.Unlock()
		all[m.Name] = s
	})
	return all
}

// diff says what differs between two states of the fleet; empty: nothing.
func (f *fleet) diff(before, after map[string]fakehost.Snapshot) string {
	text := ""
	for _, name := range f.order {
		if d := before[name].Diff(after[name]); d != "" {
			text += name + ":\n" + d
		}
	}
	return text
}

// inventory writes the tutorial's hosts.toml into a new directory; more is
// put behind it.
func (f *fleet) inventory(webs, more string) (dir string) {
	f.t.Helper()
	dir = f.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte(clusterTOML+webs+more), 0o644); err != nil {
		f.t.Fatal(err)
	}
	return dir
}

const clusterTOML = `[cluster]
name    = "shop"
mode    = "nat"
network = "192.168.1.0/24"
[[director]]
name          = "director"
address       = "192.168.1.10"
interface     = "ens33"
wan_interface = "ens37"
wan_address   = "12.0.0.1/24"
[nfs]
name    = "nfs"
address = "192.168.1.40"
[[nfs.export]]
path  = "/opt/ka"
index = "this is ka ka"
[[nfs.export]]
path  = "/opt/kk"
index = "this is kk kk"
`

const websTOML = `[[service]]
port = 80
[[web]]
name      = "web1"
address   = "192.168.1.20"
interface = "ens33"
mount     = "/opt/ka"
[[web]]
name      = "web2"
address   = "192.168.1.30"
interface = "ens33"
port      = 8080
mount     = "/opt/kk"
`

// move has an SSH server's clients look for it on another port, where nobody
// listens, or back.
func move(t *testing.T, config string, from, to int) {
	t.Helper()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.Replace(string(text), fmt.Sprintf("\tPort %d\n", from), fmt.Sprintf("\tPort %d\n", to), 1)
	if moved == string(text) {
		t.Fatalf("nobody listens on port %d", from)
	}
	if err := os.WriteFile(config, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
}
