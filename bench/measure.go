package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Sample is what one run of a contender cost.
type Sample struct {
	Wall float64 `json:"wall_s"`
	CPU  float64 `json:"cpu_s"`  // user and system, of every process that it started here
	RSS  int64   `json:"rss_kb"` // of the largest of its processes
	Exit int     `json:"exit"`
}

// measure runs a contender to its end.
func measure(ctx context.Context, c contender) (Sample, error) {
	var s Sample
	self, err := os.Executable()
	if err != nil {
		return s, err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(dir)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return s, err
	}
	defer log.Close()
	result := filepath.Join(dir, "result")
	cmd := exec.CommandContext(ctx, self, append([]string{"__measure", result}, c.args...)...)
	cmd.Env = c.env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err = cmd.Run()
	said, _ := os.ReadFile(log.Name())
	if err != nil {
		return s, fmt.Errorf("cannot run %s: %w: %s", c.name, errors.Join(err, ctx.Err()), tail(said))
	}
	text, err := os.ReadFile(result)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, err
	}
	if s.Exit != 0 {
		return s, fmt.Errorf("%s ended with %d: %s", c.name, s.Exit, tail(said))
	}
	if c.judge != nil {
		if err := c.judge(string(said)); err != nil {
			return s, fmt.Errorf("%s: %w: %s", c.name, err, tail(said))
		}
	}
	return s, nil
}

// settle waits until the machine has nothing to do: hosts are still ending the
// sessions of one contender when it is through, which is not for the next to
// pay. On a machine that others use it does not wait for long.
func settle(ctx context.Context) error {
	const look, bound = 200 * time.Millisecond, 10 * time.Second
	for began := time.Now(); time.Since(began) < bound; {
		before, err := busy()
		if err != nil {
			return err
		}
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return ctx.Err()
		}
		after, err := busy()
		if err != nil {
			return err
		}
		if after-before < look/10 {
			return nil
		}
	}
	say("this machine has other work: the numbers are worth less")
	return nil
}

// busy is how long the machine's processors have worked since it started.
func busy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	var user, nice, system, idle, wait, irq, soft int64
	if _, err := fmt.Sscanf(string(text), "cpu %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &soft); err != nil {
		return 0, fmt.Errorf("cannot read /proc/stat: %w", err)
	}
	return time.Duration(user+nice+system+irq+soft) * (time.Second / 100), nil // in ticks of USER_HZ
}

func tail(text []byte) string {
	return string(text[max(0, len(text)-4000):])
}

// measureChild runs a command and writes what it cost. It adopts whatever the
// command leaves behind (ssh masters of ControlPersist, mitogen's processes),
// ends that when the command has ended, and waits for it: only then are all of
// them in the kernel's account of its children.
func measureChild(result string, args []string) error {
	signal.Reset() // they end this process, and with it the command
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	began := time.Now()
	pid, err := syscall.ForkExec(path, args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}})
	if err != nil {
		return err
	}
	var s Sample
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		if ended == pid {
			s.Wall, s.Exit = time.Since(began).Seconds(), status.ExitStatus()
			break
		}
	}
	for { // a child's own children become ours when it ends
		for _, child := range children() {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
		if _, err := syscall.Wait4(-1, nil, 0, nil); errors.Is(err, syscall.ECHILD) {
			break
		}
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used); err != nil {
		return err
	}
	s.CPU = time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
	s.RSS = used.Maxrss
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(result, text, 0o644)
}

func children() (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// pid (comm) state ppid …; comm may hold anything
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// Spread is a median and what is around it.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spread(values []float64) Spread {
	v := slices.Clone(values)
	slices.SortFunc(v, cmp.Compare)
	n := len(v)
	return Spread{Median: (v[(n-1)/2] + v[n/2]) / 2, Min: v[0], Max: v[n-1]}
}
