package tasks

import (
	"fmt"
	"slices"
	"strings"
)

// Platform is what differs between distributions. Adding one is a row in
// platforms.
type Platform struct {
	Name  string
	ids   []string // os-release ID or ID_LIKE
	since int      // the first major version, of those whose ID is in ids
	tool  string   // the package manager that must be there

	manager       manager
	packageStarts bool // installing a package enables and starts its service

	Web         []string
	WebService  string
	WebConf     string // directory of configuration snippets
	WebControl  string // tests the configuration: -t
	DocRoot     string
	NFSServer   []string
	NFSServices []string
	NFSClient   []string
	NFSHelpers  []string // services that come with NFSClient
	Names       string   // the package of /etc/protocols and /etc/services, where a system may lack it
	MountdConf  string   // directory that sets mountd's port, where it has no fixed one

	Director     []string
	IPVSService  string
	IPVSRules    string // what IPVSService reads at boot
	IPVSSwitches [][3]string

	nft bool // SNAT by nft: what iptables needs of the kernel is in a package of its own
}

// DefaultDocRoot is where every known platform's web server looks for pages.
const DefaultDocRoot = "/var/www/html"

// platforms are tried in order: the first whose ids and tool fit is taken.
var platforms = []Platform{
	el10(),
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
		WebControl:    "apache2ctl",
		DocRoot:       DefaultDocRoot,
		NFSServer:     []string{"nfs-kernel-server", "rpcbind"},
		NFSServices:   []string{"rpcbind", "nfs-server"},
		NFSClient:     []string{"nfs-common"},
		NFSHelpers:    []string{"rpcbind"},
		Names:         "netbase",
		MountdConf:    "/etc/nfs.conf.d",
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
		ids:         []string{"rhel", "centos", "fedora", "rocky", "almalinux", "ol", "openEuler", "anolis"},
		tool:        tool,
		manager:     m,
		Web:         []string{"httpd"},
		WebService:  "httpd",
		WebConf:     "/etc/httpd/conf.d",
		WebControl:  "httpd",
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

// el10 is the family's row since RHEL 10. Its derivatives count otherwise:
// openEuler 24 is not one of these.
func el10() Platform {
	p := el("dnf", dnf)
	p.Name, p.ids, p.since, p.nft = "el10 (dnf)", []string{"rhel", "centos", "rocky", "almalinux", "ol"}, 10, true
	p.Director = []string{"ipvsadm", "nftables"}
	return p
}

// PlatformOf finds a host's platform. The error says what was found and what
// would have been known.
func PlatformOf(f Facts) (Platform, error) {
	ids := append([]string{f.OS.ID}, f.OS.Like...)
	for _, p := range platforms {
		if f.PackageManager != p.tool || p.since > 0 && (!slices.Contains(p.ids, f.OS.ID) || f.OS.major() < p.since) {
			continue
		}
		for _, id := range ids {
			if slices.ContainsFunc(p.ids, func(known string) bool { return strings.EqualFold(known, id) }) {
				if f.OS.ID == "centos" && f.OS.major() <= 8 {
					p.manager.hint = vault(f.OS.VersionID)
				}
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

// vault is the hint where a release is past its end of life, and its mirrors
// are gone.
func vault(version string) string {
	return "CentOS " + version + " is past its end of life, and mirrorlist.centos.org is gone: its packages are at http://vault.centos.org/ now. " +
		"In /etc/yum.repos.d/CentOS-*.repo comment out mirrorlist= and let baseurl= begin with that; then yum repolist"
}

// examples are hosts as facts would describe them, for programs that are
// rendered without asking any host.
var examples = []struct {
	name  string
	facts Facts
}{
	{"el7", redHat("centos", "7", "CentOS Linux 7", "yum", NetworkScripts)},
	{"el8", redHat("rocky", "8.10", "Rocky Linux 8.10", "dnf", NetworkManager)},
	{"el9", redHat("almalinux", "9.6", "AlmaLinux 9.6", "dnf", NetworkManager)},
	{"el10", redHat("rhel", "10.1", "Red Hat Enterprise Linux 10.1", "dnf", NetworkManager)},
	{"openeuler", redHat("openEuler", "24.03", "openEuler 24.03 (LTS)", "dnf", NetworkManager)},
	{"anolis", redHat("anolis", "8.9", "Anolis OS 8.9", "dnf", NetworkManager)},
	{"debian12", debian("debian", "12", "Debian GNU/Linux 12 (bookworm)", Ifupdown, "")},
	{"debian12-cloud", debian("debian", "12", "Debian GNU/Linux 12 (bookworm)", Networkd, "")},
	{"debian13", debian("debian", "13", "Debian GNU/Linux 13 (trixie)", Ifupdown, "nftables")},
	{"ubuntu22", debian("ubuntu", "22.04", "Ubuntu 22.04.5 LTS", Netplan, "")},
	{"ubuntu24", debian("ubuntu", "24.04", "Ubuntu 24.04.3 LTS", Netplan, "ufw")},
	{"ubuntu24-arm64", arm64(debian("ubuntu", "24.04", "Ubuntu 24.04.3 LTS", Netplan, ""))},
}

func redHat(id, version, pretty, manager string, n Network) Facts {
	return Facts{
		OS:             OS{ID: id, VersionID: version, Pretty: pretty, Like: []string{"rhel", "centos", "fedora"}},
		PackageManager: manager, Network: n, Firewall: "firewalld", SELinux: "enforcing", Systemd: true, Init: "systemd", Arch: "x86_64",
	}
}

func debian(id, version, pretty string, n Network, firewall string) Facts {
	f := Facts{
		OS:             OS{ID: id, VersionID: version, Pretty: pretty},
		PackageManager: "apt-get", Network: n, Firewall: firewall, Systemd: true, Init: "systemd", Arch: "x86_64",
	}
	if id != "debian" {
		f.OS.Like = []string{"debian"}
	}
	if firewall == "nftables" { // the rule set that its package brings
		for _, hook := range []string{"input", "forward"} {
			f.Chains = append(f.Chains, Chain{Family: "inet", Table: "filter", Name: hook, Hook: hook})
		}
	}
	return f
}

func arm64(f Facts) Facts {
	f.Arch = "aarch64"
	return f
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
