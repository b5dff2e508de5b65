//go:build lab

package tests

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// event is one line of --json: a task, or the summary.
type event struct {
	Event  string
	Host   string
	Stage  string
	Task   string
	Status string
	Detail string
	Exit   int
	Hosts  map[string]struct {
		OK, Changed, Failed, Pending, Skipped, Unknown int
		WouldChange                                    int `json:"would-change"`
		Error, Hint                                    string
	}
}

func (e event) key() string { return e.Host + ": " + e.Task }

// outcome is how a run of lvsdeploy ended.
type outcome struct {
	args           []string
	exit           int // -1: by a signal
	stdout, stderr string
	took           time.Duration
	events         []event
}

func (o *outcome) String() string {
	return fmt.Sprintf("lvsdeploy %s: exit %d after %.1f s\n%s%s", strings.Join(o.args, " "), o.exit, o.took.Seconds(), tail(o.stdout, 40), tail(o.stderr, 25))
}

func tail(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// with lists the tasks that ended in one of the statuses, sorted.
func (o *outcome) with(statuses ...string) []string {
	var keys []string
	for _, e := range o.events {
		if e.Event == "task" && slices.Contains(statuses, e.Status) {
			keys = append(keys, e.key())
		}
	}
	slices.Sort(keys)
	return keys
}

func (o *outcome) summary() event {
	if n := len(o.events); n > 0 && o.events[n-1].Event == "summary" {
		return o.events[n-1]
	}
	return event{Exit: -1}
}

// first is the first line on standard output.
func (o *outcome) first() string {
	line, _, _ := strings.Cut(o.stdout, "\n")
	return line
}

// call is a run of lvsdeploy to be.
type call struct {
	inventory string // the lab's, if empty
	env       []string
	bound     time.Duration // 5 minutes if 0
	watch     func(event)   // told each event as it comes
	started   func(*exec.Cmd)
	args      []string
}

// run runs lvsdeploy to its end as the workstation. An end by a bound is a
// failure of the test; what the exit code should be is the caller's to say.
func (b *bench) run(t *testing.T, c call) *outcome {
	t.Helper()
	if c.inventory == "" {
		c.inventory = b.lab.Inventory()
	}
	if c.bound == 0 {
		c.bound = 5 * time.Minute
	}
	ctx, cancel := context.WithTimeout(b.ctx, c.bound)
	defer cancel()
	args := append(slices.Clone(c.args), "-i", c.inventory)
	cmd := b.lab.Command(ctx, append([]string{b.bin}, args...)...)
	cmd.Env = append(slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "LVSDEPLOY_") }), c.env...)
	var errout bytes.Buffer
	cmd.Stderr = &errout
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.said.say("lvsdeploy %s", strings.Join(c.args, " "))
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if c.started != nil {
		c.started(cmd)
	}
	o := &outcome{args: c.args}
	var stdout strings.Builder
	lines := bufio.NewReader(out)
	isJSON := slices.Contains(c.args, "--json")
	for {
		line, err := lines.ReadString('\n')
		stdout.WriteString(line)
		if isJSON && line != "" {
			var e event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Errorf("not a JSON object on standard output: %q", line)
			}
			o.events = append(o.events, e)
			if e.Event == "task" && e.Status != "ok" {
				b.said.say("lvsdeploy %s: %s: %s", c.args[0], e.key(), e.Status)
			}
			if c.watch != nil {
				c.watch(e)
			}
		}
		if err != nil {
			break
		}
	}
	err = cmd.Wait()
	o.took, o.stdout, o.stderr = time.Since(began), stdout.String(), errout.String()
	if ctx.Err() != nil {
		t.Fatalf("cannot wait longer than %v: %v\n%v", c.bound, context.Cause(ctx), o)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("cannot run lvsdeploy: %v", err)
	}
	o.exit = cmd.ProcessState.ExitCode()
	if isJSON && o.exit >= 0 && c.args[0] != "verify" && o.summary().Exit != o.exit {
		t.Errorf("the summary says exit %d, the process %d\n%v", o.summary().Exit, o.exit, o)
	}
	return o
}

// nat deploys; the run must end with exit.
func (b *bench) nat(t *testing.T, exit int, args ...string) *outcome {
	t.Helper()
	return b.natOn(t, exit, "", args...)
}

func (b *bench) natOn(t *testing.T, exit int, inventory string, args ...string) *outcome {
	t.Helper()
	o := b.run(t, call{inventory: inventory, args: append([]string{"nat", "--json"}, args...)})
	if o.exit != exit {
		t.Fatalf("exit %d, want %d\n%v", o.exit, exit, o)
	}
	return o
}

// healthy verifies; the first line must be this.
func (b *bench) healthy(t *testing.T, inventory, first string, args ...string) *outcome {
	t.Helper()
	o := b.run(t, call{inventory: inventory, args: append([]string{"verify"}, args...)})
	if o.exit != 0 || o.first() != first {
		t.Fatalf("the cluster is not well: exit %d\n got %s\nwant %s\n%v", o.exit, o.first(), first, o)
	}
	return o
}

const tenAndTen = "12.0.0.1:80 answers: 20 requests, 10 and 10, none failed"

// settled demands that nothing is left to do.
func (b *bench) settled(t *testing.T, inventory string) {
	t.Helper()
	o := b.natOn(t, 0, inventory, "--check")
	if rest := o.with("would-change", "pending", "changed", "failed", "skipped", "unknown"); len(rest) > 0 {
		t.Fatalf("--check exits 0 and finds %v", rest)
	}
}

// deploy is for steps that start from a deployed cluster: run by themselves
// they deploy it first.
func (b *bench) deploy(t *testing.T) {
	t.Helper()
	if b.deployed {
		return
	}
	if b.bare == nil && os.Getenv(envKeep) == "" {
		b.bare = b.snapshots(t, hosts...)
	}
	b.nat(t, 0)
	b.deployed = true
}

// on runs a script as root on a machine; failing is fatal.
func (b *bench) on(t *testing.T, machine, script string) string {
	t.Helper()
	out, err := b.try(machine, script)
	if err != nil {
		t.Fatalf("on %s: %v\n%s\n%s", machine, err, script, out)
	}
	return out
}

// try is on for scripts that may fail. Scripts go by standard input: nothing
// of them shows in a process list.
func (b *bench) try(machine, script string) (string, error) {
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	cmd := b.lab.Command(ctx, slices.Insert(b.lab.SSHLine(machine, "sh -s"), 1, b.ssh...)...)
	cmd.Stdin = strings.NewReader(script)
	var errout bytes.Buffer
	cmd.Stderr = &errout
	out, err := cmd.Output()
	if err != nil && errout.Len() > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(errout.String()))
	}
	return string(out), err
}

// inventory writes the lab's inventory with changes made to its text, pairs of
// old and new; each old must be there.
func (b *bench) inventory(t *testing.T, name string, pairs ...string) string {
	t.Helper()
	text, err := os.ReadFile(b.lab.Inventory())
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(s, pairs[i]) {
			t.Fatalf("the lab's inventory has no %q", pairs[i])
		}
		s = strings.Replace(s, pairs[i], pairs[i+1], 1)
	}
	file := filepath.Join(b.dir, name+".toml")
	if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// note remembers a measured fact for the table at the end.
func (b *bench) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	b.said.say("measured: %s", text)
	b.notes = append(b.notes, text)
}

// claim is a note of something that was shown, if it was.
func (b *bench) claim(t *testing.T, format string, args ...any) {
	if !t.Failed() {
		b.note(format, args...)
	}
}
