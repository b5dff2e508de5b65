package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// at is one host's part of a stage.
func at(host string, list ...tasks.Task) tasks.HostPlan {
	return tasks.HostPlan{Host: host, Tasks: list}
}

// storage is a plan in which web1 and web2 wait for nfs, the director for the
// webs, and lonely for nobody.
func storage(nfs, web1, web2, director, lonely tasks.Task) tasks.Plan {
	return tasks.Plan{
		{Name: "storage", Hosts: []tasks.HostPlan{at("nfs", nfs)}},
		{Name: "serve", After: []string{"storage"}, Hosts: []tasks.HostPlan{at("web1", web1), at("web2", web2)}},
		{Name: "alone", Hosts: []tasks.HostPlan{at("lonely", lonely)}},
		{Name: "balance", After: []string{"serve"}, Hosts: []tasks.HostPlan{at("director", tasks.Proof("webs are there", ":", ""), director)}},
	}
}

func five(t *testing.T) map[string]engine.Host {
	t.Helper()
	c := fakehost.NewCluster(t)
	hosts := map[string]engine.Host{}
	for i, name := range []string{"nfs", "web1", "web2", "director", "lonely"} {
		hosts[name] = fakerun.Host{Host: fakehost.New(t, fakehost.Options{Name: name, Cluster: c, Shell: fakehost.Shells()[i%3],
			Interfaces: []fakehost.Interface{{Name: "ens33"}}})}
	}
	return hosts
}

// of are the lines of one host.
func of(events []engine.Event, host string) []engine.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e engine.Event) bool { return e.Host != host })
}

func when(t *testing.T, events []engine.Event, host, task string, kind engine.Kind) int {
	t.Helper()
	i := slices.IndexFunc(events, func(e engine.Event) bool { return e.Host == host && e.Task == task && e.Kind == kind })
	if i < 0 {
		t.Fatalf("no %s of %s on %s", kind, task, host)
	}
	return i
}

// TestBarriers: a host waits for what its stage comes after, and for nothing
// else; one that fails stops those that need it, and no other.
func TestBarriers(t *testing.T) {
	t.Parallel()
	hosts := five(t)
	slow := with(flag("slow"), "sleep 1; echo x >/srv/slow")
	// not done before the director is: whoever waited for it would do so for ever
	slowest := with(flag("slowest"), "n=0; until [ -e /srv/now ]; do [ $n -lt 600 ]; n=$((n + 1)); sleep 0.1; done; echo x >/srv/slowest")
	plan := storage(slow, flag("a"), flag("b"), flag("c"), slowest)
	var director sync.WaitGroup
	director.Go(func() {
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			if hosts["director"].(fakerun.Host).Exists("/srv/c") {
				if err := hosts["lonely"].(fakerun.Host).WriteFile("/srv/now", nil, 0o644); err != nil {
					t.Error(err)
				}
				return
			}
		}
	})
	events := fakerun.Run(t, plan, hosts, engine.Options{})
	director.Wait()
	for _, e := range fakerun.Tasks(events) {
		if e.Status != engine.Changed && e.Task != "webs are there" {
			t.Errorf("%s: %s: %s %s", e.Host, e.Task, e.Status, e.Detail)
		}
	}
	order := []int{when(t, events, "nfs", "slow", engine.KindTask), when(t, events, "web1", "a", engine.KindTask),
		when(t, events, "director", "c", engine.KindTask)}
	if !slices.IsSorted(order) {
		t.Errorf("not in order: %v\n%s", order, fakerun.Lines(events))
	}
	waited := false
	for _, e := range of(events, "web1") {
		waited = waited || e.Kind == engine.KindHost && e.Detail == "waiting for nfs"
	}
	if !waited {
		t.Error("web1 did not say what it waits for")
	}

	// web2 fails: the director learns it, and web1 goes on
	plan = storage(flag("d"), flag("e"), with(flag("f"), "false"), flag("g"), flag("h"))
	events = fakerun.Run(t, plan, hosts, engine.Options{})
	expect(t, of(events, "web1"), "web1: e: changed")
	expect(t, of(events, "lonely"), "lonely: h: changed")
	const why = "skipped: web2 did not get through what balance needs first"
	expect(t, of(events, "director"), "director: webs are there: "+why, "director: g: "+why)

	// nfs was not reached, and the connection to lonely breaks
	missing := map[string]engine.Host{"web1": hosts["web1"], "web2": hosts["web2"], "director": hosts["director"], "lonely": broken{}}
	events = fakerun.Run(t, storage(flag("i"), flag("j"), flag("k"), flag("l"), flag("m")), missing, engine.Options{})
	if nfs := of(events, "nfs"); len(nfs) > 0 {
		t.Errorf("nfs was not there, and still: %s", fakerun.Lines(nfs))
	}
	expect(t, of(events, "web1"), "web1: j: skipped: nfs did not get through what serve needs first")
	expect(t, of(events, "director"), "director: webs are there: skipped: web…", "director: l: skipped: web…")
	expect(t, of(events, "lonely"), "lonely: m: unknown", "lonely: error: the line is cut")

	// a dry run: those that wait for a host where something would change do not prove; nobody changes anything
	before := map[string]fakehost.Snapshot{}
	for name, h := range hosts {
		before[name] = h.(fakerun.Host).Snapshot(t)
	}
	dry := engine.Options{Check: true}
	events = fakerun.Run(t, storage(flag("new"), flag("e"), flag("b"), flag("c"), flag("newer")), hosts, dry)
	expect(t, fakerunSorted(events), "director: c: ok", "director: webs are there: skipped: proven by the run itself, after the changes",
		"lonely: newer: would-change", "nfs: new: would-change", "web1: e: ok", "web2: b: ok")
	events = fakerun.Run(t, storage(flag("d"), flag("e"), flag("b"), flag("c"), flag("newer")), hosts, dry)
	expect(t, fakerunSorted(events), "director: c: ok", "director: webs are there: ok",
		"lonely: newer: would-change", "nfs: d: ok", "web1: e: ok", "web2: b: ok")
	events = fakerun.Run(t, storage(flag("d"), flag("e"), flag("b"), flag("c"), flag("newer")), missing, dry)
	expect(t, of(events, "director"), "director: webs are there: skipped: proven by the run itself, after the changes", "director: c: ok")
	for name, h := range hosts {
		if diff := before[name].Diff(h.(fakerun.Host).Snapshot(t)); diff != "" {
			t.Errorf("a dry run changed %s:\n%s", name, diff)
		}
	}
}

func fakerunSorted(events []engine.Event) []engine.Event {
	sorted := fakerun.Tasks(events)
	slices.SortStableFunc(sorted, func(a, b engine.Event) int { return strings.Compare(a.Host+a.Task, b.Host+b.Task) })
	return sorted
}

// broken is a host whose connection breaks at once.
type broken struct{}

func (broken) Start(context.Context, string) (*engine.Session, error) {
	return nil, errors.New("the line is cut")
}

// TestCancel: a run that is interrupted while hosts wait ends, and they do too.
func TestCancel(t *testing.T) {
	t.Parallel()
	hosts := five(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := time.Now()
	held := with(flag("held"), "sleep 60")
	o := engine.Options{Label: func(h string) string { return h }, Who: "x"}
	var events []engine.Event
	plan := storage(held, flag("a"), flag("b"), flag("c"), flag("d"))
	engine.Run(ctx, "shop", plan, fakerun.Enter(plan, hosts), o, func(e engine.Event) {
		events = append(events, e)
		if e.Kind == engine.KindHost && strings.HasPrefix(e.Detail, "waiting for nfs") {
			cancel()
		}
	})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s to end", took)
	}
	for _, e := range fakerun.Tasks(events) {
		if e.Status != engine.Unknown && e.Host != "lonely" && e.Status != engine.Skipped {
			t.Errorf("%s: %s: %s", e.Host, e.Task, e.Status)
		}
	}
}

// TestRefused: a login that is not root changes nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	h := host(t, "web1", fakehost.Dash)
	before := h.Snapshot(t)
	user := map[string]engine.Host{"web1": fakerun.Host{Host: h, Edit: func(p string) string {
		return string(shell.F("exec /.fakehost/real/bin/setpriv --reuid=1000 --regid=1000 --clear-groups /bin/sh -c %s", p))
	}}}
	expect(t, fakerun.Run(t, fakerun.One("web1", flag("a")), user, engine.Options{}),
		"web1: become root: failed: this program has to run as root", "web1: a: skipped: the login is not root")
	if diff := before.Diff(h.Snapshot(t)); diff != "" {
		t.Errorf("it changed\n%s", diff)
	}
}

// TestCompileCheckHoldsNoChange: nothing of what changes a host is in the text
// of a dry run's program.
func TestCompileCheckHoldsNoChange(t *testing.T) {
	restart := tasks.Handler("k", tasks.Task{Name: "h", Check: "exit 1", Apply: shell.F("APPLIED %s", "handler")})
	change := tasks.Task{Name: "t", Check: "same x", Apply: "APPLIED task; x | put y", Notify: "k", Owns: []string{"OWNED"}}
	gone, _ := tasks.Leftovers(nil, []string{"file /x"}, 0)
	plan := fakerun.One("web1", change, gone[0], restart)
	text := engine.Compile(plan, "web1", engine.Heading{Cluster: "shop"}, true).Text
	for _, f := range tasks.Library {
		if holds := strings.Contains(text, "\n"+f.Name+"() "); holds && f.Changes {
			t.Errorf("it holds %s", f.Name)
		}
	}
	for _, word := range []string{"APPLIED", "OWNED", "apply", "begin", "remember", "flock", "mkdir", "rm ", "mv "} {
		if strings.Contains(text, word) {
			t.Errorf("it holds %q", word)
		}
	}
	real := engine.Compile(plan, "web1", engine.Heading{Cluster: "shop"}, false).Text
	for _, f := range []string{"same", "restored", "keep_here", "put", "restore"} {
		if !strings.Contains(real, "\n"+f+"() ") {
			t.Errorf("the run's program lacks %s", f)
		}
	}
}
