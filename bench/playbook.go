package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

//go:embed playbook
var playbook embed.FS

// ansibleConfig is Ansible as a careful user tunes it: every host at once, no
// file per module, one connection per host that stays, one place for Python;
// each play asks its hosts once for the few facts that a playbook decides by.
const ansibleConfig = `[defaults]
forks = %d
timeout = 60
gathering = smart
interpreter_python = /usr/bin/python3
remote_user = root
retry_files_enabled = false
nocows = true
%s
[ssh_connection]
pipelining = true
ssh_args = -F none -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=%s -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -o IdentityFile=%s
`

const mitogenConfig = `strategy_plugins = /usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy
strategy = mitogen_linear
`

type fileVar struct {
	Src  string `json:"src"`
	Path string `json:"path"`
	Mode string `json:"mode"`
}

// writePlaybook writes the playbook, its configurations, its inventory and the
// files that it copies.
func (t *target) writePlaybook() error {
	known := path.Join(t.home, ".ssh/known_hosts")
	hosts := t.cluster.Hosts()
	for name, strategy := range map[string]string{"ansible.cfg": "", "mitogen.cfg": mitogenConfig} {
		if err := t.write(name, fmt.Sprintf(ansibleConfig, len(hosts), strategy, known, t.identity)); err != nil {
			return err
		}
	}
	err := fs.WalkDir(playbook, "playbook", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := playbook.ReadFile(name)
		if err != nil {
			return err
		}
		return t.write(name, string(text))
	})
	if err != nil {
		return err
	}
	groups := map[string]map[string]map[string]any{"directors": {}, "webs": {}, "storage": {}}
	for _, h := range hosts {
		group, vars, err := t.hostVars(h)
		if err != nil {
			return err
		}
		groups[group][h.Name] = vars
	}
	children := map[string]any{}
	for name, members := range groups {
		children[name] = map[string]any{"hosts": members}
	}
	text, err := json.MarshalIndent(map[string]any{"all": map[string]any{"children": children}}, "", " ")
	if err != nil {
		return err
	}
	return t.write("hosts.json", string(text))
}

// hostVars are a host's variables, from lvsdeploy's plan of it.
func (t *target) hostVars(h inventory.Host) (group string, vars map[string]any, err error) {
	platform, err := tasks.PlatformOf(*t.facts[h.Name])
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", h.Name, err)
	}
	vars = map[string]any{"ansible_host": at(h), "address": h.Address.String()}
	var packages, services []string
	switch {
	case h.Name == t.cluster.Director.Name:
		group = "directors"
		packages = platform.Director
		if d := t.cluster.Director; t.mode == inventory.NAT {
			vars["network"], vars["wan_interface"], vars["wan_address"] = t.cluster.Network.String(), d.WANInterface, d.WANAddress.String()
		} else {
			vars["vip"], vars["vip_interface"] = t.cluster.VIPs()[0].String(), d.Interface
		}
		var servers []string
		for _, w := range t.cluster.Webs {
			servers = append(servers, w.Address.String()+":80")
		}
		vars["real_servers"] = servers
	case t.cluster.NFS != nil && h.Name == t.cluster.NFS.Name:
		group = "storage"
		packages, services = platform.NFSServer, platform.NFSServices
		var exports []string
		for _, e := range t.cluster.NFS.Exports {
			exports = append(exports, e.Path)
		}
		vars["exports"], vars["reread"] = exports, []string{"export"}
	default:
		group = "webs"
		i := slices.IndexFunc(t.cluster.Webs, func(w inventory.Web) bool { return w.Name == h.Name })
		packages, services = platform.Web, []string{platform.WebService}
		if web := t.cluster.Webs[i]; web.Mount != "" {
			packages = slices.Concat(packages, platform.NFSClient)
			services = slices.Concat(platform.NFSHelpers, services)
			vars["mount"] = map[string]string{"server": t.cluster.NFS.Address.String(), "path": web.Mount, "dir": platform.DocRoot, "options": mountOptions}
		}
		if t.mode == inventory.NAT {
			vars["gateway"], vars["interface"] = t.cluster.Director.Address.String(), h.Interface
		} else {
			vars["vip"], vars["vip_interface"] = t.cluster.VIPs()[0].String(), "lo"
		}
	}
	files, units := []fileVar{}, []string{}
	for _, task := range t.tasksOf(h.Name) {
		for _, f := range task.Files {
			switch {
			case f.Path == platform.IPVSRules || strings.HasSuffix(f.Path, "ipvsadm.rules"):
				vars["table"] = strings.Split(strings.TrimSpace(f.Content), "\n")
				continue
			case f.Path == "/etc/fstab":
				continue
			case strings.HasPrefix(f.Path, "/etc/systemd/system/"):
				units = append(units, path.Base(f.Path))
			case strings.HasPrefix(f.Path, "/etc/sysctl.d/"):
				vars["sysctl_file"], vars["sysctls"] = f.Path, sysctlsIn(f.Content)
			}
			local := path.Join("files", h.Name, f.Path)
			if err := t.write(local, f.Content); err != nil {
				return "", nil, err
			}
			files = append(files, fileVar{Src: t.path(local), Path: f.Path, Mode: f.Mode})
		}
	}
	if services == nil {
		services = []string{}
	}
	vars["packages"], vars["services"], vars["files"], vars["units"] = strings.Join(packages, " "), services, files, units
	return group, vars, nil
}

// sysctlsIn lists the settings of a file of sysctl.d(5), those left out that
// may be missing from a kernel.
func sysctlsIn(file string) (list []map[string]string) {
	for line := range strings.Lines(file) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok && !strings.HasPrefix(key, "-") {
			list = append(list, map[string]string{"key": key, "value": value})
		}
	}
	return list
}

const mountOptions = "defaults,_netdev,nofail,x-systemd.automount,x-systemd.mount-timeout=30"
