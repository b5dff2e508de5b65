package verify

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestHealthy(t *testing.T) {
	t.Parallel()
	for _, from := range []string{Local, "client", "director"} {
		t.Run(from, func(t *testing.T) {
			f := newFake(t)
			if from == "director" {
				f.facts["director"] += "source=local 12.0.0.1 dev lo src 12.0.0.1 uid 0\nsource?0\n"
				f.source = netip.MustParseAddr("12.0.0.1")
			}
			r := f.run(t, Options{From: from})
			if !r.OK {
				t.Fatalf("not OK: %s\n%+v", r.Headline(), r.Cause)
			}
			if got, want := r.Headline(), "12.0.0.1:80: 20 requests, none failed: web1 10; web2 10"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			s := r.Services[0]
			for _, sh := range s.Servers {
				if sh.Answers != 10 || sh.Expected != 10 || sh.Total != 10 {
					t.Errorf("%+v", sh)
				}
			}
			for i, a := range s.Answers {
				want := [...]string{"web2", "web1"}[i%2]
				if a.Server != want || a.By != "connection table" || a.N != i+1 || a.Status != 200 {
					t.Errorf("%+v, want server %s", a, want)
				}
			}
		})
	}
}

// Each fault is made on purpose in an otherwise sound cluster; the first line
// must name it, whatever else fails because of it.
func TestFaults(t *testing.T) {
	t.Parallel()
	replace := func(host, old, now string) func(*testing.T, *fake) {
		return func(t *testing.T, f *fake) {
			t.Helper()
			if !strings.Contains(f.facts[host], old) {
				t.Fatalf("%s never says %q", host, old)
			}
			f.facts[host] = strings.ReplaceAll(f.facts[host], old, now)
		}
	}
	do := func(fs ...func(*testing.T, *fake)) func(*testing.T, *fake) {
		return func(t *testing.T, f *fake) {
			for _, x := range fs {
				x(t, f)
			}
		}
	}
	drop := func(_ *testing.T, f *fake) { f.drop = true }
	silent := func(_ *testing.T, f *fake) { f.webs["192.168.1.20:80"].silent = true }
	only := func(addrs ...string) func(*testing.T, *fake) {
		return func(_ *testing.T, f *fake) { f.order = f.inTurn(addrs...) }
	}
	down := func(host string) func(*testing.T, *fake) {
		return func(_ *testing.T, f *fake) { f.down[host] = errors.New("connect: no route to host") }
	}
	status := func(code string) func(*testing.T, *fake) {
		return do(replace("web1", "HTTP/1.1 200 OK", "HTTP/1.1 "+code), func(t *testing.T, f *fake) {
			f.webs["192.168.1.20:80"].server.Config.Handler = statusHandler(code)
		})
	}

	for _, tt := range []struct {
		name string
		make func(*testing.T, *fake)
		want string // the first line
	}{
		{"a port not let in", do(firewalld("director", "ssh"), drop), `director: firewalld does not let tcp 80 to 12.0.0.1 in`},
		{"a real port not let in", do(firewalld("web1", "ssh"), silent), `web1: firewalld does not let tcp 80 to 192.168.1.20 in`},
		{"NFS not let in", firewalld("nfs", "ssh"), `nfs: firewalld does not let tcp 2049 to 192.168.1.40 in`},
		{"answers dropped", do(firewalld("director", `rule family="ipv4" destination address="12.0.0.1" port port="80" protocol="tcp" accept`),
			replace("director", "vs-conntrack=1", "vs-conntrack=0"), silent), "director: net.ipv4.vs.conntrack is 0: firewalld drops what real servers answer"},
		{"ip_forward off", do(replace("director", "forward=1", "forward=0"), drop),
			"director: net.ipv4.ip_forward is 0: the director passes nothing on"},
		{"ip_vs not loaded", do(replace("director", "module?0", "module?1"), drop),
			"director: the kernel module ip_vs is not loaded"},
		{"snat rule gone", replace("director", "nat=-A POSTROUTING -s 192.168.1.0/24 -o ens37 -j SNAT --to-source 12.0.0.1\n", ""),
			"director: the SNAT rule for 192.168.1.0/24 is gone: connections that the real servers open do not get out"},
		{"snat rule of another network", replace("director", "-s 192.168.1.0/24 -o", "-s 192.168.2.0/24 -o"),
			"director: the SNAT rule for 192.168.1.0/24 is gone: connections that the real servers open do not get out"},
		{"snat unit not enabled", replace("director", "snat-unit=enabled\nsnat-unit?0", "snat-unit=disabled\nsnat-unit?1"),
			"director: lvsdeploy-shop-snat.service is not enabled: disabled"},
		{"gateway missing", do(replace("web1", "route=default via 192.168.1.10 dev ens33 proto static \n", "route=\n"), silent),
			"web1: there is no default gateway: replies must go through the director, 192.168.1.10"},
		{"gateway wrong", do(replace("web1", "via 192.168.1.10", "via 192.168.1.1"), silent),
			"web1: the default gateway is 192.168.1.1: replies must go through the director, 192.168.1.10"},
		{"second gateway of a lower metric", do(replace("web1", "route=default via 192.168.1.10 dev ens33 proto static \n",
			"route=default via 192.168.1.10 dev ens33 metric 100 \nroute=default via 10.0.2.2 dev ens34 metric 50 \n"), silent),
			"web1: the default gateway is 10.0.2.2: replies must go through the director, 192.168.1.10"},
		{"httpd stopped", do(replace("web1", "active-apache2=active\nactive-apache2?0", "active-apache2=inactive\nactive-apache2?3"),
			replace("web1", "page?0", "page?7"), func(_ *testing.T, f *fake) { f.webs["192.168.1.20:80"].refuse = true }),
			"web1: apache2 is not running: inactive"},
		{"nfs mount gone", do(replace("web1", "mounts=192.168.1.40:/opt/ka", "mounts=192.168.1.40:/opt/other"),
			replace("web1", "/opt/other /var/www/html", "/opt/other /mnt"), status("403 Forbidden")),
			"web1: the NFS mount 192.168.1.40:/opt/ka on /var/www/html is gone"},
		{"another export mounted", replace("web1", "mounts=192.168.1.40:/opt/ka", "mounts=192.168.1.40:/opt/kk"),
			"web1: 192.168.1.40:/opt/kk is mounted on /var/www/html, not 192.168.1.40:/opt/ka"},
		{"nfs server hangs", do(replace("web1", "root=.\nroot=..\nroot=index.html\nroot?0", "root=Killed\nroot?137"), replace("web1", "offered=/opt/kk 192.168.1.0/24\noffered=/opt/ka 192.168.1.0/24\noffered?0", "offered=Killed\noffered?137"),
			replace("web1", "page?0", "page?28"), silent),
			"web1: cannot ask nfs for its exports: Killed"},
		{"stale handle", do(replace("web1", "root=.\nroot=..\nroot=index.html\nroot?0", "root=ls: cannot access '/var/www/html/': Stale file handle\nroot?2"), status("403 Forbidden")),
			"web1: /var/www/html cannot be read: ls: cannot access '/var/www/html/': Stale file handle"},
		{"export gone", do(replace("nfs", "live=/opt/ka       \t192.168.1.0/24(sync,wdelay,hide,no_subtree_check,sec=sys,rw,root_squash,no_all_squash)\n", ""),
			replace("web1", "offered=/opt/ka 192.168.1.0/24\n", ""), replace("web2", "offered=/opt/ka 192.168.1.0/24\n", ""),
			replace("web1", "root=.\nroot=..\nroot=index.html\nroot?0", "root=ls: reading directory '/var/www/html/': Stale file handle\nroot?2"), status("404 Not Found")),
			"nfs: the export /opt/ka is gone"},
		{"export directory gone", do(replace("nfs", "dir-1?0", "dir-1?1"), status("404 Not Found")),
			"nfs: the exported directory /opt/ka does not exist"},
		{"nfs server stopped", do(replace("nfs", "active=active\nactive?0", "active=inactive\nactive?3"), replace("nfs", "index-1?0", "index-1?1")),
			"nfs: nfs-server is not running: inactive"},
		{"export only live", replace("nfs", "files=/opt/ka 192.168.1.0/24(rw,sync)\n", ""),
			"nfs: neither /etc/exports nor /etc/exports.d has /opt/ka: it is gone after the next boot"},
		{"real server missing", do(replace("director", "table=-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1\n", ""), only("192.168.1.30:80")),
			"director: -t 12.0.0.1:80 has no real server 192.168.1.20:80 (web1)"},
		{"wrong weight", replace("director", "table=-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1", "table=-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 3"),
			"director: -t 12.0.0.1:80 gives 192.168.1.20:80 (web1) weight 3, not 1"},
		{"weight 0", do(replace("director", "table=-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1", "table=-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 0"), only("192.168.1.30:80")),
			"director: -t 12.0.0.1:80 gives 192.168.1.20:80 (web1) weight 0, not 1"},
		{"wrong method", do(replace("director", "table=-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1", "table=-a -t 12.0.0.1:80 -r 192.168.1.20:80 -g -w 1"), silent),
			"director: -t 12.0.0.1:80 forwards to 192.168.1.20:80 (web1) by gatewaying (-g), not by masquerading (-m)"},
		{"wrong scheduler", replace("director", "table=-A -t 12.0.0.1:80 -s rr", "table=-A -t 12.0.0.1:80 -s wlc"),
			"director: -t 12.0.0.1:80 has scheduler wlc, not rr"},
		{"unwanted persistence", do(replace("director", "table=-A -t 12.0.0.1:80 -s rr", "table=-A -t 12.0.0.1:80 -s rr -p 300"), only("192.168.1.30:80")),
			"director: -t 12.0.0.1:80 has a persistence of 300 s, not 0 s"},
		{"stranger in the table", do(replace("director", "table?0", "table=-a -t 12.0.0.1:80 -r 192.168.1.99:80 -m -w 1\ntable?0"),
			func(t *testing.T, f *fake) { f.addWeb(t, "192.168.1.99:80", "who?\n") }, only("192.168.1.20:80", "192.168.1.30:80", "192.168.1.99:80")),
			"director: -t 12.0.0.1:80 has a real server 192.168.1.99:80 that the inventory does not have"},
		{"service missing", do(replace("director", "table=-A -t 12.0.0.1:80", "table=-A -t 12.0.0.9:80"), drop),
			"director: the table has no virtual service -t 12.0.0.1:80"},
		{"saved rules miss one", replace("director", "saved-debian=-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1\n", ""),
			"director: /etc/ipvsadm.rules differs from the live table: it has no `-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m -w 1`"},
		{"saved rules have more", replace("director", "saved-debian?0", "saved-debian=-A -t 12.0.0.1:443 -s rr\nsaved-debian?0"),
			"director: /etc/ipvsadm.rules differs from the live table, which has no `-A -t 12.0.0.1:443 -s rr`"},
		{"saved rules gone", replace("director", "saved-debian?0", "saved-debian?1"),
			"director: /etc/ipvsadm.rules is missing: the next boot restores no table"},
		{"el saves elsewhere", replace("director", "debian?0", "debian?1"),
			"director: /etc/sysconfig/ipvsadm is missing: the next boot restores no table"},
		{"ipvsadm not enabled", replace("director", "enabled=enabled\nenabled?0", "enabled=disabled\nenabled?1"),
			"director: the service ipvsadm is not enabled: disabled"},
		{"AUTO not set", replace("director", `auto=AUTO="true"`, `auto=AUTO="false"`),
			"director: /etc/default/ipvsadm does not say AUTO=true: the table is not restored at boot"},
		{"sysctl not kept", replace("director", "sysctl=/etc/sysctl.d/60-lvsdeploy-shop.conf:net.ipv4.ip_forward = 1\n", ""),
			"director: no file in sysctl.d keeps net.ipv4.ip_forward for the next boot"},
		{"sysctl overruled", replace("director", "sysctl?0", "sysctl=/usr/lib/sysctl.d/99-zz.conf:net.ipv4.ip_forward=0\nsysctl?0"),
			"director: /usr/lib/sysctl.d/99-zz.conf sets net.ipv4.ip_forward to 0 at boot"},
		{"wan address gone", do(replace("director", "inet 12.0.0.1/24", "inet 12.0.0.2/24"), drop),
			"director: 12.0.0.1/24 is not on ens37"},
		{"fstab without the mount", replace("web2", "fstab=192.168.1.40", "fstab=#192.168.1.40"),
			"web2: /etc/fstab does not mount 192.168.1.40:/opt/kk on /var/www/html"},
		{"httpd not enabled", replace("web2", "units=apache2.service enabled", "units=apache2.service disabled"),
			"web2: apache2 is not enabled: disabled"},
		{"page missing", status("404 Not Found"),
			"web1: http://192.168.1.20:80/ is not served on the host itself: HTTP status 404"},
		{"real server behind a firewall", silent,
			"director: web1 does not answer the director on 192.168.1.20:80: no answer within 200ms"},
		{"client on the real servers' LAN", do(drop, func(_ *testing.T, f *fake) { f.source = netip.MustParseAddr("192.168.1.100") }),
			"local: local asks from 192.168.1.100, inside the real servers' own LAN 192.168.1.0/24: they answer it directly, from an address it did not ask"},
		{"nothing passes and nobody knows why", drop,
			"local: 12.0.0.1:80: 4 of 4 requests failed: no answer within 200ms (given to web1, web2)"},
		{"rr gives all to one", only("192.168.1.30:80"),
			"local: 12.0.0.1:80: web1 got 0 of 20 requests, expected 10: rr gives each server the same, to within one"},
		{"web unreachable", do(down("web1"), silent),
			"web1: cannot look at web1: connect: no route to host"},
		{"director unreachable", do(down("director"), drop),
			"director: cannot look at director: connect: no route to host"},
		{"output cut off", replace("web1", "end?0", ""),
			"web1: cannot read its facts: the output ends early"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			tt.make(t, f)
			r := f.run(t, Options{})
			if r.OK || r.Cause == nil {
				t.Fatalf("OK: %s", r.Headline())
			}
			if got := r.Headline(); got != tt.want {
				t.Errorf("first line\n got %s\nwant %s", got, tt.want)
			}
			if r.Cause.Hint == "" {
				t.Error("no hint")
			}
			if strings.Contains(tt.name, "unreachable") && len(r.Checks) < 10 {
				t.Errorf("the other hosts were not looked at: %v", r.Checks)
			}
		})
	}
}

// From a real server the client is on their LAN: that is the cause, not the web.
func TestFromWeb(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.drop = true
	f.source = netip.MustParseAddr("192.168.1.20")
	f.facts["web1"] += "source=12.0.0.1 via 192.168.1.10 dev ens33 src 192.168.1.20 uid 0\nsource?0\n"
	r := f.run(t, Options{From: "web1"})
	if got := r.Headline(); !strings.HasPrefix(got, "web1: web1 asks from 192.168.1.20, inside the real servers' own LAN") {
		t.Error(got)
	}
}

func TestUnknownOrigin(t *testing.T) {
	_, err := Run(context.Background(), tutorial(), nil, Options{From: "web9"})
	if err == nil || err.Error() != `cannot send requests from "web9": no such host in hosts.toml` {
		t.Error(err)
	}
}

func TestCanceled(t *testing.T) {
	f := newFake(t)
	f.drop = true
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	o := Options{Local: fakeHost{f, Local}, Timeout: time.Minute}
	if _, err := Run(ctx, f.cluster, f.hosts(), o); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// When others use the service meanwhile, our own requests are no run of turns:
// they are still attributed exactly, and the director's totals are judged.
func TestForeignTraffic(t *testing.T) {
	a, b := "192.168.1.20:80", "192.168.1.30:80"
	t.Run("rr", func(t *testing.T) {
		f := newFake(t)
		f.order = f.inTurn(a) // others take every second turn
		f.foreign = func(int) []string { return []string{b} }
		r := f.run(t, Options{})
		if s := r.Services[0]; !r.OK || s.Foreign != 20 || s.Servers[0].Answers != 20 || s.Servers[1].Total != 20 {
			t.Errorf("%s\n%+v", r.Headline(), s.Servers)
		}
	})
	t.Run("unfair", func(t *testing.T) {
		f := newFake(t)
		f.order = f.inTurn(a)
		f.foreign = func(int) []string { return []string{a} }
		r := f.run(t, Options{})
		if want := "local: 12.0.0.1:80: web1 got 40 of 40 connections (ours and others'), expected 20: rr gives each server the same, to within one"; r.Headline() != want {
			t.Error(r.Headline())
		}
	})
}

// Who served is never guessed.
func TestAttribution(t *testing.T) {
	for _, tt := range []struct {
		name  string
		make  func(*testing.T, *fake)
		by    string
		count int
	}{
		{"source port rewritten", func(_ *testing.T, f *fake) { f.rewrite = true }, "connection table", 20},
		{"director mute, pages differ", func(_ *testing.T, f *fake) { f.mute = true }, "answer", 20},
		{"director mute, pages alike", func(t *testing.T, f *fake) {
			f.mute = true
			f.addWeb(t, "192.168.1.30:80", "this is ka ka\n")
			f.facts["web2"] = strings.ReplaceAll(f.facts["web2"], "page=this is kk kk", "page=this is ka ka")
		}, "", 20},
		{"director mute, one page not known", func(_ *testing.T, f *fake) {
			f.mute = true
			f.down["web2"] = errors.New("down")
		}, "", 20},
		{"ambiguous, pages alike", func(t *testing.T, f *fake) {
			f.rewrite = true
			f.source = netip.Addr{} // not known either
			f.foreign = func(int) []string { return []string{"192.168.1.20:80"} }
			f.addWeb(t, "192.168.1.30:80", "this is ka ka\n")
			f.facts["web2"] = strings.ReplaceAll(f.facts["web2"], "page=this is kk kk", "page=this is ka ka")
			f.source = netip.MustParseAddr("12.0.0.77")
		}, "", 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			tt.make(t, f)
			s := f.run(t, Options{}).Services[0]
			n := 0
			for i, a := range s.Answers {
				if a.By == tt.by {
					n++
				}
				if want := [...]string{"web2", "web1"}[i%2]; a.Server != "" && a.Server != want {
					t.Errorf("request %d: %s, but it was %s", a.N, a.Server, want)
				}
			}
			if n != tt.count {
				t.Errorf("%d by %q, want %d: %+v", n, tt.by, tt.count, s.Answers)
			}
			if tt.by == "" && s.Unattributed != 20 {
				t.Errorf("unattributed %d", s.Unattributed)
			}
		})
	}
}

func TestUDP(t *testing.T) {
	f := newFake(t)
	f.cluster.Services[0].Protocol = "udp"
	f.facts["director"] = strings.ReplaceAll(f.facts["director"], "-t 12.0.0.1:80", "-u 12.0.0.1:80")
	r := f.run(t, Options{})
	if s := r.Services[0]; !r.OK || s.Requests != 0 || !strings.Contains(s.Note, "udp has no request") {
		t.Errorf("%s %+v", r.Headline(), s)
	}
}

func TestLiveMode(t *testing.T) {
	f := newFake(t)
	f.cluster.Mode = ""
	if r := f.run(t, Options{}); r.Mode != "nat" || !r.OK {
		t.Errorf("%s: %s", r.Mode, r.Headline())
	}
	f.facts["director"] = strings.ReplaceAll(f.facts["director"], " -m -w", " -g -w")
	if r := f.run(t, Options{LiveMode: true}); r.Mode != "dr" {
		t.Error(r.Mode)
	}
}

// firewalld has a host say that it runs there, with a line of what it lets in.
func firewalld(host, line string) func(*testing.T, *fake) {
	return func(_ *testing.T, f *fake) {
		f.cluster.Policy.Firewall = "manage"
		f.facts[host] = "firewalld=public\nfirewalld=\t" + line + "\nfirewalld?0\nvs-conntrack=1\nvs-conntrack?0\n" + f.facts[host]
	}
}
