package roles

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/tasks"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

func nfsPackages(h host) part {
	return do(tasks.Packages(h.platform, daemons(h.unmasked(h.platform.NFSServices)), append(h.names(), h.platform.NFSServer...)...))
}

// unmasked leaves out what somebody has masked: NFS does without rpcbind since
// version 4. (One that it needs is not fit, see checkMasked.)
func (h host) unmasked(units []string) []string {
	return slices.DeleteFunc(slices.Clone(units), func(u string) bool { return slices.Contains(h.facts.Masked, u) })
}

// names is the package of /etc/protocols and /etc/services, which RPC reads, on
// a system that is so small that it lacks them.
func (h host) names() []string {
	if h.facts.NoProtocols && h.platform.Names != "" {
		return []string{h.platform.Names}
	}
	return nil
}

// mountdPort is where the Red Hat family's mountd listens; Debian's takes any
// port, which no firewall can be told of.
const mountdPort = 20048

// nfsPorts has mountd listen where the firewall lets others reach it.
func nfsPorts(h host) part {
	if h.firewall() == "" || h.platform.MountdConf == "" {
		return part{}
	}
	file := tasks.Write(tasks.File{
		Path: h.platform.MountdConf + "/lvsdeploy-" + h.cluster.Name + ".conf",
		Mode: "0644",
		Content: templates.Render("mountd", map[string]string{
			"Cluster": h.cluster.Name, "Port": strconv.Itoa(mountdPort),
		}),
	})
	file.Notify = "nfs-mountd"
	return part{tasks: []tasks.Task{file}, handlers: []tasks.Task{tasks.Restart("nfs-mountd")}}
}

// nfsServices come before the exports: a server that starts reads what is
// there, and the exports' own task then says truly what it changed.
func nfsServices(h host) part {
	var p part
	for _, unit := range h.unmasked(h.platform.NFSServices) {
		p.tasks = append(p.tasks, tasks.Service(h.platform, unit, ""))
	}
	return p
}

func exports(h host) part {
	var p part
	var lines []string
	var ours []tasks.Export
	for _, e := range h.cluster.NFS.Exports {
		if !leftTo(h.facts, h.cluster.Network, e.Path, e.Options) {
			lines = append(lines, e.Path+" "+h.cluster.Network.String()+"("+e.Options+")")
			ours = append(ours, tasks.Export{Path: e.Path, Network: h.cluster.Network.String(), Options: e.Options})
		}
		for _, other := range othersExports(h.facts, e.Path) { // it must not go with that one
			if file, _, _ := strings.Cut(other.file, ":"); strings.HasPrefix(path.Base(file), "lvsdeploy-") {
				p.tasks = append(p.tasks, tasks.Kept("file "+file, "another cluster's export of "+e.Path))
			}
		}
		p.tasks = append(p.tasks, tasks.Directory(e.Path))
		p.tasks = append(p.tasks, pages(h, e.Path, e.Index, e.Site)...)
	}
	if len(lines) > 0 { // else lines of others do it all
		file := tasks.ExportsFile(tasks.File{
			Path: "/etc/exports.d/lvsdeploy-" + h.cluster.Name + ".exports",
			Mode: "0644",
			Content: templates.Render("exports", map[string]string{
				"Cluster": h.cluster.Name, "Exports": strings.Join(lines, "\n"),
			}),
		}, ours)
		p.tasks = append(p.tasks, file)
	}
	for _, e := range h.cluster.NFS.Exports {
		p.tasks = append(p.tasks, tasks.Exported(tasks.Export{Path: e.Path, Network: h.cluster.Network.String(), Options: e.Options}))
	}
	p.handlers = []tasks.Task{tasks.Reexport()}
	return p
}
