package inventory

import (
	"fmt"
)

func (d *draft) someService() {
	if !d.root.lacks("service") && !d.isEmpty("service") {
		return
	}
	c := d.c
	if c.Mode == DR {
		hint := "write [[service]] and below it vip, an address of the LAN that no machine has"
		d.fail(d.root.pos("service"), hint, "do without a [[service]] in mode dr")
		return
	}
	s := Service{VIP: c.Director.WANAddress.Addr(), Port: 80, Protocol: "tcp", Scheduler: "rr", CheckPath: "/"}
	for _, w := range c.Webs {
		s.Webs = append(s.Webs, w.Name)
	}
	c.Services = []Service{s}
}

func (d *draft) vipOfNAT() {
	dir := d.c.Director
	if d.c.Mode != NAT || !dir.Address.IsValid() || !dir.WANAddress.IsValid() {
		return
	}
	for i, t := range d.services {
		if vip := d.c.Services[i].VIP; vip.IsValid() && vip != dir.Address && vip != dir.WANAddress.Addr() {
			d.fail(t.pos("vip"), fmt.Sprintf("leave vip out for the wan address, %s", dir.WANAddress.Addr()),
				"use %s as vip in mode nat: it is not an address of the director", vip)
		}
	}
}

func (d *draft) vipOfDR() {
	if d.c.Mode != DR {
		return
	}
	lan := d.c.Network
	for i, t := range d.services {
		vip := d.c.Services[i].VIP
		if t.lacks("vip") {
			d.fail(t.at, "write one below: an address of the LAN that no machine has", "do without vip in mode dr")
		}
		if !vip.IsValid() || !lan.IsValid() {
			continue
		}
		at := t.pos("vip")
		if !lan.Contains(vip) {
			d.fail(at, "in DR the VIP is on the LAN, where the real servers answer for it", "use %s as vip in mode dr: it is outside the network %s", vip, lan)
			continue
		}
		if why := edge(lan, vip); why != "" {
			d.fail(at, hostRange(lan), "use %s as vip: it is the %s address of %s", vip, why, lan)
		}
		for _, o := range d.owners() {
			if o.addr == vip {
				d.fail(at, fmt.Sprintf("line %d gives it to %s; take an address that no machine has", d.line(o.at), o.who),
					"use %s as vip in mode dr: it is a host's own address", vip)
				break
			}
		}
	}
}

func (d *draft) uniqueServices() {
	seen := map[string]int{}
	for i, s := range d.c.Services {
		if i >= len(d.services) || !s.VIP.IsValid() || s.Port == 0 || s.Protocol == "" {
			continue
		}
		if first, ok := seen[s.Key()]; ok {
			d.fail(d.services[i].at, fmt.Sprintf("line %d is the same; change vip, port or protocol, or name all webs in one", first),
				"have two services at %s", s.Key())
			continue
		}
		seen[s.Key()] = d.line(d.services[i].at)
	}
}

func (d *draft) everyWebServes() {
	if d.unsure || len(d.services) == 0 {
		return
	}
	for i, w := range d.c.Webs {
		if len(d.c.ServicesOf(w)) == 0 && w.Name != "" {
			d.fail(d.webs[i].pos("name"), "add it to the webs of a [[service]], or take it out", "use the web %s: no service names it", quote(w.Name))
		}
	}
}

// samePortInDR: the director passes a packet on as it is, only to another MAC
// address, so the port that the client asked for is the port that arrives.
func (d *draft) samePortInDR() {
	if d.c.Mode != DR {
		return
	}
	for i, w := range d.c.Webs {
		for _, s := range d.c.ServicesOf(w) {
			if w.Port != 0 && s.Port != 0 && w.Port != s.Port {
				d.fail(d.webs[i].pos("port"), "direct routing leaves packets as they are: leave port out, or use mode nat",
					"turn port %d into %d in mode dr", s.Port, w.Port)
				break
			}
		}
	}
}
