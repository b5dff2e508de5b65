package tasks_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// aWebServer is a host with a running web server of somebody's, which must
// serve its own page on port 80 whatever we do.
type aWebServer struct {
	bench
	p    Platform
	conf string // directory of its files
	plan Plan
}

func newWebServer(t *testing.T, kind fakehost.Kind, at ...string) aWebServer {
	t.Helper()
	p := platform(t, kind)
	w := aWebServer{bench: newBench(t, fakehost.Options{Kind: kind, Packages: p.Web}), p: p, conf: p.WebConf}
	if out, errs, code := w.host.Run("set -e\necho mine >/var/www/html/index.html\nsystemctl start " + p.WebService); code != 0 {
		t.Fatal(out, errs)
	}
	var addresses []netip.Addr
	for _, a := range at {
		addresses = append(addresses, netip.MustParseAddr(a))
	}
	w.plan = fakerun.One("host", PortServed(p, "shop", 8080, addresses), WebServer(p, "shop"))
	w.plan[0].Hosts[0].Handlers = []Task{WebReload(p, "shop")}
	return w
}

// ours is our file, or "none"; the words that decide it.
func (w aWebServer) ours() string {
	return w.sh(`f=$(ls ` + w.conf + `/lvsdeploy-shop-*.conf 2>/dev/null) || { echo none; exit; }; grep -c ^Listen $f; grep -c '^<VirtualHost' $f`)
}

func (w aWebServer) serves(t *testing.T, when string) {
	t.Helper()
	if got := w.sh("systemctl is-active " + w.p.WebService + "; curl -s http://192.168.1.20/"); got != "active\nmine" {
		t.Errorf("%s: the web server that ran there says %q", when, got)
	}
}

// TestPortOfARunningWebServer: what its files have for the port decides what it
// gets; it is never down.
func TestPortOfARunningWebServer(t *testing.T) {
	const lan, other = "192.168.1.20", "10.9.9.9"
	for _, c := range []struct {
		name, file string // a file of the administrator's
		ours       string // Listen and virtual hosts in ours
		fails      string
		long       bool
	}{
		{"nothing", "", "1\n1", "", false},
		{"a comment", "# Listen 8080", "1\n1", "", true},
		{"another port", "Listen 18080", "1\n1", "", true},
		{"the port", "Listen 8080", "0\n1", "", false},
		{"with a protocol", "  listen 8080 http", "0\n1", "", true},
		{"any IPv4 address", "Listen 0.0.0.0:8080", "0\n1", "", true},
		{"any address", `Listen "[::]:8080"`, "0\n1", "", true},
		{"a variable", "Define APP 8080\nListen ${APP}", "0\n1", "", false},
		{"the address of the server", "Listen " + lan + ":8080", "0\n1", "", false},
		{"another address", "Listen 127.0.0.1:8080", "none", "apache2 listens on port 8080, but not where clients connect to: 127.0.0.1:8080 (/etc/apache2/conf-enabled/mine.conf:1)", false},
		{"a virtual host", "Listen 8080\n<VirtualHost *:8080>\nDocumentRoot /var/www/html\n</VirtualHost>", "none", "", false},
		{"one for any port", "Listen 8080\n<VirtualHost *:*>\nDocumentRoot /var/www/html\n</VirtualHost>", "none", "", true},
		{"one at another address", "Listen 8080\n<VirtualHost " + other + ":8080>\nDocumentRoot /srv\n</VirtualHost>", "0\n1", "", false},
		{"one of another port", "Listen 8080\n<VirtualHost *:18080>\nDocumentRoot /srv\n</VirtualHost>", "0\n1", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.long && !*full {
				t.Skip("NOT RUN: it is in the long form (-full), make unit-long")
			}
			t.Parallel()
			w := newWebServer(t, fakehost.Debian, lan)
			if err := w.host.WriteFile(w.conf+"/mine.conf", []byte(c.file+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if out := w.sh("systemctl reload apache2"); out != "" {
				t.Fatal(out)
			}
			before := w.host.Snapshot(t)
			w.run(w.plan, true)
			w.unchanged("a dry run", before)
			events := w.run(w.plan, false)
			w.serves(t, "after the run")
			if got := w.ours(); got != c.ours {
				t.Errorf("our file has %q, want %q", got, c.ours)
			}
			if c.fails != "" {
				if e := events[0]; e.Status != engine.Failed || !strings.Contains(e.Detail, c.fails) {
					t.Errorf("%s: %s, want %q", e.Status, e.Detail, c.fails)
				}
				return
			}
			for _, e := range events {
				if e.Status == engine.Failed {
					t.Fatalf("%s: %s", e.Task, e.Detail)
				}
			}
			if got := w.sh("curl -s http://192.168.1.20:8080/"); got != "mine" {
				t.Errorf("port 8080 says %q", got)
			}
			w.all(w.plan, false, engine.OK)
		})
	}
}

// TestWebServerIsNotTouched: it runs on as it is, and the message says what is
// wrong, and where.
func TestWebServerIsNotTouched(t *testing.T) {
	for _, c := range []struct {
		name, make, want string
		kind             fakehost.Kind
		stopped          bool // it did not run before
	}{
		{name: "a file of others is broken", make: "echo Bogus >/etc/apache2/sites-enabled/old.conf",
			want: "the web server's configuration is not valid, and was not touched:\nAH00526: Syntax error on line 1 of /etc/apache2/sites-enabled/old.conf:\nInvalid command 'Bogus'"},
		{name: "on EL", kind: fakehost.EL, make: "echo '<VirtualHost *:81>' >/etc/httpd/conf.d/old.conf",
			want: "the web server's configuration is not valid, and was not touched:\nAH00526: Syntax error: <VirtualHost> was not closed."},
		{name: "another program has the port", make: other8080, want: "port 8080 is taken by busybox (pid "},
		{name: "and others of its ports", stopped: true, make: "systemctl stop apache2; mkdir -p /etc/apache2/conf-enabled; echo Listen 8099 >/etc/apache2/conf-enabled/a.conf\n" + strings.ReplaceAll(other8080, "8080", "8099"),
			want: "apache2 was not touched: it could not listen\nport 8099 is taken by busybox (pid "},
		{name: "a socket unit has it", make: "mkdir -p /run/stub; printf '#!/bin/sh\\necho LISTEN 0 5 \"*:8080\" \"*:*\" \"users:((\\\"systemd\\\",pid=1,fd=9))\"\\n' >/usr/local/bin/ss; chmod +x /usr/local/bin/ss\nprintf '[Socket]\\nListenStream=8080\\n' >/etc/systemd/system/app.socket; touch /var/lib/fakehost/active/app.socket",
			want: "port 8080 is taken by\napp.socket at *:8080"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.kind == "" {
				c.kind = fakehost.Debian
			}
			w := newWebServer(t, c.kind, "192.168.1.20")
			w.sh(c.make)
			before := w.sh("cat /run/apache.running; systemctl is-active " + w.p.WebService)
			var said string
			for _, e := range w.run(w.plan, false) {
				if e.Status == engine.Failed {
					said = e.Detail
				}
			}
			if !strings.Contains(strings.Join(strings.Fields(said), " "), strings.Join(strings.Fields(c.want), " ")) {
				t.Errorf("it says %q, want %q", said, c.want)
			}
			if after := w.sh("cat /run/apache.running; systemctl is-active " + w.p.WebService); after != before {
				t.Errorf("the web server was %q, and is %q", before, after)
			}
			if !c.stopped {
				w.serves(t, "afterwards")
			}
			if got := w.ours(); !c.stopped && got != "none" {
				t.Errorf("our file is there: %s", got)
			}
		})
	}
}

const other8080 = `setsid /.fakehost/bin/busybox nc -ll -p 8080 -e true </dev/null >/dev/null 2>&1 &
until ss -ltn | grep -q :8080; do sleep 0.01; done`

// TestWebServerComesBack: where it ends all the same, it runs again without our
// file.
func TestWebServerComesBack(t *testing.T) {
	for _, kind := range []fakehost.Kind{fakehost.Debian, fakehost.EL} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWebServer(t, kind, "192.168.1.20")
			// another program has the port, and ss cannot see it: of another network namespace's view, or too late
			w.sh("cat >/usr/local/bin/ss <<'END'\n#!/bin/sh\n/usr/bin/ss \"$@\" | grep -v busybox\nEND\nchmod +x /usr/local/bin/ss\n" + other8080)
			events := w.run(w.plan, false)
			last := events[len(events)-1]
			if want := w.p.WebService + " did not run with what was put into " + w.conf + ": that was taken away again, and it runs"; last.Status != engine.Failed || !strings.Contains(last.Detail, want) {
				t.Errorf("%s is %s: %s\nwant %q", last.Task, last.Status, last.Detail, want)
			}
			w.serves(t, "afterwards")
			if got := w.ours(); got != "none" {
				t.Errorf("our file is there: %s", got)
			}
		})
	}
}
