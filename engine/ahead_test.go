package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// seen is a task whose looks can be counted; the first of them are in place.
func seen(name string, first string) tasks.Task {
	t := flag(name)
	t.Check = shell.F("echo x >>/srv/%s.looks; [ $(wc -l </srv/%s.looks) -le "+first+" ] || [ -e /srv/%s ] || { echo gone; exit 1; }", name, name, name)
	return t
}

// looks is how often a host was looked at for it.
func looks(t *testing.T, h engine.Host, name string) int {
	t.Helper()
	return strings.Count(sh(t, h.(fakerun.Host).Host, "cat /srv/"+name+".looks 2>/dev/null"), "x")
}

// TestAhead: a host on which nothing was changed does not wait for others to be
// looked at, and what it found counts only if they change nothing.
func TestAhead(t *testing.T) {
	t.Parallel()
	hosts := five(t)
	nfs := hosts["nfs"].(fakerun.Host).Host

	for _, check := range []bool{false, true} {
		fakerun.Run(t, storage(flag("a"), flag("b"), flag("c"), flag("d"), flag("e")), hosts, engine.Options{})
		for _, h := range []string{"web1", "web2", "director"} { // deployed here before
			sh(t, hosts[h].(fakerun.Host).Host, "mkdir -p /var/lib/lvsdeploy/shop; echo file /srv/on-"+h+" >/var/lib/lvsdeploy/shop/manifest")
		}
		// nfs is not through before the webs and the director have looked: if they
		// waited for it, nobody would ever be
		held := flag("a")
		held.Check = "while [ ! -e /srv/go ]; do sleep 0.05; done"
		sh(t, nfs, "rm -f /srv/go")
		let := make(chan bool)
		go func() {
			defer close(let)
			for _, h := range []string{"web1", "web2", "director"} {
				for t.Context().Err() == nil && looks(t, hosts[h], "on-"+h) == 0 {
					time.Sleep(50 * time.Millisecond)
				}
			}
			// those that have looked and wait hold up nobody else
			events := fakerun.Run(t, fakerun.One("web1", flag("b")), hosts, engine.Options{})
			if fakerun.Lines(events) != "web1: b: ok\n" {
				t.Errorf("another run meanwhile:\n%s", fakerun.Lines(events))
			}
			sh(t, nfs, "touch /srv/go")
		}()
		plan := storage(held, seen("on-web1", "9"), seen("on-web2", "9"), seen("on-director", "9"), flag("e"))
		events := fakerun.Run(t, plan, hosts, engine.Options{Check: check})
		<-let
		expect(t, fakerunSorted(events), "director: on-director: ok", "director: webs are there: ok", "lonely: e: ok", "nfs: a: ok", "web1: on-web1: ok", "web2: on-web2: ok")
		if order := []int{when(t, events, "nfs", "a", engine.KindTask), when(t, events, "web1", "on-web1", engine.KindTask), when(t, events, "director", "on-director", engine.KindTask)}; order[0] > order[1] || order[1] > order[2] {
			t.Errorf("told in the wrong order: %v", order)
		}
		for _, h := range []string{"web1", "web2", "director"} {
			sh(t, hosts[h].(fakerun.Host).Host, "rm /srv/*.looks")
		}
	}
}

// slowly changes something, after the others have had the time to look ahead.
func slowly(name string) tasks.Task {
	return with(flag(name), shell.F("sleep 1; echo x >>/srv/%s", name))
}

// TestAheadInVain: what was found too early is void, and looked at again.
func TestAheadInVain(t *testing.T) {
	t.Parallel()
	hosts := five(t)
	fakerun.Run(t, storage(flag("a"), flag("b"), flag("c"), flag("d"), flag("e")), hosts, engine.Options{})

	// nfs changes: web1 was in place before and is no more; the director looks
	// ahead of web2, which is as it was, and of web1, and must look again
	plan := storage(slowly("new"), seen("early", "1"), seen("always", "9"), seen("last", "1"), flag("e"))
	events := fakerun.Run(t, plan, hosts, engine.Options{})
	expect(t, fakerunSorted(events), "director: last: changed", "director: webs are there: ok", "lonely: e: ok", "nfs: new: changed", "web1: early: changed", "web2: always: ok")
	if order := []int{when(t, events, "nfs", "new", engine.KindTask), when(t, events, "web1", "early", engine.KindTask), when(t, events, "director", "last", engine.KindTask)}; order[0] > order[1] || order[1] > order[2] {
		t.Errorf("in the wrong order: %v\n%s", order, fakerun.Lines(events))
	}
	if early, always := looks(t, hosts["web1"], "early"), looks(t, hosts["web2"], "always"); early != 3 || always != 2 { // ahead, again, after it was done
		t.Errorf("looked %d times on web1, want 3, and %d times on web2, want 2", early, always)
	}

	// what web1 lacks it is not given before nfs is through
	events = fakerun.Run(t, storage(slowly("newer"), flag("f"), flag("c"), flag("d"), flag("e")), hosts, engine.Options{})
	expect(t, of(events, "web1"), "web1: f: changed")
	if when(t, events, "nfs", "newer", engine.KindTask) > when(t, events, "web1", "f", engine.KindTask) {
		t.Errorf("web1 did not wait:\n%s", fakerun.Lines(events))
	}

	// nfs fails: what the webs and the director have found is not told
	fails := with(flag("g"), "sleep 1; false")
	events = fakerun.Run(t, storage(fails, flag("b"), flag("c"), flag("d"), flag("e")), hosts, engine.Options{})
	expect(t, fakerunSorted(events), "director: d: skipped: web…", "director: webs are there: skipped: web…", "lonely: e: ok",
		"nfs: g: failed: exit status 1", "web1: b: skipped: nfs did not get through what serve needs first", "web2: c: skipped: nfs did not get through what serve needs first")

	// a dry run: what would be changed on nfs leaves proofs to the run itself,
	// those too that were made ahead
	dirty := flag("h")
	dirty.Check = "sleep 1; echo 'no h'; exit 1"
	events = fakerun.Run(t, storage(dirty, tasks.Proof("page", "echo x >>/srv/page.looks", ""), flag("c"), flag("d"), flag("e")), hosts, engine.Options{Check: true})
	const later = "skipped: proven by the run itself, after the changes"
	expect(t, fakerunSorted(events), "director: d: ok", "director: webs are there: "+later, "lonely: e: ok", "nfs: h: would-change", "web1: page: "+later, "web2: c: ok")
	if n := looks(t, hosts["web1"], "page"); n != 1 {
		t.Errorf("the page was looked at %d times, want once, ahead", n)
	}

	// one that finds something to be changed ahead, in a dry run, waits at its
	// next barrier: the first word it hears is still the one of the barrier before
	for _, first := range []struct {
		task   tasks.Task
		status string
	}{{dirty, "would-change"}, {tasks.Proof("h", "sleep 1", ""), "ok"}} {
		plan := tasks.Plan{
			{Name: "storage", Hosts: []tasks.HostPlan{at("nfs", first.task)}},
			{Name: "serve", After: []string{"storage"}, Hosts: []tasks.HostPlan{at("web1", flag("missing"))}},
			{Name: "other", Hosts: []tasks.HostPlan{at("lonely", tasks.Proof("late", "sleep 2", ""))}},
			{Name: "prove", After: []string{"other"}, Hosts: []tasks.HostPlan{at("web1", tasks.Proof("page", ":", ""))}},
		}
		events = fakerun.Run(t, plan, hosts, engine.Options{Check: true})
		expect(t, fakerunSorted(events), "lonely: late: ok", "nfs: h: "+first.status, "web1: missing: would-change", "web1: page: "+later)
		if when(t, events, "lonely", "late", engine.KindTask) > when(t, events, "web1", "page", engine.KindTask) {
			t.Errorf("the page did not wait for the other host:\n%s", fakerun.Lines(events))
		}
	}
}
