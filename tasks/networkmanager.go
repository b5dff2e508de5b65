package tasks

import (
	"crypto/sha256"
	"fmt"
	"net/netip"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

const keyfiles = "/etc/NetworkManager/system-connections/"

// nmAddress is a profile of our own, which NetworkManager only reads if it is
// root's alone.
func nmAddress(cluster, dev string, address netip.Prefix) Task {
	id := "lvsdeploy-" + cluster + "-" + dev
	file := keyfiles + id + ".nmconnection"
	t := Write(File{Path: file, Mode: "0600", Content: templates.Render("nmconnection", map[string]string{
		"Cluster": cluster, "ID": id, "UUID": uuid(id), "Device": dev, "Address": address.String(),
	})})
	t.Check = shell.Lines(t.Check, shell.F(`[ "$(stat -c %%a %s)" = 600 ] || { echo 'others may read it: NetworkManager ignores it'; return 1; }
[ "$(nmcli -g GENERAL.STATE connection show %s 2>/dev/null)" = activated ] || { echo 'not active'; return 1; }`, file, id))
	t.Apply = shell.Lines(t.Apply, shell.F("chmod 0600 %s\nnmcli connection load %s\nnmcli --wait 20 connection up %s", file, file, id))
	t.Undo = reread("nmcli connection reload")
	t.Needs = command("nmcli")
	t.Hint = "nmcli device status shows who has the interface, journalctl -u NetworkManager what it complains of"
	return t
}

// uuid is always the same for the same name.
func uuid(name string) string {
	sum := sha256.Sum256([]byte("lvsdeploy " + name))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// nmMetric makes ours win over what the profile has itself, or DHCP brings.
const nmMetric = " 50"

// nmGateway adds a route to the profile that the interface has: the profile
// keeps everything else, and loses nothing that it was given by hand.
func nmGateway(_, dev string, gateway netip.Addr) Task {
	return nmSetting(dev, "ipv4.routes", "0.0.0.0/0 "+gateway.String()+nmMetric, "nm-route "+dev+" "+gateway.String(), "default route through "+gateway.String())
}

// nmVIP leaves lo to a unit: NetworkManager knows it only since 1.42.
func nmVIP(cluster string, v VIP) []Task {
	if v.onReal() {
		return unitVIP(cluster, v)
	}
	vip := v.Address.String() + "/32"
	return []Task{nmSetting(v.Dev, "ipv4.addresses", vip, "nm-address "+v.Dev+" "+vip, "VIP "+v.Address.String())}
}

// nmProfile sets profile to the one that is active on an interface.
func nmProfile(dev string) shell.Fragment {
	return shell.F(`profile=$(nmcli -g GENERAL.CON-UUID device show %s)
[ -n "$profile" ] || { echo "NetworkManager has no connection on "%s; exit 2; }`, dev, dev)
}

// nmHas looks for an item in a list of the profile.
func nmHas(property, item string) shell.Fragment {
	return shell.F(`nmcli -g %s connection show "$profile" | tr , '\n' | sed 's/^ *//; s/ *$//' | grep -qxF -e %s`, property, item)
}

// nmSetting adds an item to a list of an interface's profile. It counts from
// the next activation on; the live state is another task's.
func nmSetting(dev, property, item, entry, what string) Task {
	return Task{
		Name:  "keep the " + what + " in the profile of " + dev,
		Check: shell.Lines(nmProfile(dev), shell.F("%s || { echo %s; exit 1; }", nmHas(property, item), "+"+property+" "+item)),
		Apply: shell.Lines(nmProfile(dev), shell.F(`file=$(nmcli -g UUID,FILENAME connection show | sed -n "s,^$profile:,,p")
case $file in /run/*) echo "its profile is $file, which a boot makes anew: give it one that stays"; exit 1 ;; esac
guard "$file"
nmcli connection modify "$profile" %s %s`, "+"+property, item)),
		Undo:  reread("nmcli connection reload"),
		Needs: command("nmcli"),
		Owns:  []string{entry},
		Hint:  "nmcli connection show lists the profiles, nmcli device status who uses which",
	}
}

// nmGone takes an item of an earlier run out of the interface's profile.
func nmGone(property, name string) Task {
	dev, item := two(name)
	if property == "ipv4.routes" {
		item = "0.0.0.0/0 " + item + nmMetric
	}
	profile := shell.F(`profile=$(nmcli -g GENERAL.CON-UUID device show %s 2>/dev/null) || profile=
[ -n "$profile" ] || exit 0`, dev)
	return Task{
		Name:  "remove " + item + " from the profile of " + dev,
		Check: shell.Lines(profile, shell.F("! %s || { echo 'still there'; exit 1; }", nmHas(property, item))),
		Apply: shell.Lines(profile, shell.F(`guard "$(nmcli -g UUID,FILENAME connection show | sed -n "s,^$profile:,,p")"
nmcli connection modify "$profile" %s %s`, "-"+property, item)),
		Undo: reread("nmcli connection reload"),
	}
}
