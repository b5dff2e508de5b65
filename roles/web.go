package roles

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

func webPackages(h host) part {
	names, services := h.platform.Web, []string{h.platform.WebService}
	if h.web.Mount != "" {
		names = slices.Concat(names, h.names(), h.platform.NFSClient)
		services = slices.Concat(services, h.unmasked(h.platform.NFSHelpers))
	}
	return do(tasks.Packages(h.platform, daemons(services), names...))
}

func mount(h host) part {
	if h.web.Mount == "" {
		if slices.Contains(h.facts.Manifest, "fstab "+h.platform.DocRoot) {
			// now, or the new page would be written onto the NFS server
			return do(tasks.Unmounted(h.platform.DocRoot))
		}
		return part{}
	}
	server := h.cluster.NFS.Address.String()
	m := tasks.Mount{Source: server + ":" + h.web.Mount, Dir: h.platform.DocRoot, Hides: names(h.facts.Hidden)}
	var p part
	for _, unit := range h.unmasked(h.platform.NFSHelpers) {
		p.tasks = append(p.tasks, tasks.Service(h.platform, unit, ""))
	}
	p.tasks = append(p.tasks,
		tasks.Offered(m),
		tasks.Fstab(m),
		tasks.Mounted(m),
	)
	return p
}

// names are the last parts of paths.
func names(paths []string) []string {
	var all []string
	for _, p := range paths {
		all = append(all, path.Base(p))
	}
	return all
}

func page(h host) part {
	return part{tasks: pages(h, h.platform.DocRoot, h.web.Index, h.web.Site)}
}

// webServer starts the web server, on other ports than 80 as well where a
// service wants them.
func webServer(h host) part {
	var p part
	for _, port := range realPorts(h) {
		if port == 80 {
			continue
		}
		at := []netip.Addr{h.Address}
		if h.cluster.Mode == inventory.DR {
			at = append(at, h.cluster.VIPs()...)
		}
		p.tasks = append(p.tasks, tasks.PortServed(h.platform, h.cluster.Name, port, at))
	}
	p.tasks = append(p.tasks, tasks.WebServer(h.platform, h.cluster.Name))
	if len(p.tasks) > 1 {
		p.handlers = []tasks.Task{tasks.WebReload(h.platform, h.cluster.Name)}
	}
	return p
}

func realPorts(h host) []uint16 {
	var ports []uint16
	for _, s := range h.cluster.ServicesOf(*h.web) {
		if s.Protocol == "tcp" {
			ports = append(ports, inventory.RealPort(s, *h.web))
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

func gateway(h host) part {
	director := h.cluster.Director.Address
	return do(
		tasks.DefaultRoute(h.dev(), director),
		h.facts.KeepDefaultRoute(h.cluster.Name, h.dev(), director),
	)
}

// served has a stage of its own: the handlers of the one before have run.
func served(h host) part {
	var p part
	for _, s := range h.cluster.ServicesOf(*h.web) {
		if s.Protocol == "tcp" {
			p.tasks = append(p.tasks, tasks.Served(h.Address, inventory.RealPort(s, *h.web), s.CheckPath, published(h, s.CheckPath)))
		}
	}
	return p
}

// published is the file that a path of the web server's stands for, if it is one
// that the inventory has put there.
func published(h host, url string) string {
	index, site := h.web.Index, h.web.Site
	if h.web.Mount != "" && h.cluster.NFS != nil {
		for _, e := range h.cluster.NFS.Exports {
			if e.Path == h.web.Mount {
				index, site = e.Index, e.Site
			}
		}
	}
	url, _, _ = strings.Cut(url, "?")
	if strings.HasSuffix(url, "/") {
		url += "index.html"
	}
	name := strings.TrimPrefix(path.Clean(url), "/")
	if index != "" && name == "index.html" || slices.ContainsFunc(h.in.Sites[site], func(f tasks.SiteFile) bool { return f.Path == name }) {
		return path.Join(h.platform.DocRoot, name)
	}
	return ""
}
