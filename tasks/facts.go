package tasks

import (
	"net/netip"
	"strconv"
	"strings"
)

// Facts is what was found on one host before anything was changed.
type Facts struct {
	OS             OS
	PackageManager string            // apt-get, dnf, yum or empty
	Network        Network           // who brings interfaces up at boot
	Firewall       string            // the unit of the packet filter that is running now, or empty
	Chains         []Chain           // the base chains of a rule set that nftables.service loads
	Zones          map[string]string // firewalld's, by interface; "*": of any other
	Policies       bool              // firewalld has them, and forwards nothing without: since 0.9
	SELinux        string            // enforcing, permissive, disabled or empty: none
	Init           string            // what process 1 is
	Arch           string            // as uname -m says
	Systemd        bool
	UID            int
	Shell          string // what /bin/sh is, for messages
	Interfaces     []Interface
	Gateway        netip.Addr            // of the default route; invalid: none
	Answers        map[netip.Addr]string // MAC of whoever else answers for an address
	Clock          int64                 // seconds since 1970; 0: not asked, as the cluster is deployed there
	DiskFree       int64                 // KiB free below /var; -1: not asked
	Manifest       []string              // what an earlier run put there, see Task.Owns
	Sums           map[string]string     // sha256 by path, of the files asked for
	Rules          []string              // of policy routing, beside the three that every host has
	Ways           map[netip.Addr]string // where packets from an address go, if there are such rules
	Boot           *Boot                 // what the network's own files say; nil: not asked
	Found
}

// OS is the part of os-release(5) that decides a platform.
type OS struct {
	ID, VersionID, Pretty string
	Like                  []string
}

// major is the number before the first dot of the version.
func (o OS) major() int {
	first, _, _ := strings.Cut(o.VersionID, ".")
	n, _ := strconv.Atoi(first)
	return n
}

func (f Facts) platform() Platform {
	p, _ := PlatformOf(f)
	return p
}

// zone is firewalld's zone of an interface.
func (f Facts) zone(dev string) string {
	for _, name := range []string{f.Zones[dev], f.Zones["*"]} {
		if name != "" {
			return name
		}
	}
	return "public" // as it comes
}

// Network names what configures interfaces at boot.
type Network string

// The ones that are known.
const (
	NetworkScripts Network = "network-scripts" // ifcfg files, network.service
	NetworkManager Network = "NetworkManager"
	Ifupdown       Network = "ifupdown"
	Networkd       Network = "networkd"
	Netplan        Network = "netplan"
	NoNetwork      Network = "" // nobody known: a unit of our own does it
)

// Interface is one network interface and its IPv4 addresses.
type Interface struct {
	Name      string
	MAC       string
	Addresses []netip.Prefix
	Labels    []Label // of those addresses that have one
}

// Label is an address's name, ens33:0.
type Label struct {
	Name    string
	Address netip.Addr
}
