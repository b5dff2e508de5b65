package inventory

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// check holds the values against each other. Each rule is one function, and
// leaves alone what an earlier complaint has already taken away: an address
// that cannot be read is not also outside the network.
func (d *draft) check() {
	for _, rule := range []func(){
		d.oneDirector,
		d.someWebs,
		d.uniqueNames,
		d.uniqueAddresses,
		d.hostsInNetwork,
		d.natNeedsWAN,
		d.wanApart,
		d.clientBeyondDirector,
		d.clientAddress,
		d.oneSourcePerWeb,
		d.mountsExported,
		d.uniqueExports,
		d.someService,
		d.vipOfNAT,
		d.vipOfDR,
		d.uniqueServices,
		d.everyWebServes,
		d.samePortInDR,
	} {
		rule()
	}
}

func (d *draft) oneDirector() {
	if len(d.directors) == 0 && d.root.lacks("director") {
		d.fail(d.root.at, "write [[director]] and below it name, address and interface", "do without a [[director]]")
	}
}

func (d *draft) someWebs() {
	if d.root.lacks("web") || d.isEmpty("web") {
		d.fail(d.root.pos("web"), "write [[web]] and below it name and address, once for each real server", "do without a [[web]]")
	}
}

func (d *draft) isEmpty(key string) bool {
	l, ok := d.root.vals[key].([]any)
	return ok && len(l) == 0
}

func (d *draft) uniqueNames() {
	seen := map[string]placed{}
	for _, h := range d.hosts {
		if h.Name == "" {
			continue
		}
		if first, ok := seen[h.Name]; ok {
			d.fail(h.t.pos("name"), fmt.Sprintf("line %d has that name already", d.line(first.t.pos("name"))),
				"name two hosts %s", quote(h.Name))
			continue
		}
		seen[h.Name] = h
	}
}

// owned is an address with the place that gave it to a host.
type owned struct {
	addr netip.Addr
	who  string
	at   int
}

// owners lists every address that belongs to a host.
func (d *draft) owners() []owned {
	var all []owned
	for _, h := range d.hosts {
		if !h.Address.IsValid() {
			continue
		}
		all = append(all, owned{h.Address, h.title(), h.t.pos("address")})
		if wan := d.c.Director.WANAddress; h.role == "director" && wan.IsValid() && d.c.Mode == NAT {
			all = append(all, owned{wan.Addr(), h.title() + "'s wan_address", h.t.pos("wan_address")})
		}
	}
	return all
}

// title names a host in a message.
func (h placed) title() string {
	switch {
	case h.Name != "" && h.Name != h.role:
		return h.Name
	case h.role == "nfs":
		return "the NFS server"
	case h.role == "web":
		return "this web"
	}
	return "the " + h.role
}

func (d *draft) uniqueAddresses() {
	var seen []owned
next:
	for _, o := range d.owners() {
		for _, first := range seen {
			if first.addr == o.addr {
				d.fail(o.at, fmt.Sprintf("line %d gives it to %s", d.line(first.at), first.who),
					"give %s to %s: it is taken", o.addr, o.who)
				continue next
			}
		}
		seen = append(seen, o)
	}
}

func (d *draft) line(at int) int {
	line, _ := lineCol(d.src, at)
	return line
}

func (d *draft) hostsInNetwork() {
	lan := d.c.Network
	for _, h := range d.hosts {
		if h.role == "client" || !h.Address.IsValid() || !lan.IsValid() {
			continue
		}
		at := h.t.pos("address")
		if !lan.Contains(h.Address) {
			hint := "director, real servers and NFS server share one network; where SSH has to go elsewhere, set ssh.host"
			d.fail(at, hint, "use %s for %s: it is outside the network %s", h.Address, h.title(), lan)
		} else if why := edge(lan, h.Address); why != "" {
			d.fail(at, hostRange(lan), "use %s for %s: it is the %s address of %s", h.Address, h.title(), why, lan)
		}
	}
}

// hostRange is the hint with the addresses that hosts of a network can have.
func hostRange(p netip.Prefix) string {
	last := p.Masked().Addr().As4()
	n := binary.BigEndian.Uint32(last[:]) | (1<<(32-p.Bits()) - 1)
	binary.BigEndian.PutUint32(last[:], n-1)
	return fmt.Sprintf("use one from %s to %s", p.Masked().Addr().Next(), netip.AddrFrom4(last))
}

func (d *draft) natNeedsWAN() {
	if d.c.Mode != NAT || len(d.directors) == 0 {
		return
	}
	t := d.directors[0]
	const hint = `NAT needs a second card, for the clients' side: wan_interface = "ens37" and wan_address = "12.0.0.1/24"`
	switch iface, addr := !t.lacks("wan_interface"), !t.lacks("wan_address"); {
	case !iface && !addr:
		d.fail(t.at, hint, "do without wan_interface and wan_address in mode nat")
	case !iface:
		d.fail(t.pos("wan_address"), hint, "use wan_address without wan_interface")
	case !addr:
		d.fail(t.pos("wan_interface"), hint, "use wan_interface without wan_address")
	case d.c.Director.WANInterface != "" && d.c.Director.WANInterface == d.c.Director.Interface:
		d.fail(t.pos("wan_interface"), "name the second card: the LAN and the clients' side are two networks",
			"use %s for both sides of the director", quote(d.c.Director.WANInterface))
	}
}

func (d *draft) wanApart() {
	wan, lan := d.c.Director.WANAddress, d.c.Network
	if d.c.Mode != NAT || !wan.IsValid() || !lan.IsValid() || !wan.Overlaps(lan) {
		return
	}
	d.fail(d.directors[0].pos("wan_address"), "in NAT the director stands between two networks: give the clients' side another",
		"use %s as wan_address: it overlaps the LAN %s", wan, lan)
}

func (d *draft) clientBeyondDirector() {
	if d.c.Mode != NAT || d.client == nil || !d.c.Network.Contains(d.c.Client.Address) {
		return
	}
	for _, h := range d.hosts {
		if h.role != "client" && h.Address == d.c.Client.Address {
			return // it is no machine of its own at all
		}
	}
	d.fail(d.client.pos("address"),
		"a real server answers its neighbour directly, past the director, and the client refuses that answer: use a machine on the clients' side",
		"send requests from %s in mode nat: it is on the real servers' own LAN", d.c.Client.Address)
}

func (d *draft) clientAddress() {
	if d.client == nil || !d.c.Client.Address.IsValid() {
		return
	}
	sides := []netip.Prefix{d.c.Director.WANAddress}
	if d.c.Mode == DR {
		sides = []netip.Prefix{d.c.Network}
	}
	for _, side := range sides {
		if !side.IsValid() {
			continue
		}
		if why := edge(side, d.c.Client.Address); why != "" {
			d.fail(d.client.pos("address"), hostRange(side.Masked()),
				"use %s for the client: it is the %s address of %s", d.c.Client.Address, why, side.Masked())
		}
	}
}

// oneSourcePerWeb: a web without any would serve the distribution's own page,
// the same on every server, and nobody could tell who answered.
func (d *draft) oneSourcePerWeb() {
	for _, t := range d.webs {
		var given []string
		for _, key := range []string{"mount", "index", "site"} {
			if !t.lacks(key) {
				given = append(given, key)
			}
		}
		switch {
		case len(given) == 0:
			d.fail(t.at, `give it one of mount = "/opt/ka" (an nfs.export), index = "a page of one line" or site = "./directory"`,
				"tell what %s serves", t.webTitle())
		case len(given) > 1:
			at := max(t.keyPos(given[0]), t.keyPos(given[1]))
			d.fail(at, "keep one of them", "serve %s from %s", t.webTitle(), strings.Join(given, " and "))
		}
	}
	for _, t := range d.exports {
		if t.has("index") && t.has("site") {
			d.fail(max(t.keyPos("index"), t.keyPos("site")), "keep one of them", "fill an export from index and site")
		}
	}
}

func (t *table) webTitle() string {
	if s, ok := t.vals["name"].(string); ok && plain(s, lower+digits+".-") {
		return s
	}
	return "this web"
}

func (d *draft) mountsExported() {
	var known []string
	if d.c.NFS != nil {
		for _, e := range d.c.NFS.Exports {
			if e.Path != "" {
				known = append(known, e.Path)
			}
		}
		if len(known) < len(d.exports) || len(d.exports) == 0 || d.root.has("export") {
			return // what is wrong there is reported there
		}
	} else if !d.root.lacks("nfs") {
		return
	}
	for i, w := range d.c.Webs {
		t := d.webs[i]
		switch {
		case w.Mount == "" && !isEmptyText(t, "mount"):
		case d.nfs == nil:
			d.fail(t.pos("mount"), "add [nfs] with a [[nfs.export]] of that path, or give the web an index or a site",
				"mount %s: there is no [nfs]", quote(w.Mount))
		case indexOf(known, w.Mount) < 0:
			hint := "the exports are " + strings.Join(known, ", ")
			if n := nearest(filepath.Clean(w.Mount), known); n != "" {
				hint = fmt.Sprintf("did you mean %q?", n)
			}
			d.fail(t.pos("mount"), hint, "mount %s: no [[nfs.export]] has that path", quote(w.Mount))
		}
	}
}

func isEmptyText(t *table, key string) bool {
	s, ok := t.vals[key].(string)
	return ok && s == ""
}

func (d *draft) uniqueExports() {
	if d.nfs == nil {
		return
	}
	if d.nfs.lacks("export") && !d.root.has("export") {
		d.fail(d.nfs.at, `write [[nfs.export]] and below it path = "/opt/ka"`, "use [nfs] without a [[nfs.export]]")
	}
	seen := map[string]int{}
	for i, e := range d.c.NFS.Exports {
		at := d.exports[i].pos("path")
		if first, ok := seen[e.Path]; ok && e.Path != "" {
			d.fail(at, fmt.Sprintf("line %d exports it already", first), "export %s twice", quote(e.Path))
			continue
		}
		seen[e.Path] = d.line(at)
	}
}
