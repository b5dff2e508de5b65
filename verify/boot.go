package verify

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// wanOf is the address whose keeping is looked for on the director.
func wanOf(c *inventory.Cluster, mode inventory.Mode) string {
	if mode != inventory.NAT || !c.Director.WANAddress.IsValid() {
		return ""
	}
	return c.Director.WANAddress.Addr().String()
}

// gatewayOf is the way out of the real servers.
func gatewayOf(c *inventory.Cluster, mode inventory.Mode) string {
	if mode != inventory.NAT {
		return ""
	}
	return c.Director.Address.String()
}

var netplanName = regexp.MustCompile(`^ {4}"?([a-zA-Z0-9_.-]+)"?:$`)

// about reports whether a file says something of the interface.
func (k keptFile) about(dev string) bool {
	return slices.ContainsFunc(k.lines, func(line string) bool {
		for _, form := range []*regexp.Regexp{deviceLine, netplanName} {
			if m := form.FindStringSubmatch(line); m != nil && m[1] == dev {
				return true
			}
		}
		return false
	})
}

// off reports whether it is a unit that no boot starts.
func (k keptFile) off() bool {
	return strings.HasSuffix(k.file, ".service") && !slices.Contains(k.lines, "enabled")
}

func wanAtBoot(c *inventory.Cluster, mode inventory.Mode, f facts) []Check {
	if wanOf(c, mode) == "" || !f["kept-wan"].known {
		return nil
	}
	d := c.Director
	var off *keptFile
	for _, k := range keptFiles(f, "kept-wan") {
		switch {
		case !k.about(d.WANInterface):
		case k.off():
			off = &k
		default:
			return []Check{good(nameWANBoot, "%s keeps %s on %s", k.file, d.WANAddress, d.WANInterface)}
		}
	}
	if off != nil {
		return []Check{bad(nameWANBoot, fmt.Sprintf("%s would set %s at boot, and is not enabled", off.file, d.WANAddress), redeploy)}
	}
	return []Check{bad(nameWANBoot, fmt.Sprintf("no file that the boot reads keeps %s on %s", d.WANAddress, d.WANInterface), redeploy)}
}

// gatewayAtBoot looks for what makes the director the way out: a route, or the
// gateway of a file that has a say in it.
func gatewayAtBoot(c *inventory.Cluster, _ *inventory.Web, f facts) []Check {
	if !f["kept-gateway"].known {
		return nil
	}
	director := c.Director.Address.String()
	says := regexp.MustCompile(`(?i)(?:\bvia |\bgateway[ ="]+|^route[0-9]*=0\.0\.0\.0/0,)` + regexp.QuoteMeta(director) + `(?:[^0-9.]|$)`)
	verdict := bad(nameGatewayBoot, "no file that the boot reads makes the director, "+director+", the way out", redeploy)
	for _, k := range keptFiles(f, "kept-gateway") {
		no := slices.ContainsFunc(k.lines, func(line string) bool {
			return strings.HasPrefix(strings.ToLower(strings.ReplaceAll(line, `"`, "")), "defroute=n")
		})
		switch {
		case !slices.ContainsFunc(k.lines, says.MatchString):
		case k.off():
			verdict = bad(nameGatewayBoot, fmt.Sprintf("%s would make the director the way out at boot, and is not enabled", k.file), redeploy)
		case no && strings.Contains(k.file, "/ifcfg-"):
			verdict = bad(nameGatewayBoot, fmt.Sprintf("%s has the director for its gateway, and DEFROUTE=no", k.file), redeploy)
		default:
			return []Check{good(nameGatewayBoot, "%s makes %s the way out", k.file, director)}
		}
	}
	return []Check{verdict}
}

// answersWay: a rule of policy routing may send answers by another table than
// the one that everybody looks at.
func answersWay(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	if !f.ok("way") {
		return nil // there is no default route: defaultGateway says so
	}
	way := strings.Fields(strings.Join(f.lines("way"), " "))
	table, director := valueOf(way, "table"), c.Director.Address
	if via, err := netip.ParseAddr(valueOf(way, "via")); table == "" || err == nil && via == director {
		return nil
	}
	rule := ""
	for _, line := range f.lines("rules") {
		if strings.Contains(line+" ", "lookup "+table+" ") {
			rule = strings.Join(strings.Fields(line), " ")
			break
		}
	}
	return []Check{bad(nameGateway, fmt.Sprintf("answers from %s do not leave through the director, but by table %s: rule %s", w.Address, table, rule),
		fmt.Sprintf("take the rule away, or run `ip route replace default via %s table %s`", director, table))}
}
