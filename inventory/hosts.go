package inventory

import (
	"fmt"
	"net/netip"
	"slices"
)

// Hosts lists the hosts that are deployed to: the director, the web nodes in
// the inventory's order, the NFS server. The client is not among them.
func (c *Cluster) Hosts() []Host {
	hosts := make([]Host, 0, len(c.Webs)+2)
	hosts = append(hosts, c.Director.Host)
	for _, w := range c.Webs {
		hosts = append(hosts, w.Host)
	}
	if c.NFS != nil {
		hosts = append(hosts, c.NFS.Host)
	}
	return hosts
}

// Host finds a host by its name, the client included.
func (c *Cluster) Host(name string) (Host, bool) {
	if w, ok := c.Web(name); ok {
		return w.Host, true
	}
	switch {
	case c.Director.Name == name:
		return c.Director.Host, true
	case c.NFS != nil && c.NFS.Name == name:
		return c.NFS.Host, true
	case c.Client != nil && c.Client.Name == name:
		return c.Client.Host, true
	}
	return Host{}, false
}

// Web finds a real server by its name.
func (c *Cluster) Web(name string) (Web, bool) {
	for i := range c.Webs {
		if c.Webs[i].Name == name {
			return c.Webs[i], true
		}
	}
	return Web{}, false
}

// WebsOf lists the real servers of a service, in the order the service has
// them.
func (c *Cluster) WebsOf(s Service) []Web {
	var webs []Web
	for _, name := range s.Webs {
		if w, ok := c.Web(name); ok {
			webs = append(webs, w)
		}
	}
	return webs
}

// ServicesOf lists the services that a real server is part of.
func (c *Cluster) ServicesOf(w Web) []Service {
	var services []Service
	for _, s := range c.Services {
		if slices.Contains(s.Webs, w.Name) {
			services = append(services, s)
		}
	}
	return services
}

// VIPs lists the addresses of the services, each once.
func (c *Cluster) VIPs() []netip.Addr {
	var vips []netip.Addr
	for _, s := range c.Services {
		if !slices.Contains(vips, s.VIP) {
			vips = append(vips, s.VIP)
		}
	}
	return vips
}

// Export finds an NFS export by its path.
func (c *Cluster) Export(path string) (Export, bool) {
	if c.NFS != nil {
		for _, e := range c.NFS.Exports {
			if e.Path == path {
				return e, true
			}
		}
	}
	return Export{}, false
}

// RealPort is the port that w answers on for s.
func RealPort(s Service, w Web) uint16 {
	if w.Port != 0 {
		return w.Port
	}
	return s.Port
}

// Endpoint is the address and port that clients connect to.
func (s Service) Endpoint() netip.AddrPort { return netip.AddrPortFrom(s.VIP, s.Port) }

// Key names a service among the others: "tcp 12.0.0.1:80".
func (s Service) Key() string { return fmt.Sprintf("%s %s", s.Protocol, s.Endpoint()) }
