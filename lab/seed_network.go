package lab

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// What a seed says in the files of whoever brings interfaces up. Where nobody
// is to be in charge there are no files, and it is not enabled.

// addressed are the interfaces that a machine's network manager brings up.
func addressed(m Machine) []NIC {
	var nics []NIC
	for _, nic := range m.NICs {
		if m.Network != "none" && nic.Address.IsValid() {
			nics = append(nics, nic)
		}
	}
	return nics
}

func textFile(name string, mode int64, text string) seedFile {
	return seedFile{name: name, mode: mode, text: []byte(text)}
}

// enabled is what `systemctl enable` makes of a unit, unless nobody is to be in
// charge.
func enabled(m Machine, unit string, targets ...string) []seedFile {
	var files []seedFile
	if m.Network != "none" {
		for _, target := range targets {
			files = append(files, textFile("etc/systemd/system/"+target+".wants/"+unit, link, "/lib/systemd/system/"+unit))
		}
	}
	return files
}

// ifupdownSeed is /etc/network/interfaces as Debian's installer leaves it.
func ifupdownSeed(m Machine) []seedFile {
	var b strings.Builder
	b.WriteString("source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n")
	for _, nic := range addressed(m) {
		fmt.Fprintf(&b, "\nauto %s\niface %s inet static\n\taddress %s\n", nic.Interface, nic.Interface, nic.Address)
	}
	return []seedFile{textFile("etc/network/interfaces", 0o644, b.String())}
}

// networkManagerSeed is a keyfile for each interface, as EL 9's installer leaves
// them, but that IPv6 is off: nobody would answer it.
func networkManagerSeed(m Machine) []seedFile {
	files := enabled(m, "NetworkManager.service", "multi-user.target")
	for _, nic := range addressed(m) {
		files = append(files, textFile("etc/NetworkManager/system-connections/"+nic.Interface+".nmconnection", 0o600, fmt.Sprintf(`[connection]
id=%s
uuid=%s
type=ethernet
autoconnect-priority=-999
interface-name=%s

[ethernet]

[ipv4]
address1=%s
may-fail=false
method=manual

[ipv6]
addr-gen-mode=default
method=disabled

[proxy]
`, nic.Interface, uuid(m.Name+" "+nic.Interface), nic.Interface, nic.Address)))
	}
	return files
}

// netplanSeed is the one file that an installer leaves.
func netplanSeed(m Machine) []seedFile {
	files := append(enabled(m, "systemd-networkd.service", "multi-user.target"), enabled(m, "systemd-networkd-wait-online.service", "network-online.target")...)
	text := "network:\n  version: 2\n  ethernets:\n"
	for _, nic := range addressed(m) {
		text += fmt.Sprintf("    %s:\n      addresses:\n        - %s\n", nic.Interface, nic.Address)
	}
	if m.Network == "none" {
		return files
	}
	return append(files, textFile("etc/netplan/50-cloud-init.yaml", 0o600, text))
}

// uuid is one of version 4, always the same for the same text.
func uuid(text string) string {
	b := sha256.Sum256([]byte(text))
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x0f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// networkScriptsSeed is an ifcfg file for each interface, as EL 7's installer
// leaves them.
func networkScriptsSeed(m Machine) []seedFile {
	files := enabled(m, "network.service", "multi-user.target", "network-online.target")
	for _, nic := range addressed(m) {
		files = append(files, textFile("etc/sysconfig/network-scripts/ifcfg-"+nic.Interface, 0o644, fmt.Sprintf(`TYPE=Ethernet
BOOTPROTO=none
DEFROUTE=yes
NAME=%s
DEVICE=%s
ONBOOT=yes
IPADDR=%s
PREFIX=%d
`, nic.Interface, nic.Interface, nic.Address.Addr(), nic.Address.Bits())))
	}
	return files
}
