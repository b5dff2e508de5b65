package roles

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// checkMount: what is mounted on the document root, or is to be at the next
// boot, is not ours to lay another file system over.
func checkMount(h host, f tasks.Facts, say say) {
	dir := h.platform.DocRoot
	if h.web == nil || h.web.Mount == "" || dir == "" {
		return
	}
	const other = "give this server `index` or `site` in the inventory, which are put into what is there; or take it away, and its line out of /etc/fstab"
	for _, l := range f.Links {
		if l.Path == l.At && l.Path == tasks.DefaultDocRoot {
			say("make it a directory; or give this server `index` or `site` in the inventory", "the document root %s is a link to %s: the export would hide what is there", l.At, l.Real)
			return
		}
	}
	if slices.Contains(f.Manifest, "fstab "+dir) {
		return
	}
	wanted := h.cluster.NFS.Address.String() + ":" + path.Clean(h.web.Mount)
	same := func(fs tasks.FileSystem) bool {
		server, exported, _ := strings.Cut(fs.Source, ":")
		return strings.HasPrefix(fs.Type, "nfs") && server+":"+path.Clean("/"+exported) == wanted
	}
	inFstab := func(dir string) string {
		for _, line := range f.Fstab {
			if line.Dir == dir {
				return fmt.Sprintf("; /etc/fstab mounts %s there", line)
			}
		}
		return ""
	}
	said := map[string]bool{}
	tell := func(dir, format string, args ...any) {
		if !said[dir] {
			said[dir] = true
			say(other, format, args...)
		}
	}
	for _, m := range f.Mounts {
		byUnit := m.Type == "autofs" && m.Source == "systemd-1" // which is fstab's, or a unit's
		switch {
		case m.Dir == dir && !byUnit && !same(m):
			tell(m.Dir, "%s is mounted on the document root %s%s", m, dir, inFstab(dir))
		case strings.HasPrefix(m.Dir, dir+"/"):
			tell(m.Dir, "%s is mounted on %s, and the export would hide it", m, m.Dir)
		case m.Dir != "/" && strings.HasPrefix(dir, m.Dir+"/") && m.Type == "autofs":
			tell(m.Dir, "the document root %s is below %s, where %s mounts by itself", dir, m.Dir, m.Source)
		}
	}
	for _, line := range f.Fstab {
		switch {
		case line.Dir == dir && !same(line):
			tell(dir, "/etc/fstab mounts %s on the document root %s", line, dir)
		case line.Dir != dir:
			tell(line.Dir, "/etc/fstab mounts %s on %s, and the export would hide it", line, line.Dir)
		}
	}
	for _, u := range f.MountUnits {
		tell(dir, "the unit %s mounts on the document root %s", u.At, u.Path)
	}
}

// checkReadOnly: what has to be written can be.
func checkReadOnly(h host, f tasks.Facts, say say) {
	for _, dir := range f.ReadOnly {
		if dir == "/proc/sys" && h.Name != h.cluster.Director.Name && (h.web == nil || h.cluster.Mode != inventory.DR) {
			continue // nothing is set there
		}
		hint := "mount it read-write: findmnt -T " + dir
		if dir == "/proc/sys" {
			hint = "kernel parameters are set there; a container cannot, unless it is privileged"
		}
		say(hint, "%s is read-only", dir)
	}
	for _, dir := range []string{"/var/lib", "/etc"} {
		var on tasks.FileSystem
		for _, m := range f.Mounts { // the last of those that are one on the other counts
			if (m.Dir == "/" || m.Dir == dir || strings.HasPrefix(dir, m.Dir+"/")) && len(m.Dir) >= len(on.Dir) {
				on = m
			}
		}
		if slices.Contains(strings.Split(on.Options, ","), "ro") {
			say("mount it read-write: mount -o remount,rw "+on.Dir, "%s is read-only: %s is mounted so on %s", dir, on, on.Dir)
		}
	}
}

// checkExports: a directory that is exported is itself, and the lines that
// others have for it do not contradict.
func checkExports(h host, f tasks.Facts, say say) {
	n := h.cluster.NFS
	if n == nil || n.Name != h.Name {
		return
	}
	for _, e := range n.Exports {
		for _, l := range f.Links {
			if l.Path == e.Path {
				say("name the directory itself as the export's path: "+strconv.Quote(l.Real), "%s is to be exported, and %s is a link: it leads to %s", e.Path, l.At, l.Real)
			}
		}
		for _, m := range f.Mounts {
			if m.Dir == e.Path && (strings.HasPrefix(m.Type, "nfs") || m.Type == "autofs" && m.Source != "systemd-1") {
				say("export it where it is stored", "%s is to be exported, and is itself mounted from %s", e.Path, m)
			}
		}
		for _, other := range othersExports(f, e.Path) {
			if other.contradicts(h.cluster.Network, e.Options) {
				say("take that line away, or make its options "+e.Options, "%s exports %s to %s with other options: %s", other.file, e.Path, other.client, other.options)
			}
		}
	}
}

// export is what a line of others has for one client.
type export struct{ file, client, options string }

// othersExports are the clients that lines of others have for a directory.
func othersExports(f tasks.Facts, dir string) []export {
	var all []export
	var line, file string
	for _, l := range f.Exports {
		if l.File != file {
			line, file = "", l.File
		}
		line += l.Line
		if begun, more := strings.CutSuffix(line, `\`); more {
			line = begun + " "
			continue
		}
		where, clients := exported(line)
		line = ""
		if path.Clean(where) != dir {
			continue
		}
		for _, c := range clients {
			client, options, _ := strings.Cut(strings.TrimSuffix(c, ")"), "(")
			if client == "" {
				client = "*"
			}
			all = append(all, export{file, client, options})
		}
	}
	return all
}

// exported takes a line of exports(5) apart: a path, perhaps in quotes, with
// octal escapes, and clients.
func exported(line string) (dir string, clients []string) {
	line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
	if quoted, is := strings.CutPrefix(line, `"`); is {
		dir, line, _ = strings.Cut(quoted, `"`)
	} else if i := strings.IndexAny(line, " \t"); i >= 0 {
		dir, line = line[:i], line[i:]
	} else {
		dir, line = line, ""
	}
	for i := strings.IndexByte(dir, '\\'); i >= 0 && i+4 <= len(dir); i = strings.IndexByte(dir, '\\') {
		n, err := strconv.ParseUint(dir[i+1:i+4], 8, 8)
		if err != nil {
			break
		}
		dir = dir[:i] + string(rune(n)) + dir[i+4:]
	}
	if clients = strings.Fields(line); clients == nil {
		clients = []string{"*"}
	}
	return dir, clients
}

// network is the client as a network of IPv4, if it is one.
func (e export) network() (netip.Prefix, bool) {
	address, mask, _ := strings.Cut(e.client, "/")
	if m, err := netip.ParseAddr(mask); err == nil && m.Is4() {
		bits := 0
		for _, b := range m.As4() {
			for ; b&0x80 != 0; b <<= 1 {
				bits++
			}
		}
		mask = strconv.Itoa(bits)
	}
	p, err := netip.ParsePrefix(address + "/" + mask)
	return p, err == nil
}

// grants reports whether options of exports(5) give all that ours do.
func (e export) grants(options string) bool {
	theirs := strings.Split(e.options, ",")
	assumed := []string{"ro", "sync", "wdelay", "root_squash", "no_subtree_check", "secure", "hide", "no_all_squash"}
	opposite := map[string]string{"ro": "rw", "rw": "ro", "sync": "async", "async": "sync"}
	for _, o := range strings.Split(options, ",") {
		no := "no_" + o
		if begun, is := strings.CutPrefix(o, "no_"); is {
			no = begun
		}
		if with, known := opposite[o]; known {
			no = with
		}
		if !slices.Contains(theirs, o) && (!slices.Contains(assumed, o) || slices.Contains(theirs, no)) {
			return false
		}
	}
	return true
}

// contradicts reports whether the server could not tell which of the two
// counts. A host, or a pattern, is another kind of client: the server knows
// which goes first.
func (e export) contradicts(network netip.Prefix, options string) bool {
	p, is := e.network()
	return is && p.Overlaps(network) && !e.grants(options)
}

// leftTo reports whether a line of others exports a directory to the network as
// ours would: a second one is an error of exportfs.
func leftTo(f tasks.Facts, network netip.Prefix, dir, options string) bool {
	return slices.ContainsFunc(othersExports(f, dir), func(e export) bool {
		return e.client == network.String() && e.grants(options)
	})
}
