//go:build lab

package tests

import (
	"slices"
	"strings"
	"testing"
)

// before is a network that somebody has set up on each image's own way: the
// director's WAN card has addresses, gateway, DNS and a route, the web two
// default routes, or on EL none from its own file.
var before = map[string]struct{ director, web string }{
	"debian": {
		director: `cat >>/etc/network/interfaces <<'END'
auto ens37
iface ens37 inet static
	address 12.0.0.9/24
	gateway 12.0.0.2
	dns-nameservers 12.0.0.2
	up ip addr add 12.0.0.8/24 dev ens37
	up ip route add 10.9.0.0/16 via 12.0.0.2
END`,
		web: `cat >>/etc/network/interfaces <<'END'
	up ip route add default via 192.168.1.1 dev ens33 metric 100
	up ip route add default metric 200 nexthop via 192.168.1.1 dev ens33 nexthop via 192.168.1.40 dev ens33
END`,
	},
	"debian-nm": {
		director: `umask 077; cat >/etc/NetworkManager/system-connections/wan.nmconnection <<'END'
[connection]
id=wan
uuid=6f7c2b8e-0000-4000-8000-000000000001
type=ethernet
interface-name=ens37

[ipv4]
method=manual
address1=12.0.0.9/24,12.0.0.2
address2=12.0.0.8/24
dns=12.0.0.2;
route1=10.9.0.0/16,12.0.0.2

[ipv6]
method=disabled
END`,
		web: `sed -i 's/^method=manual/&\nroute1=0.0.0.0\/0,192.168.1.1,100\nroute2=0.0.0.0\/0,192.168.1.40,200/' /etc/NetworkManager/system-connections/ens33.nmconnection`,
	},
	"debian-netplan": {
		director: `umask 077; cat >/etc/netplan/60-wan.yaml <<'END'
network:
  ethernets:
    uplink:
      match: {name: ens37}
      addresses: [12.0.0.9/24, 12.0.0.8/24]
      nameservers: {addresses: [12.0.0.2]}
      routes:
        - {to: default, via: 12.0.0.2}
        - {to: 10.9.0.0/16, via: 12.0.0.2}
END`,
		web: `umask 077; cat >/etc/netplan/60-lan.yaml <<'END'
network:
  ethernets:
    ens33:
      routes:
        - {to: default, via: 192.168.1.1, metric: 100}
        - {to: default, via: 192.168.1.40, metric: 200}
END`,
	},
	"el": {
		director: `cd /etc/sysconfig/network-scripts
printf 'DEVICE=ens37\nONBOOT=yes\nBOOTPROTO=none\nIPADDR=12.0.0.9\nPREFIX=24\nGATEWAY=12.0.0.2\nDNS1=12.0.0.2\n' >ifcfg-wan
printf 'DEVICE=ens37:0\nONPARENT=yes\nIPADDR=12.0.0.8\nPREFIX=24\n' >ifcfg-ens37:0
echo 10.9.0.0/16 via 12.0.0.2 >route-wan`,
		web: `cd /etc/sysconfig/network-scripts
sed -i s/DEFROUTE=yes/DEFROUTE=no/ ifcfg-ens33
echo default via 192.168.1.1 dev ens33 metric 100 >route-ens33`,
	},
}

// networkScript prints the addresses and routes of a machine, and what its
// files for the network are.
const networkScript = `ip -4 route | sed 's/ *$//'
ip -o -4 addr show scope global | awk '{ print $2, $4 }'
find /etc/network /etc/netplan /etc/NetworkManager/system-connections /etc/systemd/network /etc/systemd/system /etc/sysconfig/network* /etc/rc.d/rc.local -type f 2>/dev/null | sort | xargs sha256sum`

// TestBefore takes a cluster through its life on hosts that had a network of
// their own: it serves, over reboots, and afterwards that is what it was, also
// after one more.
func TestBefore(t *testing.T) {
	for _, image := range []string{"debian", "debian-nm", "debian-netplan", "el"} {
		t.Run(image, func(t *testing.T) {
			b := newBenchOf(t, "nat", image)
			b.scenario(t, []step{{name: "configured before", proves: "nothing is taken away", run: func(b *bench, t *testing.T) { configuredBefore(b, t, image) }}})
		})
	}
}

func configuredBefore(b *bench, t *testing.T, image string) {
	b.on(t, "director", before[image].director)
	b.on(t, "web1", before[image].web)
	reboot := func() {
		for _, h := range []string{"director", "web1"} {
			b.said.say("rebooting %s", h)
			if err := b.lab.Reboot(b.ctx, h); err != nil {
				t.Fatal(err)
			}
		}
	}
	network := func(h string) []string { return strings.Split(b.on(t, h, networkScript), "\n") }
	reboot()
	director, web := network("director"), network("web1")
	for _, want := range []string{"default via 12.0.0.2 dev ens37", "10.9.0.0/16 via 12.0.0.2", "ens37 12.0.0.9/24", "ens37 12.0.0.8/24"} {
		if !slices.ContainsFunc(director, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Fatalf("before it all, the director lacks %q:\n%s", want, strings.Join(director, "\n"))
		}
	}
	kept := func(when string) {
		t.Helper()
		now := network("director")
		for _, line := range director {
			if !slices.Contains(now, line) && !strings.Contains(line, "/etc/NetworkManager/") {
				t.Errorf("%s, the director lacks %q:\n%s", when, line, strings.Join(now, "\n"))
			}
		}
	}
	b.nat(t, 0)
	kept("deployed")
	b.recovers(t, tenAndTen)
	b.nat(t, 0, "--check")
	reboot()
	kept("deployed and rebooted")
	b.recovers(t, tenAndTen)
	b.change(t, "", 0, "teardown", "--yes")
	for _, when := range []string{"torn down", "torn down and rebooted"} {
		for h, was := range map[string][]string{"director": director, "web1": web} {
			if now := network(h); !slices.Equal(now, was) {
				t.Errorf("%s, %s has\n%s\nand had\n%s", when, h, strings.Join(now, "\n"), strings.Join(was, "\n"))
			}
		}
		if when == "torn down" {
			reboot()
		}
	}
}
