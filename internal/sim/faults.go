package sim

import "time"

// fault is one thing that goes wrong while a run is under way.
type fault struct {
	name string
	odds int  // once in so many runs
	door bool // before the run begins: the host does not come as it should
	do   func(w *world, r *deployment, h *host, d *dice, sh *shape)
}

// faults are those that are drawn from. Adding one is a row.
var faults = []fault{
	{"packets are lost", 3, false, func(w *world, r *deployment, h *host, d *dice, _ *shape) {
		r.op.silent[h.name] = time.Now().Add(d.between(time.Second, 40*time.Second))
	}},
	{"the client is killed", 8, false, func(w *world, r *deployment, _ *host, _ *dice, _ *shape) {
		r.op.killed = true
	}},
	{"the client is interrupted", 8, false, func(_ *world, r *deployment, _ *host, _ *dice, _ *shape) {
		if r.cancel != nil {
			r.stopped = true
			r.cancel()
		}
	}},
	{"power cut", 6, false, func(w *world, _ *deployment, h *host, d *dice, sh *shape) {
		if !h.up {
			return
		}
		h.powerCut()
		after := d.between(5*time.Second, 40*time.Second)
		go func() {
			time.Sleep(after)
			w.do(func() {
				if !h.up {
					h.boot(sh.at(1, ""))
				}
			})
		}()
	}},
	{"the machine stands still", 6, false, func(_ *world, _ *deployment, h *host, d *dice, _ *shape) {
		if until := time.Now().Add(d.between(time.Second, 70*time.Second)); until.After(h.frozen) {
			h.frozen = until
		}
	}},
	{"no room for the state", 6, false, func(w *world, _ *deployment, h *host, d *dice, _ *shape) {
		h.full = true
		after := d.between(time.Second, 60*time.Second)
		go func() {
			time.Sleep(after)
			w.do(func() { h.full = false })
		}()
	}},
	{"the host does not let us in", 8, true, func(_ *world, r *deployment, h *host, _ *dice, _ *shape) {
		r.refuse[h.name] = true
	}},
	{"the host is not fit", 12, true, func(_ *world, r *deployment, h *host, _ *dice, _ *shape) {
		r.unfit[h.name] = true
	}},
	{"the host comes late", 5, true, func(_ *world, r *deployment, h *host, d *dice, _ *shape) {
		r.late[h.name] = d.between(time.Second, 20*time.Second)
	}},
}

// atTheDoor draws the faults that meet a run when it begins.
func (w *world) atTheDoor(r *deployment, d *dice, sh *shape) {
	r.refuse, r.unfit, r.late = map[string]bool{}, map[string]bool{}, map[string]time.Duration{}
	w.draw(r, d, sh, true)
}

// disturb makes faults happen while a run is under way.
func (w *world) disturb(r *deployment, d *dice, sh *shape) { w.draw(r, d, sh, false) }

func (w *world) draw(r *deployment, d *dice, sh *shape, door bool) {
	hosts := w.order()
	for _, f := range faults {
		if f.door != door || !d.oneIn(f.odds) {
			continue
		}
		h := hosts[d.IntN(len(hosts))]
		if !door {
			time.Sleep(d.between(0, 6*time.Second))
		}
		w.do(func() {
			w.say("fault: %s (%s, %s)", f.name, h.name, r.op.name)
			f.do(w, r, h, d, sh)
		})
	}
}
