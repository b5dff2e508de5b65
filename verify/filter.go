package verify

import (
	"fmt"
	"net/netip"

	"github.com/lvsdeploy/lvsdeploy/filter"
	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// filterFact lists the rules of iptables, whoever has put them there; not where
// to ask would load the kernel's modules for them.
const filterFact = `filter_rules() {
	[ -d /sys/module/nf_tables ] || grep -qsx filter /proc/net/ip_tables_names || return
	soon iptables -w -S
}
fact filter filter_rules
`

// dropped names the rules of iptables that drop a service's packets, where
// requests failed: on the director, in both directions, and on a real server.
func (s *serviceRun) dropped(c *inventory.Cluster, m inventory.Mode, seen map[string]facts) []Check {
	if s.result.Failed == 0 {
		return nil
	}
	var cs []Check
	tell := func(host, chain, rule, what string) {
		if rule != "" {
			cs = append(cs, bad(nameFirewall, fmt.Sprintf("iptables drops %s: %s", what, rule),
				"let it through, and keep that for the next boot: `iptables -S "+chain+"` shows the rules").on(host))
		}
	}
	d, v := c.Director, s.service
	in := s.device
	if m == inventory.NAT {
		in = d.WANInterface
	}
	request := filter.Packet{In: in, Src: s.source, Dst: v.VIP, Protocol: v.Protocol, DstPort: v.Port, State: "NEW"}
	f := seen[d.Name]
	rules := filter.Parse(f.lines("filter"))
	tell(d.Name, "INPUT", rules.Drops("INPUT", request), fmt.Sprintf("requests to %s", v.Endpoint()))
	for _, w := range s.webs {
		at := realAddr(w, v)
		if m == inventory.NAT {
			answer := filter.Packet{In: d.Interface, Out: in, Src: w.Address, Dst: s.source, Protocol: v.Protocol, SrcPort: at.Port(), State: "INVALID"}
			if f.word("vs-conntrack") == "1" {
				answer.State = "ESTABLISHED"
			}
			tell(d.Name, "FORWARD", rules.Drops("FORWARD", answer), "the answers of "+w.Name)
		}
		arrives := request
		arrives.In = w.Interface
		if m == inventory.NAT {
			arrives.Dst, arrives.DstPort = at.Addr(), at.Port()
		}
		tell(w.Name, "INPUT", filter.Parse(seen[w.Name].lines("filter")).Drops("INPUT", arrives),
			fmt.Sprintf("requests to %s", netip.AddrPortFrom(arrives.Dst, arrives.DstPort)))
	}
	return cs
}
