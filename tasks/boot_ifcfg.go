package tasks

import (
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

const (
	ifcfgDir     = "/etc/sysconfig/network-scripts/ifcfg-"
	ifcfgGeneral = "/etc/sysconfig/network"
)

// ifcfgDevice is the interface of an ifcfg file: that of DEVICE, or the one with
// the MAC of HWADDR, or the one that the file is called after.
func (f Facts) ifcfgDevice(file BootFile) string {
	if dev := file.value("DEVICE"); dev != "" {
		return dev
	}
	if mac := file.value("HWADDR"); mac != "" {
		for _, i := range f.Interfaces {
			if strings.EqualFold(i.MAC, mac) {
				return i.Name
			}
		}
		return ""
	}
	return strings.TrimPrefix(file.Path, ifcfgDir)
}

// ifcfgs are the files of interfaces, or of their aliases.
func (f Facts) ifcfgs(aliases bool) []BootFile {
	var all []BootFile
	for _, file := range f.Boot.Files {
		name, ok := strings.CutPrefix(file.Path, ifcfgDir)
		if ok && (strings.Contains(name, ":") || strings.Contains(file.value("DEVICE"), ":")) == aliases {
			all = append(all, file)
		}
	}
	return all
}

func (f Facts) ifcfgCard(dev string) card {
	var c card
	for _, file := range f.ifcfgs(false) {
		if f.ifcfgDevice(file) != dev || f.ours(file.Path) {
			continue
		}
		c.by, c.file = NetworkScripts, file.Path
		c.atBoot = c.atBoot || !no(file.value("ONBOOT"))
		c.noDefault = no(file.value("DEFROUTE"))
		if f.others(file) {
			c.passing, c.shared = true, true
			continue
		}
		c.addresses = append(c.addresses, ifcfgAddresses(file)...)
	}
	for _, file := range f.ifcfgs(true) {
		parent, _, _ := strings.Cut(strings.TrimPrefix(file.Path, ifcfgDir), ":")
		if parent == dev && f.others(file) {
			c.passing = true
		} else if parent == dev && !f.ours(file.Path) && !no(file.value("ONPARENT")) {
			c.addresses = append(c.addresses, ifcfgAddresses(file)...)
		}
	}
	if dev == "lo" { // always brought up
		c.atBoot = true
	}
	return c
}

// ifcfgAddresses are IPADDR, IPADDR0, IPADDR1 and on.
func ifcfgAddresses(file BootFile) []kept {
	var all []kept
	for _, n := range append([]string{""}, numbers(0, 255)...) {
		if p, ok := prefixOf(file.value("IPADDR"+n), file.value("PREFIX"+n), file.value("NETMASK"+n)); ok {
			all = append(all, kept{p, file.Path})
		}
	}
	return all
}

func numbers(from, to int) []string {
	var all []string
	for n := from; n <= to; n++ {
		all = append(all, strconv.Itoa(n))
	}
	return all
}

// ifcfgGatewayFile is the file of the interface whose GATEWAY the boot takes for
// the default route; none where others have a say in it: DEFROUTE, GATEWAYDEV, a
// gateway for the whole machine, another file's, or DHCP.
func (f Facts) ifcfgGatewayFile(dev string) string {
	if f.Boot == nil {
		return ifcfgDir + dev
	}
	general := f.Boot.file(ifcfgGeneral)
	if general.value("GATEWAYDEV") != "" && general.value("GATEWAYDEV") != dev || general.value("GATEWAY") != "" {
		return ""
	}
	found := ""
	for _, file := range f.ifcfgs(false) {
		d := f.ifcfgDevice(file)
		switch {
		case no(file.value("ONBOOT")) && d != dev:
		case d == dev:
			if found != "" || no(file.value("DEFROUTE")) || no(file.value("ONBOOT")) || dhcp(file) || path.Base(file.Path) != "ifcfg-"+dev && file.value("DEVICE") == "" && file.value("HWADDR") == "" {
				return ""
			}
			found = file.Path
		case no(file.value("DEFROUTE")):
		case file.value("GATEWAY") != "" || dhcp(file) || file.value("GATEWAYDEV") != "":
			return ""
		}
	}
	return found
}

func dhcp(file BootFile) bool {
	return strings.EqualFold(file.value("BOOTPROTO"), "dhcp") || strings.EqualFold(file.value("BOOTPROTO"), "bootp")
}

func ifcfgAddress(cluster, dev string, address netip.Prefix) Task {
	return Write(File{Path: ifcfgDir + dev, Mode: "0644", Content: templates.Render("ifcfg", map[string]string{
		"Cluster": cluster,
		"Device":  dev,
		"Address": address.Addr().String(),
		"Netmask": netmask(address.Bits()),
	})})
}

func netmask(bits int) string { return net.IP(net.CIDRMask(bits, 32)).String() }

// ifcfgAlias adds an address to an interface that has a file, without a change
// to that.
func ifcfgAlias(cluster, label, purpose string, address netip.Prefix) Task {
	dev, _, _ := strings.Cut(label, ":")
	return Write(File{Path: ifcfgDir + label, Mode: "0644", Content: templates.Render("ifcfg-alias", map[string]string{
		"Cluster": cluster, "Purpose": purpose, "Device": dev, "Label": label, "Address": address.Addr().String(),
		"Prefix": strconv.Itoa(address.Bits()), "Netmask": netmask(address.Bits()),
	})})
}

func ifcfgGateway(_, dev string, gateway netip.Addr) Task {
	return Setting(ifcfgDir+dev, "GATEWAY", gateway.String())
}

func ifcfgVIP(cluster string, v VIP) []Task {
	if v.label() == "" {
		return []Task{afterScripts(cluster, "vip-"+strconv.Itoa(v.N), v.Dev, "VIP "+v.Address.String(), v.setCommand())}
	}
	list := []Task{ifcfgAlias(cluster, v.label(), "the VIP", netip.PrefixFrom(v.Address, 32))}
	if v.onReal() {
		list = append(list, afterScripts(cluster, "route-"+strconv.Itoa(v.N), v.Dev, "host route of VIP "+v.Address.String(), v.routeCommand()))
	}
	return list
}

// afterScripts is a unit that comes after network.service, and again when that
// has been started anew.
func afterScripts(cluster, kind, dev, purpose string, command shell.Fragment) Task {
	return networkUnit(cluster, kind, dev, purpose, "network.service", command)
}
