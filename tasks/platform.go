package tasks

import (
	"fmt"
	"slices"
	"strings"
)

// Platform is what differs between distributions. Adding one is a row in
// platforms.
type Platform struct {
	Name string
	ids  []string // os-release ID or ID_LIKE
	tool string   // the package manager that must be there

	manager       manager
	packageStarts bool // installing a package enables and starts its service

	Web         []string
	WebService  string
	WebConf     string // directory of configuration snippets
	DocRoot     string
	NFSServer   []string
	NFSServices []string
	NFSClient   []string

	Director     []string
	IPVSService  string
	IPVSRules    string // what IPVSService reads at boot
	IPVSSwitches [][3]string
}

// platforms are tried in order: the first whose ids and tool fit is taken.
var platforms = []Platform{
	el("dnf", dnf),
	el("yum", yum),
	{
		Name:          "debian",
		ids:           []string{"debian", "ubuntu"},
		tool:          "apt-get",
		manager:       aptGet,
		packageStarts: true,
		Web:           []string{"apache2"},
		WebService:    "apache2",
		WebConf:       "/etc/apache2/conf-enabled",
		DocRoot:       "/var/www/html",
		NFSServer:     []string{"nfs-kernel-server", "rpcbind"},
		NFSServices:   []string{"rpcbind", "nfs-server"},
		NFSClient:     []string{"nfs-common"},
		Director:      []string{"ipvsadm", "iptables"},
		IPVSService:   "ipvsadm",
		IPVSRules:     "/etc/ipvsadm.rules",
		IPVSSwitches:  [][3]string{{"/etc/default/ipvsadm", "AUTO", `"true"`}},
	},
}

// el is the Red Hat family's row; only the package manager differs in it.
func el(tool string, m manager) Platform {
	return Platform{
		Name:        "el (" + tool + ")",
		ids:         []string{"rhel", "centos", "fedora", "rocky", "almalinux", "openEuler", "anolis"},
		tool:        tool,
		manager:     m,
		Web:         []string{"httpd"},
		WebService:  "httpd",
		WebConf:     "/etc/httpd/conf.d",
		DocRoot:     "/var/www/html",
		NFSServer:   []string{"nfs-utils", "rpcbind"},
		NFSServices: []string{"rpcbind", "nfs-server"},
		NFSClient:   []string{"nfs-utils"},
		Director:    []string{"ipvsadm", "iptables"},
		IPVSService: "ipvsadm",
		IPVSRules:   "/etc/sysconfig/ipvsadm",
	}
}

// PlatformOf finds a host's platform. The error says what was found and what
// would have been known.
func PlatformOf(f Facts) (Platform, error) {
	ids := append([]string{f.OS.ID}, f.OS.Like...)
	for _, p := range platforms {
		if f.PackageManager != p.tool {
			continue
		}
		for _, id := range ids {
			if slices.ContainsFunc(p.ids, func(known string) bool { return strings.EqualFold(known, id) }) {
				return p, nil
			}
		}
	}
	found := f.OS.Pretty
	if found == "" {
		found = "no os-release"
	}
	manager := f.PackageManager
	if manager == "" {
		manager = "no known package manager"
	}
	return Platform{}, fmt.Errorf("cannot tell how to manage this system: found %s with %s; known are the Red Hat family with dnf or yum and the Debian family with apt-get", found, manager)
}
