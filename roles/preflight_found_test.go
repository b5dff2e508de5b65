package roles_test

import (
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

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
