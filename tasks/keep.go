package tasks

import (
	"net/netip"
	"strconv"
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
	NetworkManager: {address: nmAddress, gateway: nmGateway(""), vip: nmVIP},
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

// KeepAddress has an address set at boot on an interface that nobody else
// configures; see Facts.KeepAddress.
func KeepAddress(n Network, cluster, dev string, address netip.Prefix) Task {
	return risky(backendOf(n).address(cluster, dev, address))
}

// KeepAddress has an address set at boot: not at all if somebody keeps it
// already, within what somebody has configured for the interface, and by a file
// of our own only where nobody has.
func (f Facts) KeepAddress(cluster, dev string, address netip.Prefix) []Task {
	// firewalld would get an interface of NetworkManager's into its default zone,
	// with all that this lets in and forwards
	unmanaged := f.Network == NetworkManager && f.Firewall == "firewalld"
	if f.Boot == nil {
		if unmanaged {
			return []Task{KeepAddress(NoNetwork, cluster, dev, address)}
		}
		return []Task{KeepAddress(f.Network, cluster, dev, address)}
	}
	c := f.card(dev)
	if c.keeps(address) && !f.inProfile(dev, address) {
		return nil
	}
	command := shell.F("ip addr replace %s dev %s && ip link set dev %s up", address, dev, dev)
	t := f.afterManager(cluster, "address", dev, "address of "+dev, command)
	switch {
	case c.passing && c.by != Ifupdown: // what stays when the other cluster goes
	case c.by == NoNetwork && f.Network == Ifupdown && !f.Boot.reads(interfacesFile(cluster, dev)):
	case c.by == NoNetwork && unmanaged:
		t = unitAddress(cluster, dev, address)
	case c.by == NoNetwork:
		t = backendOf(f.Network).address(cluster, dev, address)
	case c.shared || !c.atBoot:
	case c.by == Ifupdown:
		t = ifUpAddress(cluster, dev, address)
	case c.by == NetworkScripts:
		if label := f.label(dev, address.Addr()); label != "" {
			t = ifcfgAlias(cluster, label, "the address", address)
		}
	case c.by == NetworkManager:
		t = nmProfileAddress(c.profile, dev, address, "address "+address.String())
	case c.by == Networkd:
		t = networkdDropin(cluster, c.file, "address", address, "")
	}
	return []Task{risky(t)}
}

// KeepDefaultRoute has the default route set at boot, whoever else sets one.
func (f Facts) KeepDefaultRoute(cluster, dev string, gateway netip.Addr) Task {
	t := backendOf(f.Network).gateway(cluster, dev, gateway)
	if f.Boot != nil {
		c := f.card(dev)
		after := f.afterManager(cluster, "gateway", dev, "default route through the director", shell.F("ip route replace default via %s dev %s", gateway, dev))
		switch f.Network {
		case Ifupdown:
			if c.by != Ifupdown || !c.atBoot {
				t = after
			}
		case NetworkScripts:
			t = after
			if file := f.ifcfgGatewayFile(dev); file != "" {
				t = Setting(file, "GATEWAY", gateway.String())
			}
		case NetworkManager:
			t = after
			if c.by == NetworkManager && !c.shared && c.atBoot && !c.noDefault {
				t = nmGateway(c.profile)(cluster, dev, gateway)
			}
		}
	}
	return risky(t)
}

// KeepVIP has a VIP, with its route, set at boot.
func (f Facts) KeepVIP(cluster string, v VIP) []Task {
	if f.Boot == nil {
		return v.Keep(f.Network, cluster)
	}
	c := f.card(v.Dev)
	unit := f.afterManager(cluster, "vip-"+strconv.Itoa(v.N), v.Dev, "VIP "+v.Address.String(), v.setCommand())
	list := []Task{unit}
	switch {
	case v.onReal() && f.Network != Ifupdown && f.Network != NetworkScripts:
		list = backendOf(f.Network).vip(cluster, v)
	case c.keeps(netip.PrefixFrom(v.Address, 32)) && !f.inProfile(v.Dev, netip.PrefixFrom(v.Address, 32)):
		list = nil
		if v.onReal() {
			list = backendOf(f.Network).vip(cluster, v)[1:]
		}
	case f.Network == Ifupdown:
		if f.Boot.reads(interfacesFile(cluster, "lo")) && (v.onReal() || c.by == Ifupdown && c.atBoot) {
			list = interfacesVIP(cluster, v)
		}
	case f.Network == NetworkScripts:
		if v.onReal() || c.by == NetworkScripts && c.atBoot {
			list = ifcfgVIP(cluster, v)
		}
	case c.by == NetworkManager && !c.shared && c.atBoot:
		list = []Task{nmProfileAddress(c.profile, v.Dev, netip.PrefixFrom(v.Address, 32), "VIP "+v.Address.String())}
	case c.by == Networkd && !c.shared:
		list = dropinVIP(cluster, c.file, v)
	}
	for i := range list {
		list[i] = risky(list[i])
	}
	return list
}

// afterManager is a unit that does what the files of whoever brings interfaces
// up cannot say.
func (f Facts) afterManager(cluster, kind, dev, purpose string, command shell.Fragment) Task {
	switch f.Network {
	case NetworkScripts:
		return afterScripts(cluster, kind, dev, purpose, command)
	case NetworkManager:
		return afterNM(cluster, kind, dev, purpose, command)
	case Networkd, Netplan:
		return afterNetworkd(cluster, kind, dev, purpose, command)
	}
	return networkUnit(cluster, kind, dev, purpose, "", command)
}

// KeepDefaultRoute has the default route set at boot where nothing is in its
// way; see Facts.KeepDefaultRoute.
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
			Apply: shell.F("! command -v %s >/dev/null 2>&1 || without_loss %s", tool, r.command),
		})})
	}
	return all
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
