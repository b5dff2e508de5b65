package fakehost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Environment is what every exec gets, as from a login over SSH.
func Environment() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "USER=root",
		"LOGNAME=root", "SHELL=/bin/sh", "PWD=/root", "LANG=C.UTF-8"}
}

// Process is a command that runs on a host.
type Process struct {
	cmd *exec.Cmd
}

// Start runs `shell -c line` as root in /root; an empty shell is /bin/sh. When ctx ends it is killed.
// The streams may be nil: no input, output to nowhere.
func (h *Host) Start(ctx context.Context, shell, line string, stdin io.Reader, stdout, stderr io.Writer) (*Process, error) {
	if shell == "" {
		shell = "/bin/sh"
	}
	args := append(h.enter(), "/bin/sh", "-c", `cd && exec "$0" -c "$1"`, shell, line)
	return h.spawn(ctx, args, stdin, stdout, stderr)
}

func (h *Host) enter() []string {
	return []string{"nsenter", "--preserve-credentials", "--user", "--mount", "--pid", "--net", "--uts", "--ipc",
		"--target", strconv.Itoa(h.Pid()), "--"}
}

func (h *Host) spawn(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (*Process, error) {
	p := h.command(ctx, args, stdin, stdout, stderr)
	return p, p.start(h)
}

func (h *Host) command(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) *Process {
	p := &Process{cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	p.cmd.Env = Environment()
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, stdout, stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Cancel = p.Kill
	p.cmd.WaitDelay = 5 * time.Second // a daemon the command left may keep its output open
	return p
}

func (p *Process) start(h *Host) error {
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("cannot run on %s: %w", h.Name, err)
	}
	return nil
}

// Kill sends SIGKILL to the shell and what it started, except what it gave a session or process group of its own.
func (p *Process) Kill() error { return p.Signal(syscall.SIGKILL) }

// Signal sends sig to the shell and what it started. Process 1 of the host does not get it.
func (p *Process) Signal(sig syscall.Signal) error {
	err := syscall.Kill(-p.cmd.Process.Pid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return nil // it has ended
	}
	return err
}

// Wait waits for the end and returns the exit status: 128+n if signal n ended it.
func (p *Process) Wait() (int, error) {
	err := p.cmd.Wait()
	var status *exec.ExitError
	if errors.As(err, &status) {
		if w := status.Sys().(syscall.WaitStatus); w.Signaled() {
			return 128 + int(w.Signal()), nil
		}
		return status.ExitCode(), nil
	}
	if errors.Is(err, exec.ErrWaitDelay) { // it succeeded, and a daemon of its holds the output
		return 0, nil
	}
	if err != nil {
		return -1, err
	}
	return 0, nil
}

// Exec runs `shell -c line` to its end and returns its exit status; 255, as ssh does, if it could not be run.
func (h *Host) Exec(ctx context.Context, shell, line string, stdin io.Reader, stdout, stderr io.Writer) int {
	p, err := h.Start(ctx, shell, line, stdin, stdout, stderr)
	code := 255
	if err == nil {
		code, err = p.Wait()
	}
	if err != nil && code < 0 {
		code = 255
	}
	if err != nil && stderr != nil {
		fmt.Fprintln(stderr, "fakehost:", err)
	}
	return code
}

// Run runs a script with the host's /bin/sh, giving it at most a minute.
func (h *Host) Run(script string) (stdout, stderr string, code int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, errs strings.Builder
	code = h.Exec(ctx, "", script, nil, &out, &errs)
	return out.String(), errs.String(), code
}

// output runs a script of our own with arguments, on the stubs' tools.
func (h *Host) output(script string, args ...string) (string, int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out strings.Builder
	line := append(h.enter(), "/.fakehost/bin/sh", "-c", "PATH=/.fakehost/bin:$PATH; "+script, "fakehost")
	p, err := h.spawn(ctx, append(line, args...), nil, &out, &out)
	if err != nil {
		return err.Error(), 255
	}
	code, err := p.Wait()
	if err != nil {
		return out.String() + err.Error(), 255
	}
	return out.String(), code
}
