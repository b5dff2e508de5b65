package verify

import (
	"fmt"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// expect fills in what each server should have got of our requests.
func (v *serviceRun) expect() {
	res := &v.result
	weights, got := v.weights(), make([]int, len(res.Servers))
	for i, s := range res.Servers {
		got[i] = s.Answers + s.Failed
	}
	if res.Requests == 0 {
		return
	}
	for i, n := range v.promise().expected(weights, got, res.Requests) {
		res.Servers[i].Expected = n
	}
}

func (v *serviceRun) promise() promise {
	return promiseOf(v.service.Scheduler, v.service.Persistence > 0)
}

func (v *serviceRun) weights() []int {
	var weights []int
	for _, s := range v.result.Servers {
		weights = append(weights, s.Weight)
	}
	return weights
}

// judge holds the shares against the scheduler; empty: they are as promised.
func (v *serviceRun) judge() string {
	res := &v.result
	if res.Requests == 0 {
		return ""
	}
	for _, a := range res.Answers {
		if a.Server != "" && v.share(a.Server) == nil {
			return fmt.Sprintf("request %d went to %s, which the inventory does not have", a.N, a.Server)
		}
	}
	p := v.promise()
	if res.Foreign > 0 && (p.kind == even || p.kind == weighted) {
		return v.judgeTotals(p)
	}
	b := p.bounds(v.weights(), res.Requests)
	// A request of which the server is not known may have been anybody's.
	unknown := res.Requests
	for _, s := range res.Servers {
		unknown -= s.Answers + s.Failed
	}
	served := 0
	for i, s := range res.Servers {
		got := s.Answers + s.Failed
		if got > 0 {
			served++
		}
		switch {
		case s.Weight <= 0 && got > 0 && !res.Persistent:
			return fmt.Sprintf("%s got %d requests and has weight 0", s.Name, got)
		case s.Weight <= 0:
			continue
		case got > b[i].max, got+unknown < b[i].min:
			if res.Foreign > 0 && p.kind != even && p.kind != weighted {
				continue // others' connections may explain it
			}
			return fmt.Sprintf("%s got %d of %d requests, expected %s: %s", s.Name, got, res.Requests, span(b[i]), p.why)
		case p.kind == least && got == 0 && unknown == 0:
			if !v.carriesMore(i) {
				if res.Foreign > 0 {
					continue // others' connections may explain it
				}
				return fmt.Sprintf("%s got none of %d requests: %s", s.Name, res.Requests, p.why)
			}
			res.Note = join(res.Note, fmt.Sprintf("%s got none, rightly: it carries more connections already", s.Name))
		}
	}
	if p.kind == sticky && served > 1 {
		return fmt.Sprintf("%d servers served one client: %s", served, p.why)
	}
	return ""
}

// judgeTotals holds all connections that the director scheduled meanwhile
// against the scheduler, when others than ours were among them: our own are
// then no run of turns any more. The table is not read at one instant, so
// each side may miss what came during the reading.
func (v *serviceRun) judgeTotals(p promise) string {
	res := &v.result
	total := 0
	for _, s := range res.Servers {
		total += s.Total
	}
	slack := 2 + total/20
	for i, b := range p.bounds(v.weights(), total) {
		s := res.Servers[i]
		if s.Total > b.max+slack || s.Total < b.min-slack {
			return fmt.Sprintf("%s got %d of %d connections (ours and others'), expected %s: %s",
				s.Name, s.Total, total, span(b), p.why)
		}
	}
	return ""
}

// carriesMore reports that a server without requests had so much to carry
// already that lc and wlc rightly passed it over. They compare
// (256 * active + inactive) / weight; the last request given to a server that
// served was given when this was no more than that of the one passed over.
func (v *serviceRun) carriesMore(i int) bool {
	burden := map[string]int{}
	for _, l := range v.before {
		burden[l.address] = 256*l.active + l.inactive
	}
	weight := func(s Share) int {
		if v.service.Scheduler == "lc" {
			return 1
		}
		return s.Weight
	}
	idle := v.result.Servers[i]
	for _, s := range v.result.Servers {
		got := s.Answers + s.Failed
		if got == 0 {
			continue
		}
		if (burden[s.Address]+got-1)*weight(idle) > burden[idle.Address]*weight(s) {
			return false
		}
	}
	return true
}

func span(b spread) string {
	if b.min == b.max {
		return fmt.Sprint(b.min)
	}
	return fmt.Sprintf("%d to %d", b.min, b.max)
}

// checks are the service's own verdicts, as checks of the host they are about.
func (v *serviceRun) checks(director string, m inventory.Mode) []Check {
	res := &v.result
	from := res.From
	switch {
	case v.unasked != nil:
		res.Problem = "no request was sent"
		return []Check{*v.unasked}
	case v.service.Protocol == "udp":
		return nil
	}
	var cs []Check
	if m == inventory.DR {
		for _, c := range v.passed {
			cs = append(cs, c.on(director))
		}
		cs = append(cs, v.passedBy()...)
		cs = append(cs, v.reached()...)
		cs = append(cs, v.wholeChecks()...)
	}
	lan := m == inventory.NAT && v.source.IsValid() && v.network.Contains(v.source) && v.source != v.service.VIP
	if lan && res.Failed == res.Requests && res.Requests > 0 {
		cs = append(cs, bad(nameClient, fmt.Sprintf("%s asks from %s, inside the real servers' own LAN %s: they answer it directly, from an address it did not ask",
			from, v.source, v.network), "ask from a machine outside "+v.network.String()+", for example --from client").on(from))
	}
	if res.Failed > 0 {
		c := bad(nameRequests, fmt.Sprintf("%s: %d of %d requests failed: %s", res.VIP, res.Failed, res.Requests, failures(res.Answers)),
			"see the failed checks; with none, look for a firewall between "+from+" and "+res.VIP)
		if res.Problem == "" {
			res.Problem = c.Detail
		}
		return append(cs, c.on(from))
	}
	cs = append(cs, good(nameRequests, "%s: %d requests, none failed", res.VIP, res.Requests).on(from))
	if res.Problem != "" {
		return append(cs, bad(nameShares, res.VIP+": "+res.Problem, "compare `ipvsadm -Ln` on the director with the inventory; deploy again").on(from))
	}
	if res.Unattributed > 0 {
		res.Note = join(res.Note, fmt.Sprintf("%d requests could not be attributed to a server", res.Unattributed))
	}
	return append(cs, good(nameShares, "%s: %s", res.VIP, shares(res.Servers)).on(from))
}

func shares(servers []Share) string {
	text := ""
	for _, s := range servers {
		text = join(text, fmt.Sprintf("%s %d", s.Name, s.Answers))
	}
	return text
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
