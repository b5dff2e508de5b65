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

// TestKept: whoever sets addresses at boot, the file that has the VIP is found
// by what the hosts are really asked.
func TestKept(t *testing.T) {
	t.Parallel()
	const vip = "192.168.1.48"
	for file, text := range map[string]string{
		"/etc/network/interfaces.d/lvsdeploy-lab-ens33-0":           "auto ens33:0\niface ens33:0 inet static\n    address 192.168.1.48/32\n",
		"/etc/sysconfig/network-scripts/ifcfg-ens33:0":              "DEVICE=ens33:0\nIPADDR=192.168.1.48\nPREFIX=32\n",
		"/etc/systemd/network/10-ens33.network":                     "[Match]\nName=ens33\n\n[Network]\nAddress=192.168.1.10/24\nAddress=192.168.1.48/32\n",
		"/etc/NetworkManager/system-connections/ens33.nmconnection": "[connection]\nid=lan\ninterface-name=ens33\n\n[ipv4]\naddress1=192.168.1.10/24\naddress2=192.168.1.48/32\n",
	} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := os.MkdirAll(filepath.Dir(root+file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(root+file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			there := strings.ReplaceAll(keptFunction+lanScript, "/etc/", root+"/etc/")
			out, err := exec.Command("sh", "-c", script(there, "192.168.1.10", "", vip)).Output()
			if err != nil {
				t.Fatal(err)
			}
			found := strings.ReplaceAll(string(out), root, "")
			c := &inventory.Cluster{Services: []inventory.Service{{VIP: netip.MustParseAddr(vip)}}}
			for _, check := range vipsAtBoot(c, parseFacts(found), "ens33") {
				if !check.OK {
					t.Errorf("%s, of what the host says:\n%s", check.Detail, found)
				}
			}
		})
	}
}
