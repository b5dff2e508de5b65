package verify

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// statsLag is how old the counters of `ipvsadm --stats` may be: the kernel
// brings them up to date every two seconds.
const statsLag = 2200 * time.Millisecond

// outgoing is how much the director has carried back to clients, of all its
// services. Unlike those of ipvsadm, these counters are never late.
func (w *watcher) outgoing() (uint64, bool) {
	lines, err := w.ask("totals")
	if err != nil {
		return 0, false
	}
	return parseOutgoing(lines)
}

// parseOutgoing reads /proc/net/ip_vs_stats_percpu: the line of all CPUs begins
// with ~ and its sixth word is the outgoing bytes, in hexadecimal.
func parseOutgoing(lines []string) (uint64, bool) {
	for _, line := range lines {
		if w := strings.Fields(line); len(w) == 6 && w[0] == "~" {
			n, err := strconv.ParseUint(w[5], 16, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// outgoingOf is how much the director has carried back for one service, by
// real server.
func (w *watcher) outgoingOf(s *inventory.Service) (map[string]uint64, bool) {
	lines, err := w.ask("stats")
	if err != nil {
		return nil, false
	}
	return parseStats(lines, s), true
}

// parseStats reads `ipvsadm -Ln --stats --exact`.
func parseStats(lines []string, s *inventory.Service) map[string]uint64 {
	out := map[string]uint64{}
	inside := false
	for _, line := range lines {
		w := strings.Fields(line)
		switch {
		case len(w) >= 7 && w[0] != "->":
			inside = w[0] == strings.ToUpper(s.Protocol) && w[1] == s.Endpoint().String()
		case inside && len(w) >= 7:
			if n, err := strconv.ParseUint(w[6], 10, 64); err == nil {
				out[w[1]] = n
			}
		}
	}
	return out
}

// carried is what the director's counters of outgoing bytes were before the
// requests.
type carried struct {
	total    uint64
	byServer map[string]uint64
	ok       bool
}

func (w *watcher) carried(s *inventory.Service) carried {
	var c carried
	if c.total, c.ok = w.outgoing(); c.ok {
		c.byServer, c.ok = w.outgoingOf(s)
	}
	return c
}

// cameBack holds the counters against those before the requests. Only when
// something came back at all are the late ones of each server waited for.
func (v *serviceRun) cameBack(ctx context.Context, w *watcher, before carried) {
	total, ok := w.outgoing()
	if !before.ok || !ok {
		return
	}
	director := "its counters show no outgoing bytes for %d requests: the answers did not come through it"
	if total == before.total {
		v.passed = append(v.passed, good(nameBack, director, len(v.result.Answers)))
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(statsLag):
	}
	after, ok := w.outgoingOf(v.service)
	if !ok {
		return
	}
	for _, share := range v.result.Servers {
		if n := after[share.Address] - before.byServer[share.Address]; after[share.Address] > before.byServer[share.Address] {
			v.passed = append(v.passed, bad(nameBack, fmt.Sprintf("the answers of %s come back through the director, %d bytes of them: in DR mode they go to the client directly", share.Name, n),
				"compare `ipvsadm -Ln` with the inventory (gatewaying, Route) and the routes of "+share.Name))
		}
	}
	if len(v.passed) == 0 {
		v.passed = append(v.passed, good(nameBack, director, len(v.result.Answers)))
	}
}

// reached says of every real server whether it answered for the VIP by itself.
func (v *serviceRun) reached() []Check {
	res := &v.result
	var cs []Check
	for _, s := range res.Servers {
		switch {
		case s.Weight <= 0:
		case s.Answers > 0:
			cs = append(cs, good(nameReached, "%s: it answered %d requests", res.VIP, s.Answers).on(s.Name))
		case s.Failed > 0:
			cs = append(cs, bad(nameReached, res.VIP+": it answered none of the requests that it was given",
				"see the other checks of "+s.Name+"; with none failed, look for a firewall on it that drops what is for the VIP").on(s.Name))
		case res.Problem != "" && res.Unattributed == 0 && res.Failed == 0:
			cs = append(cs, bad(nameReached, fmt.Sprintf("%s: none of %d requests reached it", res.VIP, res.Requests),
				"compare `ipvsadm -Ln` on the director with the inventory; deploy again").on(s.Name))
		}
	}
	return cs
}

// passedBy says whether requests were answered that the director never saw.
func (v *serviceRun) passedBy() []Check {
	res := &v.result
	if ok := res.Requests - res.Failed; v.watched && len(v.fresh) < ok {
		return []Check{bad(namePast, fmt.Sprintf("%s: the director saw %d of the %d requests that were answered: the others went past it",
			res.VIP, len(v.fresh), ok), "see who answers ARP for the VIP; `ip neigh flush to "+v.service.VIP.String()+"` on "+res.From).on(res.From)}
	}
	return nil
}
