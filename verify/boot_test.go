package verify

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// asked is what a host with these files says of what is kept of an address.
func asked(t *testing.T, key, address string, files map[string]string) facts {
	t.Helper()
	root := t.TempDir()
	for file, text := range files {
		if err := os.MkdirAll(filepath.Dir(root+file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	paths := strings.NewReplacer("/etc/", root+"/etc/", "/run/", root+"/run/", "/sys/", root+"/sys/", "systemctl is-enabled", "echo enabled; :")
	out, err := exec.Command("sh", "-c", prelude+paths.Replace(keptFunction)+"fact "+key+" kept "+address+"\n"+end).Output()
	if err != nil {
		t.Fatal(err)
	}
	return parseFacts(strings.ReplaceAll(string(out), root, ""))
}

func verdictOf(cs []Check) string {
	if len(cs) != 1 {
		return "no verdict"
	}
	return map[bool]string{true: "good: ", false: "bad: "}[cs[0].OK] + cs[0].Detail
}

// TestWANAtBoot: whoever keeps the address, on the right interface, is found.
func TestWANAtBoot(t *testing.T) {
	t.Parallel()
	c := &inventory.Cluster{Director: inventory.Director{WANInterface: "ens37", WANAddress: netip.MustParsePrefix("12.0.0.1/24")}}
	const nobody = "bad: no file that the boot reads keeps 12.0.0.1/24 on ens37"
	for name, k := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nobody":             {nil, nobody},
		"another card":       {map[string]string{"/etc/sysconfig/network-scripts/ifcfg-ens33": "DEVICE=ens33\nIPADDR=12.0.0.1\nPREFIX=24\n"}, nobody},
		"a longer address":   {map[string]string{"/etc/sysconfig/network-scripts/ifcfg-ens37": "DEVICE=ens37\nIPADDR=12.0.0.11\nPREFIX=24\n"}, nobody},
		"second of a file":   {map[string]string{"/etc/network/interfaces": "auto lo\niface lo inet loopback\nauto ens33\niface ens33 inet static\n address 192.168.1.10/24\nauto ens37\niface ens37 inet static\n address 12.0.0.1/24\n"}, "good: /etc/network/interfaces keeps 12.0.0.1/24 on ens37"},
		"hook":               {map[string]string{"/etc/network/if-up.d/lvsdeploy-shop-address-ens37": "[ \"$IFACE\" = ens37 ] || exit 0\nip addr replace 12.0.0.1/24 dev ens37\n"}, "good: /etc/network/if-up.d/lvsdeploy-shop-address-ens37 keeps 12.0.0.1/24 on ens37"},
		"unit":               {map[string]string{"/etc/systemd/system/lvsdeploy-shop-address.service": "ExecStart=/bin/sh -c 'ip addr replace 12.0.0.1/24 dev ens37'\n"}, "good: /etc/systemd/system/lvsdeploy-shop-address.service keeps 12.0.0.1/24 on ens37"},
		"netplan":            {map[string]string{"/etc/netplan/90-lvsdeploy-shop-ens37.yaml": "network:\n  version: 2\n  ethernets:\n    ens37:\n      addresses:\n        - 12.0.0.1/24\n"}, "good: /etc/netplan/90-lvsdeploy-shop-ens37.yaml keeps 12.0.0.1/24 on ens37"},
		"drop-in":            {map[string]string{"/etc/systemd/network/10-netplan-wan.network.d/lvsdeploy-shop-address.conf": "[Address]\nAddress=12.0.0.1/24\n", "/run/systemd/netif/links/7": "NETWORK_FILE=/run/systemd/network/10-netplan-wan.network\n", "/sys/class/net/ens37/ifindex": "7\n"}, "good: /etc/systemd/network/10-netplan-wan.network.d/lvsdeploy-shop-address.conf keeps 12.0.0.1/24 on ens37"},
		"drop-in of nobody":  {map[string]string{"/etc/systemd/network/10-netplan-wan.network.d/lvsdeploy-shop-address.conf": "[Address]\nAddress=12.0.0.1/24\n", "/sys/class/net/ens37/ifindex": "7\n"}, nobody},
		"by its MAC":         {map[string]string{"/etc/sysconfig/network-scripts/ifcfg-wan": "HWADDR=\"AA:BB:00:00:00:01\"\nIPADDR=12.0.0.1\nPREFIX=24\n", "/sys/class/net/ens37/address": "aa:bb:00:00:00:01\n"}, "good: /etc/sysconfig/network-scripts/ifcfg-wan keeps 12.0.0.1/24 on ens37"},
		"a profile by a MAC": {map[string]string{"/etc/NetworkManager/system-connections/wan.nmconnection": "[ethernet]\nmac-address=AA:BB:00:00:00:01\n[ipv4]\naddress1=12.0.0.1/24\n", "/sys/class/net/ens37/address": "aa:bb:00:00:00:01\n"}, "good: /etc/NetworkManager/system-connections/wan.nmconnection keeps 12.0.0.1/24 on ens37"},
	} {
		if got := verdictOf(wanAtBoot(c, inventory.NAT, asked(t, "kept-wan", "12.0.0.1", k.files))); got != k.want {
			t.Errorf("%s: %q, want %q", name, got, k.want)
		}
	}
}

// TestGatewayAtBoot: a file with the director in it is no route by itself.
func TestGatewayAtBoot(t *testing.T) {
	t.Parallel()
	c := &inventory.Cluster{Director: inventory.Director{Host: inventory.Host{Address: netip.MustParseAddr("192.168.1.10")}}}
	const nobody = "bad: no file that the boot reads makes the director, 192.168.1.10, the way out"
	for name, k := range map[string]struct{ file, text, want string }{
		"nobody":            {"/etc/network/interfaces", "iface ens33 inet static\n address 192.168.1.10/24\n", nobody},
		"another":           {"/etc/sysconfig/network-scripts/ifcfg-ens33", "DEVICE=ens33\nGATEWAY=192.168.1.100\n", nobody},
		"ifcfg":             {"/etc/sysconfig/network-scripts/ifcfg-ens33", "DEVICE=ens33\nGATEWAY=\"192.168.1.10\"\n", "good: /etc/sysconfig/network-scripts/ifcfg-ens33 makes 192.168.1.10 the way out"},
		"ifcfg, DEFROUTE":   {"/etc/sysconfig/network-scripts/ifcfg-ens33", "DEVICE=ens33\nGATEWAY=192.168.1.10\nDEFROUTE=\"no\"\n", "bad: /etc/sysconfig/network-scripts/ifcfg-ens33 has the director for its gateway, and DEFROUTE=no"},
		"hook":              {"/etc/network/if-up.d/lvsdeploy-shop-gateway", "ip route replace default via 192.168.1.10 dev ens33\n", "good: /etc/network/if-up.d/lvsdeploy-shop-gateway makes 192.168.1.10 the way out"},
		"profile":           {"/etc/NetworkManager/system-connections/lan.nmconnection", "[ipv4]\nroute1=0.0.0.0/0,192.168.1.10,50\n", "good: /etc/NetworkManager/system-connections/lan.nmconnection makes 192.168.1.10 the way out"},
		"profile, no route": {"/etc/NetworkManager/system-connections/lan.nmconnection", "[ipv4]\nroute1=10.0.0.0/8,192.168.1.10,50\n", nobody},
	} {
		if got := verdictOf(gatewayAtBoot(c, nil, asked(t, "kept-gateway", "192.168.1.10", map[string]string{k.file: k.text}))); got != k.want {
			t.Errorf("%s: %q, want %q", name, got, k.want)
		}
	}
}

// TestAnswersWay: host and rule are named.
func TestAnswersWay(t *testing.T) {
	t.Parallel()
	c := &inventory.Cluster{Director: inventory.Director{Host: inventory.Host{Address: netip.MustParseAddr("192.168.1.10")}}}
	w := &inventory.Web{Host: inventory.Host{Address: netip.MustParseAddr("192.168.1.20")}}
	rules := "rules=0:\tfrom all lookup local\nrules=50:\tfrom 192.168.1.0/24 lookup isp2\nrules=32766:\tfrom all lookup main\nrules?0\n"
	for way, want := range map[string]string{
		"198.51.100.1 from 192.168.1.20 via 192.168.1.10 dev ens33 uid 0":             "no verdict",
		"198.51.100.1 from 192.168.1.20 via 192.168.1.10 dev ens33 table isp2 uid 0":  "no verdict",
		"198.51.100.1 from 192.168.1.20 via 192.168.1.254 dev ens33 table isp2 uid 0": "bad: answers from 192.168.1.20 do not leave through the director, but by table isp2: rule 50: from 192.168.1.0/24 lookup isp2",
	} {
		if got := verdictOf(answersWay(c, w, parseFacts(rules+"way="+way+"\nway?0\n"))); got != want {
			t.Errorf("%q: %q, want %q", way, got, want)
		}
	}
}
