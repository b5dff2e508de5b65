package fakehost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Started runs a script like Exec, with the host's /bin/sh, and returns what it
// started: a line for each process, with what that became. A process that was
// only forked is "fork". What stubs start is not in it: the real tools are one
// process each.
//
// It watches by ptrace(2), so that every process is counted, however short.
func (h *Host) Started(script string, stdin io.Reader, stdout io.Writer) (started []string, code int, err error) {
	input, err := os.CreateTemp("", "fakehost-stdin-") // no goroutine may copy: it would wait for the traced
	if err != nil {
		return nil, 0, err
	}
	defer os.Remove(input.Name())
	defer input.Close()
	if _, err := io.Copy(input, stdin); err != nil {
		return nil, 0, err
	}
	if _, err := input.Seek(0, io.SeekStart); err != nil {
		return nil, 0, err
	}
	output, err := os.CreateTemp("", "fakehost-stdout-")
	if err != nil {
		return nil, 0, err
	}
	defer os.Remove(output.Name())
	defer output.Close()
	// one thread is the tracer: only it may ask, and it waits for what it
	// traces alone, not for other children of this process
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := h.command(context.Background(), append(h.enter(), "/bin/sh", "-c", `cd && exec /bin/sh -c "$0"`, script), input, output, output)
	p.cmd.SysProcAttr.Ptrace = true
	if err := p.start(h); err != nil {
		return nil, 0, err
	}
	t := &tracer{script: script, parent: map[int]int{}, became: map[int]string{}}
	stuck := time.AfterFunc(20*time.Second, func() { _ = p.Kill() })
	err = t.follow(p.cmd.Process.Pid)
	if !stuck.Stop() {
		err = errors.Join(err, errors.New("it had to be killed"))
	}
	_, _ = p.cmd.Process.Wait() // it has been waited for
	if _, serr := output.Seek(0, io.SeekStart); err == nil {
		err = serr
	}
	if err == nil && stdout != nil {
		_, err = io.Copy(stdout, output)
	}
	return t.started(), t.code, err
}

// tracer sees the processes that a script starts.
type tracer struct {
	script string
	root   int            // the process that runs the script
	order  []int          // its descendants
	parent map[int]int    // of each
	became map[int]string // the first program that a process was
	code   int
}

const waitThread = 0x20000000 // __WNOTHREAD

func (t *tracer) follow(first int) error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(first, &status, waitThread, nil); err != nil {
		return fmt.Errorf("cannot trace: %w", err)
	}
	const options = syscall.PTRACE_O_TRACEFORK | syscall.PTRACE_O_TRACEVFORK | syscall.PTRACE_O_TRACECLONE |
		syscall.PTRACE_O_TRACEEXEC | 0x100000 // PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(first, options); err != nil {
		return fmt.Errorf("cannot trace: %w", err)
	}
	if err := syscall.PtraceCont(first, 0); err != nil {
		return fmt.Errorf("cannot trace: %w", err)
	}
	for {
		pid, err := syscall.Wait4(-1, &status, syscall.WALL|waitThread, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.ECHILD:
			return nil
		case err != nil:
			return fmt.Errorf("cannot trace: %w", err)
		}
		if status.Exited() || status.Signaled() {
			if pid == t.root {
				t.code = status.ExitStatus()
			}
			continue
		}
		signal := status.StopSignal()
		switch status.TrapCause() {
		case syscall.PTRACE_EVENT_FORK, syscall.PTRACE_EVENT_VFORK, syscall.PTRACE_EVENT_CLONE:
			if child, err := syscall.PtraceGetEventMsg(pid); err == nil {
				t.forked(pid, int(child))
			}
			signal = 0
		case syscall.PTRACE_EVENT_EXEC:
			t.execed(pid)
			signal = 0
		}
		if signal == syscall.SIGSTOP || signal == syscall.SIGTRAP { // how a traced process begins
			signal = 0
		}
		_ = syscall.PtraceCont(pid, int(signal)) // it may have been killed meanwhile
	}
}

func (t *tracer) forked(parent, child int) {
	t.parent[child] = parent
	if t.root != 0 {
		t.order = append(t.order, child)
	}
}

func (t *tracer) execed(pid int) {
	line, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	args := strings.Split(string(bytes.TrimSuffix(line, []byte{0})), "\x00")
	if t.root == 0 {
		if len(args) == 3 && args[2] == t.script {
			t.root = pid
		}
		return
	}
	if t.became[pid] == "" && pid != t.root {
		t.became[pid] = strings.Join(args, " ")
	}
}

func (t *tracer) started() []string {
	var list []string
	for _, pid := range t.order {
		if t.ofStub(t.parent[pid]) {
			continue
		}
		what := t.became[pid]
		if what == "" {
			what = "fork"
		}
		list = append(list, what)
	}
	return list
}

// ofStub tells whether pid is a stub, or was started by one.
func (t *tracer) ofStub(pid int) bool {
	for ; pid != t.root && pid != 0; pid = t.parent[pid] {
		if strings.HasPrefix(t.became[pid], "/.fakehost/") || strings.Contains(t.became[pid], " /.fakehost/") {
			return true
		}
	}
	return false
}
