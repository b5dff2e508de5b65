//go:build lab

package tests

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dryRun looks at bare machines, changes nothing there, and is right about
// what the real run then changes.
func dryRun(b *bench, t *testing.T) {
	if b.deployed {
		t.Fatal("the machines are not bare any more")
	}
	before := b.snapshots(t, hosts...)
	b.bare = before
	o := b.nat(t, 3, "--check", "--diff")
	after := b.snapshots(t, hosts...)
	same(t, before, after)
	b.claim(t, "--check --diff changed nothing: %s compared", count(after))

	predicted := o.with("would-change", "pending")
	if lied := o.with("changed", "failed", "unknown"); len(lied) > 0 {
		t.Errorf("a dry run has %v", lied)
	}
	if t.Failed() {
		return
	}
	real := b.nat(t, 0)
	b.deployed = true
	changed := real.with("changed")
	if diff := cmp.Diff(predicted, changed); diff != "" {
		t.Errorf("--check named other tasks than the run changed (-check +run):\n%s", diff)
	}
	if len(changed) < 20 {
		t.Errorf("only %d tasks changed bare machines", len(changed))
	}
	b.claim(t, "--check named exactly the %d tasks that the run changed; it took %.1f s, the run %.1f s", len(changed), o.took.Seconds(), real.took.Seconds())
}

// deploy proves that the cluster works, and that a second run has nothing to
// do and touches nothing.
func deploy(b *bench, t *testing.T) {
	b.deploy(t)
	b.healthy(t, "", tenAndTen, "-n", "20")
	b.settled(t, "")
	before := b.snapshots(t, hosts...)
	o := b.nat(t, 0)
	after := b.snapshots(t, hosts...)
	if other := o.with("changed", "would-change", "pending", "failed", "skipped", "unknown"); len(other) > 0 {
		t.Errorf("a second run is not all ok: %v", other)
	}
	for h, c := range o.summary().Hosts {
		if c.Changed != 0 || c.OK == 0 {
			t.Errorf("%s: %+v", h, c)
		}
	}
	if got := len(o.summary().Hosts); got != len(hosts) {
		t.Errorf("%d hosts in the summary", got)
	}
	// Looking at everything must not have moved a file, and nothing else either.
	same(t, before, after)
	b.claim(t, "a second run: %.1f s, %d tasks ok, changed=0, nothing moved in %s", o.took.Seconds(), len(o.with("ok")), count(after))
	b.healthy(t, "", tenAndTen, "--from", "client")
}

// tasksOf is how many tasks of a host ended in a status.
func (o *outcome) tasksOf(host string, statuses ...string) int {
	n := 0
	for _, e := range o.events {
		if e.Event == "task" && e.Host == host && slices.Contains(statuses, e.Status) {
			n++
		}
	}
	return n
}
