package fakehost

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
)

var osRelease = map[Kind]string{
	Debian: `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
`,
	EL: `NAME="@NAME@"
VERSION="@V@"
ID="@ID@"
ID_LIKE="@LIKE@"
VERSION_ID="@V@"
PLATFORM_ID="platform:el@V@"
PRETTY_NAME="@NAME@ @V@"
`,
}

// elNames: what the versions of EL call themselves, and their kin.
func elRelease(version string) string {
	name, id, like := "Rocky Linux", "rocky", "rhel centos fedora"
	if version == "7" {
		name, id, like = "CentOS Linux", "centos", "rhel fedora"
	}
	return strings.NewReplacer("@NAME@", name, "@ID@", id, "@LIKE@", like, "@V@", version).Replace(osRelease[EL])
}

// system writes what a fresh installation of the kind has in /etc and /usr/lib/systemd.
func (f *furniture) system(o Options) {
	f.write("etc/hostname", o.Name+"\n", 0o644)
	f.write("etc/hosts", "127.0.0.1\tlocalhost\n127.0.1.1\t"+o.Name+"\n", 0o644)
	f.write("etc/fstab", "# /etc/fstab: static file system information.\n", 0o644)
	f.write("etc/sysctl.conf", "# see sysctl.conf(5)\n", 0o644)
	f.write("etc/modules-load.d/modules.conf", "# see modules-load.d(5)\n", 0o644)
	if o.Firewalld {
		f.write("etc/firewalld/firewalld.conf", "DefaultZone=public\n", 0o644)
	}
	f.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n", 0o644)
	f.write("etc/resolv.conf", "", 0o644)
	f.write("etc/shells", "/bin/sh\n", 0o644)
	f.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0o444)
	f.write("etc/profile", "", 0o644)
	web := "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin"
	group := "www-data:x:33:"
	if o.Kind == EL {
		web, group = "apache:x:48:48:Apache:/usr/share/httpd:/sbin/nologin", "apache:x:48:"
	}
	f.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"+web+
		"\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n", 0o644)
	f.write("etc/group", "root:x:0:\ndaemon:x:1:\n"+group+"\nnogroup:x:65534:\n", 0o644)
	f.write("etc/shadow", "root:*:19000:0:99999:7:::\n", 0o600)
	for _, name := range []string{"ld.so.cache", "protocols", "services"} {
		if text, err := os.ReadFile("/etc/" + name); err == nil {
			f.write("etc/"+name, string(text), 0o644)
		}
	}
	f.write("var/lib/fakehost/kind", string(o.Kind)+"\n", 0o644)
	for _, name := range []string{"log", "exports", "ipvs", "ipvs.conns", "violations", "nfs-mounts", "iptables"} {
		f.write("var/lib/fakehost/"+name, "", 0o644)
	}
	f.unit("systemd-sysctl.service", "Type=oneshot\nRemainAfterExit=yes\nExecStart=/usr/sbin/sysctl --system\n", "", true)
	f.unit("systemd-modules-load.service", "Type=oneshot\nRemainAfterExit=yes\nExecStart=/.fakehost/stubs/modules-load\n", "", true)
	switch o.Kind {
	case Debian:
		f.write("usr/lib/os-release", osRelease[Debian], 0o644)
		f.write("etc/debian_version", "12.8\n", 0o644)
		f.write("etc/apt/sources.list", "deb http://mirror.example/debian bookworm main\n", 0o644)
		f.unit("ssh.service", "Type=notify\nExecStart=/bin/true\n", "multi-user.target", true)
		if !o.NoPackageLists {
			f.write("var/lib/fakehost/lists", "", 0o644)
		}
	case EL:
		text := elRelease(o.Version)
		f.write("usr/lib/os-release", text, 0o644)
		f.write("etc/redhat-release", strings.Fields(text)[0][6:]+" Linux release "+o.Version+"\n", 0o644)
		f.write("etc/rc.d/rc.local", "#!/bin/bash\n# Please note that you must run 'chmod +x /etc/rc.d/rc.local' to ensure\n"+
			"# that this script will be executed during boot.\n\ntouch /var/lock/subsys/local\n", 0o644)
		f.link("rc.d/rc.local", "etc/rc.local")
		f.dir("run/lock/subsys")
		f.unit("sshd.service", "Type=notify\nExecStart=/bin/true\n", "multi-user.target", true)
		f.unit("rc-local.service", "Type=oneshot\nRemainAfterExit=yes\nExecStart=/etc/rc.d/rc.local start\n", "", false)
		mode := o.SELinux
		if mode == "" {
			mode = "disabled"
		}
		f.write("etc/selinux/config", "SELINUX="+mode+"\nSELINUXTYPE=targeted\n", 0o644)
		f.write("var/lib/fakehost/selinux", mode+"\n", 0o644)
	}
	f.link("../usr/lib/os-release", "etc/os-release")
	f.networkManager(o)
}

// networkManager writes the configuration of whoever brings interfaces up at boot.
func (f *furniture) networkManager(o Options) {
	manager := o.NetworkManager
	if manager == "" {
		manager = map[Kind]string{Debian: "ifupdown", EL: "network-scripts"}[o.Kind]
		if o.Kind == EL && o.Version != "7" {
			manager = "NetworkManager"
		}
	}
	if o.Kind == EL && manager != "none" && o.Version != "9" && o.Version != "10" {
		for _, i := range o.Interfaces {
			f.write("etc/sysconfig/network-scripts/ifcfg-"+i.Name, ifcfg(i, o.Gateway), 0o644)
		}
		f.write("etc/sysconfig/network", "", 0o644)
	}
	switch manager {
	case "ifupdown":
		f.write("etc/network/interfaces", interfaces(o), 0o644)
		f.dir("etc/network/interfaces.d")
		f.unit("networking.service", "Type=oneshot\nRemainAfterExit=yes\nExecStart=/usr/sbin/ifup -a\n", "multi-user.target", true)
		f.link("/.fakehost/stubs/ifup", "usr/sbin/ifup")
		f.link("/.fakehost/stubs/ifup", "usr/sbin/ifdown")
		f.link("/.fakehost/stubs/ifquery", "usr/sbin/ifquery")
	case "network-scripts":
		f.unit("network.service", "Type=oneshot\nRemainAfterExit=yes\nExecStart=/usr/sbin/ifup -a\n", "multi-user.target", true)
		f.link("/.fakehost/stubs/ifup", "usr/sbin/ifup")
		f.link("/.fakehost/stubs/ifup", "usr/sbin/ifdown")
	case "NetworkManager":
		f.dir("etc/NetworkManager/system-connections")
		f.link("/.fakehost/stubs/nmcli", "usr/bin/nmcli")
		f.keyfiles(o)
		f.unit("NetworkManager.service", "Type=notify\nExecStart=/bin/true\n", "multi-user.target", true)
	case "networkd":
		f.dir("etc/systemd/network")
		f.unit("systemd-networkd.service", "Type=notify\nExecStart=/bin/true\n", "multi-user.target", true)
	case "netplan":
		f.write("etc/netplan/50-cloud-init.yaml", "network:\n  version: 2\n", 0o600)
		f.link("/.fakehost/stubs/netplan", "usr/sbin/netplan")
		f.unit("systemd-networkd.service", "Type=notify\nExecStart=/bin/true\n", "multi-user.target", true)
	case "none":
	default:
		f.keep(fmt.Errorf("cannot make a host with network manager %q: unknown", manager))
	}
}

// keyfiles are NetworkManager's profiles, active, of the interfaces that have an address.
func (f *furniture) keyfiles(o Options) {
	read := ""
	for n, i := range o.Interfaces {
		if len(i.Addresses) == 0 {
			continue
		}
		uuid := fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
		text := fmt.Sprintf("[connection]\nid=%s\nuuid=%s\ntype=ethernet\ninterface-name=%s\n\n[ipv4]\nmethod=manual\n", i.Name, uuid, i.Name)
		for k, a := range i.Addresses {
			text += fmt.Sprintf("address%d=%s\n", k+1, a)
		}
		f.write("etc/NetworkManager/system-connections/"+i.Name+".nmconnection", text, 0o600)
		f.write(stateDir+"nm/on/"+i.Name, uuid+"\n", 0o644)
		read += uuid + ":/etc/NetworkManager/system-connections/" + i.Name + ".nmconnection\n"
	}
	f.write(stateDir+"nm/read", read, 0o644)
}

func ifcfg(i Interface, gateway string) string {
	b := new(strings.Builder)
	fmt.Fprintf(b, "TYPE=Ethernet\nBOOTPROTO=static\nNAME=%s\nDEVICE=%s\nONBOOT=yes\n", i.Name, i.Name)
	for n, a := range i.Addresses {
		p := netip.MustParsePrefix(a) // start has parsed it before
		suffix := ""
		if n > 0 {
			suffix = fmt.Sprint(n)
		}
		fmt.Fprintf(b, "IPADDR%s=%s\nPREFIX%s=%d\n", suffix, p.Addr(), suffix, p.Bits())
		if gateway != "" && p.Contains(netip.MustParseAddr(gateway)) {
			fmt.Fprintf(b, "GATEWAY=%s\n", gateway)
		}
	}
	return b.String()
}

func interfaces(o Options) string {
	b := new(strings.Builder)
	b.WriteString("# This file describes the network interfaces available on your system\n" +
		"# and how to activate them. For more information, see interfaces(5).\n\n" +
		"source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n")
	for _, i := range o.Interfaces {
		for _, a := range i.Addresses {
			fmt.Fprintf(b, "\nauto %s\niface %s inet static\n\taddress %s\n", i.Name, i.Name, a)
			if o.Gateway != "" && netip.MustParsePrefix(a).Contains(netip.MustParseAddr(o.Gateway)) {
				fmt.Fprintf(b, "\tgateway %s\n", o.Gateway)
			}
		}
	}
	return b.String()
}

// unit writes a unit file of the distribution; on means enabled (if it can be) and active.
func (f *furniture) unit(name, service, wantedBy string, on bool) {
	text := "[Unit]\nDescription=" + name + "\n\n[Service]\n" + service
	if wantedBy != "" {
		text += "\n[Install]\nWantedBy=" + wantedBy + "\n"
	}
	f.write("usr/lib/systemd/system/"+name, text, 0o644)
	if on {
		f.write("var/lib/fakehost/active/"+name, "", 0o644)
		if wantedBy != "" {
			f.dir("etc/systemd/system/" + wantedBy + ".wants")
			f.link("/usr/lib/systemd/system/"+name, "etc/systemd/system/"+wantedBy+".wants/"+name)
		}
	}
}
