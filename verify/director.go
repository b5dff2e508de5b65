package verify

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

const redeploy = "deploy again: it changes only what differs"

func ipvsModule(_ *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	if !f.ok("module") {
		return []Check{bad(nameModule, "the kernel module ip_vs is not loaded", "run `modprobe ip_vs`; if the kernel has none, install its modules package")}
	}
	return []Check{good(nameModule, "ip_vs is loaded")}
}

func forwardingOn(_ *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	if v := f.word("forward"); v != "1" {
		return []Check{bad(nameForward, fmt.Sprintf("net.ipv4.ip_forward is %s: the director passes nothing on", v), "run `sysctl -w net.ipv4.ip_forward=1`")}
	}
	return []Check{good(nameForward, "net.ipv4.ip_forward is 1")}
}

// hasAddress looks through `ip -4 -o addr show`; an empty interface is any.
func hasAddress(lines []string, iface string, a netip.Addr) bool {
	for _, line := range lines {
		w := strings.Fields(line)
		if len(w) < 4 || w[2] != "inet" {
			continue
		}
		addr, _, _ := strings.Cut(w[3], "/")
		name, _, _ := strings.Cut(w[1], "@")
		if addr == a.String() && (iface == "" || name == iface) {
			return true
		}
	}
	return false
}

func wanAddress(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	d := c.Director
	if !d.WANAddress.IsValid() {
		return nil
	}
	if !hasAddress(f.lines("addresses"), d.WANInterface, d.WANAddress.Addr()) {
		return []Check{bad(nameWAN, fmt.Sprintf("%s is not on %s", d.WANAddress, d.WANInterface),
			fmt.Sprintf("run `ip addr add %s dev %s` and `ip link set %s up`, or deploy again", d.WANAddress, d.WANInterface, d.WANInterface))}
	}
	return []Check{good(nameWAN, "%s is on %s", d.WANAddress, d.WANInterface)}
}

func vipsPresent(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	var cs []Check
	seen := map[netip.Addr]bool{}
	for _, s := range c.Services {
		if seen[s.VIP] || s.VIP == c.Director.WANAddress.Addr() {
			continue
		}
		seen[s.VIP] = true
		if hasAddress(f.lines("addresses"), "", s.VIP) {
			cs = append(cs, good(nameVIP, "%s is on the director", s.VIP))
		} else {
			cs = append(cs, bad(nameVIP, fmt.Sprintf("the director does not have the VIP %s", s.VIP), redeploy))
		}
	}
	return cs
}

// tableAsWanted compares the live table with the inventory's, service by
// service. Services that are not ours are none of our business.
func tableAsWanted(c *inventory.Cluster, m inventory.Mode, f facts) []Check {
	if !f.ok("table") {
		return []Check{bad(nameService, "cannot read the IPVS table: "+f.said("table"), "install ipvsadm and load ip_vs on the director")}
	}
	live := map[string]virtual{}
	for _, v := range parseRules(f.lines("table")) {
		live[v.key] = v
	}
	names := map[string]string{}
	for i := range c.Services {
		for _, w := range websOf(c, &c.Services[i]) {
			names[realAddr(w, &c.Services[i]).String()] = w.Name
		}
	}
	var cs []Check
	for _, want := range wanted(c, m) {
		got, ok := live[want.key]
		if !ok {
			cs = append(cs, bad(nameService, fmt.Sprintf("the table has no virtual service %s", want.key),
				fmt.Sprintf("run `ipvsadm -A %s -s %s` and add its real servers, or deploy again", want.key, want.scheduler)))
			continue
		}
		before := len(cs)
		if got.scheduler != want.scheduler {
			cs = append(cs, bad(nameScheduler, fmt.Sprintf("%s has scheduler %s, not %s", want.key, got.scheduler, want.scheduler), redeploy))
		}
		if got.timeout != want.timeout {
			cs = append(cs, bad(namePersistence, fmt.Sprintf("%s has a persistence of %d s, not %d s", want.key, got.timeout, want.timeout), redeploy))
		}
		cs = append(cs, serversAsWanted(want, got, names)...)
		if len(cs) == before {
			cs = append(cs, good(nameService, "%s %s with %d real servers, as in the inventory", want.key, want.scheduler, len(want.servers)))
		}
	}
	return cs
}

func serversAsWanted(want, got virtual, names map[string]string) []Check {
	var cs []Check
	live := map[string]real{}
	for _, s := range got.servers {
		live[s.address] = s
	}
	for _, w := range want.servers {
		name := names[w.address]
		g, ok := live[w.address]
		delete(live, w.address)
		edit := fmt.Sprintf("run `ipvsadm -e %s -r %s %s -w %d`, or deploy again", want.key, w.address, w.method, w.weight)
		switch {
		case !ok:
			cs = append(cs, bad(nameServer, fmt.Sprintf("%s has no real server %s (%s)", want.key, w.address, name),
				fmt.Sprintf("run `ipvsadm -a %s -r %s %s -w %d`, or deploy again", want.key, w.address, w.method, w.weight)))
			continue
		case g.method != w.method:
			cs = append(cs, bad(nameMethod, fmt.Sprintf("%s forwards to %s (%s) by %s, not by %s", want.key, w.address, name,
				methodName(g.method), methodName(w.method)), edit))
		}
		if g.weight != w.weight {
			cs = append(cs, bad(nameWeight, fmt.Sprintf("%s gives %s (%s) weight %d, not %d", want.key, w.address, name, g.weight, w.weight), edit))
		}
	}
	for _, g := range got.servers {
		if _, extra := live[g.address]; extra {
			cs = append(cs, bad(nameExtra, fmt.Sprintf("%s has a real server %s that the inventory does not have", want.key, g.address),
				redeploy+", and drains it first"))
		}
	}
	return cs
}

// savedRules compares what the next boot restores with what is live, in
// whatever order they are written.
func savedRules(_ *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	if !f.ok("table") {
		return nil // said by tableAsWanted
	}
	key, file := savedFile(f)
	if !f.ok(key) {
		return []Check{bad(nameSaved, file+" is missing: the next boot restores no table", redeploy+", or run `ipvsadm -Sn > "+file+"`")}
	}
	live, saved := rules(parseRules(f.lines("table"))), rules(parseRules(f.lines(key)))
	if lost := missing(live, saved); len(lost) > 0 {
		return []Check{bad(nameSaved, fmt.Sprintf("%s differs from the live table: it has no `%s`", file, lost[0]),
			redeploy+", or run `ipvsadm -Sn > "+file+"`")}
	}
	if extra := missing(saved, live); len(extra) > 0 {
		return []Check{bad(nameSaved, fmt.Sprintf("%s differs from the live table, which has no `%s`", file, extra[0]),
			redeploy+", or run `ipvsadm -Sn > "+file+"`")}
	}
	return []Check{good(nameSaved, "%s equals the live table (%d rules)", file, len(live))}
}

// savedFile is where the distribution reads the table from at boot.
func savedFile(f facts) (key, file string) {
	if f.ok("debian") {
		return "saved-debian", "/etc/ipvsadm.rules"
	}
	return "saved-el", "/etc/sysconfig/ipvsadm"
}

func rulesAtBoot(_ *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	if f.word("enabled") != "enabled" {
		return []Check{bad(nameRulesBoot, "the service ipvsadm is not enabled: "+f.word("enabled"), "run `systemctl enable ipvsadm` (do not restart it)")}
	}
	if f.ok("debian") && !shellTrue(f.lines("auto"), "AUTO") {
		return []Check{bad(nameRulesBoot, "/etc/default/ipvsadm does not say AUTO=true: the table is not restored at boot", "write AUTO=\"true\" there")}
	}
	return []Check{good(nameRulesBoot, "the service ipvsadm is enabled")}
}

// shellTrue reports whether the last assignment of a variable is true.
func shellTrue(lines []string, name string) bool {
	value := ""
	for _, line := range lines {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			value = strings.Trim(v, `"'`)
		}
	}
	return value == "true"
}

// snatLive looks for the rule by its parts: the order of options and what a
// tool adds to them do not matter. firewalld masquerades, nft has its own words.
func snatLive(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	d := c.Director
	if !d.WANAddress.IsValid() {
		return nil
	}
	source, to := c.Network.Masked().String(), d.WANAddress.Addr().String()
	rule := fmt.Sprintf("-A POSTROUTING -s %s -o %s -j SNAT --to-source %s", source, d.WANInterface, to)
	if !f.ok("nat") && !f.ok("nft") {
		return []Check{bad(nameSNAT, "cannot read the nat table: "+f.said("nat"), "run `iptables -t nat -S` on the director")}
	}
	for _, line := range f.lines("nat") {
		if hasOption(line, "-s", source) && (hasOption(line, "-j", "MASQUERADE") ||
			hasOption(line, "-o", d.WANInterface) && hasOption(line, "-j", "SNAT") && hasOption(line, "--to-source", to)) {
			return []Check{good(nameSNAT, "%s", line)}
		}
	}
	for _, line := range f.lines("nft") {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "ip saddr "+source+" ") && (strings.Contains(line, "masquerade") || strings.Contains(line, "snat to "+to)) {
			return []Check{good(nameSNAT, "%s", line)}
		}
	}
	return []Check{bad(nameSNAT, fmt.Sprintf("the SNAT rule for %s is gone: connections that the real servers open do not get out", source),
		"run `iptables -t nat "+rule+"`, or deploy again")}
}

func hasOption(line, option, value string) bool {
	w := strings.Fields(line)
	for i := 0; i+1 < len(w); i++ {
		if w[i] == option && w[i+1] == value && (i == 0 || w[i-1] != "!") {
			return true
		}
	}
	return false
}

func snatAtBoot(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	if !c.Director.WANAddress.IsValid() {
		return nil
	}
	if zone := strings.Join(strings.Fields(strings.Join(f.lines("zones"), " ")), " "); strings.Contains(zone, fmt.Sprintf("<source address=%q/> <masquerade/>", c.Network.Masked())) {
		return []Check{good(nameSNATBoot, "firewalld keeps the masquerading rule")}
	}
	if f.word("snat-unit") != "enabled" {
		return []Check{bad(nameSNATBoot, fmt.Sprintf("%s is not enabled: %s", snatUnit(c), f.word("snat-unit")), redeploy)}
	}
	return []Check{good(nameSNATBoot, "%s is enabled", snatUnit(c))}
}
