//go:build lab

package tests

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/lab"
)

// This program runs itself again in other roles.
const (
	envLoad     = "LVSDEPLOY_LAB_TEST_LOAD"     // the client that asks the URL named here
	envHold     = "LVSDEPLOY_LAB_TEST_HOLD"     // the client that keeps connections to the address named here
	envGuardian = "LVSDEPLOY_LAB_TEST_GUARDIAN" // takes the lab named here down when the tests have died
	envName     = "LVSDEPLOY_LAB_TEST_NAME"     // for people: another lab than "test"
	envKeep     = "LVSDEPLOY_LAB_TEST_KEEP"     // for people: leave the lab up, and use one that is up
)

// patience bounds everything: it ends before `go test` would end this process.
const patience = 35 * time.Minute

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(envLoad) != "":
		os.Exit(loadMain(os.Getenv(envLoad)))
	case os.Getenv(envHold) != "":
		os.Exit(holdMain(os.Getenv(envHold)))
	case os.Getenv(envGuardian) != "":
		os.Exit(guardianMain(os.Getenv(envGuardian)))
	}
	os.Exit(m.Run())
}

// bench is a lab, the program under test, and what is known of the scenario.
type bench struct {
	ctx      context.Context
	lab      *lab.Lab
	name     string
	self     string // this test's own binary
	bin      string // lvsdeploy
	dir      string // for inventories and the like
	said     *voice
	ssh      []string // options of ssh for on and try
	deployed bool
	bare     map[string]snapshot // before the first deployment
	direct   map[string]snapshot // as a DR cluster, after NAT
	rules    map[string][]string // of firewalls, before the first deployment
	notes    []string            // what the step under way measured, for the table
}

// newBench builds lvsdeploy and boots a lab, which is gone when t ends.
func newBench(t *testing.T, topology string) *bench { return newBenchOf(t, topology, "") }

// newBenchOf is newBench on machines of an image, where the topology names none.
func newBenchOf(t *testing.T, topology, image string) *bench {
	t.Helper()
	name := os.Getenv(envName)
	if name == "" {
		name = "test"
	}
	b := &bench{name: name, dir: t.TempDir(), said: newVoice(os.Stdout)}
	t.Cleanup(b.said.stop)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	t.Cleanup(stop)
	ctx, cancel := context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	b.ctx = ctx

	var err error
	if b.self, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	b.bin = filepath.Join(b.dir, "lvsdeploy")
	b.said.say("building lvsdeploy")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.bin, "../../cmd/lvsdeploy")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build lvsdeploy: %v\n%s", err, out)
	}

	b.alone(t)
	keep := os.Getenv(envKeep) != ""
	if !keep {
		// What a run that was killed left, guardian and all.
		if err := lab.Down(ctx, name, b.said); err != nil {
			t.Fatal(err)
		}
		release := b.guard(t)
		t.Cleanup(func() {
			// Not with ctx: it may have ended.
			if err := lab.Down(context.Background(), name, b.said); err != nil {
				t.Error(err)
			}
			for _, left := range b.remains() {
				t.Errorf("the lab left behind: %s", left)
			}
			release()
		})
	}
	if b.lab, err = lab.Up(ctx, lab.Options{Name: name, Topology: topology, Image: image, Progress: b.said}); err != nil {
		t.Fatal(err)
	}
	return b
}

// alone refuses to run beside another run of these tests on the same lab, which
// each would take away from the other.
func (b *bench) alone(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "lvsdeploy-lab-test-"+b.name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatalf("cannot use the lab %s: another run of these tests does (%s=NAME takes another lab): %v", b.name, envName, err)
	}
}

// guard starts a process that outlives this one, however it ends, and takes
// the lab down then. release tells it that this has been done.
func (b *bench) guard(t *testing.T) (release func()) {
	t.Helper()
	cmd := exec.Command(b.self)
	cmd.Env = append(os.Environ(), envGuardian+"="+b.name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is not for it
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("cannot start the lab's guardian: %v", err)
	}
	return func() {
		_, _ = io.WriteString(pipe, "done\n")
		_ = pipe.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the lab's guardian: %v", err)
		}
	}
}

func guardianMain(name string) int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	word, _ := io.ReadAll(os.Stdin)
	if string(word) == "done\n" {
		return 0
	}
	fmt.Fprintf(os.Stderr, "the tests have died: taking lab %s down\n", name)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := lab.Down(ctx, name, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// remains lists what is left of the lab: there must be nothing.
func (b *bench) remains() []string {
	var left []string
	dir := "/run/lvsdeploy-lab/" + b.name
	marks := []string{dir + "/", "lvslab-" + b.name}
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range procs {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, mark := range marks {
			if strings.Contains(string(text), mark) {
				left = append(left, "process "+filepath.Base(filepath.Dir(file))+": "+strings.ReplaceAll(string(text), "\x00", " "))
			}
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		left = append(left, err.Error())
	}
	for line := range strings.Lines(string(mounts)) {
		for _, mark := range marks {
			if strings.Contains(line, mark) {
				left = append(left, "mount "+line)
			}
		}
	}
	for _, path := range []string{dir, "/run/netns/lvslab-" + b.name, filepath.Join(lab.CacheDir(), "disks", b.name)} {
		if _, err := os.Lstat(path); err == nil {
			left = append(left, "file "+path)
		}
	}
	for _, veth := range []string{"web1.0", "web1.0u", "director.1"} {
		if _, err := os.Lstat("/sys/class/net/" + veth); err == nil {
			left = append(left, "interface "+veth)
		}
	}
	return left
}

// voice tells what is going on at once (what a test logs is shown when it
// ends), and repeats the last word when nothing new has come for a while.
type voice struct {
	mu    sync.Mutex
	w     io.Writer
	began time.Time
	last  string
	spoke time.Time
	quit  chan struct{}
	done  sync.WaitGroup
}

func newVoice(w io.Writer) *voice {
	v := &voice{w: w, began: time.Now(), spoke: time.Now(), quit: make(chan struct{})}
	v.done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-v.quit:
				return
			case <-tick.C:
				v.mu.Lock()
				if time.Since(v.spoke) > 4*time.Second {
					v.line("still " + v.last)
				}
				v.mu.Unlock()
			}
		}
	})
	return v
}

func (v *voice) say(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last = fmt.Sprintf(format, args...)
	v.line(v.last)
}

// line is called with the lock held.
func (v *voice) line(text string) {
	v.spoke = time.Now()
	fmt.Fprintf(v.w, "test: %4.0f s  %s\n", time.Since(v.began).Seconds(), text)
}

// Write passes on what package lab says.
func (v *voice) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.spoke = time.Now()
	return v.w.Write(p)
}

func (v *voice) stop() {
	close(v.quit)
	v.done.Wait()
}
