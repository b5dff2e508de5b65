package verify

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// loopback is where real servers carry the VIPs in DR mode.
const loopback = "lo"

// addressOn is one line of `ip -4 -o addr show`.
type addressOn struct {
	dev    string
	prefix netip.Prefix
}

func addressesOf(f facts) []addressOn {
	var all []addressOn
	for _, line := range f.lines("addresses") {
		w := strings.Fields(line)
		if len(w) < 4 || w[2] != "inet" {
			continue
		}
		dev, _, _ := strings.Cut(w[1], "@")
		if !strings.Contains(w[3], "/") {
			w[3] += "/32"
		}
		if p, err := netip.ParsePrefix(w[3]); err == nil {
			all = append(all, addressOn{dev, p})
		}
	}
	return all
}

// deviceOf is the interface of a host that carries its address; the
// inventory's word counts where the host's cannot be had.
func deviceOf(h inventory.Host, f facts) string {
	for _, a := range addressesOf(f) {
		if a.prefix.Addr() == h.Address {
			return a.dev
		}
	}
	return h.Interface
}

// noRouter: nothing comes back through the director, and it is not to tell
// clients of a shorter way. The kernel sends redirects if either all or the
// interface says so; default is what new interfaces begin with.
func noRouter(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	if v := f.word("forward"); v != "0" {
		return []Check{bad(nameNoRouter, fmt.Sprintf("net.ipv4.ip_forward is %s: in DR mode the director is no router", v),
			"run `sysctl -w net.ipv4.ip_forward=0`, or deploy again")}
	}
	return []Check{good(nameNoRouter, "net.ipv4.ip_forward is 0")}
}

func redirectsOff(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	var on []string
	for _, dev := range redirectDevices(c, f) {
		if v := conf(f, dev, "send_redirects"); v != 0 {
			on = append(on, confKey(dev, "send_redirects"))
		}
	}
	if len(on) > 0 {
		return []Check{bad(nameRedirects, on[0]+" is not 0: the director tells clients of a way past itself",
			"run `sysctl -w "+strings.Join(on, "=0 ")+"=0`, or deploy again")}
	}
	return []Check{good(nameRedirects, "net.ipv4.conf.{%s}.send_redirects are 0", strings.Join(redirectDevices(c, f), ","))}
}

func redirectDevices(c *inventory.Cluster, f facts) []string {
	return []string{"all", "default", deviceOf(c.Director.Host, f)}
}

func redirectsAtBoot(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	all := settings(f)
	for _, dev := range redirectDevices(c, f) {
		if v := confKept(all, dev, "send_redirects"); v != 0 {
			return []Check{bad(nameRedirectBoot, fmt.Sprintf("the files of sysctl.d leave %s at %d for the next boot", confKey(dev, "send_redirects"), v), redeploy)}
		}
	}
	return []Check{good(nameRedirectBoot, "sysctl.d keeps send_redirects at 0")}
}

// vipsOnInterface: on any other interface than the LAN's the director would
// answer for the VIP only by chance.
func vipsOnInterface(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	dev := deviceOf(c.Director.Host, f)
	var cs []Check
	for _, vip := range c.VIPs() {
		on := holding(f, vip)
		switch {
		case len(on) == 0:
			cs = append(cs, bad(nameVIP, fmt.Sprintf("the director does not have the VIP %s", vip),
				fmt.Sprintf("run `ip addr add %s/32 dev %s`, or deploy again", vip, dev)))
		case !slices.ContainsFunc(on, func(a addressOn) bool { return a.dev == dev }):
			cs = append(cs, bad(nameVIP, fmt.Sprintf("the VIP %s is on %s of the director, not on %s", vip, on[0].dev, dev), redeploy))
		default:
			cs = append(cs, good(nameVIP, "%s is on %s", vip, dev))
		}
	}
	return cs
}

func holding(f facts, a netip.Addr) []addressOn {
	return slices.DeleteFunc(addressesOf(f), func(on addressOn) bool { return on.prefix.Addr() != a })
}

func directorVIPsAtBoot(c *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	return vipsAtBoot(c, f, deviceOf(c.Director.Host, f))
}

func webVIPsAtBoot(c *inventory.Cluster, _ *inventory.Web, f facts) []Check {
	return vipsAtBoot(c, f, loopback)
}

// vipsOnLoopback: a real server takes what the director hands it only for an
// address of its own; a wide mask makes the whole network its own.
func vipsOnLoopback(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	var cs []Check
	for _, vip := range c.VIPs() {
		on := holding(f, vip)
		i := slices.IndexFunc(on, func(a addressOn) bool { return a.dev != loopback })
		switch {
		case len(on) == 0:
			cs = append(cs, bad(nameLoopbackVIP, fmt.Sprintf("the VIP %s is missing on lo: what the director hands over is dropped", vip),
				fmt.Sprintf("with arp_ignore=1 and arp_announce=2 set, run `ip addr add %s/32 dev lo`, or deploy again", vip)))
		case i >= 0:
			cs = append(cs, bad(nameLoopbackVIP, fmt.Sprintf("the VIP %s is on %s, not on lo: ARP for it is answered there", vip, on[i].dev),
				fmt.Sprintf("run `ip addr del %s dev %s`, and deploy again", on[i].prefix, on[i].dev)))
		case on[0].prefix.Bits() != 32:
			cs = append(cs, bad(nameLoopbackVIP, fmt.Sprintf("the VIP has a wide mask on lo, %s: all of %s is taken for this host's own", on[0].prefix, on[0].prefix.Masked()),
				fmt.Sprintf("run `ip addr add %s/32 dev lo && ip addr del %s dev lo`, or deploy again", vip, on[0].prefix)))
		default:
			cs = append(cs, good(nameLoopbackVIP, "%s is on lo", on[0].prefix))
		}
	}
	return cs
}

// hostRoutes: beside the kernel's own local entry, the route of the tutorial.
func hostRoutes(c *inventory.Cluster, _ *inventory.Web, f facts) []Check {
	var cs []Check
	for _, vip := range c.VIPs() {
		if slices.ContainsFunc(f.lines("routes"), func(line string) bool {
			w := strings.Fields(line)
			return len(w) > 2 && (w[0] == vip.String() || w[0] == vip.String()+"/32") && valueOf(w, "dev") == loopback
		}) {
			cs = append(cs, good(nameHostRoute, "%s is routed to lo", vip))
			continue
		}
		cs = append(cs, bad(nameHostRoute, fmt.Sprintf("the host route of the VIP %s to lo is missing", vip),
			fmt.Sprintf("run `ip route add %s/32 dev lo`, or deploy again", vip)))
	}
	return cs
}

// arpSettings: of all and the interface the kernel takes the greater one. 2 of
// arp_ignore is 1 with one more condition; what is above leaves more than the
// VIP unanswered, or answers for it.
func arpSettings(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	dev := deviceOf(w.Host, f)
	return arpJudged(dev, nameARPIgnore, nameARPAnnounce,
		func(d, name string) int { return conf(f, d, name) },
		func(name string, v, want int, what string) (string, string) {
			return fmt.Sprintf("net.ipv4.conf.{all,%s}.%s is %d, not %d: %s", keyPart(dev), name, v, want, what),
				fmt.Sprintf("run `sysctl -w net.ipv4.conf.all.%s=%d`, then `ip neigh flush all` on the clients; or deploy again", name, want)
		})
}

func arpAtBoot(_ *inventory.Cluster, w *inventory.Web, f facts) []Check {
	dev, all := deviceOf(w.Host, f), settings(f)
	return arpJudged(dev, nameARPBoot, nameARPBoot,
		func(d, name string) int { return confKept(all, d, name) },
		func(name string, v, want int, what string) (string, string) {
			return fmt.Sprintf("the files of sysctl.d leave net.ipv4.conf.{all,%s}.%s at %d for the next boot, not %d", keyPart(dev), name, v, want), redeploy
		})
}

func arpJudged(dev, ignoreName, announceName string, value func(dev, name string) int, say func(name string, v, want int, what string) (string, string)) []Check {
	judge := func(check, name string, want, most int, what string) Check {
		v := max(value("all", name), value(dev, name))
		if v < want || v > most {
			detail, hint := say(name, v, want, what)
			return bad(check, detail, hint)
		}
		return good(check, "%s is %d", name, v)
	}
	return []Check{
		judge(ignoreName, "arp_ignore", 1, 2, "it answers ARP for the VIP"),
		judge(announceName, "arp_announce", 2, 2, "it tells others the VIP as its address by ARP"),
	}
}

// notThroughDirector: replies leave by the web's own routes. Those through
// the director end there: it holds the VIP itself and takes them for forged.
func notThroughDirector(c *inventory.Cluster, _ *inventory.Web, f facts) []Check {
	director := c.Director.Address.String()
	for _, line := range f.lines("routes") {
		w := strings.Fields(line)
		if len(w) < 3 || valueOf(w, "via") != director {
			continue
		}
		if w[0] == "default" {
			return []Check{bad(nameThrough, "it routes through the director: its default gateway is "+director+", which drops replies that come from the VIP",
				"give it the LAN's own router: `ip route replace default via ROUTER`; deploy again if the director was set by lvsdeploy")}
		}
		return []Check{bad(nameThrough, fmt.Sprintf("it routes to %s through the director, %s, which drops replies that come from the VIP", w[0], director),
			fmt.Sprintf("run `ip route del %s via %s`", w[0], director))}
	}
	if g := gateway(f.lines("route")); g != "" {
		return []Check{good(nameThrough, "the default gateway is %s, not the director", g)}
	}
	return []Check{good(nameThrough, "no route leads through the director")}
}

// listening looks whether the web server takes connections to the VIPs.
func listening(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	if !f.ok("listen") {
		return nil // no ss: the requests will tell
	}
	var cs []Check
	for i := range c.Services {
		s := &c.Services[i]
		if s.Protocol == "udp" || w.Weight == 0 || !slices.ContainsFunc(websOf(c, s), func(o *inventory.Web) bool { return o.Name == w.Name }) {
			continue
		}
		unit, _ := webUnit(f)
		if unit == "" {
			unit = "the web server"
		}
		port := strconv.Itoa(int(s.Port))
		on := listeners(f.lines("listen"), port)
		hint := fmt.Sprintf("have it say `Listen %s` without an address (in the ports or main file of %s) and restart it", port, unit)
		switch {
		case len(on) == 0:
			cs = append(cs, bad(nameListen, "nothing listens on port "+port, hint))
		case slices.ContainsFunc(on, func(a string) bool { return a == "*" || a == s.VIP.String() }):
			cs = append(cs, good(nameListen, "port %s is open for the VIP", port))
		default:
			cs = append(cs, bad(nameListen, fmt.Sprintf("%s listens on %s only, not on the VIP %s: it refuses what the director hands over",
				unit, strings.Join(on, ":"+port+" and ")+":"+port, s.Endpoint()), hint))
		}
	}
	return cs
}

// listeners are the local addresses of a port in the output of `ss -ltn`; any
// address is *, whichever way ss writes it.
func listeners(lines []string, port string) []string {
	var all []string
	for _, line := range lines {
		w := strings.Fields(line)
		if len(w) < 5 || w[0] != "LISTEN" {
			continue
		}
		addr, ok := strings.CutSuffix(w[3], ":"+port)
		if !ok {
			continue
		}
		addr, _, _ = strings.Cut(strings.Trim(addr, "[]"), "%")
		switch addr = strings.TrimPrefix(addr, "::ffff:"); addr {
		case "*", "0.0.0.0", "::", "":
			addr = "*"
		}
		if !slices.Contains(all, addr) {
			all = append(all, addr)
		}
	}
	return all
}

var (
	maskLine   = regexp.MustCompile(`(?i)\b(?:netmask|prefix)[= "]+([0-9.]+)`)
	deviceLine = regexp.MustCompile(`(?i)(?:\bdev |\biface |^\s*device=|interface-name=|^\s*name=)"?([a-z0-9_.-]+)`)
)

// vipsAtBoot looks for a file that gives a VIP to the device at boot, whoever
// reads it there, with the mask of one host.
func vipsAtBoot(c *inventory.Cluster, f facts, dev string) []Check {
	files := keptFiles(f, "kept")
	var cs []Check
	for _, vip := range c.VIPs() {
		verdict := bad(nameVIPBoot, fmt.Sprintf("no file keeps the VIP %s on %s for the next boot", vip, dev), redeploy)
		for _, k := range files {
			if k.vip != vip.String() || k.dev() != dev && !k.about(dev) {
				continue
			}
			switch mask := k.mask(); {
			case mask != 32:
				verdict = bad(nameVIPBoot, fmt.Sprintf("%s gives the VIP %s a wide mask at boot, /%d", k.file, vip, mask), redeploy)
			case strings.HasSuffix(k.file, ".service") && !slices.Contains(k.lines, "enabled"):
				verdict = bad(nameVIPBoot, fmt.Sprintf("%s would set the VIP %s at boot, and is not enabled", k.file, vip), redeploy)
			default:
				verdict = good(nameVIPBoot, "%s keeps %s on %s", k.file, vip, dev)
			}
			if !verdict.OK {
				break
			}
		}
		cs = append(cs, verdict)
	}
	return cs
}

// keptFile is a file that names a VIP, and those of its lines that say how.
type keptFile struct {
	vip, file string
	lines     []string
}

func keptFiles(f facts, key string) []keptFile {
	var all []keptFile
	for _, line := range f.lines(key) {
		if w := strings.Fields(line); len(w) == 3 && w[1] == "in" && strings.HasPrefix(w[2], "/") {
			all = append(all, keptFile{vip: w[0], file: w[2]})
		} else if n := len(all); n > 0 {
			all[n-1].lines = append(all[n-1].lines, line)
		}
	}
	return all
}

// dev is the device without the alias's label.
func (k keptFile) dev() string {
	for _, line := range k.lines {
		if m := deviceLine.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return ""
}

func (k keptFile) mask() int {
	for _, line := range k.lines {
		if _, rest, ok := strings.Cut(line, k.vip+"/"); ok {
			digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
			if n, err := strconv.Atoi(digits); err == nil {
				return n
			}
		}
		if m := maskLine.FindStringSubmatch(line); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				return n
			}
			if a, err := netip.ParseAddr(m[1]); err == nil {
				n := 0
				for _, b := range a.AsSlice() {
					for ; b != 0; b <<= 1 {
						n++
					}
				}
				return n
			}
		}
	}
	return 0
}
