package tasks

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Boot is what the network's own files say, as they stand, and as the network's
// own tools read them.
type Boot struct {
	Files    []BootFile          // ifcfg files, keyfiles, .network files with their drop-ins
	Networks map[string]string   // by interface: the .network file that networkd took
	Stanzas  map[string][]string // by interface: what ifquery says
	Ifaces   []Iface             // stanzas of /etc/network/interfaces, and of files beside it
	Auto     []string            // interfaces that ifupdown brings up at boot
	Sources  []string            // rules of /etc/network/interfaces for files to read
	Profiles []Profile           // NetworkManager's
	Theirs   []string            // what manifests of other clusters of the host name
}

// BootFile is a file with those of its lines that are about addresses and routes.
type BootFile struct {
	Path  string
	Lines []string
}

// Iface is a stanza of ifupdown.
type Iface struct{ Name, File string }

// Profile is one of NetworkManager's.
type Profile struct {
	UUID, File string
	Dev        string // the interface that it is active on
	Auto       bool
}

// card is what somebody else than the cluster has configured for an interface.
type card struct {
	by        Network // NoNetwork: nobody has
	file      string  // of ifcfg, of networkd
	profile   string  // NetworkManager's, its UUID
	shared    bool    // the same counts for other interfaces too
	atBoot    bool    // it is brought up at boot
	noDefault bool    // it is to have no default route
	passing   bool    // another cluster's file gives it, or something of it
	own       int     // how many of the addresses a stanza of ours adds
	addresses []kept
}

// kept is an address that a file gives an interface at boot.
type kept struct {
	address netip.Prefix
	file    string
}

// keeps reports whether somebody else keeps the address.
func (c card) keeps(a netip.Prefix) bool {
	n := 0
	for _, k := range c.addresses {
		if k.address == a {
			n++
		}
	}
	return c.atBoot && n > c.own
}

// OtherMask finds an address that an interface has, or is given at boot, with
// another mask; where is empty if there is none.
func (f Facts) OtherMask(dev string, a netip.Prefix) (other netip.Prefix, where string) {
	for _, i := range f.Interfaces {
		for _, p := range i.Addresses {
			if i.Name == dev && p.Addr() == a.Addr() && p != a {
				return p, "now"
			}
		}
	}
	for _, k := range f.card(dev).addresses {
		if k.address.Addr() == a.Addr() && k.address != a {
			return k.address, k.file
		}
	}
	return netip.Prefix{}, ""
}

// ours reports whether a file is one that an earlier run of the cluster has made.
func (f Facts) ours(file string) bool {
	return slices.Contains(f.Manifest, "file "+file)
}

// inProfile reports whether an earlier run of the cluster, or another cluster, has
// put the address into a profile of NetworkManager's.
func (f Facts) inProfile(dev string, a netip.Prefix) bool {
	entry := "nm-address " + dev + " " + a.String()
	return slices.Contains(f.Manifest, entry) || slices.Contains(f.Boot.Theirs, entry)
}

// others reports whether another cluster of the host has made the file, which
// goes with that.
func (f Facts) others(file BootFile) bool {
	return !f.ours(file.Path) && (strings.Contains(path.Base(file.Path), "lvsdeploy-") ||
		slices.ContainsFunc(file.Lines, func(line string) bool { return strings.Contains(line, "put here by lvsdeploy") }))
}

// card looks up who configures an interface at boot.
func (f Facts) card(dev string) card {
	if f.Boot == nil {
		return card{}
	}
	switch f.Network {
	case Ifupdown:
		return f.ifupdownCard(dev)
	case NetworkScripts:
		return f.ifcfgCard(dev)
	case NetworkManager:
		return f.nmCard(dev)
	case Networkd, Netplan:
		return f.networkdCard(dev)
	}
	return card{}
}

func (b *Boot) file(name string) BootFile {
	i := slices.IndexFunc(b.Files, func(f BootFile) bool { return f.Path == name })
	if i < 0 {
		return BootFile{Path: name}
	}
	return b.Files[i]
}

// values are those of KEY=value lines, without quotes.
func (f BootFile) values(key string) []string {
	var all []string
	for _, line := range f.Lines {
		if v, ok := assigned(line, key); ok {
			all = append(all, v)
		}
	}
	return all
}

// value is that of the last such line, which counts.
func (f BootFile) value(key string) string {
	all := f.values(key)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

func assigned(line, key string) (string, bool) {
	k, v, ok := strings.Cut(strings.TrimSpace(line), "=")
	if !ok || strings.TrimSpace(strings.TrimPrefix(k, "export ")) != key {
		return "", false
	}
	v = strings.TrimSpace(v)
	if len(v) > 1 && (v[0] == '"' || v[0] == '\'') {
		if end := strings.IndexByte(v[1:], v[0]); end >= 0 {
			return v[1 : 1+end], true
		}
	}
	return v, true
}

// prefixOf reads an address that has its mask behind a slash, or beside it; /32
// where nobody says.
func prefixOf(address, prefix, netmask string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(address); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}, false
	}
	bits := a.BitLen()
	if n, err := strconv.Atoi(prefix); err == nil && n >= 0 && n <= bits {
		bits = n
	} else if m, err := netip.ParseAddr(netmask); err == nil && m.Is4() {
		bits, _ = net.IPMask(m.AsSlice()).Size()
	}
	return netip.PrefixFrom(a, bits), true
}

// no is what EL's scripts take for one.
func no(v string) bool {
	return slices.Contains([]string{"no", "n", "false", "f", "0"}, strings.ToLower(v))
}

// label chooses the label of an address: the one that it has, or the first that
// nobody has; none where the kernel has no room for it.
func (f Facts) label(dev string, address netip.Addr, taken ...string) string {
	holders := map[string][]netip.Addr{}
	for _, i := range f.Interfaces {
		for _, l := range i.Labels {
			holders[l.Name] = append(holders[l.Name], l.Address)
		}
	}
	if f.Boot != nil {
		for _, file := range f.Boot.Files {
			if name, ok := strings.CutPrefix(file.Path, ifcfgDir); ok && strings.Contains(name, ":") {
				a, _ := netip.ParseAddr(file.value("IPADDR"))
				holders[name] = append(holders[name], a)
			}
		}
		for _, i := range f.Boot.Ifaces {
			if strings.Contains(i.Name, ":") && !f.ours(i.File) {
				holders[i.Name] = append(holders[i.Name], netip.Addr{})
			}
		}
	}
	other := func(a netip.Addr) bool { return a != address }
	for n := range 1000 {
		name := dev + ":" + strconv.Itoa(n)
		if len(holders[name]) > 0 && !slices.ContainsFunc(holders[name], other) && fits(name) {
			return name
		}
	}
	for n := range 1000 {
		name := dev + ":" + strconv.Itoa(n)
		if len(holders[name]) == 0 && !slices.Contains(taken, name) {
			if !fits(name) {
				break
			}
			return name
		}
	}
	return ""
}

// fits: IFNAMSIZ counts the zero at the end.
func fits(label string) bool { return len(label) < 16 }

// word is what a name of a file can hold wherever one is read: run-parts and
// ifupdown's source-directory take no dots, as in the name of a VLAN.
func word(name string) string { return strings.ReplaceAll(path.Base(name), ".", "_") }
