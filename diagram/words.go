package diagram

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// The words of the picture: what stands in the boxes and below them.

// join puts the parts that are there behind one another.
func join(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), sep)
}

func titleOf(c *inventory.Cluster, mode inventory.Mode) string {
	name := "NAT"
	if mode == inventory.DR {
		name = "DR"
	}
	return join(": ", c.Name, name+" cluster")
}

// method is the forwarding method in words, and as ipvsadm has it.
func method(mode inventory.Mode) string {
	if mode == inventory.DR {
		return "direct routing (ipvsadm -g)"
	}
	return "masquerading (ipvsadm -m)"
}

func clientLines(c *inventory.Cluster, mode inventory.Mode) []line {
	if c.Client == nil {
		return []line{
			{classRole, "clients", ""},
			{className, "anybody", ""},
			{classNote, "the inventory names no client", ""},
		}
	}
	lines := []line{{classRole, "client", ""}, {className, c.Client.Name, ""},
		{classText, join(" · ", c.Client.Address.String(), c.Client.Interface), ""}}
	if side := clientSide(c, mode); side.IsValid() && !side.Contains(c.Client.Address) {
		lines = append(lines, line{classNote, "on another network, behind a router", ""})
	}
	return lines
}

// clientSide is the network that clients come from, or through.
func clientSide(c *inventory.Cluster, mode inventory.Mode) netip.Prefix {
	if mode == inventory.DR {
		return c.Network
	}
	return c.Director.WANAddress.Masked()
}

func directorLines(c *inventory.Cluster, mode inventory.Mode) []line {
	d := c.Director
	lines := []line{{classRole, "director", ""}, {className, d.Name, ""}}
	if mode != inventory.DR && d.WANAddress.IsValid() {
		lines = append(lines, line{classText, join(" · ", d.WANAddress.String(), d.WANInterface), ""})
	}
	lines = append(lines, line{classText, join(" · ", d.Address.String(), d.Interface), ""})
	for _, vip := range c.VIPs() {
		lines = append(lines, line{classVIP, "VIP " + vip.String(), ""})
		for _, s := range c.Services {
			if s.VIP != vip {
				continue
			}
			lines = append(lines, line{classText, serviceWords(s), ""})
			if len(s.Webs) < len(c.Webs) {
				lines = append(lines, line{classNote, "→ " + strings.Join(s.Webs, ", "), ""})
			}
		}
	}
	return lines
}

// serviceWords is a service below its VIP: port 80/tcp · rr · persistent 5m.
func serviceWords(s inventory.Service) string {
	persistent := ""
	if s.Persistence > 0 {
		persistent = "persistent " + duration(s.Persistence)
	}
	return join(" · ", fmt.Sprintf("port %d/%s", s.Port, s.Protocol), s.Scheduler, persistent)
}

// duration writes 5m for what time has as 5m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func webLines(c *inventory.Cluster, mode inventory.Mode, w inventory.Web) []line {
	var ports []string
	var vips []netip.Addr
	for _, s := range c.ServicesOf(w) {
		if p := fmt.Sprint(inventory.RealPort(s, w)); !slices.Contains(ports, p) {
			ports = append(ports, p)
		}
		if !slices.Contains(vips, s.VIP) {
			vips = append(vips, s.VIP)
		}
	}
	address, more := w.Address.String(), ""
	switch {
	case len(ports) == 1:
		address += ":" + ports[0]
	case len(ports) > 1:
		more = "ports " + strings.Join(ports, ", ")
	}
	weight := ""
	if slices.ContainsFunc(c.Webs, func(w inventory.Web) bool { return w.Weight != 1 }) {
		weight = fmt.Sprintf("weight %d", w.Weight)
	}
	lines := []line{{className, w.Name, ""}, {classText, join(" · ", address, w.Interface), ""}}
	if text := join(" · ", more, weight); text != "" {
		lines = append(lines, line{classText, text, ""})
	}
	if mode == inventory.DR {
		for _, vip := range vips {
			lines = append(lines, line{classVIP, fmt.Sprintf("VIP %s on lo", vip), ""})
		}
	}
	if w.Mount != "" {
		lines = append(lines, line{classNote, "serves " + w.Mount + storageName(c), ""})
	}
	return lines
}

func storageName(c *inventory.Cluster) string {
	if c.NFS == nil {
		return ""
	}
	return " of " + c.NFS.Name
}

func storageLines(c *inventory.Cluster) []line {
	n := c.NFS
	lines := []line{{classRole, "storage (NFS)", ""}, {className, n.Name, ""},
		{classText, join(" · ", n.Address.String(), n.Interface), ""}}
	for _, e := range n.Exports {
		lines = append(lines, line{classNote, "exports " + e.Path, ""})
	}
	return lines
}

// step is a part of the packets' way.
type step struct {
	class string // request or answer
	text  string
}

func steps(c *inventory.Cluster, mode inventory.Mode) []step {
	if mode == inventory.DR {
		return []step{
			{wireRequest, "The client asks the VIP. On the LAN the director alone answers ARP for it."},
			{wireRequest, "The director picks a real server and hands it the packet as it is, only addressed to the server's MAC."},
			{wireAnswer, "The real server has the VIP on lo, so it takes the packet, and answers the client itself, past the director."},
		}
	}
	return []step{
		{wireRequest, "The client asks the VIP, which is an address of the director."},
		{wireRequest, "The director picks a real server and makes it the packet's destination."},
		{wireAnswer, "The real server answers through the director, its default route."},
		{wireAnswer, "The director makes the VIP the answer's source and sends it to the client."},
	}
}

// about describes the whole picture in sentences.
func about(c *inventory.Cluster, mode inventory.Mode) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+" ", args...) }
	sentence := func(lines []line) {
		var parts []string
		for _, l := range lines {
			parts = append(parts, l.text)
		}
		say("%s.", strings.Join(parts, ", "))
	}
	say("Forwarding method: %s.", method(mode))
	if mode != inventory.DR {
		say("Clients' network %s.", clientSide(c, mode))
	}
	say("LAN %s.", c.Network)
	sentence(clientLines(c, mode))
	sentence(directorLines(c, mode))
	for _, w := range c.Webs {
		sentence(append([]line{{classRole, "real server", ""}}, webLines(c, mode, w)...))
	}
	if c.NFS != nil {
		sentence(storageLines(c))
	}
	for i, s := range steps(c, mode) {
		say("%d. %s", i+1, s.text)
	}
	return strings.TrimSpace(b.String())
}
