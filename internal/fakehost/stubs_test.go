package fakehost

import (
	"slices"
	"strings"
	"testing"
)

func TestIpvsadm(t *testing.T) {
	t.Parallel()
	h := New(t, Options{Packages: []string{"ipvsadm"}})
	expect(t, h, "ipvsadm -A -t 12.0.0.1:80 -s rr && ipvsadm -a -t 12.0.0.1:80 -r 192.168.1.30:80 -m && ipvsadm -a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 3", 0, "")
	const saved = "-A -t 12.0.0.1:80 -s rr\n-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 3\n-a -t 12.0.0.1:80 -r 192.168.1.30:80 -m -w 1\n"
	expect(t, h, "ipvsadm -Sn", 0, saved)
	expect(t, h, "ipvsadm-save -n", 0, saved)
	expect(t, h, "ipvsadm -A -t 12.0.0.1:80 -s rr", 255, "Service already exists")
	expect(t, h, "ipvsadm -E -t 12.0.0.2:80 -s rr", 255, "No such service")
	expect(t, h, "ipvsadm -D -t 12.0.0.2:80", 255, "No such service")
	expect(t, h, "ipvsadm -a -t 12.0.0.2:80 -r 192.168.1.20:80", 255, "Service not defined")
	expect(t, h, "ipvsadm -a -t 12.0.0.1:80 -r 192.168.1.20:80 -m", 255, "Destination already exists")
	expect(t, h, "ipvsadm -d -t 12.0.0.1:80 -r 192.168.1.99:80", 255, "No such destination")
	expect(t, h, "ipvsadm -A -t 12.0.0.3:80 -s rrr", 255, "Scheduler or persistence engine not found")
	expect(t, h, "ipvsadm -a -t 12.0.0.1:80 -r 192.168.1.99:80 -w x 2>&1 | head -n 1", 0, "illegal weight specified")
	expect(t, h, "ipvsadm -A -t 12.0.0.1x:80 2>&1 | head -n 1", 0, "illegal virtual server address[:port] specified")
	expect(t, h, "ipvsadm -a -t 12.0.0.1:80 2>&1 | head -n 1", 0, "You need to supply the 'real-server' option for the 'add-server' command")
	if err := h.SetConnections(Real{Service: "tcp 12.0.0.1:80", Server: "192.168.1.20:80", Active: 2, Inactive: 5, Conns: 10}); err != nil {
		t.Fatal(err)
	}
	// the layout is that of ipvsadm(8), EXAMPLES
	expect(t, h, "ipvsadm -Ln | sed 's/ *$//'", 0, `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  12.0.0.1:80 rr
  -> 192.168.1.20:80              Masq    3      2          5
  -> 192.168.1.30:80              Masq    1      0          0`)
	expect(t, h, "ipvsadm -L -n --stats -t 12.0.0.1:80 | awk 'NR > 3 { print $1, $2, $3 }'", 0, "TCP 12.0.0.1:80 10\n-> 192.168.1.20:80 10\n-> 192.168.1.30:80 0")
	expect(t, h, "ipvsadm -Z; ipvsadm -Ln --stats | awk '/20:80/ { print $3 }'", 0, "0")
	if got := h.Violations(); got != nil {
		t.Errorf("violations before any: %q", got)
	}
	expect(t, h, "ipvsadm -e -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 0; ipvsadm -E -t 12.0.0.1:80 -s wlc -p 300; ipvsadm -Sn", 0,
		"-A -t 12.0.0.1:80 -s wlc -p 300\n-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 0\n-a -t 12.0.0.1:80 -r 192.168.1.30:80 -m -w 1")
	expect(t, h, "ipvsadm -d -t 12.0.0.1:80 -r 192.168.1.20:80; ipvsadm -Sn >/tmp/t; ipvsadm -C; ipvsadm -Sn; ipvsadm-restore </tmp/t; ipvsadm -Sn", 0,
		"-A -t 12.0.0.1:80 -s wlc -p 300\n-a -t 12.0.0.1:80 -r 192.168.1.30:80 -m -w 1")
	want := []string{"ipvsadm -d tcp 12.0.0.1:80 192.168.1.20:80 with active connections", "ipvsadm -C"}
	if got := h.Violations(); !slices.Equal(got, want) {
		t.Errorf("violations %q, want %q", got, want)
	}
	expect(t, h, "sysctl -n net.ipv4.vs.conntrack; sysctl -w net.ipv4.vs.conntrack=1; sysctl -n net.ipv4.vs.conntrack", 0, "0\nnet.ipv4.vs.conntrack = 1\n1")
	expect(t, h, "echo net.ipv4.vs.conntrack = 0 >/etc/sysctl.d/x.conf; sysctl -q -p /etc/sysctl.d/x.conf; sysctl net.ipv4.vs.conntrack", 0, "net.ipv4.vs.conntrack = 0")
}

func TestAptAndApache(t *testing.T) {
	t.Parallel()
	h := New(t, Options{NoPackageLists: true})
	expect(t, h, "apt-get install -y apache2 2>&1 | tail -n 1", 0, "E: Unable to locate package apache2")
	expect(t, h, "dpkg-query -W -f='${Status}' apache2", 1, "dpkg-query: no packages found matching apache2")
	expect(t, h, "curl -s http://127.0.0.1/", 7, "")
	expect(t, h, "apt-get -qq update && apt-get install -y -qq apache2 && apt-get -qq -y install apache2", 0, "")
	expect(t, h, "dpkg-query -W -f='${Status} ${Version}\\n' apache2; systemctl is-enabled apache2; systemctl is-active apache2", 0,
		"install ok installed 2.4.62-1~deb12u2\nenabled\nactive")
	expect(t, h, "curl -s http://127.0.0.1/; echo own >/var/www/html/index.html; curl -s http://192.168.1.20/index.html", 0,
		"<html>Apache2 Debian Default Page: It works</html>\nown")
	expect(t, h, "systemctl stop apache2; systemctl is-active apache2", 3, "inactive")
	expect(t, h, "curl -s http://127.0.0.1/", 7, "")
	expect(t, h, "systemctl reload apache2", 1, "apache2.service is not active, cannot reload.")
	expect(t, h, "systemctl restart apache2; curl -s http://127.0.0.1/", 0, "own")
	expect(t, h, "apt-get install -y nosuch 2>&1 | tail -n 1", 0, "E: Unable to locate package nosuch")

	h = New(t, Options{})
	expect(t, h, "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; apt-get install -y -qq apache2", 0,
		"invoke-rc.d: policy-rc.d denied execution of start.")
	expect(t, h, "systemctl is-active apache2; systemctl is-enabled apache2", 0, "inactive\nenabled")
}

func TestYum(t *testing.T) {
	t.Parallel()
	h := New(t, Options{Kind: EL})
	expect(t, h, "rpm -q httpd", 1, "package httpd is not installed")
	expect(t, h, "yum install -y -q nosuch", 1, "No package nosuch available.\nError: Nothing to do")
	expect(t, h, "yum install -y httpd | tail -n 1; rpm -q httpd; systemctl is-enabled httpd", 1, "Complete!\nhttpd-2.4.6-99.el7.x86_64\ndisabled")
	expect(t, h, "systemctl enable --now httpd 2>&1; echo hi >/var/www/html/index.html; curl -s localhost", 0,
		"Created symlink /etc/systemd/system/multi-user.target.wants/httpd.service → /usr/lib/systemd/system/httpd.service.\nhi")
	expect(t, h, "yum -y install httpd | tail -n 1", 0, "Nothing to do")
	expect(t, h, "yum install -y -q ipvsadm; systemctl start ipvsadm", 1, "Job for ipvsadm.service failed because the control process exited with error code.\n"+
		"See \"systemctl status ipvsadm.service\" and \"journalctl -xeu ipvsadm.service\" for details.")
	expect(t, h, "echo '-A -t 12.0.0.1:80 -s rr' >/etc/sysconfig/ipvsadm; systemctl start ipvsadm && ipvsadm -Sn", 0, "-A -t 12.0.0.1:80 -s rr")
	expect(t, h, "systemctl restart ipvsadm; ipvsadm -Sn", 0, "-A -t 12.0.0.1:80 -s rr")
	if !slices.Contains(h.Violations(), "ipvsadm -C") {
		t.Error("a restart of ipvsadm.service clears the table, and this was not seen")
	}
	expect(t, h, "getenforce; getsebool httpd_use_nfs", 1, "Disabled\ngetsebool:  SELinux is disabled")
	h = New(t, Options{Kind: EL, Version: "9", SELinux: "enforcing"})
	expect(t, h, "command -v dnf; command -v yum; getenforce; setsebool -P httpd_use_nfs on; getsebool httpd_use_nfs", 0, "/usr/bin/dnf\n/usr/bin/yum\nEnforcing\nhttpd_use_nfs --> on")
	expect(t, h, "dnf -y install nosuch", 1, "No match for argument: nosuch\nError: Unable to find a match: nosuch")
}

func TestSystemctl(t *testing.T) {
	t.Parallel()
	h := New(t, Options{})
	expect(t, h, "systemctl start nosuch", 5, "Failed to start nosuch.service: Unit nosuch.service not found.")
	expect(t, h, "systemctl enable nosuch", 1, "Failed to enable unit: Unit file nosuch.service does not exist.")
	expect(t, h, "systemctl is-active nosuch", 3, "inactive")
	expect(t, h, "systemctl is-enabled nosuch", 1, "Failed to get unit file state for nosuch.service: No such file or directory")
	expect(t, h, `cat >/etc/systemd/system/vip.service <<'E'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/ip addr add 192.168.1.48/32 dev lo
ExecStart=/bin/sh -c 'echo "two words" >/run/said'
ExecStop=/sbin/ip addr del 192.168.1.48/32 dev lo
[Install]
WantedBy=multi-user.target
E
systemctl daemon-reload; systemctl -q enable --now vip; systemctl is-active vip; systemctl is-enabled vip; cat /run/said; ip -o -4 addr show dev lo | grep -c 48/32
systemctl show -p LoadState,ActiveState --value vip`, 0, "active\nenabled\ntwo words\n1\nloaded\nactive")
	expect(t, h, "systemctl stop vip; ip -o -4 addr show dev lo | grep -c 48/32; systemctl disable vip", 0,
		"0\nRemoved \"/etc/systemd/system/multi-user.target.wants/vip.service\".")
	want := []string{"systemctl start nosuch", "systemctl enable nosuch", "systemctl daemon-reload", "systemctl enable --now vip", "systemctl stop vip", "systemctl disable vip"}
	if got := h.Mutations(); !slices.Equal(got, want) {
		t.Errorf("mutations %q, want %q", got, want)
	}
}

func TestIptables(t *testing.T) {
	t.Parallel()
	h := New(t, Options{Packages: []string{"iptables-persistent"}})
	const rule = "POSTROUTING -o ens37 -s 192.168.1.0/24 -j SNAT --to-source 12.0.0.1"
	expect(t, h, "iptables -t nat -C "+rule, 1, "iptables: Bad rule (does a matching rule exist in that chain?).")
	expect(t, h, "iptables -t nat -A "+rule+"; iptables -t nat -A "+rule+"; iptables -t nat -C "+rule+"; iptables -t nat -S POSTROUTING", 0,
		"-P POSTROUTING ACCEPT\n"+strings.Repeat("-A POSTROUTING -s 192.168.1.0/24 -o ens37 -j SNAT --to-source 12.0.0.1\n", 2))
	expect(t, h, "iptables -t nat -D "+rule+"; iptables-save >/etc/iptables/rules.v4; iptables -t nat -F; systemctl restart netfilter-persistent; iptables -t nat -S POSTROUTING", 0,
		"-P POSTROUTING ACCEPT\n-A POSTROUTING -s 192.168.1.0/24 -o ens37 -j SNAT --to-source 12.0.0.1")
	expect(t, h, "iptables -I INPUT -p tcp -d 12.0.0.1 --dport 80 -j ACCEPT; iptables -S INPUT", 0, "-P INPUT ACCEPT\n-A INPUT -d 12.0.0.1/32 -p tcp -m tcp --dport 80 -j ACCEPT")
	expect(t, h, "iptables -A NOSUCH -j ACCEPT", 1, "iptables: No chain/target/match by that name.")
}

func TestFirewalld(t *testing.T) {
	t.Parallel()
	h := New(t, Options{Kind: EL, Firewalld: true})
	expect(t, h, "systemctl is-active firewalld; firewall-cmd --state; firewall-cmd --query-port=80/tcp", 1, "active\nrunning\nno")
	expect(t, h, "firewall-cmd --permanent --add-port=80/tcp; firewall-cmd --query-port=80/tcp; firewall-cmd --reload; firewall-cmd --query-port=80/tcp", 0, "success\nno\nsuccess\nyes")
	expect(t, h, "firewall-cmd --add-port=80/tcp", 0, "success\nWarning: ALREADY_ENABLED: 80/tcp")
	expect(t, h, "systemctl stop firewalld; firewall-cmd --state", 252, "not running")
}

func TestNFS(t *testing.T) {
	t.Parallel()
	c := NewCluster(t)
	nfs := New(t, Options{Name: "nfs", Cluster: c, Interfaces: []Interface{{"ens33", []string{"192.168.1.40/24"}}}})
	web := New(t, Options{Name: "web", Cluster: c, Packages: []string{"apache2"}})
	const mount = "mount -t nfs 192.168.1.40:/opt/ka /var/www/html"
	expect(t, web, mount, 32, "mount: /var/www/html: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program.")
	expect(t, web, "apt-get install -qq -y nfs-common; showmount -e 192.168.1.40", 1, "clnt_create: RPC: Port mapper failure - Unable to receive: errno 111 (Connection refused)")
	expect(t, web, "showmount -e 192.168.24.40", 1, "clnt_create: RPC: Port mapper failure - Timed out")
	expect(t, nfs, "apt-get install -qq -y nfs-kernel-server; systemctl is-active nfs-kernel-server rpcbind; mkdir /opt/ka; echo this is ka ka >/opt/ka/index.html", 0, "active\nactive")
	expect(t, web, mount, 32, "mount.nfs: access denied by server while mounting 192.168.1.40:/opt/ka")
	expect(t, nfs, "echo '/opt/ka 192.168.1.0/24(rw,sync)' >>/etc/exports; exportfs -ra; exportfs -v", 0,
		"/opt/ka       \t192.168.1.0/24(sync,wdelay,hide,no_subtree_check,sec=sys,rw,secure,root_squash,no_all_squash)")
	expect(t, nfs, "exportfs", 0, "/opt/ka       \t192.168.1.0/24")
	expect(t, web, "showmount -e 192.168.1.40", 0, "Export list for 192.168.1.40:\n/opt/ka 192.168.1.0/24")
	expect(t, web, mount+"; findmnt -n -o SOURCE,FSTYPE --mountpoint /var/www/html; curl -s http://127.0.0.1/", 0, "192.168.1.40:/opt/ka nfs4\nthis is ka ka")
	expect(t, web, mount, 32, "mount.nfs: /var/www/html is busy or already mounted or sharecache fail")
	expect(t, web, "mount | grep -c 'type nfs4'; umount /var/www/html; curl -s http://127.0.0.1/", 0, "1\n<html>Apache2 Debian Default Page: It works</html>")
	expect(t, web, `echo '192.168.1.40:/opt/ka /var/www/html nfs defaults,_netdev,nofail,x-systemd.automount 0 0' >>/etc/fstab
		systemctl daemon-reload; systemctl start var-www-html.automount; findmnt -n -o SOURCE /var/www/html; mount -a; mount /var/www/html`, 32,
		"192.168.1.40:/opt/ka\nmount.nfs: /var/www/html is busy or already mounted or sharecache fail")
	expect(t, nfs, "echo '/opt/yxp *(rw)' >>/etc/exports; exportfs -ra", 1, "exportfs: Failed to stat /opt/yxp: No such file or directory")
	expect(t, nfs, "echo '/opt/ka *(rv)' >/etc/exports; exportfs -ra", 1, "exportfs: /etc/exports: unknown keyword \"rv\"")
	expect(t, nfs, "systemctl stop nfs-server", 0, "")
	expect(t, web, "umount /var/www/html; "+mount, 32, "mount.nfs: Connection refused for 192.168.1.40:/opt/ka on /var/www/html")
	if err := web.SetRemoteExports("192.168.1.77", map[string]string{"/data": "far\n"}); err != nil {
		t.Fatal(err)
	}
	expect(t, web, "showmount -e 192.168.1.77 --no-headers; mount 192.168.1.77:/data /mnt; cat /mnt/index.html", 0, "/data *\nfar")
}

func TestIfup(t *testing.T) {
	t.Parallel()
	el := New(t, Options{Kind: EL, Interfaces: []Interface{{"ens33", []string{"192.168.1.10/24"}}, {"ens37", []string{}}}})
	expect(t, el, `printf 'DEVICE=ens37\nONBOOT=yes\nIPADDR=12.0.0.1\nNETMASK=255.255.255.0\n' >/etc/sysconfig/network-scripts/ifcfg-ens37
		ifup ens37; ip -o -4 addr show dev ens37 | awk '{ print $4 }'; ifdown ens37; ip -o -4 addr show dev ens37`, 0, "12.0.0.1/24")
	deb := New(t, Options{})
	expect(t, deb, `printf 'auto ens33:0\niface ens33:0 inet static\naddress 192.168.1.48/32\nup ip route add 10.0.0.0/8 dev ens33\n' >/etc/network/interfaces.d/x
		systemctl restart networking; ip -o -4 addr show dev ens33 | awk '{ print $4 }'; ip route show 10.0.0.0/8`, 0, "192.168.1.20/24\n192.168.1.48/32\n10.0.0.0/8 dev ens33 scope link")
}
