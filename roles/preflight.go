package roles

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// Problem is why a host is not fit for the deployment, found before anything
// was changed anywhere.
type Problem struct {
	Host, Text, Hint string
}

func (p Problem) Error() string { return "cannot use " + p.Host + ": " + p.Text }

// The bounds of what a host may be like.
const (
	maxSkew    = 10 * time.Minute // package signatures and NFS caches go wrong beyond
	minFreeKiB = 100 << 10        // a package transaction's downloads, unpacked
)

// say records a problem of the host that is looked at.
type say func(hint, format string, args ...any)

// examine looks at every host whose facts are known.
func examine(in Input, check func(host, tasks.Facts, say)) []Problem {
	var all []Problem
	for _, h := range hosts(in) {
		if f := in.Facts[h.Name]; f != nil {
			check(h, *f, func(hint, format string, args ...any) {
				all = append(all, Problem{Host: h.Name, Text: fmt.Sprintf(format, args...), Hint: hint})
			})
		}
	}
	return all
}

// checks is what is looked at on each host before the first change, a row for
// each thing that would stop a run in the middle, or have it take something of
// others away.
var checks = []func(host, tasks.Facts, say){
	func(_ host, f tasks.Facts, say say) { checkLogin(f, say) },
	func(_ host, f tasks.Facts, say say) { checkPlatform(f, say) },
	checkInit,
	checkClock,
	checkDisk,
	checkReadOnly,
	checkFirewall,
	checkFilter,
	checkMasked,
	checkPorts,
	checkMount,
	checkExports,
	checkTable,
	checkDR,
	checkInterfaces,
	checkMask,
	checkRules,
}

// Preflight holds the inventory against the hosts' own facts. now is the
// workstation's clock when the facts were read.
func Preflight(in Input, now time.Time) []Problem {
	in.now = now
	return examine(in, func(h host, f tasks.Facts, say say) {
		for _, check := range checks {
			check(h, f, say)
		}
	})
}

// PreflightTeardown asks for nothing but what taking away needs: a host that is
// no longer fit for a cluster can still be freed of one.
func PreflightTeardown(in Input, _ time.Time) []Problem {
	return examine(in, func(_ host, f tasks.Facts, say say) {
		checkLogin(f, say)
		if slices.Contains(f.Manifest, "packages") {
			checkPlatform(f, say)
		}
	})
}

func checkInit(_ host, f tasks.Facts, say say) {
	if !f.Systemd {
		say("what survives a reboot is kept by systemd units", "systemd does not run there")
	}
}

func checkClock(h host, f tasks.Facts, say say) {
	if skew := time.Unix(f.Clock, 0).Sub(h.in.now).Round(time.Second); f.Clock != 0 && skew.Abs() > maxSkew {
		say("set the clock, or run a time service there", "its clock is off by %s", lapse(skew))
	}
}

// lapse is d in the units in which clocks are wrong: a flat battery gives years.
func lapse(d time.Duration) string {
	const day, year = 24 * time.Hour, 8766 * time.Hour
	sign := ""
	if d < 0 {
		sign, d = "-", d.Abs()
	}
	several := func(n int, unit string) string {
		if n == 1 {
			return sign + "1 " + unit
		}
		return fmt.Sprintf("%s%d %ss", sign, n, unit)
	}
	switch {
	case d >= 2*year:
		return several(int(d.Round(year)/year), "year")
	case d >= 2*day:
		return several(int(d.Round(day)/day), "day")
	}
	return sign + d.String()
}

func checkDisk(_ host, f tasks.Facts, say say) {
	if f.DiskFree >= 0 && f.DiskFree < minFreeKiB {
		say("make room below /var", "only %d MiB are free below /var", f.DiskFree>>10)
	}
}

func checkFirewall(h host, f tasks.Facts, say say) {
	if f.Firewall != "" && h.cluster.Policy.Firewall == "manage" && !tasks.Manages(f.Firewall) {
		say(`say firewall = "leave" in [policy] if it lets the cluster's traffic through`, "%s is running, and is not known here", f.Firewall)
	}
}

func checkInterfaces(h host, f tasks.Facts, say say) {
	for _, i := range interfaces(h, h.cluster) {
		checkInterface(f, i, say)
	}
}

func checkPlatform(f tasks.Facts, say say) {
	if _, err := tasks.PlatformOf(f); err != nil {
		say("", "%s", strings.TrimPrefix(err.Error(), "cannot "))
	}
}

func checkLogin(f tasks.Facts, say say) {
	if f.UID != 0 {
		say("log in as root, or set become = true in [ssh] to use sudo", "the login is not root and sudo is not asked for")
	}
}

// wanted is an interface that the inventory names, and the address that SSH
// or the LAN needs on it; none where the address is ours to add.
type wanted struct {
	name    string
	address netip.Addr
}

func interfaces(h host, c *inventory.Cluster) []wanted {
	list := []wanted{{h.Interface, h.Address}}
	if h.Name == c.Director.Name && c.Mode == inventory.NAT {
		list = append(list, wanted{name: c.Director.WANInterface})
	}
	return list
}

func checkInterface(f tasks.Facts, w wanted, say say) {
	if w.name == "" {
		if interfaceOf(f, w.address) == "" {
			say("is this the host you mean? it has "+addresses(f), "none of its interfaces has %s", w.address)
		}
		return
	}
	i := slices.IndexFunc(f.Interfaces, func(i tasks.Interface) bool { return i.Name == w.name })
	if i < 0 {
		var names []string
		for _, i := range f.Interfaces {
			if i.Name != "lo" {
				names = append(names, i.Name)
			}
		}
		if names == nil {
			names = []string{"none but lo"}
		}
		say("it has "+strings.Join(names, ", "), "it has no interface %s", w.name)
		return
	}
	if w.address.IsValid() && interfaceOf(f, w.address) != w.name {
		say("is this the host you mean? it has "+addresses(f), "%s is not on its interface %s", w.address, w.name)
	}
}

func addresses(f tasks.Facts) string {
	var all []string
	for _, i := range f.Interfaces {
		for _, p := range i.Addresses {
			if i.Name != "lo" {
				all = append(all, p.Addr().String()+" on "+i.Name)
			}
		}
	}
	if len(all) == 0 {
		return "no address at all"
	}
	return strings.Join(all, ", ")
}

// checkDR holds a host against what direct routing needs: one LAN, an unused
// VIP, and real servers that do not answer through the director.
func checkDR(h host, f tasks.Facts, say say) {
	if h.cluster.Mode != inventory.DR {
		return
	}
	director := h.cluster.Director.Address
	for _, vip := range h.cluster.VIPs() {
		if mac := f.Answers[vip]; mac != "" {
			say("choose an unused address, or take it away from that machine", "another machine answers for the VIP %s: %s", vip, mac)
		}
	}
	if h.web == nil {
		return
	}
	if f.Gateway == director && !slices.Contains(f.Manifest, "default-route "+h.dev()+" "+director.String()) {
		say("give it another default route: in DR mode its answers must not pass the director", "its default route is the director, %s", director)
	}
	for _, i := range f.Interfaces {
		for _, p := range i.Addresses {
			if p.Addr() == h.Address && !p.Contains(director) {
				say("in DR mode the director hands packets over on the LAN, without a router between", "the director, %s, is not on its network %s", director, p.Masked())
			}
		}
	}
}
