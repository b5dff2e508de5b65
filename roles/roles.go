// Package roles turns a cluster and what was found on its hosts into a plan.
// It is pure: it reads no file and contacts no host. It imports inventory,
// tasks and templates.
package roles

import (
	"net/netip"
	"slices"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// Input is what a plan is made from.
type Input struct {
	Cluster *inventory.Cluster
	Facts   map[string]*tasks.Facts     // by host; a host that was not reached has none
	Sites   map[string][]tasks.SiteFile // by local directory
	Staging map[string]string           // by host: where the workstation puts the sites' files
	Only    string                      // the one host that is asked about; "": all

	now time.Time // the workstation's clock, for Preflight
}

// host is one machine with everything that a step may ask of it.
type host struct {
	inventory.Host
	in       Input
	cluster  *inventory.Cluster
	facts    tasks.Facts
	platform tasks.Platform
	web      *inventory.Web
}

// step lists what one kind of host does in one part of the deployment.
type step func(host) part

// part is a step's tasks on one host.
type part struct{ tasks, handlers []tasks.Task }

func do(t ...tasks.Task) part { return part{tasks: t} }

// stage is a part of a mode's list: who does what, after which other stages.
type stage struct {
	name     string
	after    []string
	director []step
	webs     []step
	nfs      []step
}

// plan makes the plan of a mode's stages. Facts must hold a known platform for
// every host (Preflight sees to that); a host without facts has its place in
// the plan, so that the others wait for it and learn why it does not come.
func plan(in Input, stages []stage) tasks.Plan {
	var names []string
	for _, s := range stages {
		c := in.Cluster
		if len(s.director) > 0 || len(s.webs) > 0 && len(c.Webs) > 0 || len(s.nfs) > 0 && c.NFS != nil {
			names = append(names, s.name)
		}
	}
	return withLeftovers(in, names, staged(in, stages))
}

// steps are those of a host in the stage.
func (s stage) steps(h host) []step {
	switch {
	case h.Name == h.cluster.Director.Name:
		return s.director
	case h.cluster.NFS != nil && h.Name == h.cluster.NFS.Name:
		return s.nfs
	}
	return s.webs
}

func staged(in Input, stages []stage) tasks.Plan {
	var p tasks.Plan
	hosts := hosts(in)
	for _, s := range stages {
		out := tasks.Stage{Name: s.name, After: s.after}
		for _, h := range hosts {
			steps := s.steps(h)
			hp := tasks.HostPlan{Host: h.Name}
			if in.Facts[h.Name] == nil {
				if len(steps) > 0 { // nobody knows what there would be to do
					out.Hosts = append(out.Hosts, hp)
				}
				continue
			}
			for _, step := range steps {
				part := step(h)
				hp.Tasks = append(hp.Tasks, part.tasks...)
				hp.Handlers = append(hp.Handlers, part.handlers...)
			}
			if len(hp.Tasks) > 0 {
				out.Hosts = append(out.Hosts, hp)
			}
		}
		if len(out.Hosts) > 0 {
			p = append(p, out)
		}
	}
	return p
}

func hosts(in Input) []host {
	var all []host
	for _, ih := range meant(in) {
		h := host{Host: ih, in: in, cluster: in.Cluster}
		if f := in.Facts[ih.Name]; f != nil {
			h.facts = *f
			h.platform, _ = tasks.PlatformOf(*f)
		}
		if i := slices.IndexFunc(in.Cluster.Webs, func(w inventory.Web) bool { return w.Name == ih.Name }); i >= 0 {
			h.web = &in.Cluster.Webs[i]
			if h.web.Mount != "" { // systemd mounts on no path that has a link in it
				h.platform.DocRoot = h.facts.Resolved(h.platform.DocRoot)
			}
		}
		all = append(all, h)
	}
	return all
}

// meant are the hosts that are asked about.
func meant(in Input) []inventory.Host {
	if in.Only == "" {
		return in.Cluster.Hosts()
	}
	if h, known := in.Cluster.Host(in.Only); known {
		return []inventory.Host{h}
	}
	return nil
}

// dev is the interface that carries the host's address.
func (h host) dev() string {
	if h.Interface != "" {
		return h.Interface
	}
	return interfaceOf(h.facts, h.Address)
}

func interfaceOf(f tasks.Facts, a netip.Addr) string {
	for _, i := range f.Interfaces {
		for _, p := range i.Addresses {
			if p.Addr() == a {
				return i.Name
			}
		}
	}
	return ""
}
