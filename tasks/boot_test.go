package tasks_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// configured is a host whose network somebody has set up before.
type configured struct {
	name    string
	manager string // as fakehost names it; "": ifupdown
	kind    fakehost.Kind
	files   map[string]string
	setup   string
	task    func(Facts) []Task
	owns    string // what is added for the boot, as the manifest names it; empty: nothing to do
	there   bool   // and is in place already
	after   string
	want    string
}

const (
	sourced  = "source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\nauto ens33\niface ens33 inet static\n  address 192.168.1.20/24\n"
	scripts  = "/etc/sysconfig/network-scripts/"
	profiles = "/etc/NetworkManager/system-connections/"
	wanFile  = "[Match]\nName=ens37\n[Network]\nAddress=12.0.0.9/24\nGateway=12.0.0.254\nDNS=12.0.0.253\n[Address]\nAddress=12.0.0.8/24\n[Route]\nDestination=10.0.0.0/8\nGateway=12.0.0.250\n"
	wanCard  = "TYPE=Ethernet\nBOOTPROTO=none\nONBOOT=yes\nIPADDR=12.0.0.9\nPREFIX=24\nIPADDR1=12.0.0.8\nPREFIX1=24\nGATEWAY=12.0.0.254\nDNS1=12.0.0.253\n"
)

// took has networkd tell that it took a file for an interface.
func took(dev, file string) string {
	return "mkdir -p /run/systemd/netif/links; echo NETWORK_FILE=" + file + " >/run/systemd/netif/links/$(cat /sys/class/net/" + dev + "/ifindex)\n"
}

func keyfile(uuid, lines string) string {
	return "[connection]\nid=" + uuid[:4] + "\nuuid=" + uuid + "\ntype=ethernet\n" + lines
}

const uuidWAN = "11111111-0000-4000-8000-000000000001"

func configuredHosts() []configured {
	address := func(f Facts) []Task {
		return append([]Task{Address("ens37", wan)}, f.KeepAddress("shop", "ens37", wan)...)
	}
	route := func(f Facts) []Task {
		return []Task{DefaultRoute("ens33", gateway), f.KeepDefaultRoute("shop", "ens33", gateway)}
	}
	vips := func(dev string) func(Facts) []Task {
		return func(f Facts) []Task {
			v := f.Labelled([]VIP{{Address: vip, Dev: dev}})[0]
			now := []Task{v.Live()}
			if dev == "lo" {
				now = append(now, v.Route())
			}
			return append(now, f.KeepVIP("shop", v)...)
		}
	}
	interfaces := func(text string) map[string]string {
		return map[string]string{"/etc/network/interfaces": sourced + text}
	}
	nm := func(text string) map[string]string {
		return map[string]string{profiles + "wan.nmconnection": keyfile(uuidWAN, text)}
	}
	const unit = "unit lvsdeploy-shop-address.service"
	return []configured{
		{name: "ifupdown, kept", files: interfaces("auto ens37\niface ens37 inet static\n address 12.0.0.1/24\n gateway 12.0.0.254\n"), task: address},
		{name: "ifupdown, kept by an up line", files: interfaces("auto ens37\niface ens37 inet manual\n up ip addr add 12.0.0.1/24 dev ens37\n"), task: address},
		{name: "ifupdown, kept with a netmask in a file beside it", files: map[string]string{"/etc/network/interfaces": sourced, "/etc/network/interfaces.d/wan": "allow-hotplug ens37\niface ens37 inet static\n address 12.0.0.1\n netmask 255.255.255.0\n"}, task: address},
		{name: "ifupdown, another mask", files: interfaces("auto ens37\niface ens37 inet static\n address 12.0.0.1/8\n"), task: address, owns: "file /etc/network/if-up.d/lvsdeploy-shop-address-ens37"},
		{name: "ifupdown, configured", files: interfaces("auto ens37\niface ens37 inet static\n address 12.0.0.9/24\n gateway 12.0.0.254\n up ip route add 10.0.0.0/8 via 12.0.0.250\n"), task: address,
			owns:  "file /etc/network/if-up.d/lvsdeploy-shop-address-ens37",
			after: "IFACE=ens33 /etc/network/if-up.d/lvsdeploy-shop-address-ens37; IFACE=ens37 /etc/network/if-up.d/lvsdeploy-shop-address-ens37; IFACE=ens37 /etc/network/if-up.d/lvsdeploy-shop-address-ens37 && ip -o -4 addr show dev ens37 | awk '{ print $4 }'", want: "12.0.0.1/24"},
		{name: "ifupdown, not brought up", files: interfaces("iface ens37 inet static\n address 12.0.0.1/24\n"), task: address, owns: unit},
		{name: "ifupdown, nobody", files: interfaces(""), task: address, owns: "file /etc/network/interfaces.d/lvsdeploy-shop-ens37", after: "ifquery ens37", want: "address: 12.0.0.1\nnetmask: 255.255.255.0"},
		{name: "ifupdown, nothing is sourced", files: map[string]string{"/etc/network/interfaces": strings.TrimPrefix(sourced, "source /etc/network/interfaces.d/*\n")}, task: address, owns: unit},
		{name: "ifupdown, other names are sourced", files: map[string]string{"/etc/network/interfaces": strings.Replace(sourced, "/*", "/*.conf", 1)}, task: address, owns: unit},
		{name: "ifupdown, source-directory and a VLAN", files: map[string]string{"/etc/network/interfaces": strings.Replace(sourced, "source /etc/network/interfaces.d/*", "source-directory /etc/network/interfaces.d", 1)}, setup: "ip link set ens37 down; ip link set ens37 name ens37.100\n",
			task: func(f Facts) []Task {
				return append([]Task{Address("ens37.100", wan)}, f.KeepAddress("shop", "ens37.100", wan)...)
			}, owns: "file /etc/network/interfaces.d/lvsdeploy-shop-ens37_100", after: "ifquery ens37.100 | head -n 1", want: "address: 12.0.0.1"},
		{name: "ifupdown, gateway of a card of others", files: map[string]string{"/etc/network/interfaces": "iface ens38 inet manual\n"}, task: route, owns: "unit lvsdeploy-shop-gateway.service"},
		{name: "ifupdown, the label is taken", files: interfaces("auto lo:0\niface lo:0 inet static\n address 192.168.1.77/32\n"), task: vips("lo"), owns: "file /etc/network/interfaces.d/lvsdeploy-shop-lo-1", after: "ifquery lo:1 | head -n 1; ifquery lo:0 | head -n 1", want: "address: 192.168.1.48\naddress: 192.168.1.77"},

		{name: "ifupdown, another cluster's", files: map[string]string{"/etc/network/interfaces": sourced, "/etc/network/interfaces.d/lvsdeploy-news-ens37": "auto ens37\niface ens37 inet static\n address 12.0.0.1/24\n"}, task: address, owns: "file /etc/network/if-up.d/lvsdeploy-shop-address-ens37"},
		{name: "scripts, another cluster's", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens37": "# ens37, put here by lvsdeploy for cluster news\nDEVICE=ens37\nONBOOT=yes\nIPADDR=12.0.0.1\nPREFIX=24\n"}, task: address, owns: unit},
		{name: "scripts, another cluster's alias", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens37": "DEVICE=ens37\n" + wanCard, scripts + "ifcfg-ens37:0": "# the address on ens37, put here by lvsdeploy for cluster news\nDEVICE=ens37:0\nIPADDR=12.0.0.1\nPREFIX=24\n"}, task: address, owns: unit},
		{name: "NetworkManager, another cluster's", manager: "NetworkManager", files: nm("interface-name=ens37\n[ipv4]\nmethod=manual\naddress1=12.0.0.9/24\naddress2=12.0.0.1/24\n"), setup: "nmcli connection reload; mkdir -p /var/lib/lvsdeploy/news; echo nm-address ens37 12.0.0.1/24 >/var/lib/lvsdeploy/news/manifest\n", task: address, owns: "nm-address ens37 12.0.0.1/24", there: true},
		{name: "networkd, another cluster's", manager: "networkd", files: map[string]string{"/etc/systemd/network/05-lvsdeploy-news-ens37.network": "[Match]\nName=ens37\n[Network]\nAddress=12.0.0.1/24\n"}, setup: took("ens37", "/etc/systemd/network/05-lvsdeploy-news-ens37.network"), task: address, owns: unit},
		{name: "netplan, another cluster's", manager: "netplan", setup: "mkdir -p /run/systemd/network /var/lib/lvsdeploy/news; echo file /etc/netplan/90-lvsdeploy-news-ens37.yaml >/var/lib/lvsdeploy/news/manifest; printf '[Match]\\nName=ens37\\n[Network]\\nAddress=12.0.0.1/24\\n' >/run/systemd/network/10-netplan-ens37.network\n" + took("ens37", "/run/systemd/network/10-netplan-ens37.network"), task: address, owns: unit},
		{name: "scripts, kept", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens37": "DEVICE=\"ens37\"\nONBOOT=\"yes\"\nIPADDR=\"12.0.0.1\"\nNETMASK=255.255.255.0\nGATEWAY=12.0.0.254\n"}, task: address},
		{name: "scripts, kept as a second address", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens37": "DEVICE=ens37\n" + strings.Replace(wanCard, "12.0.0.8", "12.0.0.1", 1)}, task: address},
		{name: "scripts, kept by an alias", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens37": "DEVICE=ens37\n" + wanCard, scripts + "ifcfg-ens37:7": "DEVICE=ens37:7\nIPADDR=12.0.0.1\nPREFIX=24\n"}, task: address},
		{name: "scripts, configured", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens37": "DEVICE=ens37\n" + wanCard, scripts + "ifcfg-ens37:0": "DEVICE=ens37:0\nIPADDR=12.0.0.7\nPREFIX=32\n"}, task: address,
			owns: "file " + scripts + "ifcfg-ens37:1", after: "grep -E 'ADDR|PREFIX|DEVICE' " + scripts + "ifcfg-ens37:1; grep IPADDR " + scripts + "ifcfg-ens37:0", want: "DEVICE=ens37:1\nIPADDR=12.0.0.1\nPREFIX=24\nIPADDR=12.0.0.7"},
		{name: "scripts, a file called otherwise", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-wan": "DEVICE=ens37\n" + wanCard}, setup: "rm -f " + scripts + "ifcfg-ens37\n", task: address, owns: "file " + scripts + "ifcfg-ens37:0"},
		{name: "scripts, by its MAC", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-wan": strings.Replace(wanCard, "12.0.0.9", "12.0.0.1", 1)}, setup: "rm -f " + scripts + "ifcfg-ens37; echo HWADDR=$(mac ens37 | tr a-f A-F) >>" + scripts + "ifcfg-wan\n", task: address},
		{name: "scripts, not brought up", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens37": "DEVICE=ens37\nONBOOT=no\nIPADDR=12.0.0.1\nPREFIX=24\n"}, task: address, owns: unit},
		{name: "scripts, nobody", kind: fakehost.EL, setup: "rm -f " + scripts + "ifcfg-ens37\n", task: address, owns: "file " + scripts + "ifcfg-ens37"},
		{name: "scripts, gateway", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens37": "DEVICE=ens37\nONBOOT=yes\nGATEWAY=12.0.0.254\nDEFROUTE=no\n"}, task: route, owns: "setting " + scripts + "ifcfg-ens33 GATEWAY"},
		{name: "scripts, gateway in a file by its MAC", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-lan": "ONBOOT=yes\nIPADDR=192.168.1.20\nPREFIX=24\n"}, setup: "rm -f " + scripts + "ifcfg-ens3*; echo HWADDR=$(mac ens33) >>" + scripts + "ifcfg-lan\n", task: route, owns: "setting " + scripts + "ifcfg-lan GATEWAY"},
		{name: "scripts, no default route", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens33": "DEVICE=ens33\nONBOOT=yes\nIPADDR=192.168.1.20\nPREFIX=24\nDEFROUTE=no\n"}, task: route, owns: "unit lvsdeploy-shop-gateway.service",
			after: "ip route del default; systemctl restart lvsdeploy-shop-gateway; ip route show default | sed 's/ *$//'; grep PartOf /etc/systemd/system/lvsdeploy-shop-gateway.service", want: "default via 192.168.1.10 dev ens33\nPartOf=network.service"},
		{name: "scripts, another file's gateway", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens37": "DEVICE=ens37\nONBOOT=yes\nGATEWAY=12.0.0.254\n"}, task: route, owns: "unit lvsdeploy-shop-gateway.service"},
		{name: "scripts, another card has DHCP", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-ens37": "DEVICE=ens37\nONBOOT=yes\nBOOTPROTO=dhcp\n"}, task: route, owns: "unit lvsdeploy-shop-gateway.service"},
		{name: "scripts, GATEWAYDEV", kind: fakehost.EL, files: map[string]string{"/etc/sysconfig/network": "NETWORKING=yes\nGATEWAYDEV=ens37\n"}, task: route, owns: "unit lvsdeploy-shop-gateway.service"},
		{name: "scripts, the whole machine's gateway", kind: fakehost.EL, files: map[string]string{"/etc/sysconfig/network": "GATEWAY=192.168.1.1\n"}, task: route, owns: "unit lvsdeploy-shop-gateway.service"},
		{name: "scripts, the label is taken", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-lo:0": "DEVICE=lo:0\nIPADDR=192.168.1.77\nNETMASK=255.255.255.255\n"}, task: vips("lo"), owns: "file " + scripts + "ifcfg-lo:1, unit lvsdeploy-shop-route-0.service", after: "grep IPADDR " + scripts + "ifcfg-lo:0", want: "IPADDR=192.168.1.77"},
		{name: "scripts, the VIP is kept", kind: fakehost.EL, files: map[string]string{scripts + "ifcfg-lo:0": "DEVICE=lo:0\nIPADDR=192.168.1.48\nNETMASK=255.255.255.255\n"}, task: vips("lo"), owns: "unit lvsdeploy-shop-route-0.service"},

		{name: "NetworkManager, kept", manager: "NetworkManager", files: nm("interface-name=ens37\n[ipv4]\nmethod=manual\naddress1=12.0.0.9/24,12.0.0.254\naddress2=12.0.0.1/24\n"), setup: "nmcli connection reload\n", task: address},
		{name: "NetworkManager, configured and active", manager: "NetworkManager", files: nm("interface-name=ens37\n[ipv4]\nmethod=manual\naddress1=12.0.0.9/24,12.0.0.254\ndns=12.0.0.253;\nroute1=10.0.0.0/8,12.0.0.250\n"), setup: "nmcli connection reload; nmcli connection up 1111\n", task: address,
			owns: "nm-address ens37 12.0.0.1/24", after: "nmcli -g ipv4.addresses connection show 1111 | tr ',' '\\n' | grep -c 12.0.0; grep -c -e dns -e route1 " + profiles + "wan.nmconnection", want: "2\n2"},
		{name: "NetworkManager, a profile that waits for its cable, by MAC", manager: "NetworkManager", files: nm("[ethernet]\nmac-address=MAC\n[ipv4]\nmethod=auto\n"), setup: "sed -i s/MAC/$(mac ens37)/ " + profiles + "wan.nmconnection; nmcli connection reload\n", task: address, owns: "nm-address ens37 12.0.0.1/24"},
		{name: "NetworkManager, a profile for any card", manager: "NetworkManager", files: nm("[ipv4]\nmethod=auto\n"), setup: "nmcli connection reload; echo " + uuidWAN + " >/var/lib/fakehost/nm/on/ens37\n", task: address, owns: unit},
		{name: "NetworkManager, no autoconnect", manager: "NetworkManager", files: nm("interface-name=ens37\nautoconnect=false\n[ipv4]\nmethod=manual\naddress1=12.0.0.1/24\n"), setup: "nmcli connection reload; echo " + uuidWAN + " >/var/lib/fakehost/nm/on/ens37\n", task: address, owns: unit},
		{name: "NetworkManager, nobody, and given by hand", manager: "NetworkManager", setup: "ip addr add 12.0.0.9/24 dev ens37; ip link set ens37 up; ip route add 10.0.0.0/8 via 12.0.0.250\n", task: address, owns: "file " + profiles + "lvsdeploy-shop-ens37.nmconnection",
			after: "ip -4 route show dev ens37 | grep -c 12.0.0.250; nmcli -g GENERAL.STATE connection show lvsdeploy-shop-ens37", want: "1"},

		{name: "networkd, kept", manager: "networkd", files: map[string]string{"/etc/systemd/network/50-wan.network": strings.Replace(wanFile, "12.0.0.8", "12.0.0.1", 1)}, setup: took("ens37", "/etc/systemd/network/50-wan.network"), task: address},
		{name: "networkd, kept by a drop-in", manager: "networkd", files: map[string]string{"/etc/systemd/network/50-wan.network": wanFile, "/etc/systemd/network/50-wan.network.d/more.conf": "[Network]\nAddress=12.0.0.1/24\n"}, setup: took("ens37", "/etc/systemd/network/50-wan.network"), task: address},
		{name: "networkd, configured", manager: "networkd", files: map[string]string{"/etc/systemd/network/50-wan.network": wanFile}, setup: took("ens37", "/etc/systemd/network/50-wan.network"), task: address,
			owns: "file /etc/systemd/network/50-wan.network.d/lvsdeploy-shop-address.conf", after: "grep Address= /etc/systemd/network/50-wan.network.d/*", want: "Address=12.0.0.1/24"},
		{name: "networkd, by a pattern", manager: "networkd", files: map[string]string{"/etc/systemd/network/50-all.network": "[Match]\nName=en*\n[Network]\nDHCP=yes\n"}, setup: took("ens37", "/etc/systemd/network/50-all.network"), task: address, owns: unit},
		{name: "networkd, two cards", manager: "networkd", files: map[string]string{"/etc/systemd/network/50-all.network": "[Match]\nName=ens37 ens38\n[Network]\nDHCP=yes\n"}, setup: took("ens37", "/etc/systemd/network/50-all.network"), task: address, owns: unit},
		{name: "networkd, nobody", manager: "networkd", task: address, owns: "file /etc/systemd/network/05-lvsdeploy-shop-ens37.network"},
		{name: "netplan, a definition called otherwise", manager: "netplan", files: map[string]string{"/etc/netplan/60-wan.yaml": "network: {}\n"}, setup: "mkdir -p /run/systemd/network; printf '[Match]\\nMACAddress=%s\\n[Network]\\nAddress=12.0.0.9/24\\n' $(mac ens37) >/run/systemd/network/10-netplan-wan.network\n" + took("ens37", "/run/systemd/network/10-netplan-wan.network"), task: address,
			owns: "file /etc/systemd/network/10-netplan-wan.network.d/lvsdeploy-shop-address.conf"},
		{name: "netplan, all cards by a pattern", manager: "netplan", files: map[string]string{"/etc/netplan/60-all.yaml": "network: {}\n"}, setup: "mkdir -p /run/systemd/network; printf '[Match]\\nName=en*\\n[Network]\\nDHCP=ipv4\\n' >/run/systemd/network/10-netplan-all-en.network\n" + took("ens37", "/run/systemd/network/10-netplan-all-en.network"), task: address, owns: unit},
		{name: "netplan, nobody", manager: "netplan", task: address, owns: "file /etc/netplan/90-lvsdeploy-shop-ens37.yaml"},
		{name: "netplan, a VIP of the director", manager: "netplan", setup: "mkdir -p /run/systemd/network; printf '[Match]\\nName=ens33\\n' >/run/systemd/network/10-netplan-lan.network\n" + took("ens33", "/run/systemd/network/10-netplan-lan.network"), task: vips("ens33"), owns: "file /etc/systemd/network/10-netplan-lan.network.d/lvsdeploy-shop-vip-0.conf, unit lvsdeploy-shop-vip-0.service"},
	}
}

// TestConfiguredHosts: what somebody has set up for an interface stays as it is,
// whatever the address, the route or the VIP of the cluster is put beside it,
// also in a second run; and taken away, everything is as before.
func TestConfiguredHosts(t *testing.T) {
	for n, c := range configuredHosts() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if n%3 != 0 && !*full {
				t.Log("short form: what is chosen; -full puts it in place and takes it away")
			}
			o := fakehost.Options{Kind: c.kind, NetworkManager: c.manager, Shell: fakehost.Shells()[n%3], Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}, {Name: "ens37"}}}
			b := newBench(t, o)
			for file, text := range c.files {
				b.sh("mkdir -p " + file[:strings.LastIndex(file, "/")])
				if err := b.host.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if out, errs, code := b.host.Run("set -e; while ip -o link show up | grep -q NO-CARRIER; do sleep 0.02; done\nmac() { ip -o link show dev $1 | sed 's,.*link/ether \\([^ ]*\\).*,\\1,'; }\n" + c.setup); code != 0 {
				t.Fatalf("setup: %s%s", out, errs)
			}
			first := b.host.Snapshot(t)
			list := c.task(b.facts())
			if got := strings.Join(atBoot(list), ", "); got != c.owns {
				t.Fatalf("it adds %q, want %q", got, c.owns)
			}
			if c.there || n%3 != 0 && !*full {
				return
			}
			b.all(fakerun.One("host", list...), true, engine.WouldChange)
			b.unchanged("a dry run", first)
			b.all(fakerun.One("host", list...), false, engine.Changed)
			again := c.task(b.facts())
			if got := strings.Join(atBoot(again), ", "); got != c.owns {
				t.Errorf("a second run adds %q, want %q", got, c.owns)
			}
			b.all(fakerun.One("host", again...), false, engine.OK)
			for file, text := range c.files {
				if !strings.Contains(c.owns, file) && !strings.HasPrefix(c.owns, "nm-") && b.sh("cat "+file) != b.sh("cat <<'END'\n"+text+"END\n") && !strings.Contains(c.setup, file) {
					t.Errorf("%s is now\n%s", file, b.sh("cat "+file))
				}
			}
			if got := b.sh(c.after); c.after != "" && got != c.want {
				t.Errorf("after it there is\n%s\nwant\n%s", got, c.want)
			}
			entries := owned(list)
			gone, handlers := Leftovers(entries, entries, 0, Rereaders()...)
			plan := append(fakerun.One("host", gone...), Stage{Name: "forget", Hosts: []HostPlan{{Host: "host", Tasks: []Task{Forgotten()}}}})
			plan[0].Hosts[0].Handlers = handlers
			for _, e := range b.run(plan, false) {
				if e.Status == engine.Failed {
					t.Errorf("%q failed: %s", e.Task, e.Detail)
				}
			}
			ignore := []string{"/run", "/var/lib/lvsdeploy", "/var/lib/fakehost"}
			if diff := first.Timeless().Without(ignore...).Diff(b.host.Snapshot(t).Timeless().Without(ignore...)); diff != "" {
				t.Errorf("taken away, it left:\n%s", diff)
			}
		})
	}
}

func (b bench) facts() Facts {
	b.t.Helper()
	f, err := engine.Gather(b.t.Context(), b.on["host"], engine.Ask{Cluster: "shop"})
	if err != nil {
		b.t.Fatal(err)
	}
	return *f
}

func owned(list []Task) []string {
	var all []string
	for _, t := range list {
		all = append(all, t.Owns...)
	}
	return slices.Compact(all)
}

// atBoot is what is owned for the next boot.
func atBoot(list []Task) []string {
	return slices.DeleteFunc(owned(list), func(entry string) bool {
		return strings.HasPrefix(entry, "address ") || strings.HasPrefix(entry, "route ") || strings.HasPrefix(entry, "default-route ")
	})
}
