package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestFound: what others have on a host is found, under each shell, and asking
// changes nothing.
func TestFound(t *testing.T) {
	t.Parallel()
	for _, sh := range fakehost.Shells() {
		t.Run(string(sh), func(t *testing.T) {
			t.Parallel()
			h := fakehost.New(t, fakehost.Options{Shell: sh, Packages: []string{"iptables", "apache2"}})
			run := func(script string) {
				t.Helper()
				if out, errs, code := h.Run("set -e\n" + script); code != 0 {
					t.Fatal(out, errs)
				}
			}
			run(`mkdir -p /srv/www/html /srv/disk /opt/ka /data/kb /etc/keepalived
rm -rf /var/www; ln -s /srv/www /var/www; ln -s /data/kb /opt/kb
/.fakehost/bin/mount --bind /srv/disk /srv/www/html
echo 'UUID=1-2   /srv//www/html/ ext4 noauto 0 0' >>/etc/fstab
echo '# /dev/sdz /srv/www/html ext4 defaults 0 0' >>/etc/fstab
printf '[Mount]\nWhere=/srv/www/html\n' >/etc/systemd/system/srv-www-html.mount
printf '# nothing\n/opt/ka \\\n  *(ro)\n' >/etc/exports
echo '/opt/kb 10.0.0.0/8(rw)' >/etc/exports.d/mine.exports
echo '/opt/ka 192.168.1.0/24(rw)' >/etc/exports.d/lvsdeploy-shop.exports
ln -s /dev/null /etc/systemd/system/nfs-server.service; : >/etc/systemd/system/ipvsadm.service
printf 'virtual_server 10.0.0.1 80 {\n}\n' >/etc/keepalived/keepalived.conf
for unit in docker keepalived; do printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' >/etc/systemd/system/$unit.service; systemctl start $unit; done
iptables -A INPUT -p tcp --dport 80 -j DROP
mkdir -p /sys/module/nf_tables`)
			ask := engine.Ask{Cluster: "shop", Mounts: []string{"/var/www/html"}, Exports: []string{"/opt/ka", "/opt/kb"}, Ports: []uint16{80, 8080}}
			before := h.Snapshot(t)
			f, err := engine.Gather(t.Context(), fakerun.Host{Host: h}, ask)
			if err != nil {
				t.Fatal(err)
			}
			if diff := before.Diff(h.Snapshot(t)); diff != "" {
				t.Errorf("gathering changed the host:\n%s", diff)
			}
			links := []tasks.Link{{At: "/var/www", Real: "/srv/www/html", Path: "/var/www/html"}, {At: "/opt/kb", Real: "/data/kb", Path: "/opt/kb"}}
			if !slices.Equal(f.Links, links) || f.Resolved("/var/www/html") != "/srv/www/html" {
				t.Errorf("links %v", f.Links)
			}
			if got := fmt.Sprint(f.Fstab); got != "[UUID=1-2 (ext4)]" || f.Fstab[0].Dir != "/srv/www/html" {
				t.Errorf("fstab %v", f.Fstab)
			}
			if !slices.ContainsFunc(f.Mounts, func(m tasks.FileSystem) bool { return m.Dir == "/srv/www/html" }) || !slices.ContainsFunc(f.Mounts, func(m tasks.FileSystem) bool { return m.Dir == "/" }) {
				t.Errorf("mounts %+v", f.Mounts)
			}
			if len(f.MountUnits) != 1 || f.MountUnits[0].At != "/etc/systemd/system/srv-www-html.mount" {
				t.Errorf("units that mount: %v", f.MountUnits)
			}
			exports := []tasks.FileLine{{File: "/etc/exports", Line: `/opt/ka \`}, {File: "/etc/exports", Line: "  *(ro)"}, {File: "/etc/exports.d/mine.exports", Line: "/opt/kb 10.0.0.0/8(rw)"}}
			if !slices.Equal(f.Exports, exports) {
				t.Errorf("exports %q", f.Exports)
			}
			if !slices.Equal(f.Masked, []string{"nfs-server", "ipvsadm"}) || f.ReadOnly != nil {
				t.Errorf("masked %q, read-only %q", f.Masked, f.ReadOnly)
			}
			if len(f.Listeners) != 1 || f.Listeners[0].Port != 80 || f.Listeners[0].Program != "apache2" || f.Listeners[0].PID == 0 || !slices.Equal(f.Web, []string{"apache2"}) {
				t.Errorf("listeners %+v, web servers %q", f.Listeners, f.Web)
			}
			if !f.Docker || f.TableOwner != "keepalived" {
				t.Errorf("docker %v, table of %q", f.Docker, f.TableOwner)
			}
			if got := strings.Join(f.Filter, "\n"); !strings.Contains(got, "-P FORWARD ACCEPT") || !strings.Contains(got, "--dport 80 -j DROP") {
				t.Errorf("filter %q", got)
			}
			// what is in place is not asked about; what is read-only always is
			run(`mkdir -p /var/lib/lvsdeploy/shop; printf 'fstab /srv/www/html\nfile /etc/apache2/conf-enabled/lvsdeploy-shop-8080.conf\n' >/var/lib/lvsdeploy/shop/manifest
/.fakehost/bin/mount --bind /var/lib/lvsdeploy /var/lib/lvsdeploy; /.fakehost/bin/mount -o remount,bind,ro /var/lib/lvsdeploy
/.fakehost/bin/mount -o remount,bind,ro /proc/sys/net/ipv4/ip_forward`)
			if f, err = engine.Gather(t.Context(), fakerun.Host{Host: h}, ask); err != nil {
				t.Fatal(err)
			}
			if len(f.Mounts)+len(f.Fstab)+len(f.Listeners)+len(f.Filter)+len(f.Hidden) > 0 || len(f.Links) != 2 || !f.Docker {
				t.Errorf("asked again: %+v", f.Found)
			}
			if !slices.Equal(f.ReadOnly, []string{"/proc/sys", "/var/lib/lvsdeploy/shop"}) {
				t.Errorf("read-only %q", f.ReadOnly)
			}
		})
	}
}
