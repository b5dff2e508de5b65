package verify

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// good and bad make checks; on says of which host.
func good(name, format string, args ...any) Check {
	return Check{Name: name, OK: true, Detail: fmt.Sprintf(format, args...)}
}

func bad(name, detail, hint string) Check { return Check{Name: name, Detail: detail, Hint: hint} }

func (c Check) on(host string) Check {
	c.Host = host
	return c
}

// look-ups of one host's facts against the inventory; each gives the checks it
// can make, none where it does not apply.
type (
	directorCheck func(*inventory.Cluster, inventory.Mode, facts) []Check
	webCheck      func(*inventory.Cluster, *inventory.Web, facts) []Check
	nfsCheck      func(*inventory.Cluster, facts) []Check
)

// checkList is everything that is looked at in a mode.
type checkList struct {
	director []directorCheck
	web      []webCheck
	nfs      []nfsCheck
}

// checksOf is the page to read: what each mode's hosts are held to, in the
// order of the report.
func checksOf(m inventory.Mode) checkList {
	switch m {
	case inventory.NAT:
		return checkList{
			director: []directorCheck{ipvsModule, forwardingOn, wanAddress, vipsPresent, servicesLetIn, answersLetOut, tableAsWanted,
				snatLive, savedRules, rulesAtBoot, forwardingAtBoot, snatAtBoot, wanAtBoot},
			web: []webCheck{defaultGateway, answersWay, realPortsLetIn, mountPresent, mountAnswers, exportOffered, webService, pageServed,
				gatewayAtBoot, mountAtBoot, webAtBoot},
			nfs: []nfsCheck{nfsService, nfsLetIn, exportDirectories, exportsLive, exportIndexes, exportsAtBoot, nfsAtBoot},
		}
	case inventory.DR:
		return checkList{
			director: []directorCheck{ipvsModule, noRouter, redirectsOff, vipsOnInterface, servicesLetIn, tableAsWanted,
				savedRules, rulesAtBoot, noRouterAtBoot, redirectsAtBoot, directorVIPsAtBoot},
			web: []webCheck{vipsOnLoopback, vipPortsLetIn, arpSettings, hostRoutes, notThroughDirector, mountPresent, mountAnswers,
				exportOffered, webService, listening, pageServed, arpAtBoot, webVIPsAtBoot, mountAtBoot, webAtBoot},
			nfs: []nfsCheck{nfsService, nfsLetIn, exportDirectories, exportsLive, exportIndexes, exportsAtBoot, nfsAtBoot},
		}
	}
	return checkList{}
}

// snatUnit is the unit that puts the SNAT rule back at boot; the roles write it.
func snatUnit(c *inventory.Cluster) string { return "lvsdeploy-" + c.Name + "-snat.service" }

// sight is what looking at the hosts showed.
type sight struct {
	checks []Check          // in the inventory's order
	pages  map[string]page  // that the webs served themselves
	facts  map[string]facts // by host
}

// lookAtHosts runs one script on each host, all hosts at once.
func (r *run) lookAtHosts(ctx context.Context) sight {
	c, list := r.cluster, checksOf(r.mode)
	type slot struct {
		host   string
		facts  facts
		checks []Check
		pages  map[string]page
	}
	var wg sync.WaitGroup
	var slots []*slot
	look := func(host, text string, judge func(facts, *slot)) {
		s := &slot{host: host, pages: map[string]page{}}
		slots = append(slots, s)
		wg.Go(func() {
			r.progress(host, "looking at its live and saved state")
			f, err := ask(ctx, r.host(host), text)
			if err != nil {
				hint := "see whether `ssh " + host + "` works; the other hosts were checked without it"
				if r.mode == inventory.DR && isWeb(c, host) {
					hint += ". A VIP with the LAN's own mask on lo takes a real server off the LAN like this: on its console, `ip -4 addr show lo`"
				}
				s.checks = []Check{reachable(host, err, hint)}
				return
			}
			s.facts = f
			judge(f, s)
			for i := range s.checks {
				s.checks[i].Host = host
			}
			r.progress(host, "looked at")
		})
	}

	text, args := directorScript, []string{snatUnit(c), wanOf(c, r.mode)}
	if r.mode == inventory.DR {
		// Each is asked for its MAC once, not by every host.
		text, args = inDR(c, text, args, c.Director.Address, lanAddresses(c))
	}
	look(c.Director.Name, script(text, args...), func(f facts, s *slot) {
		for _, check := range list.director {
			s.checks = append(s.checks, check(c, r.mode, f)...)
		}
		s.checks = append(s.checks, r.realServers(ctx)...)
	})
	for i := range c.Webs {
		w := &c.Webs[i]
		p := probeOf(c, w)
		text, args := webScript, []string{p.addr.Addr().String(), strconv.Itoa(int(p.addr.Port())), p.path, nfsAddress(c, w), gatewayOf(c, r.mode)}
		if r.mode == inventory.DR {
			text, args = inDR(c, text, args, w.Address, nil)
			text += lanWebScript
		}
		look(w.Name, script(text, args...),
			func(f facts, s *slot) {
				for _, check := range list.web {
					s.checks = append(s.checks, check(c, w, f)...)
				}
				if pg, err := parsePage(f); err == nil {
					s.pages[pageKey(w.Name, p.addr, p.path)] = pg
				}
			})
	}
	if c.NFS != nil {
		var paths []string
		for _, e := range c.NFS.Exports {
			paths = append(paths, e.Path)
		}
		look(c.NFS.Name, script(nfsScript, paths...), func(f facts, s *slot) {
			for _, check := range list.nfs {
				s.checks = append(s.checks, check(c, f)...)
			}
		})
	}
	wg.Wait()

	seen := sight{pages: map[string]page{}, facts: map[string]facts{}}
	for _, s := range slots {
		seen.checks = append(seen.checks, s.checks...)
		maps.Copy(seen.pages, s.pages)
		if s.facts != nil {
			seen.facts[s.host] = s.facts
		}
	}
	return seen
}

func isWeb(c *inventory.Cluster, host string) bool {
	return slices.ContainsFunc(c.Webs, func(w inventory.Web) bool { return w.Name == host })
}

// probe is where a web's page is asked for on the web itself.
type probe struct {
	addr netip.AddrPort
	path string
	tcp  bool // some service asks it by TCP
}

// probeOf takes the first TCP service that a web serves.
func probeOf(c *inventory.Cluster, w *inventory.Web) probe {
	for i := range c.Services {
		s := &c.Services[i]
		for _, other := range websOf(c, s) {
			if other.Name == w.Name && s.Protocol != "udp" {
				return probe{realAddr(w, s), s.CheckPath, true}
			}
		}
	}
	return probe{netip.AddrPortFrom(w.Address, 80), "/", false}
}

func pageKey(web string, addr netip.AddrPort, path string) string {
	return web + " " + addr.String() + path
}

func nfsAddress(c *inventory.Cluster, w *inventory.Web) string {
	if c.NFS == nil || w.Mount == "" {
		return ""
	}
	return c.NFS.Address.String()
}

// realServers asks every real server for its page from the director, which is
// how the requests will reach it. One of weight 0 gets none: it may be down.
func (r *run) realServers(ctx context.Context) []Check {
	c := r.cluster
	d := r.host(c.Director.Name)
	var wg sync.WaitGroup
	checks := make([][]Check, len(c.Services))
	for i := range c.Services {
		s := &c.Services[i]
		if s.Protocol == "udp" {
			continue
		}
		webs := websOf(c, s)
		webs = slices.DeleteFunc(webs, func(w *inventory.Web) bool { return w.Weight == 0 })
		checks[i] = make([]Check, len(webs))
		for k, w := range webs {
			wg.Go(func() {
				addr := realAddr(w, s)
				p, _, err := get(ctx, d, addr, s.CheckPath, r.options.Timeout)
				if err != nil {
					checks[i][k] = bad(nameRealServer, fmt.Sprintf("%s does not answer the director on %s: %v", w.Name, addr, err),
						"look at the checks of "+w.Name+"; with none failed, at a firewall on it")
					return
				}
				checks[i][k] = good(nameRealServer, "%s answers on %s: %s", w.Name, addr, p.first)
			})
		}
	}
	wg.Wait()
	var all []Check
	for _, cs := range checks {
		all = append(all, cs...)
	}
	return all
}
