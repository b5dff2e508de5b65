package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// floorJob is what the floor is told: where each host is, and its script.
type floorJob struct {
	Identity, KnownHosts string
	Hosts                []floorHost
}

type floorHost struct{ Name, Address, User, Script string }

// writeFloor makes each host's script: the checks of lvsdeploy's own plan, one
// after the other, and nothing around them.
func (t *target) writeFloor() error {
	return t.writeJob("floor.json", func(host string) string { return floorScript(t.tasksOf(host), t.cluster.Name) })
}

func (t *target) writeJob(name string, script func(host string) string) error {
	job := floorJob{Identity: t.identity, KnownHosts: filepath.Join(t.home, ".ssh/known_hosts")}
	for _, h := range t.cluster.Hosts() {
		user := h.SSH.User
		if user == "" {
			user = "root"
		}
		job.Hosts = append(job.Hosts, floorHost{h.Name, net.JoinHostPort(at(h), "22"), user, script(h.Name)})
	}
	text, err := json.Marshal(job)
	if err != nil {
		return err
	}
	return t.write(name, string(text))
}

func floorScript(list []tasks.Task, cluster string) string {
	var checks strings.Builder
	for n, task := range list {
		fmt.Fprintf(&checks, "check_%d() {\n%s\n}\n(set -e; check_%d) </dev/null >/dev/null 2>&1 || echo \"check %d\"\n", n, task.Check, n, n)
	}
	text := checks.String()
	var functions string
	for i := len(tasks.Library) - 1; i >= 0; i-- { // a function may use those before it
		f := tasks.Library[i]
		if strings.Contains(text, f.Name+" ") && !f.Changes {
			functions = string(f.Text) + "\n" + functions
			text += string(f.Text)
		}
	}
	script := "set -u\nLC_ALL=C\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nexport LC_ALL PATH\nstate=/var/lib/lvsdeploy/" + cluster + "\nnewline='\n'\n" + functions
	return script + checks.String() + "echo end\n"
}

// floorMain is the floor: all connections at once, one exec each.
func floorMain(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var job floorJob
	if err := json.Unmarshal(text, &job); err != nil {
		return err
	}
	key, err := os.ReadFile(job.Identity)
	if err != nil {
		return err
	}
	signer, err := ssh.ParsePrivateKey(key)
	if err != nil {
		return err
	}
	known, err := knownhosts.New(job.KnownHosts)
	if err != nil {
		return err
	}
	errs := make([]error, len(job.Hosts))
	var all sync.WaitGroup
	for i, h := range job.Hosts {
		all.Go(func() {
			if err := floorOn(h, signer, known); err != nil {
				errs[i] = fmt.Errorf("%s: %w", h.Name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func floorOn(h floorHost, signer ssh.Signer, known ssh.HostKeyCallback) error {
	raw, err := net.DialTimeout("tcp", h.Address, time.Minute)
	if err != nil {
		return err
	}
	defer raw.Close()
	conn, chans, reqs, err := ssh.NewClientConn(quick{raw.(*net.TCPConn)}, h.Address, &ssh.ClientConfig{
		User: h.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: known,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
	if err != nil {
		return err
	}
	client := ssh.NewClient(conn, chans, reqs)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	out, err := session.Output(h.Script)
	if err != nil {
		return err
	}
	if said := string(out); said != "end\n" {
		return fmt.Errorf("not in place: %q", said)
	}
	return nil
}

// quick acknowledges at once what arrives, as lvsdeploy does on Linux: sshd
// leaves Nagle's algorithm on.
type quick struct{ *net.TCPConn }

func (q quick) Read(p []byte) (int, error) {
	q.ack()
	defer q.ack()
	return q.TCPConn.Read(p)
}

func (q quick) ack() {
	if raw, err := q.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) })
	}
}
