package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// draft is a Cluster in the making, with the tables that its parts came from:
// the rules of check.go need both.
type draft struct {
	*reader
	c         *Cluster
	root      *table
	cluster   *table
	directors []*table
	services  []*table // as c.Services
	webs      []*table // as c.Webs
	nfs       *table
	exports   []*table // as c.NFS.Exports
	client    *table
	hosts     []placed
	ssh       SSH  // of [ssh]
	unsure    bool // the references of some service could not be read
}

// placed is a host with the table it came from.
type placed struct {
	Host
	role string
	t    *table
}

// read fills the cluster in, table by table.
func (d *draft) read(root *table, mode Mode) {
	d.root = root
	d.readCluster(mode)
	d.ssh = d.readSSH(root.sub("ssh", "[ssh]"), SSH{})
	d.readDirector()
	for _, t := range root.subs("web", "[[web]]") {
		d.readWeb(t)
	}
	d.readNFS()
	if d.client = root.sub("client", "[client]"); d.client != nil {
		d.c.Client = &Client{Host: d.readHost(d.client, "client", "client")}
	}
	for _, t := range root.subs("service", "[[service]]") {
		d.readService(t)
	}
	d.readPolicy()
}

func (d *draft) readCluster(override Mode) {
	c := d.c
	c.Name, c.Mode = "lvs", NAT
	if d.cluster = d.root.sub("cluster", "[cluster]"); d.cluster == nil {
		d.cluster = &table{reader: d.reader, kind: "[cluster]", at: d.root.at, node: &node{}}
		if d.root.lacks("cluster") {
			d.fail(d.root.at, `write [cluster] and below it: network = "192.168.1.0/24"`, "do without a [cluster] table")
		}
	} else if d.cluster.lacks("network") {
		d.fail(d.cluster.at, `the LAN of director and real servers: network = "192.168.1.0/24"`, "do without network in [cluster]")
	}
	t := d.cluster
	if name, ok := t.str("name"); ok {
		if !plain(name, "abcdefghijklmnopqrstuvwxyz0123456789-") || name[0] == '-' || len(name) > 63 {
			d.fail(t.pos("name"), "use a to z, 0 to 9 and -, not beginning with -", "name a cluster %s", quote(name))
		}
		c.Name = name
	}
	c.Network = t.network("network")
	if s, ok := t.str("mode"); ok {
		if c.Mode = Mode(s); c.Mode != NAT && c.Mode != DR {
			d.fail(t.pos("mode"), modeHint(s), "use %s as mode", quote(s))
		}
	} else if t.has("mode") {
		c.Mode = ""
	}
	if override != "" {
		c.Mode = override
	}
}

// readSSH lays the keys of one ssh table over base.
func (d *draft) readSSH(t *table, base SSH) SSH {
	if t == nil {
		return base
	}
	if s, ok := t.str("host"); ok && t.kind != "[ssh]" {
		base.Host = t.sshWord("host", s)
	}
	if s, ok := t.str("user"); ok {
		base.User = t.sshWord("user", s)
	}
	if t.has("port") {
		n, _ := t.integer("port", 22, 1, 65535)
		base.Port = int(n)
	}
	if s, ok := t.str("identity"); ok {
		base.Identity = d.path(t, "identity", s)
	}
	if t.has("jump") {
		base.Jump = nil // an empty list takes the default's hops away
		items, _ := t.list("jump")
		for _, i := range items {
			if why := badJump(i.text); why != "" {
				d.fail(i.at, `write user@host:port; user and port may be left out`, "use %s as a jump host: %s", quote(i.text), why)
			}
			base.Jump = append(base.Jump, i.text)
		}
	}
	base.Become = t.boolean("become", base.Become)
	return base
}

// readHost reads what all hosts have in common.
func (d *draft) readHost(t *table, role, name string) Host {
	h := Host{Name: name, Address: t.address("address")}
	if s, ok := t.str("name"); ok {
		t.hostName(s)
		h.Name = s
	} else if name == "" && t.lacks("name") {
		d.fail(t.at, fmt.Sprintf(`every host has a name: name = "%s1"`, role), "do without name in %s", t.kind)
	}
	if t.lacks("address") {
		hint := `write its IPv4 address below: address = "…"`
		if d.c.Network.IsValid() && role != "client" {
			hint = fmt.Sprintf(`write its address on the LAN %s below: address = "…"`, d.c.Network)
		}
		d.fail(t.at, hint, "do without an address for %s", placed{h, role, t}.title())
	}
	h.Interface = t.iface("interface")
	h.SSH = d.readSSH(t.sub("ssh", "["+strings.Trim(t.kind, "[]")+".ssh]"), d.ssh)
	d.hosts = append(d.hosts, placed{h, role, t})
	return h
}

func (d *draft) readDirector() {
	d.directors = d.root.subs("director", "[[director]]")
	for i, t := range d.directors {
		if i > 0 {
			d.fail(t.at, "one director is all that can be deployed so far: remove this one", "use a second [[director]] yet")
			continue
		}
		d.c.Director = Director{
			Host:         d.readHost(t, "director", "director"),
			WANInterface: t.iface("wan_interface"),
			WANAddress:   t.wanAddress("wan_address"),
		}
	}
}

func (d *draft) readWeb(t *table) {
	w := Web{Host: d.readHost(t, "web", "")}
	weight, _ := t.integer("weight", 1, 0, 65535)
	w.Weight = int(weight)
	if t.has("port") {
		port, _ := t.integer("port", 0, 1, 65535)
		w.Port = uint16(port)
	}
	w.Mount, _ = t.str("mount")
	w.Index = d.index(t)
	w.Site = d.site(t)
	d.webs = append(d.webs, t)
	d.c.Webs = append(d.c.Webs, w)
}

func (d *draft) readNFS() {
	if d.nfs = d.root.sub("nfs", "[nfs]"); d.nfs == nil {
		return
	}
	d.c.NFS = &NFS{Host: d.readHost(d.nfs, "nfs", "nfs")}
	for _, t := range d.nfs.subs("export", "[[nfs.export]]") {
		e := Export{Index: d.index(t), Site: d.site(t), Options: "rw,sync"}
		if s, ok := t.str("path"); ok {
			e.Path = t.exportPath(s)
		} else if t.lacks("path") {
			d.fail(t.at, `the directory to export: path = "/opt/ka"`, "do without path in [[nfs.export]]")
		}
		if s, ok := t.str("options"); ok {
			t.exportOptions(s)
			e.Options = s
		}
		d.exports = append(d.exports, t)
		d.c.NFS.Exports = append(d.c.NFS.Exports, e)
	}
}

func (d *draft) readService(t *table) {
	s := Service{VIP: t.address("vip")}
	if t.lacks("vip") && d.c.Mode == NAT {
		s.VIP = d.c.Director.WANAddress.Addr()
	}
	var ok bool
	if s.Protocol, ok = t.word("protocol", "tcp", "tcp", "udp"); ok {
		switch {
		case s.Protocol == "udp" && t.lacks("port"):
			d.fail(t.at, "port = 53, for one", "do without port in a udp [[service]]")
		case s.Protocol == "udp" && t.has("check_path"):
			d.fail(t.pos("check_path"), "verify asks for a path over tcp only: leave check_path out", "use check_path with protocol udp")
		case s.Protocol == "tcp":
			s.CheckPath = "/"
		}
	}
	port, _ := t.integer("port", 80, 1, 65535)
	s.Port = uint16(port)
	s.Scheduler, _ = t.word("scheduler", "rr", schedulers()...)
	s.Persistence = t.persistence("persistence")
	if p, ok := t.str("check_path"); ok {
		t.checkPath(p)
		s.CheckPath = p
	}
	if t.has("webs") {
		s.Webs = d.readWebsOf(t)
	} else {
		for _, w := range d.c.Webs {
			s.Webs = append(s.Webs, w.Name)
		}
	}
	d.services = append(d.services, t)
	d.c.Services = append(d.c.Services, s)
}

// readWebsOf resolves the names in a service's webs.
func (d *draft) readWebsOf(t *table) []string {
	var known []string
	unnamed := len(d.c.Webs) == 0
	for _, w := range d.c.Webs {
		unnamed = unnamed || w.Name == ""
		known = append(known, w.Name)
	}
	items, ok := t.list("webs")
	if ok && len(items) == 0 {
		d.fail(t.pos("webs"), "name them, or leave webs out: then it has all of them", "serve anything without webs")
		ok = false
	}
	var names []string
	for _, it := range items {
		switch {
		case indexOf(known, it.text) < 0 && unnamed:
			ok = false // it may be the one whose name is missing, which is said there
		case indexOf(known, it.text) < 0:
			d.fail(it.at, didYouMean(it.text, known, "the [[web]] tables name"), "find the web %s", quote(it.text))
			ok = false
		case indexOf(names, it.text) >= 0:
			d.fail(it.at, "for a larger share, give it a weight and the scheduler wrr", "use %s twice in one service", quote(it.text))
		default:
			names = append(names, it.text)
		}
	}
	d.unsure = d.unsure || !ok
	return names
}

func (d *draft) readPolicy() {
	d.c.Policy = Policy{Firewall: "manage", SELinux: "manage"}
	if t := d.root.sub("policy", "[policy]"); t != nil {
		d.c.Policy.Firewall, _ = t.word("firewall", "manage", "manage", "disable", "leave")
		d.c.Policy.SELinux, _ = t.word("selinux", "manage", "manage", "permissive", "leave")
	}
}

// index reads the text of a page.
func (d *draft) index(t *table) string {
	s, ok := t.str("index")
	if ok && strings.TrimSpace(s) == "" {
		d.fail(t.pos("index"), "verify tells the servers apart by their pages: write a word", "publish an empty index")
	}
	return s
}

// site reads a local directory, which has to be there.
func (d *draft) site(t *table) string {
	s, ok := t.str("site")
	if !ok {
		return ""
	}
	path := d.path(t, "site", s)
	if path == "" {
		return ""
	}
	switch info, err := os.Stat(path); {
	case err != nil:
		hint := ""
		if !filepath.IsAbs(s) {
			hint = "a relative path starts from the directory of " + filepath.Base(d.file)
		}
		d.fail(t.pos("site"), hint, "publish the site %s: %v", quote(s), cause(err))
	case !info.IsDir():
		d.fail(t.pos("site"), "name the directory that the file is in", "publish the site %s: not a directory", quote(s))
	}
	return path
}

// path makes a local path absolute: ~ is the user's home, and a relative path
// starts from the inventory's directory.
func (d *draft) path(t *table, key, s string) string {
	switch {
	case s == "":
		d.fail(t.pos(key), "name it, or leave the key out", "use an empty path as %s", key)
		return ""
	case s == "~" || s[0] == '~' && os.IsPathSeparator(s[1]):
		home, err := os.UserHomeDir()
		if err != nil {
			d.fail(t.pos(key), "write the path in full", "expand ~ in %s: %v", key, err)
			return ""
		}
		return filepath.Join(home, s[1:])
	case s[0] == '~':
		d.fail(t.pos(key), "write the path in full", "expand %s in %s", quote(strings.SplitN(s, "/", 2)[0]), key)
		return ""
	case filepath.IsAbs(s):
		return filepath.Clean(s)
	}
	return filepath.Join(d.c.Dir, s)
}

// maxPersistence is ipvsadm's own limit, 31 days.
const maxPersistence = 31 * 24 * time.Hour
