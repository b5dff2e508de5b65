package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lock waits for an exclusive lock on a file; unlock gives it back.
func lock(ctx context.Context, file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the lab: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			f.Close()
			return nil, fmt.Errorf("cannot lock the lab: %w", err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("cannot lock the lab, somebody else is at work on it: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// inNamespace runs do on a thread inside a network namespace: sockets that do
// opens belong to it. The thread ends with do.
func inNamespace(file string, do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: nobody else gets this thread
		ns, err := os.Open(file)
		if err != nil {
			done <- err
			return
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("cannot enter %s: %w", file, err)
			return
		}
		done <- do()
	}()
	return <-done
}

// greets says whether an SSH server greets at an address. Three seconds are
// much for a server, and not for a machine that is booting on a busy processor.
func greets(ctx context.Context, namespaceFile, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return nil == inNamespace(namespaceFile, func() error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		defer conn.Close()
		deadline, _ := ctx.Deadline()
		conn.SetDeadline(deadline)
		greeting := make([]byte, 4)
		_, err = conn.Read(greeting)
		if err == nil && string(greeting) != "SSH-" {
			err = fmt.Errorf("%q is no greeting of an SSH server", greeting)
		}
		return err
	})
}

// asGroup makes a command the leader of a process group, which is asked to end
// as a whole when the command's context does.
func asGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
}

// allowedCPUs are the processors that this process may use.
func allowedCPUs() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return []int{0}
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}
