package tasks

import (
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

const (
	interfacesDir = "/etc/network/interfaces.d/"
	ifUpDir       = "/etc/network/if-up.d/"
)

var (
	runPartsName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	upAddress    = regexp.MustCompile(`\bip (?:-4 )?a(?:ddr(?:ess)?)? (?:add|replace) ([0-9.]+/[0-9]+)`)
)

// ifupdownCard is what ifquery says. What a file of ours says too is not
// somebody else's.
func (f Facts) ifupdownCard(dev string) card {
	lines, known := f.Boot.Stanzas[dev]
	stanzas, own, others := 0, 0, 0
	for _, i := range f.Boot.Ifaces {
		if i.Name == dev {
			stanzas++
			if f.ours(i.File) {
				own++
			} else if strings.HasPrefix(path.Base(i.File), "lvsdeploy-") {
				others++
			}
		}
	}
	if !known || stanzas > 0 && stanzas == own {
		return card{}
	}
	c := card{by: Ifupdown, own: own + others, passing: others > 0, atBoot: slices.ContainsFunc(f.Boot.Auto, func(a string) bool {
		fits, err := path.Match(strings.TrimPrefix(a, "/"), dev) // "auto /eth*" is a pattern
		return a == dev || strings.HasPrefix(a, "/") && (fits || err != nil)
	})}
	for i, line := range lines {
		key, value, _ := strings.Cut(line, ": ")
		if m := upAddress.FindStringSubmatch(value); m != nil && (key == "up" || key == "post-up") {
			value = m[1]
		} else if key != "address" {
			continue
		}
		netmask := ""
		for _, next := range lines[i+1:] {
			k, v, _ := strings.Cut(next, ": ")
			if k == "address" {
				break
			}
			if k == "netmask" {
				netmask = v
				break
			}
		}
		if p, ok := prefixOf(value, netmask, netmask); ok {
			c.addresses = append(c.addresses, kept{p, "/etc/network/interfaces"})
		}
	}
	return c
}

// reads reports whether /etc/network/interfaces has a rule that takes the file.
func (b *Boot) reads(file string) bool {
	return slices.ContainsFunc(b.Sources, func(rule string) bool {
		w := strings.Fields(rule)
		for _, pattern := range w[min(1, len(w)):] {
			if !path.IsAbs(pattern) {
				pattern = path.Join("/etc/network", pattern)
			}
			if w[0] != "source" {
				if ok, _ := path.Match(path.Clean(pattern), path.Dir(file)); ok && runPartsName.MatchString(path.Base(file)) {
					return true
				}
			} else if ok, _ := path.Match(pattern, file); ok {
				return true
			}
		}
		return false
	})
}

func interfacesFile(cluster, dev string) string {
	return interfacesDir + word("lvsdeploy-"+cluster+"-"+dev)
}

// interfacesAddress is a stanza, for an interface that has none: a second one
// with an address that is there already makes ifup fail.
func interfacesAddress(cluster, dev string, address netip.Prefix) Task {
	return readByIfup(dev, Write(File{Path: interfacesFile(cluster, dev), Mode: "0644", Content: templates.Render("interfaces", map[string]string{
		"Cluster": cluster, "Device": dev, "Address": address.String(),
	})}))
}

// readByIfup holds that a file counts: ifquery must know its stanza.
func readByIfup(name string, t Task) Task {
	t.Apply = shell.Lines(t.Apply, shell.F(`! command -v ifquery >/dev/null 2>&1 || ifquery %s >/dev/null || { echo "/etc/network/interfaces does not read the file"; exit 1; }`, name))
	t.Hint = "ifquery " + name + " shows what ifupdown knows of it; /etc/network/interfaces has to source /etc/network/interfaces.d"
	return t
}

// ifUp is a hook that runs whenever ifup is through with an interface, wherever
// its stanza stands, and after a DHCP client; it never makes ifup fail.
func ifUp(cluster, name, dev, purpose string, command shell.Fragment) Task {
	return Write(File{Path: ifUpDir + word("lvsdeploy-"+cluster+"-"+name), Mode: "0755", Content: templates.Render("if-up", map[string]string{
		"Cluster": cluster, "Device": shell.Quote(dev), "Purpose": purpose, "Command": string(command),
	})})
}

func ifUpAddress(cluster, dev string, address netip.Prefix) Task {
	return ifUp(cluster, "address-"+dev, dev, "address of "+dev, shell.F("ip addr replace %s dev %s", address, dev))
}

func interfacesGateway(cluster, dev string, gateway netip.Addr) Task {
	return ifUp(cluster, "gateway", dev, "real servers answer through the director", shell.F("ip route replace default via %s dev %s", gateway, dev))
}

// interfacesVIP is a stanza of an alias, which has a name of its own.
func interfacesVIP(cluster string, v VIP) []Task {
	if v.label() == "" {
		return unitVIP(cluster, v)
	}
	route := ""
	if v.onReal() {
		route = string(v.routeCommand())
	}
	return []Task{readByIfup(v.label(), Write(File{Path: interfacesDir + word("lvsdeploy-"+cluster+"-"+strings.ReplaceAll(v.label(), ":", "-")), Mode: "0644",
		Content: templates.Render("interfaces-alias", map[string]string{
			"Cluster": cluster, "Device": v.Dev, "Label": v.label(), "Address": v.Address.String(), "Route": route,
		})}))}
}
