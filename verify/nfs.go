package verify

import (
	"fmt"
	"path"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

func nfsService(_ *inventory.Cluster, f facts) []Check {
	if state := f.word("active"); state != "active" {
		return []Check{bad(nameNFS, "nfs-server is not running: "+state, "run `systemctl start nfs-server`")}
	}
	return []Check{good(nameNFS, "nfs-server is running")}
}

func nfsAtBoot(_ *inventory.Cluster, f facts) []Check {
	if state := f.word("enabled"); state != "enabled" {
		return []Check{bad(nameNFSBoot, "nfs-server is not enabled: "+state, "run `systemctl enable nfs-server`")}
	}
	return []Check{good(nameNFSBoot, "nfs-server is enabled")}
}

// exported reads `exportfs -v`: a path, then its client and options, on a line
// of their own where the path is long.
func exported(lines []string) map[string][]string {
	clients := map[string][]string{}
	last := ""
	for _, line := range lines {
		if !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, " ") {
			dir, rest, _ := strings.Cut(line, "\t")
			last = strings.TrimRight(dir, " ")
			line = rest
		}
		if line = strings.TrimSpace(line); last != "" && line != "" {
			clients[last] = append(clients[last], line)
		}
	}
	return clients
}

func exportsLive(c *inventory.Cluster, f facts) []Check {
	if !f.ok("live") {
		return []Check{bad(nameExport, "cannot read what is exported: "+f.said("live"), "run `exportfs -v` there")}
	}
	live := exported(f.lines("live"))
	var cs []Check
	for _, e := range c.NFS.Exports {
		if clients := live[path.Clean(e.Path)]; len(clients) > 0 {
			cs = append(cs, good(nameExport, "%s to %s", e.Path, strings.Join(clients, " ")))
		} else {
			cs = append(cs, bad(nameExport, fmt.Sprintf("the export %s is gone", e.Path), "run `exportfs -ra`; if that does not bring it back, deploy again"))
		}
	}
	return cs
}

func exportsAtBoot(c *inventory.Cluster, f facts) []Check {
	listed := map[string]bool{}
	for _, line := range f.lines("files") {
		line = strings.TrimSpace(line)
		dir := strings.SplitN(line, " ", 2)[0]
		if quoted, ok := strings.CutPrefix(line, `"`); ok {
			dir, _, _ = strings.Cut(quoted, `"`)
		} else if i := strings.IndexAny(line, " \t"); i > 0 {
			dir = line[:i]
		}
		if strings.HasPrefix(dir, "/") {
			listed[path.Clean(unescape(dir))] = true
		}
	}
	var cs []Check
	for _, e := range c.NFS.Exports {
		if listed[path.Clean(e.Path)] {
			cs = append(cs, good(nameExportBoot, "%s is in the exports files", e.Path))
		} else {
			cs = append(cs, bad(nameExportBoot, fmt.Sprintf("neither /etc/exports nor /etc/exports.d has %s: it is gone after the next boot", e.Path), redeploy))
		}
	}
	return cs
}

func exportDirectories(c *inventory.Cluster, f facts) []Check {
	var cs []Check
	for i, e := range c.NFS.Exports {
		if f.ok(fmt.Sprintf("dir-%d", i+1)) {
			cs = append(cs, good(nameExportDir, "%s is there", e.Path))
		} else {
			cs = append(cs, bad(nameExportDir, fmt.Sprintf("the exported directory %s does not exist", e.Path), redeploy))
		}
	}
	return cs
}

// exportIndexes asks for an index only where the inventory puts one.
func exportIndexes(c *inventory.Cluster, f facts) []Check {
	var cs []Check
	for i, e := range c.NFS.Exports {
		switch {
		case e.Index == "":
			continue
		case f.ok(fmt.Sprintf("index-%d", i+1)):
			cs = append(cs, good(nameIndex, "%s/index.html is there", e.Path))
		default:
			cs = append(cs, bad(nameIndex, fmt.Sprintf("%s/index.html is missing", e.Path), redeploy))
		}
	}
	return cs
}
