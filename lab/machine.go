package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// umlArgs is a machine's command line. Paths are absolute: a reboot executes
// the same line again.
func (l *Lab) umlArgs(m Machine) []string {
	args := []string{
		"linux.uml",
		"umid=" + m.Name,
		"uml_dir=" + filepath.Join(l.dir, "uml"),
		"mem=" + m.Memory,
		"ubd0=" + l.disk(m) + "," + l.state.Images[m.Image],
		"ubd1r=" + l.file(m, "seed.tar"),
		"root=/dev/ubda", "rootfstype=ext4", "rw",
		"init=/usr/lib/lvslab/init",
		// The journal repairs what a hard reset leaves.
		"fsck.mode=skip",
		"selinux=0", "audit=0",
		"con=null", "con0=null,fd:1", "con1=null", "ssl=null", "quiet",
	}
	for i := range m.NICs {
		args = append(args, fmt.Sprintf("vec%d:transport=raw,ifname=%s,depth=64,mac=%s", i, m.plug(i), m.mac(i)))
	}
	return args
}

func (l *Lab) disk(m Machine) string { return filepath.Join(l.state.Disks, m.Name+".cow") }
func (l *Lab) file(m Machine, name string) string {
	return filepath.Join(l.dir, "machines", m.Name, name)
}

// boot starts a machine's process and does not wait for more. The process is
// nobody's child: it outlives this one, and leads a session of its own, by
// which all processes of the machine are known.
func (l *Lab) boot(ctx context.Context, m Machine) error {
	// A killed machine leaves its socket and pid, which its next start would believe.
	if err := os.RemoveAll(filepath.Join(l.dir, "uml", m.Name)); err != nil {
		return fmt.Errorf("cannot start %s: %w", m.Name, err)
	}
	console, err := os.OpenFile(l.file(m, "console.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", m.Name, err)
	}
	defer console.Close()
	args := append([]string{"--fork", "sh", "-c", `echo $$ >"$1" && shift && exec "$@"`, "sh", l.file(m, "pid"),
		"taskset", "--cpu-list", l.cpu(m, allowedCPUs()), "ip", "netns", "exec", l.namespace(),
		"env", "LD_PRELOAD=" + l.xstate()}, l.umlArgs(m)...)
	cmd := exec.CommandContext(ctx, "setsid", args...)
	cmd.Dir = l.dir
	cmd.Stdout, cmd.Stderr = console, console
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/root"}
	os.Remove(l.file(m, "pid"))
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot start %s: %w: %s", m.Name, err, tail(l.file(m, "console.log"), 5))
	}
	for range 100 {
		if l.session(m) != 0 {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("cannot start %s: its process did not say its number", m.Name)
}

// cpu is the processor that a machine stays on. Each system call of a machine is
// a hand-over between two processes that never run at the same time: across two
// processors that costs a good third more than on one.
func (l *Lab) cpu(m Machine, allowed []int) string {
	// In turns, and the machines that usually run first.
	order := slices.Clone(l.topology.Machines)
	slices.SortStableFunc(order, func(a, b Machine) int {
		switch {
		case a.Optional == b.Optional:
			return 0
		case b.Optional:
			return -1
		}
		return 1
	})
	i := slices.IndexFunc(order, func(other Machine) bool { return other.Name == m.Name })
	return strconv.Itoa(allowed[i%len(allowed)])
}

// session is the session that a machine's processes belong to; 0: never started.
func (l *Lab) session(m Machine) int {
	text, err := os.ReadFile(l.file(m, "pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

// running says whether a machine has a process.
func (l *Lab) running(m Machine) bool {
	session := l.session(m)
	return session != 0 && len(l.processes(func(_, s int) bool { return s == session })) > 0
}

// kill ends a machine as a power cut does.
func (l *Lab) kill(m Machine) error {
	session := l.session(m)
	if session == 0 {
		return nil
	}
	return l.killAll(func(_, s int) bool { return s == session })
}

func (l *Lab) killAll(match func(pid, session int) bool) error {
	for range 100 {
		left := l.processes(match)
		if len(left) == 0 {
			return nil
		}
		for _, pid := range left {
			p, err := os.FindProcess(pid)
			if err == nil {
				err = p.Kill()
			}
			if err != nil && !errors.Is(err, os.ErrProcessDone) {
				return fmt.Errorf("cannot end process %d: %w", pid, err)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("cannot end the processes %v of lab %s", l.processes(match), l.name)
}

// processes are the living processes inside the lab's namespace that match: a
// process there is the lab's, whatever became of the numbers written down.
func (l *Lab) processes(match func(pid, session int) bool) []int {
	lab, err := os.Stat(l.namespaceFile())
	if err != nil {
		return nil
	}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var found []int
	for _, dir := range dirs {
		ns, err := os.Stat(dir + "/ns/net")
		if err != nil || !os.SameFile(lab, ns) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(dir))
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue
		}
		// "pid (command) state ppid pgrp session …", and a command may hold anything.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 4 || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		if session, _ := strconv.Atoi(fields[3]); match(pid, session) {
			found = append(found, pid)
		}
	}
	return found
}
