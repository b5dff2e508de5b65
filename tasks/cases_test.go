package tasks_test

import (
	"net/netip"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// taskCase is one task of the universal test: setup makes a situation in which
// it is not in place, and after prints what then has to be so.
type taskCase struct {
	of          string // the constructor
	kind        fakehost.Kind
	task        Task
	setup       string
	after, want string
}

const state = "/var/lib/lvsdeploy/shop"

// page has what a name in a site can have.
const page = `it's a "page" $(reboot) `

var (
	web     = RealServer{Address: "192.168.1.20:80", Method: Masquerading, Weight: 3}
	other   = RealServer{Address: "192.168.1.30:80", Method: Masquerading, Weight: 1}
	service = VirtualService{Protocol: "tcp", Address: "12.0.0.1:80", Scheduler: "wrr", Persistence: 5 * time.Minute, Servers: []RealServer{web, other}}
	shrunk  = VirtualService{Protocol: "udp", Address: "12.0.0.2:53", Scheduler: "rr", Servers: []RealServer{web}}
	lan     = netip.MustParsePrefix("192.168.1.0/24")
	outward = []Rule{{Table: "nat", Chain: "POSTROUTING", Words: strings.Fields("-s 192.168.1.0/24 -o ens37 -j SNAT --to-source 12.0.0.1")}}
	wan     = netip.MustParsePrefix("12.0.0.1/24")
	gateway = netip.MustParseAddr("192.168.1.10")
	far     = Mount{Source: "192.168.1.77:/data", Dir: "/mnt/far"}
)

func leftover(entry string) Task {
	list, _ := Leftovers([]string{entry}, []string{entry}, 5*time.Second)
	if len(list) != 1 {
		panic("nothing is done about " + entry)
	}
	return list[0]
}

func notifying(t Task, key string) Task {
	t.Notify = key
	return t
}

func cases(p Platform) []taskCase {
	firewalld := "systemctl is-active firewalld; systemctl is-enabled firewalld; :"
	return []taskCase{
		{of: "Packages", kind: fakehost.Debian, task: Packages(p, nil, "apache2", "iptables-persistent"), after: "dpkg-query -W -f '${db:Status-Status}' iptables-persistent", want: "installed"},
		{of: "Packages", kind: fakehost.EL, task: Packages(p, nil, "httpd", "iptables-services"), after: "rpm -q iptables-services", want: "iptables-services-1.4.21-35.el7.x86_64"},
		{of: "Put", task: Put("put it", File{Path: "/etc/t/put", Mode: "0640", Content: "a ' \" $(reboot) \\n `x`\nEND\n"}),
			after: "stat -c %a /etc/t/put; cat /etc/t/put", want: "640\na ' \" $(reboot) \\n `x`\nEND"},
		{of: "Write", task: Write(File{Path: "/etc/t/write", Mode: "0644", Content: "new"}), setup: "echo old >/etc/t/write; chown 33:33 /etc/t/write; chmod 0600 /etc/t/write",
			after: "stat -c '%u:%g %a' /etc/t/write; cat /etc/t/write " + state + "/backup/etc/t/write; ls -A /etc/t | grep '^[.]'", want: "33:33 600\nnew\nold"},
		{of: "Write", task: Write(File{Path: "/etc/t/link", Mode: "0644", Content: "new"}), setup: "echo old >/etc/t/target; ln -s target /etc/t/link",
			after: "readlink /etc/t/link; cat /etc/t/target", want: "target\nnew"},
		{of: "PutPage", task: PutPage(File{Path: "/srv/page/index.html", Mode: "0644", Content: "new"}), setup: "mkdir /srv/page; echo old >/srv/page/index.html; chown -R 33:33 /srv/page; chmod 4755 /srv/page/index.html",
			after: "stat -c '%u:%g %a' /srv/page/index.html; cat /srv/page/index.html; ls -A /srv/page; cat " + state + "/beside", want: "33:33 755\nnew\nindex.html"},
		{of: "Directory", task: Directory("/srv/a/b"), after: "stat -c %a /srv/a/b", want: "755"},
		{of: "Setting", task: Setting("/etc/t/setting", "A.B", `"c\d"`), setup: `printf '#A.B=0\nAxB=1\n A.B=2\nC=3\nA.B=4\n\n' >/etc/t/setting`,
			after: "cat /etc/t/setting; echo .", want: "#A.B=0\nAxB=1\nA.B=\"c\\d\"\nC=3\n\n."},
		{of: "Setting", task: Setting("/etc/t/nosetting", "A", "b"), after: "cat /etc/t/nosetting", want: "A=b"},
		{of: "Leftovers", task: leftover("file /etc/t/changed"), setup: "mkdir -p " + state + "/backup/etc/t; echo first >" + state + "/backup/etc/t/changed; echo ours >/etc/t/changed",
			after: "cat /etc/t/changed", want: "first"},
		{of: "Leftovers", task: leftover("file /etc/t/ours"), setup: "mkdir -p " + state + "; echo ours >/etc/t/ours; echo /etc/t/ours >>" + state + "/absent", after: "ls /etc/t/ours 2>&1 | wc -l; [ ! -e /etc/t/ours ] && echo gone", want: "1\ngone"},
		{of: "Leftovers", task: leftover("unit old.service"), setup: "mkdir -p " + state + "; echo /etc/systemd/system/old.service >>" + state + "/absent; printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/old.service; systemctl enable -q old; systemctl start old",
			after: "find /etc/systemd/system -name 'old*'; systemctl is-active old", want: "inactive"},
		{of: "Leftovers", task: leftover("rule nat POSTROUTING -s 10.0.0.0/8 -o ens37 -j SNAT --to-source 12.0.0.9"), setup: "iptables -w -t nat -A POSTROUTING -s 10.0.0.0/8 -o ens37 -j SNAT --to-source 12.0.0.9",
			after: "iptables -t nat -S POSTROUTING | grep -c 12.0.0.9", want: "0"},
		{of: "Leftovers", task: leftover("address ens37 10.9.9.9/24"), setup: "ip addr add 10.9.9.9/24 dev ens37", after: "ip addr show dev ens37 | grep -c 10.9.9.9", want: "0"},
		{of: "Leftovers", task: leftover("address ens38 10.9.8.9/24"), setup: "ip addr add 10.9.8.9/24 dev ens38; ip addr add 10.9.8.8/24 brd + dev ens38 label ens38:x; ip link set ens38 up; ip route add 10.7.0.0/16 via 10.9.8.1; mkdir -p " + state + "/live; echo '4: ens38    inet 10.9.8.9/8 scope global ens38\\       valid_lft forever preferred_lft forever' >" + state + "/live/wide.ens38.10.9.8.9",
			after: "ip -o -4 addr show dev ens38 | grep 10[.]9 | sed 's/.*inet //; s/ *valid.*//' | sort; ip route show 10.7.0.0/16 | sed 's/ *$//'; ip addr del 10.9.8.9/8 dev ens38; ip addr del 10.9.8.8/24 dev ens38", want: "10.9.8.8/24 brd 10.9.8.255 scope global ens38:x\\\n10.9.8.9/8 scope global ens38\\\n10.7.0.0/16 via 10.9.8.1 dev ens38"},
		{of: "KeptSysctls", task: KeptSysctls("/etc/sysctl.d/99-zz-lvsdeploy-shop.conf", []string{"net.ipv4.ip_forward = 1", "-net.ipv4.conf.ens33/100.arp_ignore = 1"}),
			setup: "mkdir -p /usr/lib/sysctl.d /etc/sysctl.d; echo net.ipv4.ip_forward=0 >/etc/sysctl.d/99-zz-lvsdeploy-shop.conf; echo net.ipv4.ip_forward=0 >/etc/sysctl.d/99-sysctl.conf; ln -s /dev/null /etc/sysctl.d/zzz.conf; echo net.ipv4.ip_forward=0 >/usr/lib/sysctl.d/zzz.conf; printf 'net/ipv4/ip_forward = 0\\n' >/usr/lib/sysctl.d/zz.conf; printf '# net.ipv4.ip_forward=0\\nnet.ipv4.ip_forward = 0\\n-net/ipv4/ip_forward=1\\nnet.ipv4.conf.ens33/100.arp_ignore=1\\n' >/etc/sysctl.d/zz.conf"},
		{of: "Leftovers", task: leftover("block /etc/t/others shop x"), setup: "printf 'a\n# begin lvsdeploy shop x\nb\n# end lvsdeploy shop x\nc\n\n' >/etc/t/others", after: "cat /etc/t/others; echo .", want: "a\nc\n\n."},
		{of: "Leftovers", task: leftover("setting /etc/t/reset KEY"), setup: "mkdir -p " + state + "/backup/etc/t; printf 'KEY=\"a\\\\b\"\nx=1\n' | tee " + state + "/backup/etc/t/reset | sed s/a/c/ >/etc/t/reset", after: "cat /etc/t/reset", want: "KEY=\"a\\b\"\nx=1"},
		{of: "Leftovers", task: leftover("route lo 12.0.0.8/32"), setup: "ip route add 12.0.0.8/32 dev lo", after: "ip route | grep -c 12.0.0.8", want: "0"},
		{of: "Leftovers", task: leftover("sysctl net.ipv4.conf.ens37.accept_local"), setup: "mkdir -p " + state + "/live; echo 0 >" + state + "/live/sysctl.net.ipv4.conf.ens37.accept_local; echo 1 >/proc/sys/net/ipv4/conf/ens37/accept_local", after: "cat /proc/sys/net/ipv4/conf/ens37/accept_local", want: "0"},
		{of: "Leftovers", task: leftover("block /etc/t/ownblock shop x"), setup: "mkdir -p " + state + "; echo /etc/t/ownblock >>" + state + "/absent; printf '#!/bin/sh\n# begin lvsdeploy shop x\nb\n# end lvsdeploy shop x\n' >/etc/t/ownblock",
			after: "[ -e /etc/t/ownblock ] || echo gone", want: "gone"},
		{of: "Leftovers", task: leftover("block /etc/t/rc.local shop x"), setup: "mkdir -p " + state + "/backup/etc/t; echo a >" + state + "/backup/etc/t/rc.local; chmod 0600 " + state + "/backup/etc/t/rc.local; printf 'a\n# begin lvsdeploy shop x\nb\n# end lvsdeploy shop x\n' >/etc/t/rc.local; chmod 0700 /etc/t/rc.local",
			after: "stat -c %a /etc/t/rc.local", want: "600"},
		{of: "Leftovers", task: leftover("fstab /mnt/theirs"), setup: "mkdir -p " + state + "/backup/etc /mnt/theirs; awk '$2 != \"/mnt/theirs\"' /etc/fstab >" + state + "/backup/etc/fstab; sed -i '$a 192.168.1.77:/data /mnt/theirs nfs defaults 0 0' " + state + "/backup/etc/fstab; echo '192.168.1.40:/ours /mnt/theirs nfs defaults 0 0' >>/etc/fstab",
			after: "grep theirs /etc/fstab; cat /mnt/theirs/index.html; umount /mnt/theirs; rm " + state + "/backup/etc/fstab", want: "192.168.1.77:/data /mnt/theirs nfs defaults 0 0\nfar"},
		{of: "VIP.Live", task: VIP{Address: netip.MustParseAddr("192.168.1.48"), Dev: "lo"}.Live(), setup: "ip addr add 192.168.1.48/24 dev lo", after: "ip -o -4 addr show dev lo | grep -o '192.168.1.48.*lo:0'", want: "192.168.1.48/32 scope global lo:0"},
		{of: "VIP.Route", task: VIP{Address: netip.MustParseAddr("192.168.1.48"), Dev: "lo"}.Route(), after: "ip route | grep -c '192.168.1.48'", want: "1"},
		{of: "Module", task: Module("ip_vs_wrr"), after: "ls -d /sys/module/ip_vs_wrr", want: "/sys/module/ip_vs_wrr"},
		{of: "Sysctl", task: Sysctl("net.ipv4.ip_forward", "1"), after: "cat /proc/sys/net/ipv4/ip_forward", want: "1"},
		{of: "Address", task: Address("ens37", wan), after: "ip -o -4 addr show dev ens37 | awk '{ print $4 }' | grep ^12", want: "12.0.0.1/24"},
		{of: "DefaultRoute", task: DefaultRoute("ens33", gateway), setup: "ip route add default via 192.168.1.1 dev ens33", after: "ip route show default | sed -n 's/ *$//; /^default/p'", want: "default via 192.168.1.10 dev ens33"},
		{of: "KeepAddress", kind: fakehost.EL, task: KeepAddress(NetworkScripts, "shop", "ens37", wan), setup: "rm -f /etc/sysconfig/network-scripts/ifcfg-ens37", after: "grep ADDR /etc/sysconfig/network-scripts/ifcfg-ens37", want: "IPADDR=12.0.0.1"},
		{of: "KeepAddress", kind: fakehost.Debian, task: KeepAddress(Ifupdown, "shop", "ens37", wan), after: "grep address /etc/network/interfaces.d/*", want: "    address 12.0.0.1/24"},
		{of: "KeepAddress", task: KeepAddress(NoNetwork, "shop", "ens38", wan), after: "systemctl is-enabled lvsdeploy-shop-address; systemctl start lvsdeploy-shop-address && ip -o -4 addr show dev ens38 | awk '{ print $4 }'", want: "enabled\n12.0.0.1/24"},
		{of: "KeepDefaultRoute", kind: fakehost.EL, task: KeepDefaultRoute(NetworkScripts, "shop", "ens33", gateway), after: "grep GATEWAY /etc/sysconfig/network-scripts/ifcfg-ens33", want: "GATEWAY=192.168.1.10"},
		{of: "KeepDefaultRoute", kind: fakehost.Debian, task: KeepDefaultRoute(Ifupdown, "shop", "ens33", gateway), after: "ip route del default; IFACE=lo /etc/network/if-up.d/lvsdeploy-shop-gateway; ip route show default | grep ^default; IFACE=ens33 /etc/network/if-up.d/lvsdeploy-shop-gateway; ip route show default | sed -n 's/ *$//; /^default/p'",
			want: "default via 192.168.1.10 dev ens33"},
		{of: "KeepDefaultRoute", task: KeepDefaultRoute(NoNetwork, "shop", "ens33", gateway), after: "ip route del default; systemctl start lvsdeploy-shop-gateway; ip route show default | sed -n 's/ *$//; /^default/p'", want: "default via 192.168.1.10 dev ens33"},
		{of: "KeepRules", task: KeepRules("shop", "kept", "what is let through", "rpcbind.service", Rule{Table: "filter", Chain: "INPUT", First: true, Words: strings.Fields("-d 12.0.0.7 -p tcp --dport 80 -j ACCEPT")}),
			setup: "systemctl start rpcbind", after: "iptables -S INPUT | grep -c 12.0.0.7; iptables -F INPUT; systemctl restart lvsdeploy-shop-kept; iptables -S INPUT | grep -c 12.0.0.7; grep -c ^ExecReload /etc/systemd/system/lvsdeploy-shop-kept.service", want: "1\n1\n1"},
		{of: "Balance", task: Balance([]VirtualService{service}), setup: "ipvsadm -A -t 12.0.0.1:80 -s rr; ipvsadm -a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1; ipvsadm -a -t 12.0.0.1:80 -r 192.168.1.99:80 -m -w 1",
			after: "ipvsadm -Sn | grep -e ' -t 12.0.0.1:80'", want: "-A -t 12.0.0.1:80 -s wrr -p 300\n-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 3\n-a -t 12.0.0.1:80 -r 192.168.1.30:80 -m -w 1\n-a -t 12.0.0.1:80 -r 192.168.1.99:80 -m -w 1"},
		{of: "Drain", task: Drain([]VirtualService{shrunk}, []string{"-t 12.0.0.3:80"}, 5*time.Second),
			setup: `for s in '-u 12.0.0.2:53' '-t 12.0.0.3:80' '-t 12.0.0.4:80'; do ipvsadm -A $s -s rr; ipvsadm -a $s -r 192.168.1.20:80 -m -w 3; ipvsadm -a $s -r 192.168.1.30:80 -m; done`,
			after: "ipvsadm -Sn | grep -v ' 12.0.0.1:'", want: "-A -t 12.0.0.4:80 -s rr\n-a -t 12.0.0.4:80 -r 192.168.1.20:80 -m -w 3\n-a -t 12.0.0.4:80 -r 192.168.1.30:80 -m -w 1\n-A -u 12.0.0.2:53 -s rr\n-a -u 12.0.0.2:53 -r 192.168.1.20:80 -m -w 3"},
		{of: "SaveTable", task: SaveTable("/etc/t/ipvs", nil, nil), after: "ipvsadm -Sn | cmp - /etc/t/ipvs && wc -l </etc/t/ipvs", want: "9"},
		{of: "IPTables", task: IPTables("SNAT it", outward...), after: "iptables -t nat -S POSTROUTING | grep -c 12.0.0.1", want: "1"},
		{of: "Fstab", task: Fstab(far), setup: "echo '192.168.1.77:/data/ /mnt//far/ nfs defaults 0 0' >>/etc/fstab", after: "grep -c /mnt/far /etc/fstab; grep '^#' /etc/fstab", want: "1\n# /etc/fstab: static file system information."},
		{of: "Mounted", task: Mounted(far), after: "cat /mnt/far/index.html", want: "far"},
		{of: "Unmounted", task: Unmounted("/mnt/gone"), setup: "mkdir /mnt/gone; echo '192.168.1.77:/data /mnt/gone nfs defaults 0 0' >>/etc/fstab; mount 192.168.1.77:/data /mnt/gone", after: "ls /mnt/gone; grep -c gone /etc/fstab", want: "0"},
		{of: "Offered", task: Offered(far)},
		{of: "Exported", task: Exported(Export{Path: "/srv/a-rather-long-path", Network: "192.168.1.0/24", Options: "rw,sync"}), setup: "mkdir /srv/a-rather-long-path /srv/x; printf '/srv/a-rather-long-path 192.168.1.0/24(rw,sync)\n/srv/x *(ro)\n' >/etc/exports.d/t.exports"},
		{of: "Write", task: notifying(Write(File{Path: "/etc/t/exports", Mode: "0644", Content: "x"}), ExportsKey)},
		{of: "Reexport", task: Reexport()},
		{of: "ExportsFile", task: ExportsFile(File{Path: "/etc/exports.d/exported.exports", Mode: "0644", Content: "/srv/exported 192.168.1.0/24(ro)"}, []Export{{Path: "/srv/exported", Network: "192.168.1.0/24"}}),
			setup: "mkdir -p /srv/exported", after: "cat /var/lib/lvsdeploy/shop/exports", want: "/srv/exported 192.168.1.0/24"},
		{of: "NoFirewall", task: NoFirewall("firewalld"), after: firewalld, want: "inactive\ndisabled"},
		{of: "SELinuxBoolean", kind: fakehost.EL, task: SELinuxBoolean("httpd_use_nfs"), after: "getsebool httpd_use_nfs", want: "httpd_use_nfs --> on"},
		{of: "SELinuxPermissive", kind: fakehost.EL, task: SELinuxPermissive(), after: "getenforce; cat /etc/selinux/config", want: "Permissive\nSELINUX=permissive\nSELINUXTYPE=targeted"},
		{of: "Service", task: Service(p, "rpcbind", ""), setup: "systemctl disable -q rpcbind; systemctl stop rpcbind", after: "systemctl is-active rpcbind; systemctl is-enabled rpcbind", want: "active\nenabled"},
		{of: "WebServer", task: WebServer(p, "shop"), setup: "systemctl disable -q " + p.WebService, after: "systemctl is-enabled " + p.WebService, want: "enabled"},
		{of: "EnableOnly", task: EnableOnly(p, "ipvsadm"), setup: "systemctl disable -q ipvsadm", after: "systemctl is-enabled ipvsadm", want: "enabled"},
		{of: "Unit", task: Unit("t.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target"), after: "systemctl is-enabled t; systemctl is-active t", want: "enabled\ninactive"},
		{of: "Site"}, // made by siteCase, which knows the checksums
		{of: "PortServed", task: PortServed(p, "shop", 8080, []netip.Addr{netip.MustParseAddr("192.168.1.20")})},
		{of: "WebReload", task: WebReload(p, "shop"), after: "ss -ltn | grep -c :8080", want: "1"},
		{of: "Write", task: notifying(Write(File{Path: "/etc/t/mountd", Mode: "0644", Content: "x"}), "rpcbind")},
		{of: "Restart", task: Restart("rpcbind")},
		{of: "Write", task: notifying(Write(File{Path: "/etc/t/notifies", Mode: "0644", Content: "x"}), "k")},
		{of: "Handler", task: Handler("k", Task{Name: "handle it", Check: "exit 1", Apply: "echo handled >>/srv/handled"}), after: "cat /srv/handled", want: "handled"},
		{of: "Served", task: Served(netip.MustParseAddr("192.168.1.20"), 80, "/", "/var/www/html/index.html")},
		{of: "AllServe", task: AllServe("see that all answer", []Page{{netip.MustParseAddr("192.168.1.20"), 80, "/"}, {netip.MustParseAddr("192.168.1.20"), 80, "/index.html"}})},
		{of: "Proof", task: Proof("see that 1 is 1", "[ 1 = 1 ]", "")},
	}
}

// failing are proofs in situations where they do not hold.
func failing() []taskCase {
	return []taskCase{
		{of: "Offered", task: Offered(Mount{Source: "192.168.1.77:/nothing"}), want: "it offers: /data *"},
		{of: "Offered", task: Offered(Mount{Source: "192.168.24.40:/data"}), want: "clnt_create: RPC: Port mapper failure - Timed out"},
		{of: "Served", task: Served(netip.MustParseAddr("192.168.1.20"), 80, "/none", ""), want: "404"},
		{of: "Served", task: Served(netip.MustParseAddr("192.168.1.20"), 81, "/", ""), want: "connect"},
		{of: "AllServe", task: AllServe("see that all answer", []Page{{netip.MustParseAddr("192.168.1.20"), 80, "/"}, {netip.MustParseAddr("192.168.1.20"), 80, "/none"}}), want: "http://192.168.1.20:80/none: "},
		{of: "KeptSysctls", task: KeptSysctls("/etc/sysctl.d/99-zz-lvsdeploy-shop.conf", []string{"net.ipv4.ip_forward = 3"}), want: "/etc/sysctl.d/zz.conf:3 sets net/ipv4/ip_forward to 1 at boot, not to 3"},
		{of: "Proof", task: Proof("see that 1 is 2", "echo no; [ 1 = 2 ]", ""), want: "no"},
	}
}
