package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// contender is a command line that brings a cluster to what it should be, or
// only looks.
type contender struct {
	name  string
	slow  bool // runs once a round
	args  []string
	env   []string
	judge func(said string) error
}

// The names of the contenders, in the order of the table.
const (
	nameFloor   = "floor"
	nameOurs    = "lvsdeploy"
	nameAnsible = "ansible"
	nameMitogen = "ansible + mitogen"
)

func (t *target) environment(more ...string) []string {
	return append([]string{"HOME=" + t.home, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "TMPDIR=" + os.TempDir()}, more...)
}

func (t *target) ours(o options, args ...string) contender {
	return contender{name: nameOurs, args: append([]string{o.Lvsdeploy, string(t.mode), "-i", t.inventory}, args...), env: t.environment()}
}

func (t *target) floor(job string) contender {
	self, _ := os.Executable() // measure asks too, and says what is wrong
	return contender{name: nameFloor, args: []string{self, "__floor", t.path(job)}, env: t.environment()}
}

func (t *target) ansible(name string) contender {
	config := t.path("ansible.cfg")
	if name == nameMitogen {
		config = t.path("mitogen.cfg")
	}
	return contender{name: name, slow: true,
		args: []string{"/usr/bin/ansible-playbook", "-i", t.path("hosts.json"), filepath.Join(t.dir, "playbook", string(t.mode)+".yml")},
		env:  t.environment("ANSIBLE_CONFIG=" + config)}
}

// What a summary says of a host, both lvsdeploy's and Ansible's.
var (
	changed = regexp.MustCompile(`changed=[1-9]`)
	failed  = regexp.MustCompile(`(unreachable|failed)=[1-9]`)
)

// converged has a contender judged by whether it found everything in place.
func (c contender) converged() contender {
	c = c.applied()
	fine := c.judge
	c.judge = func(said string) error {
		if changed.MatchString(said) {
			return errors.New("it changed something")
		}
		return fine(said)
	}
	return c
}

// applied has it judged by whether it failed.
func (c contender) applied() contender {
	c.judge = func(said string) error {
		switch {
		case failed.MatchString(said):
			return errors.New("it failed")
		case !strings.Contains(said, "changed="):
			return errors.New("it says nothing of any host")
		}
		return nil
	}
	return c
}
