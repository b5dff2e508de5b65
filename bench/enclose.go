package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// enclosed runs this program again as process 1 of new namespaces. Whatever
// ends it, the kernel then ends every host and every contender with it, and
// its network, mounts and files are gone.
func enclosed(ctx context.Context, args []string) error {
	runtime.LockOSThread() // Pdeathsig is about the thread
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"__inside"}, args...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // Ctrl-C reaches it through ctx only
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil { // it has said why
		return fmt.Errorf("cannot measure on fleets: %w", err)
	}
	return nil
}

const (
	scratch  = "/dev/shm"     // a file system of the bench's own, in memory
	bridge   = "lan"          // where all hosts are plugged in
	client   = "10.77.0.1/16" // the bench's own address there
	lanNet   = "10.77.0.0/16" // hosts: 10.77.1.1 and on
	farNet   = "10.78.0.0/16" // the same hosts behind the delaying proxy
	fleetVIP = "10.77.0.80"   // of a fleet in DR mode
	voidNet  = "10.79.0.0/16" // packets to it vanish
	hostDev  = "ens33"        // a host's interface
)

// furnish makes the namespaces fit to hold a fleet.
func furnish() error {
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE},
		{"proc", "/proc", "proc", 0},
		{"tmpfs", scratch, "tmpfs", 0},
	} {
		if err := syscall.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("cannot mount on %s: %w", m.target, err)
		}
	}
	if err := os.Setenv("TMPDIR", scratch); err != nil { // temporary files go with the rest
		return err
	}
	return command("sh", "-ec", `
ip link set lo up
ip link add "$0" type bridge forward_delay 0
ip addr add "$1" dev "$0"
ip link set "$0" up
ip route add local "$2" dev lo
ip link add void type veth peer name sink
ip link set sink arp off up
ip link set void arp off up
ip route add "$3" dev void
`, bridge, client, farNet, voidNet)
}

// command runs something to its end; what it said is in the error.
func command(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
