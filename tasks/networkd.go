package tasks

import (
	"net/netip"
	"strconv"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// networkdAddress is a file that counts before the general ones of an
// installation.
func networkdAddress(cluster, dev string, address netip.Prefix) Task {
	t := Write(File{Path: "/etc/systemd/network/05-lvsdeploy-" + cluster + "-" + dev + ".network", Mode: "0644",
		Content: templates.Render("network", map[string]string{"Cluster": cluster, "Device": dev, "Address": address.String()})})
	t.Apply = shell.Lines(t.Apply, "networkctl reload")
	t.Undo = reread("networkctl reload")
	t.Needs = command("networkctl")
	return t
}

// netplanReload has networkd read what netplan makes of all its files, where
// netplan's own apply, which does for others than networkd, takes its time and
// goes through everything. It may set up each interface anew, as netplan writes
// all of networkd's files again: what is on one must be in its files.
const netplanReload = "netplan generate && if systemctl is-active --quiet systemd-networkd; then networkctl reload; else netplan apply; fi"

// netplanAddress is one more file for netplan, which makes one of all.
func netplanAddress(cluster, dev string, address netip.Prefix) Task {
	t := Write(File{Path: "/etc/netplan/90-lvsdeploy-" + cluster + "-" + dev + ".yaml", Mode: "0600",
		Content: templates.Render("netplan", map[string]string{"Cluster": cluster, "Device": dev, "Address": address.String()})})
	t.Apply = shell.Lines(t.Apply, netplanReload)
	t.Undo = reread(netplanReload)
	t.Needs = command("netplan")
	t.Hint = "netplan generate says what is wrong with the files below /etc/netplan"
	return t
}

// networkdGateway is a unit: files could only add a default route to one that
// the system's own files have, and which of two counts is not said.
func networkdGateway(cluster, dev string, gateway netip.Addr) Task {
	return afterNetworkd(cluster, "gateway", dev, "default route through the director",
		shell.F("ip route replace default via %s dev %s", gateway, dev))
}

// networkdVIP is a unit too: on lo there is nothing else to configure, and the
// file of the director's interface is another's.
func networkdVIP(cluster string, v VIP) []Task {
	dev := v.Dev
	return []Task{afterNetworkd(cluster, "vip-"+strconv.Itoa(v.N), dev, "VIP "+v.Address.String(), v.setCommand())}
}

// netplanVIP adds to what netplan tells networkd of the director's interface.
// That is set up anew whenever somebody has networkd read its files, as netplan
// writes them again at every daemon-reload; a unit would not know. Where
// netplan has another name for the interface, nobody reads the file, and the
// unit is all there is.
func netplanVIP(cluster string, v VIP) []Task {
	unit := networkdVIP(cluster, v)
	if v.Dev == "lo" {
		return unit
	}
	own := Write(File{Path: "/etc/systemd/network/10-netplan-" + v.Dev + ".network.d/lvsdeploy-" + cluster + "-vip-" + strconv.Itoa(v.N) + ".conf", Mode: "0644",
		Content: templates.Render("network-alias", map[string]string{"Cluster": cluster, "Label": v.label(), "Address": netip.PrefixFrom(v.Address, 32).String()})})
	return append([]Task{own}, unit...)
}

// afterNetworkd is a unit that comes after networkd is done with an interface,
// and again when networkd has been started anew: it takes away what is not its
// own.
func afterNetworkd(cluster, kind, dev, purpose string, command shell.Fragment) Task {
	ready := shell.F("! systemctl is-active --quiet systemd-networkd || [ %s = lo ] || /usr/lib/systemd/systemd-networkd-wait-online -i %s --timeout=30", dev, dev)
	return networkUnit(cluster, kind, dev, purpose, "systemd-networkd.service", shell.F("{ %s; }; %s", ready, command))
}
