package verify

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// firewalldFact is what firewalld lets in, where it runs. Its client is slow to
// start, and hangs where the daemon does.
const firewalldFact = `filtered() {
	systemctl is-active --quiet firewalld || return
	if command -v timeout >/dev/null 2>&1; then timeout -s KILL 20 firewall-cmd --list-all-zones; else firewall-cmd --list-all-zones; fi
}
fact firewalld filtered
`

// letIn holds what firewalld has against what has to get in. Other firewalls are
// not asked: the requests tell. Under another policy than manage it is not ours
// to say how it lets them in.
func letIn(c *inventory.Cluster, f facts, to netip.Addr, protocol string, port uint16) []Check {
	if c.Policy.Firewall != "manage" || !f.ok("firewalld") {
		return nil
	}
	rule := fmt.Sprintf(`destination address=%q port port="%d" protocol=%q accept`, to, port, protocol)
	if strings.Contains(strings.Join(f.lines("firewalld"), "\n"), rule) {
		return []Check{good(nameFirewall, "firewalld lets %s %d to %s in", protocol, port, to)}
	}
	return []Check{bad(nameFirewall, fmt.Sprintf("firewalld does not let %s %d to %s in", protocol, port, to),
		redeploy+fmt.Sprintf(", or run `firewall-cmd --add-rich-rule='rule family=\"ipv4\" %s'`, with --permanent too", rule))}
}

func servicesLetIn(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	var cs []Check
	for _, s := range c.Services {
		cs = append(cs, letIn(c, f, s.VIP, s.Protocol, s.Port)...)
	}
	return cs
}

// answersLetOut: IPVS hides its connections from a firewall's connection
// tracking unless it is told not to, and the answers pass as nobody's.
func answersLetOut(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	if c.Policy.Firewall != "manage" || !f.ok("firewalld") || !f.ok("vs-conntrack") {
		return nil
	}
	if v := f.word("vs-conntrack"); v != "1" {
		return []Check{bad(nameFirewall, fmt.Sprintf("net.ipv4.vs.conntrack is %s: firewalld drops what real servers answer", v),
			"run `sysctl -w net.ipv4.vs.conntrack=1`, or deploy again")}
	}
	return []Check{good(nameFirewall, "net.ipv4.vs.conntrack is 1")}
}

func realPortsLetIn(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	var cs []Check
	for _, s := range c.ServicesOf(*w) {
		cs = append(cs, letIn(c, f, w.Address, s.Protocol, inventory.RealPort(s, *w))...)
	}
	return cs
}

func vipPortsLetIn(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	var cs []Check
	for _, s := range c.ServicesOf(*w) {
		cs = append(cs, letIn(c, f, s.VIP, s.Protocol, s.Port)...)
	}
	return cs
}

func nfsLetIn(c *inventory.Cluster, f facts) []Check {
	return letIn(c, f, c.NFS.Address, "tcp", 2049)
}
