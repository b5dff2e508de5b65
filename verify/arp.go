package verify

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// inDR adds to a host's script, with its arguments, what is asked of every
// host that holds a VIP in DR mode.
func inDR(c *inventory.Cluster, text string, args []string, own netip.Addr, others []string) (string, []string) {
	text += fmt.Sprintf("shift %d\n", len(args)) + lanScript
	args = append(args, own.String(), strings.Join(others, " "))
	for _, vip := range c.VIPs() {
		args = append(args, vip.String())
	}
	return text, args
}

// hostsOf are all hosts of the inventory.
func hostsOf(c *inventory.Cluster) []inventory.Host {
	hosts := []inventory.Host{c.Director.Host}
	for _, w := range c.Webs {
		hosts = append(hosts, w.Host)
	}
	if c.NFS != nil {
		hosts = append(hosts, c.NFS.Host)
	}
	if c.Client != nil {
		hosts = append(hosts, c.Client.Host)
	}
	return hosts
}

// lanAddresses are those of the hosts beside the director that are on its LAN.
func lanAddresses(c *inventory.Cluster) []string {
	var all []string
	for _, h := range hostsOf(c) {
		if h.Address != c.Director.Address && c.Network.Contains(h.Address) {
			all = append(all, h.Address.String())
		}
	}
	return all
}

// lan is what the hosts' facts together say of who is who on the LAN.
type lan struct {
	cluster *inventory.Cluster
	facts   map[string]facts      // by host, of those that could be looked at
	owner   map[string]string     // MAC to a host's name
	address map[string]netip.Addr // MAC to an address, as some host's kernel knows it
}

func newLAN(c *inventory.Cluster, all map[string]facts) *lan {
	l := &lan{c, all, map[string]string{}, map[string]netip.Addr{}}
	vips := c.VIPs()
	for host, f := range all {
		for _, line := range f.lines("links") {
			w := strings.Fields(line)
			if mac := strings.ToLower(valueOf(w, "link/ether")); mac != "" {
				l.owner[mac] = host
			}
		}
		know := func(address, mac string) {
			if a, err := netip.ParseAddr(address); err == nil && mac != "" && !slices.Contains(vips, a) {
				l.address[strings.ToLower(mac)] = a
			}
		}
		for _, line := range f.lines("neighbours") {
			if w := strings.Fields(line); len(w) > 0 {
				know(w[0], valueOf(w, "lladdr"))
			}
		}
		for _, line := range f.lines("arp") { // the newer word
			if w := strings.Fields(line); len(w) == 2 {
				know(w[0], w[1])
			}
		}
	}
	return l
}

// host is the inventory's name of a machine, or nothing. Of one that nobody
// looked at, its address on the LAN tells.
func (l *lan) host(mac string) string {
	if name := l.owner[mac]; name != "" {
		return name
	}
	a, ok := l.address[mac]
	if !ok {
		return ""
	}
	for _, h := range hostsOf(l.cluster) {
		if h.Address == a {
			return h.Name
		}
	}
	return ""
}

// machine says who a MAC is, as well as it is known.
func (l *lan) machine(mac string) string {
	if name := l.host(mac); name != "" {
		return fmt.Sprintf("%s (%s)", name, mac)
	}
	if a, ok := l.address[mac]; ok {
		return fmt.Sprintf("%s (%s), which the inventory does not have", mac, a)
	}
	return mac
}

// answers judges who answers ARP for each VIP: the director, and nobody else.
// The director hears all the others, each real server hears the director.
func (l *lan) answers() []Check {
	var cs []Check
	for _, vip := range l.cluster.VIPs() {
		cs = append(cs, l.answersFor(vip)...)
	}
	return cs
}

func (l *lan) answersFor(vip netip.Addr) []Check {
	c := l.cluster
	director := c.Director.Name
	askers := []string{director}
	for _, w := range c.Webs {
		askers = append(askers, w.Name)
	}
	var asked, macs []string
	heardBy := map[string][]string{} // MAC to who heard it
	others := false                  // somebody asked who is not the director
	why := "no host could be looked at"
	for _, host := range askers {
		f, ok := l.facts[host]
		switch {
		case !ok:
			continue
		case f["arp"].status == 127:
			why = "neither perl nor arping is on " + host
			continue
		case !f.ok("arp"):
			why = host + ": " + f.said("arp")
			continue
		}
		asked = append(asked, host)
		others = others || host != director
		for _, line := range f.lines("arp") {
			w := strings.Fields(line)
			if len(w) != 2 || w[0] != vip.String() {
				continue
			}
			mac := strings.ToLower(w[1])
			if !slices.Contains(macs, mac) {
				macs = append(macs, mac)
			}
			heardBy[mac] = append(heardBy[mac], host)
		}
	}
	if len(asked) == 0 {
		return []Check{good(nameARP, "who answers for %s could not be asked: %s", vip, why).on(director)}
	}

	var cs []Check
	answered := ""
	for _, mac := range macs {
		name := l.host(mac)
		by := strings.Join(heardBy[mac], ", ")
		switch {
		case name == director:
			answered = mac
		case name != "":
			hint := fmt.Sprintf("run `ip -4 addr` on %s and take the VIP away from it, or keep it quiet: `sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2`", name)
			cs = append(cs, bad(nameARP, fmt.Sprintf("it answers ARP for the VIP %s beside the director: MAC %s, heard by %s", vip, mac, by), hint).on(name))
		default:
			cs = append(cs, bad(nameARP, fmt.Sprintf("another machine answers ARP for the VIP %s: MAC %s, heard by %s", vip, l.machine(mac), by),
				"find it by that MAC (the switch knows its port) and take the address away from it, or choose another VIP").on(director))
		}
	}
	if others && answered == "" {
		cs = append(cs, bad(nameARPSilent, fmt.Sprintf("the director does not answer ARP for the VIP %s, asked by %s", vip, strings.Join(asked, ", ")),
			"look at `ip -4 addr`, `ip link` and `sysctl net.ipv4.conf.all.arp_ignore` on it").on(director))
	}
	if len(cs) > 0 {
		return cs
	}
	if answered == "" { // only the director asked: it does not hear itself
		return []Check{good(nameARP, "nobody but the director answers for %s", vip).on(director)}
	}
	return []Check{good(nameARP, "only the director answers for %s: MAC %s, asked by %s", vip, answered, strings.Join(asked, ", ")).on(director)}
}

// sends judges to which machine the origin of the requests sends them: what
// its kernel learnt earlier holds on for a while.
func (l *lan) sends(v *serviceRun) []Check {
	if v.neighbour == "" {
		return nil // the origin is not on the LAN, or does not say
	}
	from, director := v.result.From, l.cluster.Director.Name
	if name := l.host(v.neighbour); name == director || l.facts[director] == nil {
		return nil
	}
	vip := v.service.VIP
	return []Check{bad(nameNeighbour, fmt.Sprintf("%s sends what is for %s to %s, past the director", from, vip, l.machine(v.neighbour)),
		fmt.Sprintf("run `ip neigh flush to %s` there once the checks above are mended; until then it forgets by itself only after minutes", vip)).on(from)}
}

// localNeighbour is the MAC that this machine's kernel has for an address on
// its LAN; empty: none, or not known here.
func localNeighbour(a netip.Addr) string {
	text, err := os.ReadFile("/proc/net/arp")
	if err != nil {
		return "" // not Linux
	}
	return neighbourIn(string(text), a)
}

// neighbourIn reads the form of /proc/net/arp. Flag 0x2: resolved.
func neighbourIn(text string, a netip.Addr) string {
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) >= 4 && w[0] == a.String() && w[2] != "0x0" && w[3] != "00:00:00:00:00:00" {
			return strings.ToLower(w[3])
		}
	}
	return ""
}

// neighbour asks the origin, after the requests, to which machine they went.
func (r *run) neighbour(ctx context.Context, vip netip.Addr) string {
	if r.options.From == Local {
		return r.options.Neighbour(vip)
	}
	f, err := ask(ctx, r.host(r.options.From), script(neighbourScript, vip.String()))
	if err != nil {
		return ""
	}
	for _, line := range f.lines("neighbour") {
		if mac := valueOf(strings.Fields(line), "lladdr"); mac != "" {
			return strings.ToLower(mac)
		}
	}
	return ""
}
