package roles

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// policies does to firewall and SELinux what the inventory's [policy] allows;
// what a managed firewall is to let through is another step's.
func policies(h host) part {
	var p part
	if h.cluster.Policy.Firewall == "disable" {
		firewalls := []string{h.facts.Firewall}
		for _, entry := range h.facts.Manifest { // one that an earlier run has stopped is to stay so
			if unit, ok := strings.CutPrefix(entry, "firewall "); ok {
				firewalls = append(firewalls, unit)
			}
		}
		slices.Sort(firewalls)
		for _, unit := range slices.Compact(firewalls) {
			if unit != "" {
				p.tasks = append(p.tasks, tasks.NoFirewall(unit))
			}
		}
	}
	if h.facts.SELinux == "" {
		return p
	}
	switch {
	case h.cluster.Policy.SELinux == "permissive":
		p.tasks = append(p.tasks, tasks.SELinuxPermissive())
	case h.cluster.Policy.SELinux == "manage" && h.web != nil && h.web.Mount != "":
		p.tasks = append(p.tasks, tasks.SELinuxBoolean("httpd_use_nfs"))
	}
	return p
}

// daemons are services as a manifest names them.
func daemons(units []string) []string {
	var entries []string
	for _, u := range units {
		entries = append(entries, "daemon "+u)
	}
	return entries
}

// pages puts index.html or a site's files into dir.
func pages(h host, dir, index, site string) []tasks.Task {
	switch {
	case index != "":
		return []tasks.Task{tasks.PutPage(tasks.File{Path: path.Join(dir, "index.html"), Mode: "0644", Content: index})}
	case site != "":
		return []tasks.Task{tasks.Site(dir, StagingOf(h.in.Staging[h.Name], dir), h.in.Sites[site])}
	}
	return nil
}

// StagingOf is where a site's files wait on the host, below staging, before
// they are put in place in dir.
func StagingOf(staging, dir string) string {
	return path.Join(staging, url.PathEscape(path.Clean("/"+dir)))
}

// Publication is a local directory that is published on a host.
type Publication struct{ Host, Site, Dir string }

// Publications lists the sites of a cluster.
func Publications(in Input) []Publication {
	var all []Publication
	for _, h := range hosts(in) {
		if h.web != nil && h.web.Site != "" {
			dir := h.platform.DocRoot
			if dir == "" { // asked before the facts are known
				dir = tasks.DefaultDocRoot
			}
			all = append(all, Publication{h.Name, h.web.Site, dir})
		}
		if n := in.Cluster.NFS; n != nil && n.Name == h.Name {
			for _, e := range n.Exports {
				if e.Site != "" {
					all = append(all, Publication{n.Name, e.Site, e.Path})
				}
			}
		}
	}
	return all
}

// sysctls sets kernel parameters now and for every boot. The file's name
// sorts after /etc/sysctl.conf's, so that a line there does not win at boot.
func sysctls(h host, settings ...[2]string) []tasks.Task {
	var lines []string
	var live []tasks.Task
	for _, s := range settings {
		lines = append(lines, s[0]+" = "+s[1])
		live = append(live, tasks.Sysctl(s[0], s[1]))
	}
	path := "/etc/sysctl.d/99-zz-lvsdeploy-" + h.cluster.Name + ".conf"
	file := tasks.Write(tasks.File{
		Path: path,
		Mode: "0644",
		Content: templates.Render("sysctl", map[string]string{
			"Cluster": h.cluster.Name, "Settings": strings.Join(lines, "\n"),
		}),
	})
	return append(append([]tasks.Task{tasks.KeptSysctls(path, lines)}, live...), file)
}

// withLeftovers adds a last stage that takes away what an earlier run put on
// a host and this plan does not.
func withLeftovers(in Input, after []string, p tasks.Plan) tasks.Plan {
	clean := tasks.Stage{Name: "clean up", After: after}
	for _, h := range hosts(in) {
		if left := leftovers(h, p); len(left.tasks) > 0 {
			clean.Hosts = append(clean.Hosts, tasks.HostPlan{Host: h.Name, Tasks: left.tasks, Handlers: left.handlers})
		}
	}
	if len(clean.Hosts) == 0 {
		return p
	}
	return append(p, clean)
}

func leftovers(h host, p tasks.Plan) part {
	var owned, names []string
	for _, s := range p {
		for _, hp := range s.Hosts {
			if hp.Host == h.Name {
				for _, t := range hp.Tasks {
					owned = append(owned, t.Owns...)
					names = append(names, t.Name)
				}
			}
		}
	}
	var kept []tasks.Task
	var gone []string
	for _, entry := range h.facts.Manifest {
		_, file, _ := strings.Cut(entry, " ")
		switch {
		case slices.Contains(owned, entry):
		case strings.HasPrefix(entry, "firewall ") && h.cluster.Policy.Firewall == "manage": // it knows nothing of the cluster: run, it would shut it off
			kept = append(kept, tasks.Kept(entry, "start it by hand to have it managed"))
		case strings.HasPrefix(entry, "service ") && h.Name == h.cluster.Director.Name: // table has drained it
		case h.web != nil && h.web.Mount != "" && strings.HasPrefix(file, h.platform.DocRoot+"/"):
			kept = append(kept, tasks.Kept(entry, "the mount hides it"))
		default:
			gone = append(gone, entry)
		}
	}
	left := takenAway(h, gone)
	if len(left.tasks) > 0 {
		left.tasks = append(left.tasks, tasks.Disowned(gone, staying(owned, h.facts.Manifest, gone)))
	}
	left.tasks = slices.DeleteFunc(append(left.tasks, kept...), func(t tasks.Task) bool { return slices.Contains(names, t.Name) })
	return left
}

// staying is what is ours from now on, or may be: what the plan wants, and what
// is not taken away.
func staying(owned, manifest, gone []string) []string {
	return append(slices.DeleteFunc(slices.Clone(manifest), func(entry string) bool { return slices.Contains(gone, entry) }), owned...)
}

// takenAway are the tasks that take entries of a host's manifest away, with
// the handlers of those who have to know.
func takenAway(h host, entries []string) part {
	readers := append(tasks.Rereaders(), tasks.Reader{Below: "/etc/exports.d", Handler: tasks.Reexport()})
	if h.platform.MountdConf != "" {
		readers = append(readers, tasks.Reader{Below: h.platform.MountdConf, Handler: tasks.Restart("nfs-mountd")})
	}
	if h.platform.WebConf != "" {
		readers = append(readers, tasks.WebReader(h.platform))
	}
	var p part
	p.tasks, p.handlers = tasks.Leftovers(h.facts.Manifest, entries, drainPatience, readers...)
	p.handlers = slices.CompactFunc(p.handlers, func(a, b tasks.Task) bool { return a.Key() == b.Key() })
	return p
}

// services are the virtual services as the IPVS table holds them.
func services(c *inventory.Cluster, method tasks.Method) []tasks.VirtualService {
	var all []tasks.VirtualService
	for _, s := range c.Services {
		v := tasks.VirtualService{
			Protocol:    s.Protocol,
			Address:     addrPort(s.VIP, s.Port),
			Scheduler:   s.Scheduler,
			Persistence: s.Persistence,
		}
		for _, w := range c.WebsOf(s) {
			v.Servers = append(v.Servers, tasks.RealServer{
				Address: addrPort(w.Address, inventory.RealPort(s, w)),
				Method:  method,
				Weight:  w.Weight,
			})
		}
		all = append(all, v)
	}
	return all
}
