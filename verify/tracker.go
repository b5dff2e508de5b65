package verify

import (
	"net/netip"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// tracker finds our connections of one service in the director's table, among
// those of others.
type tracker struct {
	w       *watcher
	service *inventory.Service
	source  netip.Addr
	seen    map[connection]bool // before our first
	counted map[connection]bool // found by find
	watched bool                // nothing was missed so far
	byPort  bool                // our port is the one the director sees
}

// track begins with what is in the table now; without a watcher nothing is found.
func track(w *watcher, s *inventory.Service, source netip.Addr) *tracker {
	t := &tracker{w: w, service: s, source: source, seen: map[connection]bool{}, counted: map[connection]bool{}, byPort: true}
	if w == nil {
		return t
	}
	if all, err := w.connections(s, netip.AddrPort{}); err == nil {
		t.watched = true
		for _, c := range all {
			t.seen[c] = true
		}
	}
	return t
}

// find returns what may be the connection that was just made from an address;
// more than one: it cannot be told.
func (t *tracker) find(from netip.AddrPort, failed bool) []connection {
	if !t.watched {
		return nil
	}
	var hit []connection
	if from.Port() != 0 && t.byPort {
		hit = t.look(from)
		t.byPort = len(hit) > 0 || failed
	}
	if len(hit) == 0 && t.watched {
		all := t.look(netip.AddrPortFrom(t.source, 0))
		if len(all) == 0 && t.watched { // the source is rewritten on the way
			all = t.look(netip.AddrPort{})
		}
		for _, c := range all {
			if !t.seen[c] && !t.counted[c] {
				hit = append(hit, c)
			}
		}
	}
	for _, c := range hit {
		t.counted[c] = true
	}
	return hit
}

// look asks for the service's connections from a source.
func (t *tracker) look(from netip.AddrPort) []connection {
	cs, err := t.w.connections(t.service, from)
	t.watched = err == nil
	return cs
}

// fresh is all that the director scheduled since track; false: something may
// have been missed.
func (t *tracker) fresh() ([]connection, bool) {
	if !t.watched {
		return nil, false
	}
	var fresh []connection
	for _, c := range t.look(netip.AddrPort{}) {
		if !t.seen[c] {
			fresh = append(fresh, c)
		}
	}
	return fresh, t.watched
}
