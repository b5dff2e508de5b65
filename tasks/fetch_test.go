package tasks_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/shell"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestFetch: a page is fetched with bash alone, with curl alone, and whoever
// accepts and says nothing is given up.
func TestFetch(t *testing.T) {
	var fetch string
	for _, f := range Library {
		if f.Name == "another_page" || f.Name == "whole_answer" {
			fetch += "newline='\n'\n" + string(f.Text) + "\n"
		}
		if f.Name == "fetch" {
			fetch += strings.Replace(string(f.Text), "limit=10\n", "limit=3\n", 1) + "\n"
		}
	}
	for _, without := range []string{"curl", "bash"} {
		t.Run("without "+without, func(t *testing.T) {
			t.Parallel()
			h := fakehost.New(t, fakehost.Options{Packages: []string{"apache2"}})
			if said, _, code := h.Run("rm /usr/bin/" + without + " && ! command -v " + without); code != 0 {
				t.Fatal(said)
			}
			for page, want := range map[string]bool{"80 /": true, "80 /none": false, "81 /": false} {
				if said, complaint, code := h.Run(fetch + "fetch 127.0.0.1 " + page); code == 0 != want {
					t.Errorf("port %s: exit %d\n%s%s", page, code, said, complaint)
				}
			}
			if without == "curl" {
				for look, limit := range map[string]string{"": "3", "brief=yes": "2"} {
					said, _, code := h.Run(fetch + look + `
sleep 9 | /.fakehost/bin/busybox nc -l -p 82 >/dev/null &
until ss -ltn | grep -q :82; do :; done
fetch 127.0.0.1 82 /; code=$?; kill $!; exit $code`)
					if code != 1 || said != "no answer within "+limit+" s\n" {
						t.Errorf("of one that does not answer: exit %d, %q", code, said)
					}
				}
			}
		})
	}
}

// TestServedPage: what is served has to be what was published, whoever asks,
// and whatever stands between.
func TestServedPage(t *testing.T) {
	for _, without := range []string{"curl", "bash"} {
		t.Run("without "+without, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, fakehost.Options{Packages: []string{"apache2"}})
			b.sh("rm /usr/bin/" + without + `; mkdir -p /etc/apache2/conf-enabled /srv/other; echo other >/srv/other/index.html
answer() { setsid /.fakehost/bin/busybox nc -ll -p $1 -e /srv/answer$1 </dev/null >/dev/null 2>&1 & until ss -ltn | grep -q ":$1 "; do sleep 0.01; done; }
printf '#!/bin/sh\nwhile read -r header && [ ${#header} -gt 1 ]; do :; done\nprintf "HTTP/1.1 301 Moved Permanently\\r\\nLocation: https://shop.example/\\r\\n\\r\\nmoved\\n"\n' >/srv/answer81
printf '#!/bin/sh\nwhile read -r header && [ ${#header} -gt 1 ]; do :; done\nprintf "HTTP/1.1 200 OK\\r\\nServer: x\\r\\n\\r\\n"; cat /var/www/html/big.html\n' >/srv/answer82
chmod +x /srv/answer*; answer 81; answer 82
seq 1 20000 >/var/www/html/big.html; printf 'no newline' >/var/www/html/short.html; printf '\303\244\n\n  <p>  x\\n\n' >/var/www/html/odd.html; : >/var/www/html/empty.html
echo mine >/var/www/html/index.html`)
			for _, c := range []struct {
				make, path, file, want string
				port                   uint16
			}{
				{path: "/", file: "index.html"},
				{path: "/big.html", file: "big.html"},
				{path: "/short.html", file: "short.html"},
				{path: "/odd.html", file: "odd.html"},
				{path: "/empty.html", file: "empty.html"},
				{path: "/", port: 82, file: "big.html"},
				{path: "/odd.html", file: "index.html", want: `it serves something else than was published: "ä", not "mine"`},
				{path: "/empty.html", file: "index.html", want: `it serves something else than was published: "", not "mine"`},
				{path: "/short.html", file: "empty.html", want: `it serves something else than was published: "no newline", not ""`},
				{path: "/none", file: "index.html", want: "it answers 404"},
				{path: "/", port: 81, file: "index.html", want: "it answers 301 Moved Permanently, to https://shop.example/, and not with what was published"},
				{path: "/", port: 81}, // a path of the inventory's that nobody has published
				{make: "printf '<VirtualHost *:80>\\nDocumentRoot /srv/other\\n</VirtualHost>\\n' >/etc/apache2/conf-enabled/a.conf; systemctl reload apache2",
					path: "/", file: "index.html", want: `it serves something else than was published: "other", not "mine"`},
			} {
				b.sh(c.make)
				if c.port == 0 {
					c.port = 80
				}
				if c.file != "" {
					c.file = "/var/www/html/" + c.file
				}
				task := Served(netip.MustParseAddr("192.168.1.20"), c.port, c.path, c.file)
				task.Check = shell.Lines("brief=yes", task.Check)
				e := b.run(fakerun.One("host", task), true)[0]
				if want := map[bool]engine.Status{true: engine.OK, false: engine.Failed}[c.want == ""]; e.Status != want || !strings.HasPrefix(e.Detail, c.want) || c.want == "" && e.Detail != "" {
					t.Errorf("port %d, %s against %s: %s: %q, want %q", c.port, c.path, c.file, e.Status, e.Detail, c.want)
				}
			}
		})
	}
}
