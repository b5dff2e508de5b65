// Package inventory turns hosts.toml into a validated Cluster. It knows no
// SSH and no shell, and imports nothing else of this module.
package inventory

import (
	"net/netip"
	"time"
)

// Mode is the packet-forwarding method of a whole cluster.
type Mode string

// The modes, named as the ipvsadm manual's forwarding methods are in daily use.
const (
	NAT Mode = "nat" // masquerading, ipvsadm -m
	DR  Mode = "dr"  // direct routing (gatewaying), ipvsadm -g
)

// Cluster is everything hosts.toml says, with defaults filled in and every
// reference resolved.
type Cluster struct {
	File     string // as it was given, for messages
	Dir      string // directory that relative paths (site) start from
	Name     string
	Mode     Mode
	Network  netip.Prefix
	Director Director
	Services []Service
	Webs     []Web
	NFS      *NFS    // nil: no NFS server
	Client   *Client // nil: none
	Policy   Policy
}

// Host is what director, web nodes, NFS server and client have in common.
type Host struct {
	Name      string
	Address   netip.Addr
	Interface string // empty: whichever carries Address
	SSH       SSH
}

// SSH says how a host is reached: the defaults of [ssh] with the host's own
// keys laid over them.
type SSH struct {
	Host     string // empty: the host's address
	User     string // empty: ~/.ssh/config, then root
	Port     int    // 0: ~/.ssh/config, then 22
	Identity string
	Jump     []string // user@host:port, hop by hop
	Become   bool     // through sudo
}

// Director is the load balancer.
type Director struct {
	Host
	WANInterface string
	WANAddress   netip.Prefix
}

// Service is a virtual service: what clients connect to.
type Service struct {
	VIP         netip.Addr
	Port        uint16
	Protocol    string // tcp or udp
	Scheduler   string
	Persistence time.Duration // 0: none
	Webs        []string      // names, in the inventory's order
	CheckPath   string
}

// Web is a real server.
type Web struct {
	Host
	Weight int
	Port   uint16 // 0: the service's
	Mount  string // path of an NFS export; or
	Index  string // the text of its page; or
	Site   string // a local directory, absolute
}

// NFS is the storage server.
type NFS struct {
	Host
	Exports []Export
}

// Export is one exported directory.
type Export struct {
	Path    string
	Index   string
	Site    string // absolute
	Options string
}

// Client is where verify can send its requests from.
type Client struct {
	Host
}

// Policy says what may be done to a host's firewall and SELinux.
type Policy struct {
	Firewall string // manage, disable or leave
	SELinux  string // manage, permissive or leave
}
