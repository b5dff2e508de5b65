package roles_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// fit are hosts on which nothing is wrong.
func fit(t *testing.T, source string) (roles.Input, time.Time) {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := input(t, source, inventory.NAT, "debian12")
	for name, f := range in.Facts {
		f.UID, f.Clock, f.DiskFree = 0, now.Unix(), 1<<20
		if name == "director" {
			f.Interfaces = append(f.Interfaces, tasks.Interface{Name: "ens37"})
		}
	}
	return in, now
}

func TestPreflight(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(roles.Input, *tasks.Facts) // of web-index
		want []string
	}{
		{"fit", func(roles.Input, *tasks.Facts) {}, nil},
		{"not reached", func(in roles.Input, _ *tasks.Facts) { delete(in.Facts, "web-index") }, nil},
		{"not root", func(_ roles.Input, f *tasks.Facts) { f.UID = 1000 }, []string{"the login is not root and sudo is not asked for"}},
		{"unknown system", func(_ roles.Input, f *tasks.Facts) {
			f.OS, f.PackageManager = tasks.OS{ID: "alpine", Pretty: "Alpine Linux v3.20"}, ""
		},
			[]string{"tell how to manage this system: found Alpine Linux v3.20 with no known package manager; known are the Red Hat family with dnf or yum and the Debian family with apt-get"}},
		{"no os-release", func(_ roles.Input, f *tasks.Facts) { f.OS = tasks.OS{} },
			[]string{"tell how to manage this system: found no os-release with apt-get; known are the Red Hat family with dnf or yum and the Debian family with apt-get"}},
		{"no systemd", func(_ roles.Input, f *tasks.Facts) { f.Systemd = false }, []string{"systemd does not run there"}},
		{"clock behind", func(_ roles.Input, f *tasks.Facts) { f.Clock -= 3600 }, []string{"its clock is off by -1h0m0s"}},
		{"clock ahead", func(_ roles.Input, f *tasks.Facts) { f.Clock += 601 }, []string{"its clock is off by 10m1s"}},
		{"clock behind by days", func(_ roles.Input, f *tasks.Facts) { f.Clock -= 3*86400 + 4000 }, []string{"its clock is off by -3 days"}},
		{"clock ahead by most of two years", func(_ roles.Input, f *tasks.Facts) { f.Clock += 700 * 86400 }, []string{"its clock is off by 700 days"}},
		{"clock of a flat battery", func(_ roles.Input, f *tasks.Facts) { f.Clock -= 56 * 31557600 }, []string{"its clock is off by -56 years"}},
		{"clock ahead by years", func(_ roles.Input, f *tasks.Facts) { f.Clock += 12*31557600 - 5000 }, []string{"its clock is off by 12 years"}},
		{"clock just good enough", func(_ roles.Input, f *tasks.Facts) { f.Clock += 600 }, nil},
		{"disk full", func(_ roles.Input, f *tasks.Facts) { f.DiskFree = 7<<10 + 1 }, []string{"only 7 MiB are free below /var"}},
		{"firewall to be managed", func(_ roles.Input, f *tasks.Facts) { f.Firewall = "firewalld" }, nil},
		{"unknown firewall", func(_ roles.Input, f *tasks.Facts) { f.Firewall = "shorewall" }, []string{"shorewall is running, and is not known here"}},
		{"firewall to be stopped", func(in roles.Input, f *tasks.Facts) { in.Cluster.Policy.Firewall, f.Firewall = "disable", "ufw" }, nil},
		{"firewall left", func(in roles.Input, f *tasks.Facts) { in.Cluster.Policy.Firewall, f.Firewall = "leave", "ufw" }, nil},
		{"rules that change nothing", func(_ roles.Input, f *tasks.Facts) {
			f.Rules, f.Ways = []string{"50: from all fwmark 0x1 lookup 100"}, map[netip.Addr]string{netip.MustParseAddr("192.168.1.30"): "198.51.100.1 from 192.168.1.30 via 192.168.1.1 dev ens33 uid 0"}
		}, nil},
		{"a rule that gives answers to the director", func(_ roles.Input, f *tasks.Facts) {
			f.Rules, f.Ways = []string{"50: from 192.168.1.0/24 lookup 100"}, map[netip.Addr]string{netip.MustParseAddr("192.168.1.30"): "198.51.100.1 from 192.168.1.30 via 192.168.1.10 dev ens33 table 100 uid 0"}
		}, nil},
		{"a rule that sends answers elsewhere", func(_ roles.Input, f *tasks.Facts) {
			f.Rules, f.Ways = []string{"49: from all lookup 10", "50: from 192.168.1.0/24 lookup 100"}, map[netip.Addr]string{netip.MustParseAddr("192.168.1.30"): "198.51.100.1 from 192.168.1.30 via 192.168.1.254 dev ens33 table 100 uid 0"}
		}, []string{"answers from 192.168.1.30 do not leave through the director, but by table 100 (rule 50: from 192.168.1.0/24 lookup 100)"}},
		{"no such interface", func(_ roles.Input, f *tasks.Facts) { f.Interfaces[0].Name = "eth0" }, []string{"it has no interface ens33 (it has eth0)"}},
		{"address elsewhere", func(_ roles.Input, f *tasks.Facts) {
			f.Interfaces = []tasks.Interface{{Name: "lo"}, {Name: "ens33"}, {Name: "ens37", Addresses: f.Interfaces[0].Addresses}}
		}, []string{"192.168.1.30 is not on its interface ens33 (is this the host you mean? it has 192.168.1.30 on ens37)"}},
		{"another host", func(in roles.Input, f *tasks.Facts) {
			in.Cluster.Webs[1].Interface = ""
			f.Interfaces[0].Addresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")}
		}, []string{"none of its interfaces has 192.168.1.30 (is this the host you mean? it has 10.0.0.1 on ens33)"}},
		{"several at once", func(_ roles.Input, f *tasks.Facts) { f.UID, f.Systemd, f.Interfaces = 1, false, nil },
			[]string{"the login is not root and sudo is not asked for", "systemd does not run there", "it has no interface ens33 (it has none but lo)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, now := fit(t, usual)
			c.make(in, in.Facts["web-index"])
			var got []string
			for _, p := range roles.Preflight(in, now) {
				text, ours := strings.CutPrefix(p.Error(), "cannot use web-index: ")
				if !ours {
					t.Errorf("said of another host: %v", p)
				}
				if strings.Contains(p.Hint, "it has ") {
					text += " (" + p.Hint + ")"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	in, now := fit(t, usual)
	in.Facts["director"].Interfaces = in.Facts["director"].Interfaces[:1]
	if p := roles.Preflight(in, now); len(p) != 1 || p[0].Text != "it has no interface ens37" {
		t.Errorf("a director without its second card: %v", p)
	}
}

// TestPreflightFound: what others have on a host is named before anything is
// changed, with where it is.
func TestPreflightFound(t *testing.T) {
	nfs := func(source, dir string) tasks.FileSystem {
		return tasks.FileSystem{Source: source, Type: "nfs4", Options: "rw", Dir: dir}
	}
	root := tasks.FileSystem{Source: "/dev/sda1", Type: "ext4", Options: "rw,relatime", Dir: "/"}
	disk := tasks.FileSystem{Source: "/dev/sdb1", Type: "xfs", Options: "rw", Dir: "/var/www/html"}
	const docroot = "/var/www/html"
	for _, c := range []struct {
		name, host string
		make       func(roles.Input, *tasks.Facts)
		want       string
	}{
		{"a disk on the document root", "web-mount", func(_ roles.Input, f *tasks.Facts) { f.Mounts = []tasks.FileSystem{root, disk} },
			"/dev/sdb1 (xfs) is mounted on the document root /var/www/html"},
		{"and in fstab", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Mounts = []tasks.FileSystem{disk}
			f.Fstab = []tasks.FileSystem{{Source: "UUID=1234-ABCD", Type: "xfs", Options: "defaults", Dir: docroot}}
		}, "/dev/sdb1 (xfs) is mounted on the document root /var/www/html; /etc/fstab mounts UUID=1234-ABCD (xfs) there"},
		{"in fstab only", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Fstab = []tasks.FileSystem{{Source: "LABEL=www", Type: "ext4", Options: "noauto", Dir: docroot}}
		}, "/etc/fstab mounts LABEL=www (ext4) on the document root /var/www/html"},
		{"a unit", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Mounts = []tasks.FileSystem{{Source: "systemd-1", Type: "autofs", Dir: docroot}}
			f.MountUnits = []tasks.Link{{At: "/etc/systemd/system/var-www-html.automount", Path: docroot}, {At: "/etc/systemd/system/var-www-html.mount", Path: docroot}}
		}, "the unit /etc/systemd/system/var-www-html.automount mounts on the document root /var/www/html"},
		{"another export", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Mounts = []tasks.FileSystem{nfs("192.168.1.9:/opt/ka", docroot)}
		},
			"192.168.1.9:/opt/ka (nfs4) is mounted on the document root /var/www/html"},
		{"the same export, by hand", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Mounts = []tasks.FileSystem{{Source: "systemd-1", Type: "autofs", Dir: docroot}, nfs("192.168.1.40:/opt/ka/", docroot)}
			f.Fstab = []tasks.FileSystem{{Source: "192.168.1.40:/opt/ka/", Type: "nfs", Options: "defaults", Dir: docroot}}
		}, ""},
		{"ours, of an earlier run", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Manifest, f.Mounts = []string{"fstab /var/www/html"}, []tasks.FileSystem{nfs("192.168.1.40:/opt/kb", docroot)}
		}, ""},
		{"a mount below", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Mounts = []tasks.FileSystem{{Source: "/dev/sdc1", Type: "ext4", Dir: docroot + "/files"}}
		}, "/dev/sdc1 (ext4) is mounted on /var/www/html/files, and the export would hide it"},
		{"a disk above", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Mounts = []tasks.FileSystem{{Source: "/dev/sdc1", Type: "ext4", Dir: "/var/www"}}
		}, ""},
		{"an automounter above", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Mounts = []tasks.FileSystem{{Source: "/etc/auto.www", Type: "autofs", Dir: "/var/www"}}
		}, "the document root /var/www/html is below /var/www, where /etc/auto.www mounts by itself"},
		{"an automounter on it", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Mounts = []tasks.FileSystem{{Source: "/etc/auto.direct", Type: "autofs", Dir: docroot}}
		}, "/etc/auto.direct (autofs) is mounted on the document root /var/www/html"},
		{"a link", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Links = []tasks.Link{{At: docroot, Real: "/srv/site", Path: docroot}}
		},
			"the document root /var/www/html is a link to /srv/site: the export would hide what is there"},
		{"a link above", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Links = []tasks.Link{{At: "/var/www", Real: "/srv/www/html", Path: docroot}}
		}, ""},
		{"a link above, and a disk there", "web-mount", func(_ roles.Input, f *tasks.Facts) {
			f.Links = []tasks.Link{{At: "/var/www", Real: "/srv/www/html", Path: docroot}}
			f.Mounts = []tasks.FileSystem{{Source: "/dev/sdb1", Type: "xfs", Dir: "/srv/www/html"}}
		}, "/dev/sdb1 (xfs) is mounted on the document root /srv/www/html"},
		{"a disk where pages are put", "web-index", func(_ roles.Input, f *tasks.Facts) { f.Mounts = []tasks.FileSystem{disk} }, ""},

		{"read-only state", "web-index", func(_ roles.Input, f *tasks.Facts) { f.ReadOnly = []string{"/var/lib/lvsdeploy/shop"} }, "/var/lib/lvsdeploy/shop is read-only"},
		{"a read-only root", "nfs", func(_ roles.Input, f *tasks.Facts) {
			f.Mounts = []tasks.FileSystem{{Source: "/dev/sda1", Type: "ext4", Options: "ro,relatime", Dir: "/"}, {Source: "tmpfs", Type: "tmpfs", Options: "rw", Dir: "/var/lib"}}
		}, "/etc is read-only: /dev/sda1 (ext4) is mounted so on /"},
		{"read-only parameters of the director", "director", func(_ roles.Input, f *tasks.Facts) { f.ReadOnly = []string{"/proc/sys"} }, "/proc/sys is read-only"},
		{"of a web server in NAT", "web-index", func(_ roles.Input, f *tasks.Facts) { f.ReadOnly = []string{"/proc/sys"} }, ""},

		{"masked", "web-index", func(_ roles.Input, f *tasks.Facts) { f.Masked = []string{"apache2"} }, "apache2 is masked"},
		{"masked, of another role", "web-index", func(_ roles.Input, f *tasks.Facts) { f.Masked = []string{"ipvsadm", "httpd", "rpcbind"} }, ""},
		{"a masked NFS server", "nfs", func(_ roles.Input, f *tasks.Facts) { f.Masked = []string{"nfs-server"} }, "nfs-server is masked"},
		{"a masked table", "director", func(_ roles.Input, f *tasks.Facts) { f.Masked = []string{"ipvsadm"} }, "ipvsadm is masked"},

		{"a port taken", "web-index", func(_ roles.Input, f *tasks.Facts) {
			f.Listeners = []tasks.Listener{{At: "0.0.0.0:80", Port: 80, Program: "nginx", PID: 812}}
		}, "apache2 is to listen on port 80, which nginx (pid 812, 0.0.0.0:80) has taken"},
		{"by itself", "web-index", func(_ roles.Input, f *tasks.Facts) {
			f.Listeners = []tasks.Listener{{At: "*:80", Port: 80, Program: "apache2", PID: 8}}
		}, ""},
		{"for a socket unit", "web-index", func(_ roles.Input, f *tasks.Facts) {
			f.Listeners = []tasks.Listener{{At: "*:80", Port: 80, Program: "systemd", PID: 1}}
			f.Sockets = []tasks.Link{{At: "other.socket", Path: "[::]:8080"}, {At: "app.socket", Path: "[::]:80"}}
		}, "apache2 is to listen on port 80, which app.socket (*:80) has taken"},
		{"the package's port, before it is installed", "web-index", func(in roles.Input, f *tasks.Facts) {
			in.Cluster.Webs[1].Port = 8080
			f.Listeners = []tasks.Listener{{At: "*:80", Port: 80, Program: "nginx", PID: 8}}
		}, "apache2 is to listen on port 80, which nginx (pid 8, *:80) has taken"},
		{"and where it is", "web-index", func(in roles.Input, f *tasks.Facts) {
			in.Cluster.Webs[1].Port = 8080
			f.Listeners, f.Web = []tasks.Listener{{At: "*:80", Port: 80, Program: "nginx", PID: 8}}, []string{"apache2"}
		}, ""},
		{"another NFS server", "nfs", func(_ roles.Input, f *tasks.Facts) {
			f.Listeners = []tasks.Listener{{At: "*:111", Port: 111, Program: "rpcbind", PID: 2}, {At: "*:2049", Port: 2049, Program: "ganesha.nfsd", PID: 9}}
		}, "nfs-server is to listen on port 2049, which ganesha.nfsd (pid 9, *:2049) has taken"},
		{"the kernel's", "nfs", func(_ roles.Input, f *tasks.Facts) { f.Listeners = []tasks.Listener{{At: "*:2049", Port: 2049}} }, ""},

		{"keepalived's table", "director", func(_ roles.Input, f *tasks.Facts) { f.TableOwner = "keepalived" }, "keepalived sets up the kernel's table of virtual services there"},
		{"on a web server", "web-index", func(_ roles.Input, f *tasks.Facts) { f.TableOwner = "kube-proxy" }, ""},

		{"a rule that nobody loads", "director", func(_ roles.Input, f *tasks.Facts) {
			f.Filter = []string{"-P INPUT ACCEPT", "-A INPUT -p tcp -m tcp --dport 80 -j DROP"}
		},
			"iptables drops what comes in for tcp 12.0.0.1:80: -A INPUT -p tcp -m tcp --dport 80 -j DROP"},
		{"of a firewall that is told", "director", func(_ roles.Input, f *tasks.Facts) { f.Firewall, f.Filter = "iptables", []string{"-P INPUT DROP"} }, ""},
		{"answers", "director", func(_ roles.Input, f *tasks.Facts) { f.Filter = []string{"-P FORWARD DROP"} },
			"iptables drops the real servers' answers: -P FORWARD DROP"},
		{"answers, by docker", "director", func(_ roles.Input, f *tasks.Facts) { f.Filter, f.Docker = []string{"-P FORWARD DROP"}, true }, ""},
		{"by docker, left alone", "director", func(in roles.Input, f *tasks.Facts) {
			f.Filter, f.Docker, in.Cluster.Policy.Firewall = []string{"-P FORWARD DROP"}, true, "leave"
		}, "iptables drops the real servers' answers: -P FORWARD DROP"},
		{"on a web server", "web-index", func(_ roles.Input, f *tasks.Facts) {
			f.Filter = []string{"-P INPUT DROP", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"}
		},
			"iptables drops what comes in for tcp 192.168.1.30:80: -P INPUT DROP"},

		{"an export that is a link", "nfs", func(_ roles.Input, f *tasks.Facts) {
			f.Links = []tasks.Link{{At: "/opt", Real: "/data/ka", Path: "/opt/ka"}}
		},
			"/opt/ka is to be exported, and /opt is a link: it leads to /data/ka"},
		{"a mount exported", "nfs", func(_ roles.Input, f *tasks.Facts) { f.Mounts = []tasks.FileSystem{nfs("192.168.1.9:/x", "/opt/ka")} },
			"/opt/ka is to be exported, and is itself mounted from 192.168.1.9:/x (nfs4)"},
		{"a disk exported", "nfs", func(_ roles.Input, f *tasks.Facts) {
			f.Mounts = []tasks.FileSystem{{Source: "/dev/sdb1", Type: "ext4", Dir: "/opt/ka"}}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, now := fit(t, usual)
			c.make(in, in.Facts[c.host])
			var got []string
			for _, p := range roles.Preflight(in, now) {
				got = append(got, p.Error())
				if p.Hint == "" {
					t.Errorf("no hint: %v", p)
				}
			}
			want := ""
			if c.want != "" {
				want = "cannot use " + c.host + ": " + c.want
			}
			if text := strings.Join(got, "\n"); text != want {
				t.Errorf("got %q, want %q", text, want)
			}
		})
	}
}

// TestExportsOfOthers: a line of others that does the same is left to do it;
// one that contradicts is named.
func TestExportsOfOthers(t *testing.T) {
	for _, c := range []struct {
		lines string
		left  bool
		want  string
	}{
		{"/opt/ka 192.168.1.0/24(rw,sync)", true, ""},
		{"/opt/ka/\t192.168.1.0/24(sync,rw,no_subtree_check) 10.0.0.0/8(ro)", true, ""},
		{`"/opt/ka" 192.168.1.0/24(rw)`, true, ""},
		{`/opt/k\141 192.168.1.0/24(rw)`, true, ""},
		{"/opt/ka \\\n 192.168.1.0/24(rw)", true, ""},
		{"/opt/ka 192.168.1.0/24(ro,sync)", false, "/etc/exports exports /opt/ka to 192.168.1.0/24 with other options: ro,sync"},
		{"/opt/ka 192.168.1.0/24", false, "/etc/exports exports /opt/ka to 192.168.1.0/24 with other options: "},
		{"/opt/ka 192.168.1.0/24(rw,async)", false, "/etc/exports exports /opt/ka to 192.168.1.0/24 with other options: rw,async"},
		{"/opt/ka 192.168.0.0/255.255.0.0(ro)", false, "/etc/exports exports /opt/ka to 192.168.0.0/255.255.0.0 with other options: ro"},
		{"/opt/ka 192.168.1.0/255.255.255.0(rw)", false, ""},
		{"/opt/ka *(ro)", false, ""},
		{"/opt/ka", false, ""},
		{"/opt/ka web1(ro)", false, ""},
		{"/opt/ka 10.0.0.0/8(ro)", false, ""},
		{"/opt *(ro)", false, ""},
		{"/opt/kaka 192.168.1.0/24(ro)", false, ""},
	} {
		in, now := fit(t, usual)
		for line := range strings.SplitSeq(c.lines, "\n") {
			in.Facts["nfs"].Exports = append(in.Facts["nfs"].Exports, tasks.FileLine{File: "/etc/exports", Line: line})
		}
		var said []string
		for _, p := range roles.Preflight(in, now) {
			said = append(said, p.Text)
		}
		if got := strings.Join(said, "\n"); got != c.want {
			t.Errorf("%q: %q, want %q", c.lines, got, c.want)
		}
		ours := ""
		for _, s := range roles.NAT(in) {
			for _, hp := range s.Hosts {
				for _, task := range hp.Tasks {
					for _, f := range task.Files {
						if strings.HasPrefix(f.Path, "/etc/exports.d/") {
							ours = f.Content
						}
					}
				}
			}
		}
		if left := !strings.Contains(ours, "/opt/ka "); left != c.left || !strings.Contains(ours, "/opt/site ") {
			t.Errorf("%q: ours has\n%s", c.lines, ours)
		}
	}
}

// TestPreflightDR: what direct routing needs of the hosts beside.
func TestPreflightDR(t *testing.T) {
	vip, director := netip.MustParseAddr("192.168.1.48"), netip.MustParseAddr("192.168.1.40")
	for _, c := range []struct {
		name string
		make func(director, web *tasks.Facts)
		want string
	}{
		{"fit", func(_, _ *tasks.Facts) {}, ""},
		{"VIP in use", func(d, _ *tasks.Facts) { d.Answers = map[netip.Addr]string{vip: "02:00:00:00:00:01"} },
			"cannot use director: another machine answers for the VIP 192.168.1.48: 02:00:00:00:00:01"},
		{"director is the gateway", func(_, w *tasks.Facts) { w.Gateway = director }, "cannot use web-index: its default route is the director, 192.168.1.40"},
		{"director was our gateway", func(_, w *tasks.Facts) {
			w.Gateway, w.Manifest = director, []string{"default-route ens33 192.168.1.40"}
		}, ""},
		{"a router between", func(_, w *tasks.Facts) {
			w.Interfaces[0].Addresses = []netip.Prefix{netip.MustParsePrefix("192.168.1.30/29")}
		}, "cannot use web-index: the director, 192.168.1.40, is not on its network 192.168.1.24/29"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			in := input(t, direct, inventory.DR, "debian12")
			for _, f := range in.Facts {
				f.Clock, f.DiskFree = now.Unix(), 1<<20
			}
			c.make(in.Facts["director"], in.Facts["web-index"])
			var got []string
			for _, p := range roles.Preflight(in, now) {
				got = append(got, p.Error())
			}
			if text := strings.Join(got, "\n"); text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
}

// TestLeftovers: what an earlier run put on a host leaves it when no task of
// the plan owns it any more.
func TestLeftovers(t *testing.T) {
	const none = ""
	for entry, want := range map[string]string{
		"file /etc/old.conf":                         "remove /etc/old.conf",
		"unit old.service":                           "remove unit old.service",
		"fstab /mnt/old":                             "unmount /mnt/old",
		"address ens33 10.0.0.1/24":                  "remove 10.0.0.1/24 from ens33",
		"page /var/www/html/old page.html":           "remove /var/www/html/old page.html",
		"file /var/www/html/index.html":              none,                              // owned by the plan
		"service -t 12.0.0.9:80":                     "drain and remove -t 12.0.0.9:80", // it was a director
		"module ip_vs":                               "unload kernel module ip_vs",
		"daemon nfs-server":                          "leave nfs-server as it was",
		"packages":                                   none, // stay
		"something from a later version":             none,
		"rule nat POSTROUTING -s 10.0.0.0/8 -j SNAT": "remove rule nat POSTROUTING -s 10.0.0.0/8 -j SNAT",
	} {
		in, _ := fit(t, usual)
		in.Facts["web-index"].Manifest = []string{entry}
		plan := roles.NAT(in)
		last := plan[len(plan)-1]
		var got string
		if last.Name == "clean up" {
			got = last.Hosts[0].Tasks[0].Name
			if last.Hosts[0].Host != "web-index" || len(last.Hosts) != 1 || len(last.After) != len(plan)-1 {
				t.Errorf("%q is taken away wrongly: %+v", entry, last)
			}
		}
		if got != want {
			t.Errorf("%q leaves %q, want %q", entry, got, want)
		}
	}
	// a page under a mount that has come meanwhile is the NFS server's
	in, _ := fit(t, usual)
	in.Facts["web-mount"].Manifest = []string{"file /var/www/html/index.html"}
	plan := roles.NAT(in)
	if last := plan[len(plan)-1].Hosts[0].Tasks; len(last) != 1 || !last[0].IsProof() || !slices.Contains(last[0].Owns, "file /var/www/html/index.html") {
		t.Errorf("a page of the NFS server would be removed, or ours forgotten: %+v", last)
	}
}

// TestFirewallStaysStopped: one that an earlier run has stopped is not found
// running any more, and is not to be started by the next run.
func TestFirewallStaysStopped(t *testing.T) {
	for policy, want := range map[string]string{"disable": "stop and disable firewalld", "leave": "leave firewalld as it was",
		"manage": "leave firewall firewalld: start it by hand to have it managed"} {
		in, _ := fit(t, usual)
		in.Cluster.Policy.Firewall = policy
		in.Facts["web-index"].Manifest = []string{"firewall firewalld"}
		var got []string
		for _, s := range roles.NAT(in) {
			for _, hp := range s.Hosts {
				for _, task := range hp.Tasks {
					if strings.Contains(task.Name, "firewalld") {
						got = append(got, task.Name)
					}
				}
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", policy, got, want)
		}
	}
}

// TestEverythingOwnedCanGo: whatever a plan puts on a host, there is a task
// that takes it away.
func TestEverythingOwnedCanGo(t *testing.T) {
	kinds := map[string]bool{}
	for _, g := range goldens() {
		_, plan := g.plan(t)
		for _, s := range plan {
			for _, hp := range s.Hosts {
				for _, task := range hp.Tasks {
					for _, entry := range task.Owns {
						kind, _, _ := strings.Cut(entry, " ")
						kinds[kind] = true
						if gone, _ := tasks.Leftovers([]string{entry}, []string{entry}, 0); len(gone) != 1 && kind != "packages" {
							t.Errorf("%q owns %q, which nothing takes away", task.Name, entry)
						}
					}
				}
			}
		}
	}
	if len(kinds) < 15 {
		t.Errorf("only %d kinds of entries were seen", len(kinds))
	}
}

// TestPreflightMask: of one address with two masks one is wrong.
func TestPreflightMask(t *testing.T) {
	boot := &tasks.Boot{Files: []tasks.BootFile{{Path: "/etc/sysconfig/network-scripts/ifcfg-wan", Lines: []string{"DEVICE=ens37", "IPADDR=12.0.0.1", "NETMASK=255.0.0.0"}}}}
	for _, c := range []struct {
		name, live, want string
		boot             *tasks.Boot
	}{
		{name: "now", live: "12.0.0.1/8", want: "ens37 has 12.0.0.1/8 (now), and the inventory says 12.0.0.1/24"},
		{name: "at boot", live: "12.0.0.1/24", boot: boot, want: "ens37 has 12.0.0.1/8 (/etc/sysconfig/network-scripts/ifcfg-wan), and the inventory says 12.0.0.1/24"},
		{name: "the same", live: "12.0.0.1/24"},
		{name: "another address", live: "12.0.0.11/8"},
	} {
		in, now := fit(t, usual)
		d := in.Facts["director"]
		d.Interfaces[len(d.Interfaces)-1].Addresses = []netip.Prefix{netip.MustParsePrefix(c.live)}
		d.Network, d.Boot = tasks.NetworkScripts, c.boot
		var got []string
		for _, p := range roles.Preflight(in, now) {
			got = append(got, p.Text)
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
