package verify

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// giveUp is after how many timeouts the remaining requests are spared: what is
// wrong is seen by then, and a dead server must not take a minute to say so.
const giveUp = 4

// serviceRun is a service while its requests are being counted.
type serviceRun struct {
	result  ServiceResult
	service *inventory.Service
	webs    []*inventory.Web
	network netip.Prefix
	source  netip.Addr   // of the requests, if known
	before  []load       // what the servers carried at the start
	fresh   []connection // all that the director scheduled meanwhile
	watched bool         // fresh is complete
	unasked *Check       // the requests could not be sent at all

	// of DR mode only
	device    string // of the director, on the LAN
	streams   []stream
	passed    []Check // about the director's counters
	neighbour string  // MAC that the origin sends the requests to
}

// serve sends the requests of one service and finds out who served each.
func (r *run) serve(ctx context.Context, s *inventory.Service) serviceRun {
	o := r.options
	webs := websOf(r.cluster, s)
	v := serviceRun{service: s, webs: webs, network: r.cluster.Network}
	v.result = ServiceResult{VIP: s.Endpoint().String(), Protocol: s.Protocol, Scheduler: s.Scheduler,
		Persistent: s.Persistence > 0, From: o.From}
	v.result.Promise = promiseOf(s.Scheduler, s.Persistence > 0).why
	for _, w := range webs {
		v.result.Servers = append(v.result.Servers, Share{Name: w.Name, Address: realAddr(w, s).String(),
			Weight: w.Weight, Expected: -1})
	}
	if s.Protocol == "udp" {
		v.result.Note = "udp has no request that every server must answer: only the director's table and the hosts were checked"
		return v
	}
	d, source, err := r.origin(ctx, s)
	if err != nil {
		c := r.notSent(s, err)
		v.unasked = &c
		return v
	}
	v.source = source

	// Without the director's word the answers' texts must tell the servers apart.
	w, err := watch(ctx, r.host(r.cluster.Director.Name), o.Look)
	if err != nil {
		v.result.Note = fmt.Sprintf("the director could not be asked who served: %v", err)
	} else {
		defer w.close()
	}
	if r.mode != inventory.DR {
		v.send(ctx, r, d, w)
		return v
	}
	var before carried
	if w != nil {
		before = w.carried(s)
	}
	t := v.send(ctx, r, d, w)
	v.neighbour = r.neighbour(ctx, s.VIP)
	if !slices.ContainsFunc(v.result.Answers, func(a Answer) bool { return a.Err != nil }) {
		v.whole(ctx, r, d, t) // else the cause is found elsewhere
	}
	if w != nil {
		v.cameBack(ctx, w, before)
	}
	return v
}

// routeSource finds the source address in the output of `ip route get`.
func routeSource(lines []string) netip.Addr {
	words := strings.Fields(strings.Join(lines, " "))
	for i, w := range words[:max(0, len(words)-1)] {
		if w == "src" {
			a, _ := netip.ParseAddr(words[i+1])
			return a
		}
	}
	return netip.Addr{}
}

// send sends the requests one after the other and attributes each at once
// where the director's connection table is unambiguous.
func (v *serviceRun) send(ctx context.Context, r *run, d Dialer, w *watcher) *tracker {
	o, s := r.options, v.service
	if w != nil {
		_, v.before, _, _ = w.loads(s)
	}
	t := track(w, s, v.source)
	timeouts := 0
	for n := 1; n <= o.N && ctx.Err() == nil; n++ {
		r.progress(o.From, "%s: request %d of %d", v.result.VIP, n, o.N)
		start := time.Now()
		p, from, err := get(ctx, d, s.Endpoint(), s.CheckPath, o.Timeout)
		a := Answer{N: n, Status: p.status, Body: p.first, digest: p.digest, Took: time.Since(start), Err: err}
		if hit := t.find(from, err != nil); len(hit) == 1 {
			a.dest, a.By = hit[0].dest, "connection table"
			a.Server = v.name(a.dest)
		}
		v.result.Answers = append(v.result.Answers, a)
		r.answered(v.result.VIP, a)
		if err != nil && time.Since(start) >= o.Timeout {
			if timeouts++; timeouts == giveUp && n < o.N {
				v.result.Note = join(v.result.Note, fmt.Sprintf("stopped after %d timeouts, %d requests were spared", timeouts, o.N-n))
				break
			}
		}
	}
	v.fresh, v.watched = t.fresh()
	return t
}

// name is the name of the real server at an address, or the address itself:
// a server that the inventory does not have must be seen.
func (v *serviceRun) name(dest netip.AddrPort) string {
	for _, w := range v.webs {
		if realAddr(w, v.service) == dest {
			return w.Name
		}
	}
	return dest.String()
}

// settle attributes what is left by the texts of the answers and counts. A
// text counts as a server's own only if no other server gave the same one.
func (v *serviceRun) settle(pages map[string]page) {
	owner := map[string]string{} // digest to server; "": several
	learn := func(digest, server string) {
		if old, ok := owner[digest]; ok && old != server {
			owner[digest] = ""
			return
		}
		owner[digest] = server
	}
	for _, w := range v.webs {
		if p, ok := pages[pageKey(w.Name, realAddr(w, v.service), v.service.CheckPath)]; ok {
			learn(p.digest, w.Name)
		}
	}
	answers := v.result.Answers
	known := len(owner) > 0
	for _, a := range answers {
		if a.Err == nil && a.Server != "" {
			learn(a.digest, a.Server)
			known = true
		}
	}
	res := &v.result
	res.Requests = len(answers)
	for i := range answers {
		a := &answers[i]
		if a.Err == nil && a.Server == "" && known && v.allKnown(owner) && owner[a.digest] != "" {
			a.Server, a.By = owner[a.digest], "answer"
		}
		share := v.share(a.Server)
		switch {
		case a.Err != nil:
			res.Failed++
			if share != nil {
				share.Failed++
			}
		case share != nil:
			share.Answers++
		default:
			res.Unattributed++
		}
	}
	ours := 0
	for _, a := range answers {
		if a.By == "connection table" {
			ours++
		}
	}
	for _, c := range v.fresh {
		if share := v.share(v.name(c.dest)); share != nil {
			share.Total++
		}
	}
	if v.watched {
		res.Foreign = max(0, len(v.fresh)-ours)
	}
	v.expect()
	res.Problem = v.judge()
}

// allKnown reports whether the text of every server is known: only then can a
// text be said to be nobody else's.
func (v *serviceRun) allKnown(owner map[string]string) bool {
	has := map[string]bool{}
	for _, server := range owner {
		has[server] = true
	}
	for _, w := range v.webs {
		if w.Weight > 0 && !has[w.Name] {
			return false
		}
	}
	return true
}

func (v *serviceRun) share(server string) *Share {
	for i := range v.result.Servers {
		if server != "" && v.result.Servers[i].Name == server {
			return &v.result.Servers[i]
		}
	}
	return nil
}

// failures says how requests failed, the commonest way first, and which
// servers had been given them.
func failures(answers []Answer) string {
	count, servers := map[string]int{}, map[string][]string{}
	var ways []string
	for _, a := range answers {
		if a.Err == nil {
			continue
		}
		way := a.Err.Error()
		if count[way]++; count[way] == 1 {
			ways = append(ways, way)
		}
		if a.Server != "" && !slices.Contains(servers[way], a.Server) {
			servers[way] = append(servers[way], a.Server)
		}
	}
	slices.SortStableFunc(ways, func(a, b string) int { return count[b] - count[a] })
	for i, way := range ways {
		if who := servers[way]; len(who) > 0 {
			slices.Sort(who)
			ways[i] = way + " (given to " + strings.Join(who, ", ") + ")"
		}
	}
	return strings.Join(ways[:min(len(ways), 3)], "; ")
}
