package tasks_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// system is a host with one of those in charge that a platform leaves open: who
// runs its network, who filters its packets.
type system struct {
	name    string
	long    bool // left out of the short form: it has most in common with another
	options fakehost.Options
	setup   string
	facts   Facts
	tasks   func(Facts) []Task
	after   string // prints what then has to be so
	want    string
}

var (
	vip     = netip.MustParseAddr("192.168.1.48")
	onWAN   = Opening{To: netip.MustParseAddr("12.0.0.1"), Protocol: "tcp", Port: 80}
	fromWeb = Opening{From: lan, To: netip.MustParseAddr("192.168.1.20"), Protocol: "tcp", Port: 2049}
	nat     = Admission{Inner: "ens33", Outer: "ens37", Openings: []Opening{onWAN, fromWeb}, Outward: &SNAT{Source: lan, Out: "ens37", To: onWAN.To}}
	direct  = Admission{Inner: "ens33", Outer: "ens33", Openings: []Opening{{To: vip, Protocol: "tcp", Port: 80}}, Untracked: []Opening{{To: vip, Protocol: "tcp", Port: 80}}}
)

func admits(a Admission) func(Facts) []Task {
	return func(f Facts) []Task {
		list := Admit(f, "shop", a)
		if a.Outward != nil {
			p, _ := PlatformOf(f)
			list = append(list, Translate(p, f.Firewall, "shop", *a.Outward)...)
		}
		return list
	}
}

func keeps(n Network) func(Facts) []Task {
	return func(Facts) []Task {
		outer, inner := VIP{Address: vip, Dev: "ens33"}, VIP{Address: vip, Dev: "lo", N: 1}
		return slices.Concat([]Task{
			Address("ens37", wan), KeepAddress(n, "shop", "ens37", wan), DefaultRoute("ens33", gateway), KeepDefaultRoute(n, "shop", "ens33", gateway),
			outer.Live(), inner.Live(), inner.Route(),
		}, outer.Keep(n, "shop"), inner.Keep(n, "shop"))
	}
}

const foreign = `nft add table inet filter
nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }'
nft add rule inet filter input tcp dport 22 accept
nft add chain inet filter forward '{ type filter hook forward priority 0; policy drop; }'
nft add chain inet filter other
systemctl enable -q nftables; systemctl start nftables
`

func systems() []system {
	debian, _ := ExampleFacts("debian12")
	el10, _ := ExampleFacts("el10")
	with := func(f Facts, firewall string) Facts {
		f.Firewall = firewall
		f.Policies = firewall == "firewalld"
		f.Chains = []Chain{{Family: "inet", Table: "filter", Name: "input", Hook: "input"}, {Family: "inet", Table: "filter", Name: "forward", Hook: "forward"}}
		return f
	}
	return []system{
		{name: "firewalld, NAT", options: fakehost.Options{Firewalld: true}, facts: with(debian, "firewalld"), tasks: admits(nat),
			after: "for p in '' --permanent; do firewall-cmd $p --list-rich-rules; done; firewall-cmd --get-policies; grep zone /etc/firewalld/policies/lvs-shop.xml; iptables-save",
			want: strings.Repeat(`rule family="ipv4" destination address="12.0.0.1" port port="80" protocol="tcp" accept
rule family="ipv4" source address="192.168.1.0/24" destination address="192.168.1.20" port port="2049" protocol="tcp" accept
rule family="ipv4" source address="192.168.1.0/24" masquerade
`, 2) + "lvs-shop\n  <ingress-zone name=\"ANY\"/>\n  <egress-zone name=\"ANY\"/>"},
		{name: "firewalld, DR", long: true, options: fakehost.Options{Firewalld: true}, facts: with(debian, "firewalld"), tasks: admits(direct),
			after: "firewall-cmd --list-rich-rules; for p in '' --permanent; do firewall-cmd $p --direct --get-all-rules; done",
			want: `rule family="ipv4" destination address="192.168.1.48" port port="80" protocol="tcp" accept
` + strings.Repeat("ipv4 raw PREROUTING 0 -d 192.168.1.48 -p tcp --dport 80 -j CT --notrack\n", 2)},
		{name: "firewalld without iptables, DR", long: true, options: fakehost.Options{Kind: fakehost.EL, Version: "10", Firewalld: true, Packages: []string{"nftables"}}, facts: with(el10, "firewalld"), tasks: admits(direct),
			after: "firewall-cmd --direct --get-all-rules; nft list ruleset | grep notrack",
			want:  `		ip daddr 192.168.1.48 tcp dport 80 notrack comment "lvsdeploy-shop_ip_daddr_192.168.1.48_tcp_dport_80_notrack"`},
		{name: "ufw, NAT", long: true, options: fakehost.Options{Packages: []string{"ufw"}}, facts: with(debian, "ufw"), tasks: admits(nat),
			after: "ufw show added; iptables-save | grep '^-A'",
			want: `Added user rules (see 'ufw status' for running firewall):
ufw allow to 12.0.0.1 port 80 proto tcp
ufw allow from 192.168.1.0/24 to 192.168.1.20 port 2049 proto tcp
ufw route allow in on ens33 out on ens37 from 192.168.1.0/24
-A POSTROUTING -s 192.168.1.0/24 -o ens37 -j SNAT --to-source 12.0.0.1`},
		{name: "ufw, DR", long: true, options: fakehost.Options{Packages: []string{"ufw"}}, facts: with(debian, "ufw"), tasks: admits(direct),
			after: "ufw show added | tail -n 1; iptables -t raw -S PREROUTING; systemctl is-enabled lvsdeploy-shop-untracked",
			want:  "ufw allow to 192.168.1.48 port 80 proto tcp\n-P PREROUTING ACCEPT\n-A PREROUTING -d 192.168.1.48/32 -p tcp -m tcp --dport 80 -j CT --notrack\nenabled"},
		{name: "iptables, NAT", long: true, options: fakehost.Options{Packages: []string{"iptables-persistent"}}, facts: with(debian, "netfilter-persistent"), tasks: admits(nat),
			setup: "iptables -A INPUT -j REJECT; iptables -A FORWARD -j REJECT", after: "iptables -S | grep '^-A'; systemctl is-active lvsdeploy-shop-firewall",
			want: `-A INPUT -s 192.168.1.0/24 -d 192.168.1.20/32 -p tcp -m tcp --dport 2049 -j ACCEPT
-A INPUT -d 12.0.0.1/32 -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -j REJECT
-A FORWARD -d 192.168.1.0/24 -i ens37 -o ens33 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i ens33 -o ens37 -j ACCEPT
-A FORWARD -j REJECT
active`},
		{name: "nftables, NAT", options: fakehost.Options{Packages: []string{"nftables"}}, setup: foreign, facts: with(debian, "nftables"), tasks: admits(nat),
			after: "nft list ruleset; systemctl is-active lvsdeploy-shop-firewall",
			want: `table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ip saddr 192.168.1.0/24 ip daddr 192.168.1.20 tcp dport 2049 accept comment "lvsdeploy-shop_ip_saddr_192.168.1.0/24_ip_daddr_192.168.1.20_tcp_dport_2049"
		ip daddr 12.0.0.1 tcp dport 80 accept comment "lvsdeploy-shop_ip_daddr_12.0.0.1_tcp_dport_80"
		tcp dport 22 accept
	}

	chain forward {
		type filter hook forward priority filter; policy drop;
		iifname "ens37" oifname "ens33" ip daddr 192.168.1.0/24 ct state established,related accept comment "lvsdeploy-shop_iifname_ens37_oifname_ens33_ip_daddr_192.168.1.0/24"
		iifname "ens33" oifname "ens37" ip saddr 192.168.1.0/24 accept comment "lvsdeploy-shop_iifname_ens33_oifname_ens37_ip_saddr_192.168.1.0/24"
	}

	chain other {
	}
}
table ip lvsdeploy-shop-snat {
	chain main {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 192.168.1.0/24 oifname "ens37" snat to 12.0.0.1 comment "lvsdeploy-shop_ip_saddr_192.168.1.0/24_oifname_ens37_snat_to_12.0.0.1"
	}
}
active`},
		{name: "nftables, DR", long: true, options: fakehost.Options{Packages: []string{"nftables"}}, setup: foreign, facts: with(debian, "nftables"), tasks: admits(direct),
			after: "nft list table ip lvsdeploy-shop-untracked | grep -c notrack; nft list chain inet filter input | grep -c 192.168.1.48", want: "1\n1"},
		{name: "no firewall, nft", long: true, options: fakehost.Options{Kind: fakehost.EL, Version: "10", Packages: []string{"nftables"}}, facts: with(el10, ""), tasks: admits(nat),
			after: "nft list ruleset | grep -c 'snat to 12.0.0.1'; systemctl is-enabled lvsdeploy-shop-snat; nft flush ruleset; systemctl start lvsdeploy-shop-snat; nft list ruleset | grep -c 'snat to'", want: "1\nenabled\n1"},
		{name: "NetworkManager", options: fakehost.Options{NetworkManager: "NetworkManager"}, tasks: keeps(NetworkManager),
			after: "nmcli -g GENERAL.STATE connection show lvsdeploy-shop-ens37; nmcli -g ipv4.routes connection show ens33; nmcli -g ipv4.addresses connection show ens33; stat -c %a /etc/NetworkManager/system-connections/*; systemctl is-enabled lvsdeploy-shop-vip-1",
			want:  "activated\n0.0.0.0/0 192.168.1.10 50\n192.168.1.48/32, 192.168.1.20/24\n600\n600\nenabled"},
		{name: "networkd", long: true, options: fakehost.Options{NetworkManager: "networkd"}, tasks: keeps(Networkd),
			after: "cat /etc/systemd/network/05-*; systemctl is-active lvsdeploy-shop-gateway lvsdeploy-shop-vip-0 lvsdeploy-shop-vip-1; ip -4 route show default | sed 's/ *$//'",
			want:  "# ens37, put here by lvsdeploy for cluster shop\n[Match]\nName=ens37\n\n[Network]\nAddress=12.0.0.1/24\nactive\nactive\nactive\ndefault via 192.168.1.10 dev ens33"},
		{name: "netplan", long: true, options: fakehost.Options{NetworkManager: "netplan"}, tasks: keeps(Netplan),
			after: "stat -c %a /etc/netplan/90-*; tail -n 3 /etc/netplan/90-*; tail -n 3 /etc/systemd/network/10-netplan-ens33.network.d/*; systemctl is-active lvsdeploy-shop-vip-0",
			want:  "600\n    ens37:\n      addresses:\n        - 12.0.0.1/24\n[Address]\nAddress=192.168.1.48/32\nLabel=ens33:0\nactive"},
	}
}

// TestEverySystem takes what depends on who is in charge of a host through: it
// differs, is put in place, is in place; and taken away, the host is as before.
func TestEverySystem(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if s.long && !*full {
				t.Skip("NOT RUN: it is in the long form (-full), make unit-long")
			}
			s.options.Interfaces = []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}, {Name: "ens37"}}
			s.options.Packages = append(s.options.Packages, "iptables")
			b := newBench(t, s.options)
			if out, errs, code := b.host.Run("while ip -o link show up | grep -q NO-CARRIER; do sleep 0.02; done\nset -e\n" + s.setup); code != 0 {
				t.Fatalf("setup: %s%s", out, errs)
			}
			first := b.host.Snapshot(t)
			list := s.tasks(s.facts)
			b.all(fakerun.One("host", list...), true, engine.WouldChange)
			b.unchanged("a dry run", first)
			b.all(fakerun.One("host", list...), false, engine.Changed)
			if got := b.sh(s.after); got != strings.TrimSpace(s.want) {
				t.Errorf("after it there is\n%s\nwant\n%s", got, s.want)
			}
			b.all(fakerun.One("host", list...), false, engine.OK)

			var entries []string
			for _, task := range list {
				entries = append(entries, task.Owns...)
			}
			slices.Sort(entries)
			gone, handlers := Leftovers(entries, slices.Compact(entries), 0, Rereaders()...)
			gone = append(gone, Disowned(entries, nil))
			plan := append(fakerun.One("host", gone...), Stage{Name: "forget", Hosts: []HostPlan{{Host: "host", Tasks: []Task{Forgotten()}}}})
			plan[0].Hosts[0].Handlers = handlers
			for _, e := range b.run(plan, false) {
				if e.Status == engine.Failed {
					t.Errorf("%q failed: %s", e.Task, e.Detail)
				}
			}
			b.all(fakerun.One("host", gone...), false, engine.OK)
			last := b.host.Snapshot(t)
			ignore := []string{"/run", "/var/lib/lvsdeploy", "/var/lib/fakehost"}
			if diff := first.Timeless().Without(ignore...).Diff(last.Timeless().Without(ignore...)); diff != "" {
				t.Errorf("taken away, it left:\n%s", diff)
			}
		})
	}
}

// all runs a plan and holds that every task ends in a status.
func (b bench) all(plan Plan, check bool, want engine.Status) {
	b.t.Helper()
	for _, e := range b.run(plan, check) {
		if e.Status != want {
			b.t.Errorf("%q is %s, want %s; %s %s", e.Task, e.Status, want, e.Detail, e.Diff)
		}
	}
}
