//go:build lab

package tests

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// step is one part of the scenario. A step that failed stops those that need
// it; the others go on.
type step struct {
	name   string
	proves string
	needs  []string
	run    func(*bench, *testing.T)
}

// TestNAT takes the tutorial's NAT cluster from bare machines through all that
// may happen to it. The numbers are those of "It must show". Each step deploys
// first if no step before it has.
func TestNAT(t *testing.T) {
	steps := []step{
		{name: "dry run", proves: "3", run: dryRun},
		{name: "deploy", proves: "1 2 3", run: deploy},
		{name: "to DR and back", proves: "nothing of the other mode", run: modes},
		{name: "host keys", proves: "strict host keys", run: hostKeys},
		{name: "faults", proves: "verify names the cause", run: faults},
		{name: "changes under load", proves: "5", run: changesUnderLoad},
		{name: "ordinary user", proves: "6", run: ordinaryUser},
		{name: "a host down", proves: "8", run: hostDown},
		{name: "cut and killed", proves: "9", run: cutAndKilled},
		{name: "reboots", proves: "4", run: reboots},
		{name: "teardown", proves: "first state again", run: teardown},
	}
	b := newBench(t, "nat")
	b.scenario(t, steps)
}

func (b *bench) scenario(t *testing.T, steps []step) {
	var rows []string
	var failed []string
	for _, s := range steps {
		result, began := "not run (left out by -run)", time.Now()
		b.notes = nil
		t.Run(s.name, func(t *testing.T) {
			result = "FAILED"
			for _, need := range s.needs {
				if slices.Contains(failed, need) {
					result = "NOT RUN: it needs " + need
					t.Fatal(result)
				}
			}
			if b.ctx.Err() != nil {
				result = "NOT RUN: " + b.ctx.Err().Error()
				t.Fatal(result)
			}
			b.said.say("== %s", s.name)
			s.run(b, t)
			if !t.Failed() {
				result = "ok"
			}
		})
		if result == "FAILED" || strings.HasPrefix(result, "NOT RUN") {
			failed = append(failed, s.name)
			b.deployed = false // whatever it left: the next one deploys again
		}
		b.said.say("== %s: %s after %.0f s", s.name, result, time.Since(began).Seconds())
		rows = append(rows, fmt.Sprintf("%-20s %-24s %5.0f s  %5s  %s", s.name, s.proves, time.Since(began).Seconds(), busy(), result))
		for _, n := range b.notes {
			rows = append(rows, "    "+n)
		}
	}
	fmt.Fprintf(b.said, "\n%-20s %-24s %7s  %5s  result\n%s\n\n", "step", "proves", "took", "load", strings.Join(rows, "\n"))
}

// busy is this system's load of the last minute: what was measured on a busy
// system says little about the machines.
func busy() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	load, _, _ := strings.Cut(string(text), " ")
	return load
}
