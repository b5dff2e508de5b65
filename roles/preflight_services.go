package roles

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/filter"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// Needs is what a host is asked about before the plan is made: directories that
// are to be mounted on, those to be exported, TCP ports to be listened on.
func Needs(c *inventory.Cluster, name string) (mounts, exports []string, ports []uint16) {
	for _, h := range hosts(Input{Cluster: c, Only: name}) {
		switch {
		case h.web != nil:
			if h.web.Mount != "" {
				mounts = append(mounts, tasks.DefaultDocRoot)
			}
			if ports = realPorts(h); !slices.Contains(ports, webPort) {
				ports = append(ports, webPort)
			}
		case c.NFS != nil && c.NFS.Name == name:
			for _, e := range c.NFS.Exports {
				exports = append(exports, e.Path)
			}
			ports = []uint16{portmapPort, nfsPort}
		}
	}
	return mounts, exports, ports
}

// The ports of packages as they come.
const (
	webPort     = 80
	portmapPort = 111
	nfsPort     = 2049
)

// checkPorts: who else listens where a service is to listen, would keep it from
// starting.
func checkPorts(h host, f tasks.Facts, say say) {
	for _, l := range f.Listeners {
		switch {
		case l.Program == h.platform.WebService, l.Program == "rpcbind":
		case h.web != nil && l.Port == webPort && !slices.Contains(realPorts(h), l.Port) && slices.Contains(f.Web, h.platform.WebService):
			// it is installed, and may have been told of other ports
		case h.web != nil:
			say("stop it there, or give this server another `port` in the inventory: ss -ltnp shows who listens", "%s is to listen on port %d, which %s has taken", h.platform.WebService, l.Port, who(f, l))
		case l.Port == nfsPort && l.Program != "":
			say("one NFS server at a time: ss -ltnp shows who listens", "nfs-server is to listen on port %d, which %s has taken", l.Port, who(f, l))
		case l.Port == portmapPort && l.Program != "" && l.Program != "systemd" && !slices.Contains(f.Masked, "rpcbind"):
			say("ss -ltnp shows who listens", "rpcbind is to listen on port %d, which %s has taken", l.Port, who(f, l))
		}
	}
}

// who names a listener.
func who(f tasks.Facts, l tasks.Listener) string {
	if l.Program == "" {
		return "a program (" + l.At + ")"
	}
	if l.Program == "systemd" {
		for _, s := range f.Sockets {
			if strings.HasSuffix(s.Path, fmt.Sprintf(":%d", l.Port)) {
				return s.At + " (" + l.At + ")"
			}
		}
	}
	return fmt.Sprintf("%s (pid %d, %s)", l.Program, l.PID, l.At)
}

// checkMasked: a unit that its administrator has masked is not to run.
func checkMasked(h host, f tasks.Facts, say say) {
	var units []string
	switch {
	case h.Name == h.cluster.Director.Name:
		units = []string{h.platform.IPVSService}
	case h.web != nil:
		units = []string{h.platform.WebService}
	default:
		units = []string{"nfs-server", "nfs-kernel-server"}
	}
	for _, unit := range units {
		if slices.Contains(f.Masked, unit) {
			say("if it may run there: systemctl unmask "+unit, "%s is masked", unit)
		}
	}
}

// checkTable: two who set up one table take each other's services away.
func checkTable(h host, f tasks.Facts, say say) {
	if h.Name != h.cluster.Director.Name || f.TableOwner == "" {
		return
	}
	hint := map[string]string{
		"keepalived": "its virtual_server blocks are below /etc/keepalived: take them out, or choose another director",
		"ldirectord": "stop and disable ldirectord, or choose another director",
		"kube-proxy": "it runs in IPVS mode there: choose another director",
	}[f.TableOwner]
	say(hint, "%s sets up the kernel's table of virtual services there", f.TableOwner)
}

// checkFilter names the rule of iptables that would drop the cluster's packets,
// where no firewall is known that could be told. Docker's own are another
// step's to get around.
func checkFilter(h host, f tasks.Facts, say say) {
	if h.firewall() != "" || len(f.Filter) == 0 {
		return
	}
	rules := filter.Parse(f.Filter)
	hint := "let it through, and keep that for the next boot: iptables -S " + "%s"
	tell := func(chain, rule, what string) {
		if rule != "" {
			say(fmt.Sprintf(hint, chain), "iptables drops %s: %s", what, rule)
		}
	}
	for _, o := range h.openings() {
		p := filter.Packet{In: h.comesIn(), Dst: o.To, Protocol: o.Protocol, DstPort: o.Port, State: "NEW"}
		if o.From.IsValid() && o.From.IsSingleIP() {
			p.Src = o.From.Addr()
		}
		tell("INPUT", rules.Drops("INPUT", p), fmt.Sprintf("what comes in for %s %s", o.Protocol, netip.AddrPortFrom(o.To, o.Port)))
	}
	if h.Name != h.cluster.Director.Name || h.cluster.Mode != inventory.NAT || f.Docker && h.cluster.Policy.Firewall == "manage" {
		return
	}
	for _, s := range h.cluster.Services {
		for _, w := range h.cluster.WebsOf(s) {
			p := filter.Packet{In: h.dev(), Out: h.cluster.Director.WANInterface, Src: w.Address, Protocol: s.Protocol, SrcPort: inventory.RealPort(s, w), State: "INVALID"}
			if rule := rules.Drops("FORWARD", p); rule != "" {
				tell("FORWARD", rule, "the real servers' answers")
				return
			}
		}
	}
}
