package tasks

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"

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
	// to make it active takes away what the interface was given by hand: if there
	// is something, it is left to the next boot
	t.Check = shell.Lines(t.Check, shell.F(`[ "$(stat -c %%a %s)" = 600 ] || { echo 'others may read it: NetworkManager ignores it'; return 1; }
[ "$(nmcli -g GENERAL.STATE connection show %s 2>/dev/null)" = activated ] || ! only_ours %s %s || { echo 'not active'; return 1; }`, file, id, dev, address))
	t.Apply = shell.Lines(t.Apply, shell.F("chmod 0600 %s\nnmcli connection load %s\n! only_ours %s %s || nmcli --wait 20 connection up %s", file, file, dev, address, id))
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

// nmCard is the profile that is active on an interface, or else one that will be
// at the next boot. One that a boot makes anew is nobody's.
func (f Facts) nmCard(dev string) card {
	var c card
	for _, p := range f.Boot.Profiles {
		file := f.Boot.file(p.File)
		active, bound := p.Dev == dev, f.nmBound(file, dev)
		if strings.HasPrefix(p.File, "/run/") || f.ours(p.File) || p.File == "" || !active && !(bound && p.Auto && p.Dev == "") || c.profile != "" && !active {
			continue
		}
		c = card{by: NetworkManager, profile: p.UUID, shared: !bound, atBoot: p.Auto, noDefault: file.value("never-default") == "true" || no(file.value("DEFROUTE"))}
		for i, line := range file.Lines { // then NetworkManager takes no address, and leaves the interface's alone
			if line == "[ipv4]" {
				rest := BootFile{Lines: file.Lines[i+1:]}
				if end := slices.IndexFunc(rest.Lines, func(l string) bool { return strings.HasPrefix(l, "[") }); end >= 0 {
					rest.Lines = rest.Lines[:end]
				}
				c.shared = c.shared || rest.value("method") == "disabled"
			}
		}
		if f.others(file) {
			c.passing, c.shared = true, true
			continue
		}
		for _, line := range file.Lines {
			key, v, ok := strings.Cut(strings.TrimSpace(line), "=")
			if ok && strings.HasPrefix(key, "address") { // address1=12.0.0.1/24,12.0.0.254
				v, _, _ = strings.Cut(v, ",")
				if a, ok := prefixOf(v, "", ""); ok {
					c.addresses = append(c.addresses, kept{a, p.File})
				}
			}
		}
		c.addresses = append(c.addresses, ifcfgAddresses(file)...)
	}
	return c
}

// nmBound reports whether a profile is for one interface and no other.
func (f Facts) nmBound(file BootFile, dev string) bool {
	if strings.HasPrefix(file.Path, ifcfgDir) {
		return f.ifcfgDevice(file) == dev
	}
	mac := f.macOf(dev)
	return file.value("interface-name") == dev || mac != "" && strings.EqualFold(file.value("mac-address"), mac)
}

// nmGateway adds a route to the profile that the interface has: the profile
// keeps everything else, and loses nothing that it was given by hand.
func nmGateway(profile string) func(_, dev string, gateway netip.Addr) Task {
	return func(_, dev string, gateway netip.Addr) Task {
		return nmSetting(profile, dev, "ipv4.routes", "0.0.0.0/0 "+gateway.String()+nmMetric, "nm-route "+dev+" "+gateway.String(), "default route through "+gateway.String())
	}
}

// nmProfileAddress adds an address to the profile that an interface has.
func nmProfileAddress(profile, dev string, address netip.Prefix, what string) Task {
	return nmSetting(profile, dev, "ipv4.addresses", address.String(), "nm-address "+dev+" "+address.String(), what)
}

// nmVIP leaves lo to a unit: NetworkManager knows it only since 1.42.
func nmVIP(cluster string, v VIP) []Task {
	if v.onReal() {
		return unitVIP(cluster, v)
	}
	return []Task{nmProfileAddress("", v.Dev, netip.PrefixFrom(v.Address, 32), "VIP "+v.Address.String())}
}

// afterNM is a unit that comes after NetworkManager is through with what it does
// at boot, and again when it has been started anew.
func afterNM(cluster, kind, dev, purpose string, command shell.Fragment) Task {
	return networkUnit(cluster, kind, dev, purpose, "NetworkManager.service", shell.F("{ ! command -v nm-online >/dev/null || nm-online -s -q -t 30; }; %s", command))
}

// nmProfile sets profile to the one that is active on an interface, or that is
// named.
func nmProfile(profile, dev string) shell.Fragment {
	if profile != "" {
		return shell.F("profile=%s", profile)
	}
	return shell.F(`profile=$(nmcli -g GENERAL.CON-UUID device show %s)
[ -n "$profile" ] || { echo "NetworkManager has no connection on "%s; exit 2; }`, dev, dev)
}

// nmHas looks for an item in a list of the profile.
func nmHas(property, item string) shell.Fragment {
	return shell.F(`nmcli -g %s connection show "$profile" | tr , '\n' | sed 's/^ *//; s/ *$//' | grep -qxF -e %s`, property, item)
}

// nmSetting adds an item to a list of an interface's profile. It counts from
// the next activation on; the live state is another task's.
func nmSetting(profile, dev, property, item, entry, what string) Task {
	return Task{
		Name:  "keep the " + what + " in the profile of " + dev,
		Check: shell.Lines(nmProfile(profile, dev), shell.F("%s || { echo %s; exit 1; }", nmHas(property, item), "+"+property+" "+item)),
		Apply: shell.Lines(nmProfile(profile, dev), shell.F("remember_live %s \"$profile\"\nnm_change \"$profile\" + %s %s", "profile."+dev, property, item)),
		Undo:  reread("nmcli connection reload"),
		Needs: command("nmcli"),
		Owns:  []string{entry},
		Hint:  "nmcli connection show lists the profiles, nmcli device status who uses which",
	}
}

// nmGone takes an item of an earlier run out of the profile that it was added
// to.
func nmGone(property, name string) Task {
	dev, item := two(name)
	if property == "ipv4.routes" {
		item = "0.0.0.0/0 " + item + nmMetric
	}
	profile := shell.F(`profile=$(cat "$state/live/"%s 2>/dev/null) || profile=$(nmcli -g GENERAL.CON-UUID device show %s 2>/dev/null) || profile=
[ -n "$profile" ] || exit 0`, "profile."+dev, dev)
	return Task{
		Name:  "remove " + item + " from the profile of " + dev,
		Check: shell.Lines(profile, shell.F("! %s || { echo 'still there'; exit 1; }", nmHas(property, item))),
		Apply: shell.Lines(profile, shell.F("nm_change \"$profile\" - %s %s", property, item)),
		Undo:  reread("nmcli connection reload"),
	}
}
