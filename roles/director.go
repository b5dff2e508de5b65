package roles

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// drainPatience is how long a real server that is removed may finish what it
// has begun.
const drainPatience = 30 * time.Second

func addrPort(a netip.Addr, port uint16) string { return netip.AddrPortFrom(a, port).String() }

// moduleIPVS comes before anything that runs ipvsadm, which would load the
// module by itself, unseen and for this boot only.
func moduleIPVS(h host) part {
	return do(
		tasks.Module("ip_vs"),
		tasks.Write(tasks.File{
			Path:    "/etc/modules-load.d/lvsdeploy-" + h.cluster.Name + ".conf",
			Mode:    "0644",
			Content: templates.Render("modules", map[string]string{"Cluster": h.cluster.Name, "Module": "ip_vs"}),
		}),
	)
}

func directorPackages(h host) part {
	return do(tasks.Packages(h.platform, []string{"boot " + h.platform.IPVSService}, h.platform.Director...))
}

func wanInterface(h host) part {
	d := h.cluster.Director
	return do(append([]tasks.Task{tasks.Address(d.WANInterface, d.WANAddress)},
		h.facts.KeepAddress(h.cluster.Name, d.WANInterface, d.WANAddress)...)...)
}

func forwarding(h host) part {
	settings := [][2]string{{"net.ipv4.ip_forward", "1"}}
	if h.firewall() != "" { // which drops answers to what it has not seen
		settings = append(settings, [2]string{"net.ipv4.vs.conntrack", "1"})
	}
	return part{tasks: sysctls(h, append(settings, persistence(h)...)...)}
}

// persistence has a drained server of a persistent service lose its clients:
// else each of them keeps coming back to it.
func persistence(h host) [][2]string {
	if slices.ContainsFunc(h.cluster.Services, func(s inventory.Service) bool { return s.Persistence > 0 }) {
		return [][2]string{{"net.ipv4.vs.expire_quiescent_template", "1"}}
	}
	return nil
}

func snat(h host) part {
	return part{tasks: tasks.Translate(h.platform, h.firewall(), h.cluster.Name, outward(h.cluster))}
}

func outward(c *inventory.Cluster) tasks.SNAT {
	return tasks.SNAT{Source: c.Network, Out: c.Director.WANInterface, To: c.Director.WANAddress.Addr()}
}

// realServersAnswer keeps a server that does not serve out of the table.
func realServersAnswer(h host) part {
	var p part
	for _, s := range h.cluster.Services {
		if s.Protocol != "tcp" {
			continue
		}
		var pages []tasks.Page
		for _, w := range h.cluster.WebsOf(s) {
			if w.Weight > 0 {
				pages = append(pages, tasks.Page{Address: w.Address, Port: inventory.RealPort(s, w), Path: s.CheckPath})
			}
		}
		if len(pages) > 0 {
			p.tasks = append(p.tasks, tasks.AllServe("see that the real servers of "+s.Endpoint().String()+" answer", pages))
		}
	}
	return p
}

// table brings the IPVS table to what the inventory says: first what is new
// or changed, then, drained, what is no longer wanted.
func table(method tasks.Method) step {
	return func(h host) part {
		wanted := services(h.cluster, method)
		return do(tasks.Balance(wanted), tasks.Drain(wanted, goneServices(h, wanted), drainPatience))
	}
}

// goneServices are the services of an earlier run that are no longer wanted.
func goneServices(h host, wanted []tasks.VirtualService) (gone []string) {
	var keys []string
	for _, v := range wanted {
		keys = append(keys, tasks.ServiceKey(v.Protocol, v.Address))
	}
	for _, entry := range h.facts.Manifest {
		if key, ok := strings.CutPrefix(entry, "service "); ok && !slices.Contains(keys, key) {
			gone = append(gone, key)
		}
	}
	return gone
}

// keepTable has the table that the same method makes for the next boot too.
func keepTable(method tasks.Method) step {
	return func(h host) part { return tableKept(h, services(h.cluster, method)) }
}

func tableKept(h host, wanted []tasks.VirtualService) part {
	p := do(tasks.SaveTable(h.platform.IPVSRules, wanted, goneServices(h, wanted)))
	for _, s := range h.platform.IPVSSwitches {
		p.tasks = append(p.tasks, tasks.Setting(s[0], s[1], s[2]))
	}
	p.tasks = append(p.tasks, tasks.EnableOnly(h.platform, h.platform.IPVSService))
	return p
}
