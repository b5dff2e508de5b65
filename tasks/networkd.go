package tasks

import (
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// networkdCard is the .network file that networkd has taken for an interface,
// with its drop-ins. netplan's are among them.
func (f Facts) networkdCard(dev string) card {
	file := f.Boot.Networks[dev]
	if file == "" || f.ours(file) || f.Network == Netplan && byNetplan(f.Manifest, file) {
		return card{}
	}
	c := card{by: Networkd, file: file, atBoot: true, shared: !onlyFor(f.Boot.file(file), f.macOf(dev), dev)}
	if f.others(f.Boot.file(file)) || byNetplan(f.Boot.Theirs, file) {
		c.passing, c.shared = true, true
		return c
	}
	for _, part := range f.Boot.Files {
		if part.Path != file && path.Dir(part.Path) != "/etc/systemd/network/"+path.Base(file)+".d" &&
			path.Base(path.Dir(part.Path)) != path.Base(file)+".d" || f.ours(part.Path) || f.others(part) {
			continue
		}
		for _, v := range part.values("Address") {
			if p, ok := prefixOf(v, "", ""); ok {
				c.addresses = append(c.addresses, kept{p, part.Path})
			}
		}
	}
	return c
}

// byNetplan: is it the file that netplan makes of one of a cluster's alone?
func byNetplan(manifest []string, file string) bool {
	id := strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "10-netplan-"), ".network")
	return slices.ContainsFunc(manifest, func(entry string) bool {
		return strings.HasPrefix(entry, "file /etc/netplan/90-lvsdeploy-") && strings.HasSuffix(entry, "-"+id+".yaml")
	})
}

func (f Facts) macOf(dev string) string {
	i := slices.IndexFunc(f.Interfaces, func(i Interface) bool { return i.Name == dev })
	if i < 0 {
		return ""
	}
	return f.Interfaces[i].MAC
}

// onlyFor reports whether a .network file is for one interface and no other: a
// drop-in to it would count for all that it matches.
func onlyFor(file BootFile, mac, dev string) bool {
	section := ""
	var names, macs []string
	for _, line := range file.Lines {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
		}
		if section != "[Match]" {
			continue
		}
		if v, ok := assigned(line, "Name"); ok {
			names = append(names, strings.Fields(v)...)
		}
		for _, key := range []string{"MACAddress", "PermanentMACAddress"} {
			if v, ok := assigned(line, key); ok {
				macs = append(macs, strings.Fields(strings.ToLower(v))...)
			}
		}
	}
	return slices.Equal(names, []string{dev}) || mac != "" && slices.Equal(macs, []string{strings.ToLower(mac)})
}

// networkdAddress is a file for an interface that nobody configures. networkd
// takes away what is not its own when it takes an interface over: if there is
// something, it is left to the next boot.
func networkdAddress(cluster, dev string, address netip.Prefix) Task {
	t := Write(File{Path: "/etc/systemd/network/05-lvsdeploy-" + cluster + "-" + dev + ".network", Mode: "0644",
		Content: templates.Render("network", map[string]string{"Cluster": cluster, "Device": dev, "Address": address.String()})})
	t.Apply = shell.Lines(t.Apply, shell.F("! only_ours %s %s || without_loss 'networkctl reload'", dev, address))
	t.Undo = reread("networkctl reload")
	t.Needs = command("networkctl")
	return t
}

// netplanReload has networkd read what netplan makes of all its files, where
// netplan's own apply, which does for others than networkd, takes its time and
// goes through everything. It may set up each interface anew, as netplan writes
// all of networkd's files again: what is on one must be in its files.
const netplanReload = "netplan generate && if systemctl is-active --quiet systemd-networkd; then networkctl reload; else netplan apply; fi"

// netplanAddress is one more file for netplan, which makes one of all. It counts
// from the next boot on: to have it read now would set up every interface anew,
// and take from all what was given by hand.
func netplanAddress(cluster, dev string, address netip.Prefix) Task {
	t := Write(File{Path: "/etc/netplan/90-lvsdeploy-" + cluster + "-" + dev + ".yaml", Mode: "0600",
		Content: templates.Render("netplan", map[string]string{"Cluster": cluster, "Device": dev, "Address": address.String()})})
	t.Apply = shell.Lines(t.Apply, `if command -v netplan >/dev/null 2>&1; then netplan get >/dev/null; fi`)
	t.Needs = command("netplan")
	t.Hint = "netplan get says what is wrong with the files below /etc/netplan"
	return t
}

// networkdDropin adds an address to the file that networkd takes for an
// interface, whoever wrote that. What is live is another task's: networkd need
// not read it before it sets the interface up anew.
func networkdDropin(cluster, file, name string, address netip.Prefix, label string) Task {
	return Write(File{Path: "/etc/systemd/network/" + path.Base(file) + ".d/lvsdeploy-" + cluster + "-" + name + ".conf", Mode: "0644",
		Content: templates.Render("network-alias", map[string]string{"Cluster": cluster, "Label": label, "Address": address.String()})})
}

// networkdGateway is a unit: files could only add a default route to one that
// the system's own files have, and which of two counts is not said.
func networkdGateway(cluster, dev string, gateway netip.Addr) Task {
	return afterNetworkd(cluster, "gateway", dev, "default route through the director",
		shell.F("ip route replace default via %s dev %s", gateway, dev))
}

// networkdVIP is a unit too: on lo there is nothing else to configure.
func networkdVIP(cluster string, v VIP) []Task {
	dev := v.Dev
	return []Task{afterNetworkd(cluster, "vip-"+strconv.Itoa(v.N), dev, "VIP "+v.Address.String(), v.setCommand())}
}

// netplanVIP adds to what netplan tells networkd of the director's interface.
// That is set up anew whenever somebody has networkd read its files, as netplan
// writes them again at every daemon-reload; a unit would not know.
func netplanVIP(cluster string, v VIP) []Task {
	return dropinVIP(cluster, "10-netplan-"+v.Dev+".network", v)
}

func dropinVIP(cluster, file string, v VIP) []Task {
	unit := networkdVIP(cluster, v)
	if v.Dev == "lo" || file == "" {
		return unit
	}
	return append([]Task{networkdDropin(cluster, file, "vip-"+strconv.Itoa(v.N), netip.PrefixFrom(v.Address, 32), v.label())}, unit...)
}

// afterNetworkd is a unit that comes after networkd is done with an interface,
// and again when networkd has been started anew: it takes away what is not its
// own.
func afterNetworkd(cluster, kind, dev, purpose string, command shell.Fragment) Task {
	ready := shell.F("! systemctl is-active --quiet systemd-networkd || [ %s = lo ] || /usr/lib/systemd/systemd-networkd-wait-online -i %s --timeout=30", dev, dev)
	return networkUnit(cluster, kind, dev, purpose, "systemd-networkd.service", shell.F("{ %s; }; %s", ready, command))
}
