package tasks

import (
	"net"
	"net/netip"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// backend keeps addresses and routes across reboots in the files of whoever
// brings interfaces up at boot. Adding one is a row in backends.
type backend struct {
	address func(cluster, dev string, address netip.Prefix) Task
	gateway func(cluster, dev string, gateway netip.Addr) Task
	vip     func(cluster string, v VIP) []Task
}

var backends = map[Network]backend{
	NetworkScripts: {address: ifcfgAddress, gateway: ifcfgGateway, vip: ifcfgVIP},
	Ifupdown:       {address: interfacesAddress, gateway: interfacesGateway, vip: interfacesVIP},
	NetworkManager: {address: nmAddress, gateway: nmGateway, vip: nmVIP},
	Networkd:       {address: networkdAddress, gateway: networkdGateway, vip: networkdVIP},
	Netplan:        {address: netplanAddress, gateway: networkdGateway, vip: netplanVIP},
}

// unknown does it by a unit of our own, which works whoever else is there.
var unknown = backend{address: unitAddress, gateway: unitGateway, vip: unitVIP}

func backendOf(n Network) backend {
	if b, ok := backends[n]; ok {
		return b
	}
	return unknown
}

// KeepAddress has the address of an interface that nobody else configures set
// at boot.
func KeepAddress(n Network, cluster, dev string, address netip.Prefix) Task {
	return risky(backendOf(n).address(cluster, dev, address))
}

// KeepDefaultRoute has the default route set at boot.
func KeepDefaultRoute(n Network, cluster, dev string, gateway netip.Addr) Task {
	return risky(backendOf(n).gateway(cluster, dev, gateway))
}

// reread is for Undo: a command that makes the network's own manager read the
// files that have been put back.
func reread(command string) shell.Fragment { return echo(shell.Fragment("reread " + command)) }

// Rereaders are the handlers of those who have to know when a file of ours for
// the network or the firewall is gone.
func Rereaders() []Reader {
	all := []Reader{policiesReader()}
	for _, r := range []struct{ below, command string }{
		{"/etc/NetworkManager/system-connections", "nmcli connection reload"},
		{"/etc/systemd/network", "networkctl reload"},
		{"/etc/netplan", netplanReload},
	} {
		tool, _, _ := strings.Cut(r.command, " ")
		all = append(all, Reader{Below: r.below, Handler: Handler(tool, Task{
			Name:  "have " + tool + " read the files that are left",
			Check: "exit 1",
			Apply: shell.F("! command -v %s >/dev/null 2>&1 || %s", tool, shell.Fragment(r.command)),
		})})
	}
	return all
}

const ifcfgDir = "/etc/sysconfig/network-scripts/ifcfg-"

func ifcfgAddress(cluster, dev string, address netip.Prefix) Task {
	return Write(File{Path: ifcfgDir + dev, Mode: "0644", Content: templates.Render("ifcfg", map[string]string{
		"Cluster": cluster,
		"Device":  dev,
		"Address": address.Addr().String(),
		"Netmask": net.IP(net.CIDRMask(address.Bits(), 32)).String(),
	})})
}

func ifcfgGateway(_, dev string, gateway netip.Addr) Task {
	return Setting(ifcfgDir+dev, "GATEWAY", gateway.String())
}

const interfacesDir = "/etc/network/interfaces.d/"

func interfacesAddress(cluster, dev string, address netip.Prefix) Task {
	return Write(File{Path: interfacesDir + "lvsdeploy-" + cluster + "-" + dev, Mode: "0644", Content: templates.Render("interfaces", map[string]string{
		"Cluster": cluster, "Device": dev, "Address": address.String(),
	})})
}

// interfacesGateway uses a hook rather than a stanza: it runs after the
// interface has its address, wherever its stanza stands, and after a DHCP
// client has set a route of its own.
func interfacesGateway(cluster, dev string, gateway netip.Addr) Task {
	return Write(File{Path: "/etc/network/if-up.d/lvsdeploy-" + cluster + "-gateway", Mode: "0755", Content: templates.Render("if-up", map[string]string{
		"Cluster": cluster, "Device": shell.Quote(dev), "Gateway": gateway.String(),
	})})
}

func unitAddress(cluster, dev string, address netip.Prefix) Task {
	return networkUnit(cluster, "address", dev, "address of "+dev, "",
		shell.F("ip addr replace %s dev %s && ip link set dev %s up", address, dev, dev))
}

func unitGateway(cluster, dev string, gateway netip.Addr) Task {
	return networkUnit(cluster, "gateway", dev, "default route through the director", "",
		shell.F("ip route replace default via %s dev %s", gateway, dev))
}

// networkUnit runs command at boot, and again when the unit it follows, if any,
// has been started anew.
func networkUnit(cluster, kind, dev, purpose, follows string, command shell.Fragment) Task {
	name := "lvsdeploy-" + cluster + "-" + kind + ".service"
	t := Unit(name, templates.Render("network.service", map[string]string{
		"Cluster": cluster, "Device": dev, "Purpose": purpose, "Follows": follows, "Command": shell.Systemd(command),
	}))
	if follows != "" { // only a unit that is active is started anew with it
		t.Check = shell.Lines(t.Check, shell.F("systemctl is-active --quiet %s || { echo 'not active'; return 1; }", name))
		t.Apply = shell.Lines(t.Apply, shell.F("systemctl restart %s", name))
	}
	// going back must not depend on a systemctl that may be shutting down
	t.Apply = shell.Lines(shell.F("guard %s", "/etc/systemd/system/multi-user.target.wants/"+name), t.Apply)
	t.Undo = shell.F("systemctl is-enabled --quiet %s 2>/dev/null || echo %s", name,
		string(shell.F("systemctl disable --quiet %s; systemctl stop --no-block %s", name, name)))
	return t
}
