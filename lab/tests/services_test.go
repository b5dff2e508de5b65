//go:build lab

package tests

import (
	"strings"
	"testing"
)

// TestServices deploys on machines that have services of others: a web server
// that must never be down, file systems, exports, docker's rules.
func TestServices(t *testing.T) {
	for _, image := range []struct{ name, server, conf, install string }{
		{"debian", "apache2", "/etc/apache2/conf-enabled", "apt-get -y -q install --no-install-recommends apache2"},
		{"el", "httpd", "/etc/httpd/conf.d", "yum -y -q install httpd && systemctl -q enable --now httpd"},
	} {
		t.Run(image.name, func(t *testing.T) {
			b := newBenchOf(t, "nat", image.name)
			inventory := b.inventory(t, "others", "mount     = \"/opt/kk\"", "index     = \"this is kk kk\"\nport      = 8080")
			b.on(t, "web2", image.install+" >/dev/null 2>&1\necho theirs >/var/www/html/theirs.html\n"+
				`until curl -sf -m 5 http://127.0.0.1/theirs.html >/dev/null; do sleep 0.2; done
setsid sh -c 'while :; do curl -sf -m 5 http://127.0.0.1/theirs.html >/dev/null || date >>/run/down; sleep 0.2; done' >/dev/null 2>&1 </dev/null &
setsid python3 -m http.server --bind 127.0.0.1 8080 >/dev/null 2>&1 </dev/null &
echo $! >/run/other.pid
until ss -ltn | grep -q :8080; do sleep 0.2; done`)
			b.on(t, "web1", "mkdir -p /var/www/html; mount -t tmpfs theirs /var/www/html")
			b.on(t, "nfs", "mkdir -p /opt/ka; echo '/opt/ka 192.168.1.0/24(rw,sync,no_subtree_check)' >>/etc/exports")
			b.on(t, "director", `printf '[Service]\nExecStart=/bin/sleep infinity\n' >/etc/systemd/system/docker.service
systemctl daemon-reload; systemctl start docker; iptables -P FORWARD DROP`)
			up := func(when string) {
				t.Helper()
				if out := b.on(t, "web2", "cat /run/down 2>/dev/null; systemctl is-active "+image.server); out != "active\n" {
					t.Errorf("%s: the web server that ran there was down:\n%s", when, out)
				}
			}
			says := func(o *outcome, words ...string) {
				t.Helper()
				for _, w := range words {
					if !strings.Contains(o.stdout, w) {
						t.Errorf("it does not say %q\n%v", w, o)
					}
				}
			}

			o := b.natOn(t, 1, inventory)
			says(o, image.server+" is to listen on port 8080, which python3 (pid ", "theirs (tmpfs) is mounted on the document root /var/www/html")
			if changed := o.with("changed"); len(changed) > 0 {
				t.Errorf("not fit, and changed %v", changed)
			}
			up("a port taken")
			b.on(t, "web1", "umount /var/www/html")
			b.on(t, "web2", "kill $(cat /run/other.pid); echo Bogus >"+image.conf+"/zz-theirs.conf")
			says(b.natOn(t, 1, inventory), "Syntax error on line 1 of "+image.conf+"/zz-theirs.conf", "Invalid command 'Bogus'")
			up("a broken file of others")

			b.on(t, "web2", "printf 'Define APP 8080\\nListen 0.0.0.0:${APP} http\\n' >"+image.conf+"/zz-theirs.conf")
			b.natOn(t, 0, inventory)
			up("deployed")
			if out := b.on(t, "web2", "grep -c ^Listen "+image.conf+"/lvsdeploy-lab-8080.conf; grep -c '^<Virtual' "+image.conf+"/lvsdeploy-lab-8080.conf; :"); out != "0\n1\n" {
				t.Errorf("our file has %q", out)
			}
			if out := b.on(t, "nfs", "grep -c ^/opt/ka /etc/exports.d/lvsdeploy-lab.exports; exportfs -ra 2>&1 | grep -i duplicate; :"); out != "0\n" {
				t.Errorf("the export that others have: %q", out)
			}
			b.healthy(t, inventory, tenAndTen)
			b.settled(t, inventory)
			b.claim(t, "%s: never down, told who and where, in front of docker's rules", image.server)

			// theirs goes: the port is ours to open
			b.on(t, "web2", "rm "+image.conf+"/zz-theirs.conf "+image.conf+"/lvsdeploy-lab-8080.conf; systemctl reload "+image.server)
			b.natOn(t, 0, inventory)
			if out := b.on(t, "web2", "grep -c ^Listen "+image.conf+"/lvsdeploy-lab-8080.conf"); out != "1\n" {
				t.Errorf("our file has %q", out)
			}
			// another page before ours
			b.on(t, "web2", "echo other >/srv/index.html; printf '<VirtualHost *:8080>\\nDocumentRoot /srv\\n<Directory /srv>\\nRequire all granted\\n</Directory>\\n</VirtualHost>\\n' >"+image.conf+"/aa-theirs.conf; systemctl reload "+image.server)
			says(b.natOn(t, 1, inventory), `it serves something else than was published: \"other\", not \"this is kk kk\"`)
			b.on(t, "web2", "rm "+image.conf+"/aa-theirs.conf; systemctl reload "+image.server)
			b.natOn(t, 0, inventory)
			b.healthy(t, inventory, tenAndTen)
			up("all along")
		})
	}
}
