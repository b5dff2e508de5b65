package roles

import (
	"net/netip"
	"slices"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// firewall is the one that is told what to let through: it runs there, and the
// inventory's [policy] wants it managed.
func (h host) firewall() string {
	if h.cluster.Policy.Firewall == "manage" {
		return h.facts.Firewall
	}
	return ""
}

// openings are the ports of a host that others reach.
func (h host) openings() []tasks.Opening {
	switch {
	case h.Name == h.cluster.Director.Name:
		return virtualServices(h.cluster)
	case h.web != nil:
		return realServer(h)
	}
	return nfsServer(h)
}

// comesIn is the interface on which requests come in.
func (h host) comesIn() string {
	if h.Name == h.cluster.Director.Name && h.cluster.Mode == inventory.NAT {
		return h.cluster.Director.WANInterface
	}
	return h.dev()
}

// admit has a host's firewall let through what the cluster sends, and nothing
// else.
func admit(h host) part {
	director := h.Name == h.cluster.Director.Name
	a := tasks.Admission{Inner: h.dev(), Outer: h.comesIn()}
	if director && h.cluster.Mode == inventory.NAT {
		s := outward(h.cluster)
		a.Outward = &s
	}
	var p part
	// one that an earlier run has met may only be stopped for now
	docker := h.facts.Docker || slices.Contains(h.facts.Manifest, "unit lvsdeploy-"+h.cluster.Name+"-docker.service")
	if docker && a.Outward != nil && h.cluster.Policy.Firewall == "manage" {
		p.tasks = tasks.PastDocker(h.facts, h.cluster.Name, a)
	}
	if h.firewall() == "" {
		return p
	}
	a.Openings = h.openings()
	if director && h.cluster.Mode == inventory.DR {
		a.Untracked = a.Openings // the answers do not come back this way
	}
	p.tasks = append(p.tasks, tasks.Admit(h.facts, h.cluster.Name, a)...)
	return p
}

func virtualServices(c *inventory.Cluster) []tasks.Opening {
	var all []tasks.Opening
	for _, s := range c.Services {
		all = append(all, tasks.Opening{To: s.VIP, Protocol: s.Protocol, Port: s.Port})
	}
	return all
}

// realServer is what a real server serves: on its own address to all whose
// packets the director rewrites, or on the VIP, and then on its own address to
// the director, which asks whether it serves.
func realServer(h host) []tasks.Opening {
	var all []tasks.Opening
	for _, s := range h.cluster.ServicesOf(*h.web) {
		own := tasks.Opening{To: h.Address, Protocol: s.Protocol, Port: inventory.RealPort(s, *h.web)}
		if h.cluster.Mode == inventory.DR {
			all = append(all, tasks.Opening{To: s.VIP, Protocol: s.Protocol, Port: s.Port})
			if s.Protocol != "tcp" { // nobody asks
				continue
			}
			own.From = netip.PrefixFrom(h.cluster.Director.Address, 32)
		}
		if !slices.Contains(all, own) {
			all = append(all, own)
		}
	}
	return all
}

// nfsServer is NFS itself, and what showmount asks: who mounts what is there
// is proven with it.
func nfsServer(h host) []tasks.Opening {
	var all []tasks.Opening
	for _, port := range []uint16{111, 2049, mountdPort} {
		all = append(all, tasks.Opening{From: h.cluster.Network, To: h.Address, Protocol: "tcp", Port: port})
	}
	return all
}
