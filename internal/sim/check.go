package sim

import (
	"context"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
)

// watch looks all the time for what must not be at any moment.
func (w *world) watch(ctx context.Context, sh *shape) {
	plan := sh.at(1, "")
	var slowest time.Duration
	for _, s := range plan.specs {
		if s.kind == revertible {
			slowest += s.slow
		}
	}
	for ctx.Err() == nil {
		time.Sleep(499 * time.Millisecond)
		w.do(func() {
			for _, h := range w.order() {
				h.lockedOut(w.patience + slowest + 5*time.Second)
				h.consistent(plan)
			}
		})
	}
}

// lockedOut: a host that a change has cut off comes back by itself in time.
func (h *host) lockedOut(limit time.Duration) {
	if !h.up || !h.cutOff() || time.Now().Before(h.frozen) {
		h.cutSince = time.Time{}
		return
	}
	if h.cutSince.IsZero() {
		h.cutSince = time.Now()
	}
	if since := time.Since(h.cutSince); since > limit {
		h.w.broken("%s is cut off for %v", h.name, since)
		h.cutSince = time.Now().Add(time.Hour) // said once
	}
}

// consistent: what is there is in the manifest, and a service that has not
// read its files is owed a restart.
func (h *host) consistent(plan *plan) {
	for _, key := range h.keys() {
		if !h.owns(key) {
			h.w.broken("%s has %s, and its manifest does not know it", h.name, key)
			h.manifest["file /"+key] = true // said once
		}
	}
	for _, service := range []string{"nfsd", "httpd"} {
		read, running := h.loaded[service]
		if running && read != h.files(service, plan) && !h.owed[service] {
			h.w.broken("%s: %s has not read its files, and no restart is owed", h.name, service)
			h.owed[service] = true // said once
		}
	}
}

// judge holds what a run says against what it did.
func (w *world) judge(r *deployment, events []engine.Event) {
	place := map[string]int{} // the next task of each host
	failed := false
	told := map[string]bool{} // hosts of which it says that they have gone back, or that it does not know
	for _, e := range events {
		switch e.Kind {
		case engine.KindError:
			failed = true
			told[e.Host] = told[e.Host] || e.Exit == engine.ExitRolledBack
			if r.whole {
				w.broken("%s: nothing disturbs it, and yet %s: %v", r.op.name, e.Host, e.Err)
			}
		case engine.KindTask:
			if e.Stage == "begin" {
				failed = true
				continue
			}
			n := place[e.Host]
			place[e.Host]++
			w.truth(r, e, n)
			switch e.Status {
			case engine.OK:
			case engine.Unknown:
				failed = true
				told[e.Host] = told[e.Host] || r.plan.of(e.Host)[n].kind == revertible
				if r.whole {
					w.broken("%s: nothing disturbs it, and yet it does not know how %s on %s ended", r.op.name, e.Task, e.Host)
				}
			case engine.Changed:
				if r.nothing {
					w.broken("%s finds something to change on %s: %s", r.op.name, e.Host, e.Task)
				}
			default:
				failed = true
				if r.whole {
					w.broken("%s: nothing disturbs it, and yet on %s %s: %s %s", r.op.name, e.Host, e.Task, e.Status, e.Detail)
				}
			}
		}
	}
	entered := map[string]bool{}
	for _, p := range r.op.programs {
		entered[p.h.name] = true
		if r.kept != "" && len(p.applied) > 0 {
			w.broken("%s changes %s, although %s is not fit", r.op.name, p.h.name, r.kept)
		}
	}
	for _, p := range r.op.programs {
		if p.h.wentBack[p.nonce] && !told[p.h.name] && !r.stopped {
			w.broken("%s does not say that %s has gone back", r.op.name, p.h.name)
		}
	}
	for name := range entered {
		if want := len(r.plan.of(name)); place[name] != want && !failed {
			w.broken("%s tells of %d tasks on %s, which has %d, and of no failure", r.op.name, place[name], name, want)
		}
	}
	if !failed && !r.check && len(entered) == len(w.hosts) && w.alone {
		w.converged(r)
	}
}

// truth holds one event against the program that it is about.
func (w *world) truth(r *deployment, e engine.Event, n int) {
	for _, p := range r.op.programs {
		if p.h.name != e.Host {
			continue
		}
		list := r.plan.of(e.Host)
		if n >= len(list) || list[n].name != e.Task {
			w.broken("%s: %s tells of %q out of its order", r.op.name, e.Host, e.Task)
			return
		}
		done := p.applied[n]
		switch {
		case e.Status == engine.Changed && !done:
			w.broken("%s says that it has changed %q on %s, which it has not", r.op.name, e.Task, e.Host)
		case done && e.Status == engine.Skipped && list[n].kind == revertible && p.h.wentBack[p.nonce]: // and taken back
		case e.Status == engine.OK && p.early[n] && w.alone && !p.check:
			w.broken("%s says that %q holds on %s, which has not looked since the others are ready", r.op.name, e.Task, e.Host)
		case done && (e.Status == engine.OK || e.Status == engine.Skipped):
			w.broken("%s has changed %q on %s and says %s", r.op.name, e.Task, e.Host, e.Status)
		}
	}
}

// converged: a run that says that all is well has brought all about.
func (w *world) converged(r *deployment) {
	for _, s := range r.plan.specs {
		h := w.hosts[s.host]
		if s.key == "" {
			continue
		}
		if h.disk[s.key] != s.want || h.live[s.key] != s.want {
			w.broken("%s is content, and %s has %s = %q, not %q", r.op.name, s.host, s.key, h.disk[s.key], s.want)
		}
	}
	for _, h := range w.order() {
		if h.revert != nil {
			w.broken("%s is content, and %s would still go back", r.op.name, h.name)
		}
		if len(h.owed) > 0 {
			w.broken("%s is content, and %s owes a restart: %v", r.op.name, h.name, h.owed)
		}
	}
}
