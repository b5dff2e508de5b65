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
	NFSHelpers  []string // services that come with NFSClient

	Director     []string
	IPVSService  string
	IPVSRules    string // what IPVSService reads at boot
	IPVSSwitches [][3]string
}

// DefaultDocRoot is where every known platform's web server looks for pages.
const DefaultDocRoot = "/var/www/html"

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
		DocRoot:       DefaultDocRoot,
		NFSServer:     []string{"nfs-kernel-server", "rpcbind"},
		NFSServices:   []string{"rpcbind", "nfs-server"},
		NFSClient:     []string{"nfs-common"},
		NFSHelpers:    []string{"rpcbind"},
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
		DocRoot:     DefaultDocRoot,
		NFSServer:   []string{"nfs-utils", "rpcbind"},
		NFSServices: []string{"rpcbind", "nfs-server"},
		NFSClient:   []string{"nfs-utils"},
		NFSHelpers:  []string{"rpcbind"},
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

// examples are hosts as facts would describe them, for programs that are
// rendered without asking any host.
var examples = []struct {
	name  string
	facts Facts
}{
	{"el7", Facts{OS: OS{ID: "centos", VersionID: "7", Pretty: "CentOS Linux 7", Like: []string{"rhel", "fedora"}}, PackageManager: "yum", Network: NetworkScripts, Firewall: "firewalld", SELinux: "enforcing", Systemd: true}},
	{"el8", Facts{OS: OS{ID: "rocky", VersionID: "8.10", Pretty: "Rocky Linux 8.10", Like: []string{"rhel", "centos", "fedora"}}, PackageManager: "dnf", Network: NetworkManager, Firewall: "firewalld", SELinux: "enforcing", Systemd: true}},
	{"debian12", Facts{OS: OS{ID: "debian", VersionID: "12", Pretty: "Debian GNU/Linux 12"}, PackageManager: "apt-get", Network: Ifupdown, Systemd: true}},
	{"debian12-cloud", Facts{OS: OS{ID: "debian", VersionID: "12", Pretty: "Debian GNU/Linux 12"}, PackageManager: "apt-get", Network: Networkd, Systemd: true}},
}

// ExamplePlatforms names what ExampleFacts knows.
func ExamplePlatforms() []string {
	var names []string
	for _, e := range examples {
		names = append(names, e.name)
	}
	return names
}

// ExampleFacts describes a host of a platform as it comes.
func ExampleFacts(name string) (Facts, bool) {
	for _, e := range examples {
		if e.name == name {
			return e.facts, true
		}
	}
	return Facts{}, false
}
