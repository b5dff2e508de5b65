package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
)

// fleet is a cluster of light machines: a director and web servers, each with
// files, network and OpenSSH server of its own, on one bridge.
type fleet struct {
	hosts []*machine
}

type machine struct {
	*fakehost.Host
	address string
	key     string // the public half of its host key, as known_hosts has it
}

// behind is where a proxy may stand for it.
func (m *machine) behind() string { return strings.Replace(m.address, "10.77.", "10.78.", 1) }

const sshdConfig = `HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
PidFile /run/sshd.pid
Subsystem sftp /usr/lib/openssh/sftp-server
`

// newFleet boots n hosts that have nothing installed.
func newFleet(ctx context.Context, n int, authorized string) (f *fleet, err error) {
	f = &fleet{hosts: make([]*machine, n)}
	errs := make([]error, n)
	var all sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i := range n {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if ctx.Err() != nil {
				errs[i] = ctx.Err()
				return
			}
			f.hosts[i], errs[i] = boot(ctx, i, authorized)
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			f.close()
			return nil, err
		}
	}
	return f, nil
}

func (f *fleet) close() {
	for _, m := range f.hosts {
		if m != nil {
			_ = m.Close() // its namespace goes with the bench's in any case
		}
	}
}

func boot(ctx context.Context, i int, authorized string) (*machine, error) {
	m := &machine{address: fmt.Sprintf("10.77.%d.%d", 1+i/200, 1+i%200)}
	o := fakehost.Options{Name: hostName(i), Interfaces: []fakehost.Interface{{Name: hostDev, Addresses: []string{m.address + "/16"}}}}
	if i == 0 {
		o.Interfaces = append(o.Interfaces, fakehost.Interface{Name: "ens37"})
	}
	var err error
	if m.Host, err = fakehost.Start(o); err != nil {
		return nil, err
	}
	if err := m.plugIn(i); err != nil {
		_ = m.Close()
		return nil, err
	}
	if err := m.serve(ctx, authorized); err != nil {
		_ = m.Close()
		return nil, err
	}
	return m, nil
}

func hostName(i int) string {
	if i == 0 {
		return "director"
	}
	return "web" + strconv.Itoa(i)
}

// plugIn puts the far end of the host's cable into the bench's bridge.
func (m *machine) plugIn(i int) error {
	port := "port" + strconv.Itoa(i)
	if err := command("nsenter", "--net="+m.Path("/.fakehost/wire"), "ip", "link", "set", hostDev, "netns", strconv.Itoa(os.Getpid()), "name", port); err != nil {
		return err
	}
	return command("ip", "link", "set", port, "master", bridge, "up")
}

// serve starts the host's sshd, and puts a Python there for Ansible.
func (m *machine) serve(ctx context.Context, authorized string) error {
	private, public, err := newKey()
	if err != nil {
		return err
	}
	m.key = strings.TrimSpace(public)
	python, err := filepath.EvalSymlinks("/usr/bin/python3")
	if err != nil {
		return err
	}
	// Debian's ifupdown has it
	if err := os.MkdirAll(filepath.Join(m.Root(), "etc/network/if-up.d"), 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{"host_key": private, "authorized_keys": authorized, "sshd_config": sshdConfig} {
		if err := m.write("etc/ssh/"+name, text, 0o600); err != nil {
			return err
		}
	}
	passwd, err := os.OpenFile(filepath.Join(m.Root(), "etc/passwd"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = passwd.WriteString("sshd:x:104:65534::/run/sshd:/usr/sbin/nologin\n")
	_ = passwd.Close()
	if err != nil {
		return err
	}
	for link, target := range map[string]string{"usr/bin/python3": python, "usr/sbin/sshd": "/usr/sbin/sshd"} {
		if err := os.Symlink("/.fakehost/real"+strings.TrimPrefix(target, "/usr"), filepath.Join(m.Root(), link)); err != nil {
			return err
		}
	}
	var said strings.Builder
	// it goes into the background before it listens, and writes its number after
	const start = `mkdir -p /run/sshd && /usr/sbin/sshd -f /etc/ssh/sshd_config </dev/null || exit
for i in 1 2 3 4 5 6 7 8 9; do [ -s /run/sshd.pid ] && exit; sleep 0.$i; done; exit 1`
	if code := m.Exec(ctx, "", start, nil, nil, &said); code != 0 {
		return fmt.Errorf("cannot start sshd on %s: exit status %d: %s", m.Name, code, said.String())
	}
	return nil
}

func (m *machine) write(name, text string, mode os.FileMode) error {
	path := filepath.Join(m.Root(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), mode)
}

// newKey makes a key pair in OpenSSH's formats.
func newKey() (private, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", err
	}
	block, err := ssh.MarshalPrivateKey(priv, "")
	if err != nil {
		return "", "", err
	}
	p, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(block)), string(ssh.MarshalAuthorizedKey(p)), nil
}
