package lab

import (
	"archive/tar"
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var uuidForm = regexp.MustCompile(`uuid=[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n`)

// unpacked are the files of a machine's seed; a link's text is what it points to.
func unpacked(t *testing.T, topology, image, machine string) map[string]string {
	t.Helper()
	loaded, err := LoadTopology(topology, image)
	if err != nil {
		t.Fatal(err)
	}
	m, err := loaded.Machine(machine)
	if err != nil {
		t.Fatal(err)
	}
	disk, err := seed(m, []byte("PRIVATE"), []byte("PUBLIC"), []byte("KEY"), "salt")
	if err != nil {
		t.Fatal(err)
	}
	if len(disk)%(20*512) != 0 {
		t.Errorf("%s: %d bytes are no whole number of tar's records", machine, len(disk))
	}
	files := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(disk)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(text) + h.Linkname
		secret := strings.HasSuffix(h.Name, "ssh_host_ed25519_key") || strings.HasSuffix(h.Name, ".nmconnection")
		if secret && h.Mode != 0o600 {
			t.Errorf("%s has mode %o", h.Name, h.Mode)
		}
	}
}

func TestSeed(t *testing.T) {
	director, web2 := unpacked(t, "nat", "", "director"), unpacked(t, "nat", "", "web2")
	for _, c := range []struct{ file, got, want string }{
		{"hostname", director["etc/hostname"], "director\n"},
		{"nics", director["etc/lvslab/nics"], "vec0 ens33 -\nvec1 ens37 -\n"},
		{"interfaces", director["etc/network/interfaces"],
			"source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\nauto ens33\niface ens33 inet static\n\taddress 192.168.1.10/24\n"},
		{"nics without manager", web2["etc/lvslab/nics"], "vec0 ens33 192.168.1.30/24\n"},
		{"interfaces without manager", web2["etc/network/interfaces"], "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n"},
		{"admin's key", web2["home/admin/.ssh/authorized_keys"], "KEY"},
		{"host key", web2["etc/ssh/ssh_host_ed25519_key"], "PRIVATE"},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", c.file, diff)
		}
	}
	if director["etc/machine-id"] == web2["etc/machine-id"] || len(web2["etc/machine-id"]) != 33 {
		t.Errorf("machine ids %q, %q", director["etc/machine-id"], web2["etc/machine-id"])
	}
}

// What each image's seed has beside what all have: one interface of two has an
// address, and web2 has nobody in charge.
func TestSeedOfNetwork(t *testing.T) {
	common := unpacked(t, "nat", "", "director")
	delete(common, "etc/network/interfaces")
	for _, c := range []struct {
		image, machine string
		want           map[string]string
	}{
		{"debian-nm", "director", map[string]string{
			"etc/systemd/system/multi-user.target.wants/NetworkManager.service": "/lib/systemd/system/NetworkManager.service",
			"etc/NetworkManager/system-connections/ens33.nmconnection": `[connection]
id=ens33
uuid=UUID
type=ethernet
autoconnect-priority=-999
interface-name=ens33

[ethernet]

[ipv4]
address1=192.168.1.10/24
may-fail=false
method=manual

[ipv6]
addr-gen-mode=default
method=disabled

[proxy]
`,
		}},
		{"debian-nm", "web2", map[string]string{}},
		{"debian-netplan", "director", map[string]string{
			"etc/systemd/system/multi-user.target.wants/systemd-networkd.service":                 "/lib/systemd/system/systemd-networkd.service",
			"etc/systemd/system/network-online.target.wants/systemd-networkd-wait-online.service": "/lib/systemd/system/systemd-networkd-wait-online.service",
			"etc/netplan/50-cloud-init.yaml":                                                      "network:\n  version: 2\n  ethernets:\n    ens33:\n      addresses:\n        - 192.168.1.10/24\n",
		}},
		{"debian-netplan", "web2", map[string]string{}},
		{"el", "director", map[string]string{
			"etc/systemd/system/multi-user.target.wants/network.service":     "/lib/systemd/system/network.service",
			"etc/systemd/system/network-online.target.wants/network.service": "/lib/systemd/system/network.service",
			"etc/sysconfig/network-scripts/ifcfg-ens33": `TYPE=Ethernet
BOOTPROTO=none
DEFROUTE=yes
NAME=ens33
DEVICE=ens33
ONBOOT=yes
IPADDR=192.168.1.10
PREFIX=24
`,
		}},
		{"el", "web2", map[string]string{}},
	} {
		got := unpacked(t, "nat", c.image, c.machine)
		for name := range common {
			delete(got, name)
		}
		for name, text := range got {
			got[name] = uuidForm.ReplaceAllString(text, "uuid=UUID\n")
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s, %s: %s", c.image, c.machine, diff)
		}
	}
}
