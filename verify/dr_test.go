package verify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// drCluster is the tutorial's second cluster.
func drCluster() *inventory.Cluster {
	c := tutorial()
	c.Name, c.Mode = "lab", inventory.DR
	c.NFS = nil
	c.Director.Address = netip.MustParseAddr("192.168.1.40")
	c.Director.WANInterface, c.Director.WANAddress = "", netip.Prefix{}
	c.Services[0].VIP = netip.MustParseAddr("192.168.1.48")
	for i := range c.Webs {
		c.Webs[i].Mount = ""
	}
	c.Client.Address = netip.MustParseAddr("192.168.1.100")
	return c
}

// newDRFake is the tutorial's DR cluster, with facts taken from real machines.
func newDRFake(t *testing.T) *fake {
	f := newFake(t)
	f.cluster = drCluster()
	f.addWeb(t, "192.168.1.20:80", "this is 20 20\n")
	f.addWeb(t, "192.168.1.30:80", "this is 30 30\n")
	f.source = netip.MustParseAddr("192.168.1.1")
	f.neighbour = "02:00:c0:a8:01:28"
	f.facts = map[string]string{"director": golden(t, "dr-director.txt"), "web1": golden(t, "dr-web1.txt"),
		"web2":   golden(t, "dr-web2.txt"),
		"client": "source=192.168.1.48 dev ens33 src 192.168.1.100 uid 0 \nsource?0\nneighbour=192.168.1.48 dev ens33 lladdr 02:00:c0:a8:01:28 REACHABLE \nneighbour?0\nend?0\n"}
	return f
}

func (r *Result) check(name string) *Check {
	for i := range r.Checks {
		if r.Checks[i].Name == name {
			return &r.Checks[i]
		}
	}
	return nil
}

func TestHealthyDR(t *testing.T) {
	t.Parallel()
	for _, from := range []string{Local, "client"} {
		t.Run(from, func(t *testing.T) {
			f := newDRFake(t)
			r := f.run(t, Options{From: from, Timeout: 2 * time.Second})
			if !r.OK {
				t.Fatalf("not OK: %s\n%+v", r.Headline(), r.Cause)
			}
			if got, want := r.Headline(), "192.168.1.48:80: 20 requests, none failed: web1 10; web2 10"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if from == "client" { // web1 and web2 are met by two connections, seen by their source
				f.source = netip.MustParseAddr("192.168.1.100")
			}
			for name, want := range map[string]string{
				nameARP:     "only the director answers for 192.168.1.48: MAC 02:00:c0:a8:01:28, asked by director, web1, web2",
				nameBack:    "its counters show no outgoing bytes for 20 requests: the answers did not come through it",
				nameReached: "192.168.1.48:80: it answered 10 requests",
				nameWhole:   "a request of 2200 bytes and 1.1 MiB of answers on one connection arrived whole (12 × /icons/apache_pb.svg)",
				nameVIPBoot: "/etc/network/interfaces.d/lvsdeploy-lab-ens33-0 keeps 192.168.1.48 on ens33",
				nameThrough: "no route leads through the director",
			} {
				if c := r.check(name); c == nil || c.Detail != want {
					t.Errorf("%s: %+v, want %q", name, c, want)
				}
			}
			whole := 0
			for _, c := range r.Checks {
				if c.Name == nameWhole {
					whole++
				}
			}
			if whole != 2 {
				t.Errorf("%d real servers gave big answers, want 2", whole)
			}
		})
	}
}

// Each fault as TestFaults has them, with what follows from it where that was
// seen on real machines.
func TestFaultsDR(t *testing.T) {
	t.Parallel()
	type change = func(*testing.T, *fake)
	replace := func(host, old, now string) change {
		return func(t *testing.T, f *fake) {
			t.Helper()
			if !strings.Contains(f.facts[host], old) {
				t.Fatalf("%s never says %q", host, old)
			}
			f.facts[host] = strings.ReplaceAll(f.facts[host], old, now)
		}
	}
	do := func(cs ...change) change {
		return func(t *testing.T, f *fake) {
			for _, c := range cs {
				c(t, f)
			}
		}
	}
	const arpOK = "arp=192.168.1.48 02:00:c0:a8:01:28\n"
	hears := func(mac string) change { // everybody but that machine itself hears it
		return do(replace("director", "arp?0", "arp=192.168.1.48 "+mac+"\narp?0"),
			replace("web2", arpOK, arpOK+"arp=192.168.1.48 "+mac+"\n"))
	}
	silent := func(_ *testing.T, f *fake) { f.webs["192.168.1.20:80"].silent = true }
	refuse := func(_ *testing.T, f *fake) {
		f.webs["192.168.1.20:80"].viaVIP = errors.New("connect: connection refused")
	}
	lost := func(_ *testing.T, f *fake) { f.webs["192.168.1.20:80"].viaVIP = errors.New("no answer within 200ms") }
	past := func(_ *testing.T, f *fake) { f.past, f.order = true, f.inTurn("192.168.1.20:80") }
	const confAll, confDev = "conf=/proc/sys/net/ipv4/conf/all/", "conf=/proc/sys/net/ipv4/conf/ens33/"

	for _, tt := range []struct {
		name string
		make change
		want string // the first line
	}{
		{"arp_ignore off", do(replace("web1", confAll+"arp_ignore:1", confAll+"arp_ignore:0"), replace("web1", confDev+"arp_ignore:1", confDev+"arp_ignore:0"), hears("02:00:c0:a8:01:14"), past),
			"web1: net.ipv4.conf.{all,ens33}.arp_ignore is 0, not 1: it answers ARP for the VIP"},
		{"arp_ignore too strict", do(replace("web1", confAll+"arp_ignore:1", confAll+"arp_ignore:8"), silent),
			"web1: net.ipv4.conf.{all,ens33}.arp_ignore is 8, not 1: it answers ARP for the VIP"},
		{"arp_announce off", do(replace("web2", confAll+"arp_announce:2", confAll+"arp_announce:0"), replace("web2", confDev+"arp_announce:2", confDev+"arp_announce:1")),
			"web2: net.ipv4.conf.{all,ens33}.arp_announce is 1, not 2: it tells others the VIP as its address by ARP"},
		{"vip missing on lo", do(replace("web1", "inet 192.168.1.48/32 scope global lo:0", "inet 192.168.1.49/32 scope global lo:0"), lost),
			"web1: the VIP 192.168.1.48 is missing on lo: what the director hands over is dropped"},
		{"vip with a wide mask", replace("web1", "inet 192.168.1.48/32 scope global lo:0", "inet 192.168.1.48/28 scope global lo:0"),
			"web1: the VIP has a wide mask on lo, 192.168.1.48/28: all of 192.168.1.48/28 is taken for this host's own"},
		{"vip on the web's interface", do(replace("web1", "lo    inet 192.168.1.48/32", "ens33    inet 192.168.1.48/32"), hears("02:00:c0:a8:01:14")),
			"web1: the VIP 192.168.1.48 is on ens33, not on lo: ARP for it is answered there"},
		{"host route gone", replace("web1", "routes=192.168.1.48 dev lo scope link \n", ""),
			"web1: the host route of the VIP 192.168.1.48 to lo is missing"},
		{"the client claims the vip", do(hears("02:00:c0:a8:01:64")),
			"client: it answers ARP for the VIP 192.168.1.48 beside the director: MAC 02:00:c0:a8:01:64, heard by director, web2"},
		{"a stranger claims the vip", hears("de:ad:be:ef:00:01"),
			"director: another machine answers ARP for the VIP 192.168.1.48: MAC de:ad:be:ef:00:01, heard by director, web2"},
		{"a stranger with an address claims the vip", do(hears("de:ad:be:ef:00:01"), replace("director", "neighbours=192.168.1.1 ", "neighbours=192.168.1.7 dev ens33 lladdr DE:AD:BE:EF:00:01 STALE \nneighbours=192.168.1.1 ")),
			"director: another machine answers ARP for the VIP 192.168.1.48: MAC de:ad:be:ef:00:01 (192.168.1.7), which the inventory does not have, heard by director, web2"},
		{"the director keeps quiet too", do(replace("web1", arpOK, "arp=\n"), replace("web2", arpOK, "arp=\n"), func(_ *testing.T, f *fake) { f.drop = true }),
			"director: the director does not answer ARP for the VIP 192.168.1.48, asked by director, web1, web2"},
		{"the origin remembers another", do(func(_ *testing.T, f *fake) { f.neighbour = "02:00:c0:a8:01:14" }, past),
			"local: local sends what is for 192.168.1.48 to web1 (02:00:c0:a8:01:14), past the director"},
		{"past the director, nobody knows why", past,
			"local: 192.168.1.48:80: the director saw 0 of the 20 requests that were answered: the others went past it"},
		{"past the director, both answer", func(_ *testing.T, f *fake) { f.past = true },
			"local: 192.168.1.48:80: the director saw 0 of the 20 requests that were answered: the others went past it"},
		{"ip_forward on", replace("director", "forward=0", "forward=1"),
			"director: net.ipv4.ip_forward is 1: in DR mode the director is no router"},
		{"send_redirects on", replace("director", confDev+"send_redirects:0", confDev+"send_redirects:1"),
			"director: net.ipv4.conf.ens33.send_redirects is not 0: the director tells clients of a way past itself"},
		{"send_redirects on for all", replace("director", confAll+"send_redirects:0", confAll+"send_redirects:1"),
			"director: net.ipv4.conf.all.send_redirects is not 0: the director tells clients of a way past itself"},
		{"vip gone from the director", do(replace("director", "inet 192.168.1.48/32", "inet 192.168.1.49/32"), replace("web1", arpOK, "arp=\n"), replace("web2", arpOK, "arp=\n"), func(_ *testing.T, f *fake) { f.drop = true }),
			"director: the director does not have the VIP 192.168.1.48"},
		{"vip on the director's lo", replace("director", "ens33    inet 192.168.1.48/32", "lo    inet 192.168.1.48/32"),
			"director: the VIP 192.168.1.48 is on lo of the director, not on ens33"},
		{"web routes through the director", replace("web1", "routes=192.168.1.0/24 dev ens33", "routes=default via 192.168.1.40 dev ens33 \nroutes=192.168.1.0/24 dev ens33"),
			"web1: it routes through the director: its default gateway is 192.168.1.40, which drops replies that come from the VIP"},
		{"web routes a network through the director", replace("web1", "routes=192.168.1.0/24 dev ens33", "routes=10.0.0.0/8 via 192.168.1.40 dev ens33 \nroutes=192.168.1.0/24 dev ens33"),
			"web1: it routes to 10.0.0.0/8 through the director, 192.168.1.40, which drops replies that come from the VIP"},
		{"replies come back", func(_ *testing.T, f *fake) { f.back = 100 },
			"director: the answers of web1 come back through the director, 2200 bytes of them: in DR mode they go to the client directly"},
		{"httpd bound to one address", do(replace("web1", "                *:80 ", "     192.168.1.20:80 "), refuse),
			"web1: apache2 listens on 192.168.1.20:80 only, not on the VIP 192.168.1.48:80: it refuses what the director hands over"},
		{"httpd on another port", do(replace("web1", "*:80 ", "*:8080 "), refuse),
			"web1: nothing listens on port 80"},
		{"httpd stopped", do(replace("web1", "active-apache2=active\nactive-apache2?0", "active-apache2=inactive\nactive-apache2?3"), replace("web1", "*:80 ", "*:81 "),
			replace("web1", "page?0", "page?7"), func(_ *testing.T, f *fake) { f.webs["192.168.1.20:80"].refuse = true }),
			"web1: apache2 is not running: inactive"},
		{"masq instead of gatewaying", do(replace("director", "table=-a -t 192.168.1.48:80 -r 192.168.1.20:80 -g -w 1", "table=-a -t 192.168.1.48:80 -r 192.168.1.20:80 -m -w 1"), lost),
			"director: -t 192.168.1.48:80 forwards to 192.168.1.20:80 (web1) by masquerading (-m), not by gatewaying (-g)"},
		{"service of the tutorial's other VIP", do(replace("director", "192.168.1.48:80", "192.168.24.48:80"), func(_ *testing.T, f *fake) { f.drop = true }),
			"director: the table has no virtual service -t 192.168.1.48:80"},
		{"a firewall drops what is for the vip", lost,
			"web1: 192.168.1.48:80: it answered none of the requests that it was given"},
		{"rr gives all to one", func(_ *testing.T, f *fake) { f.order = f.inTurn("192.168.1.30:80") },
			"web1: 192.168.1.48:80: none of 20 requests reached it"},
		{"big requests garbled", func(_ *testing.T, f *fake) { f.webs["192.168.1.20:80"].garble = true },
			"web1: a sound request of 2200 bytes to 192.168.1.48:80 reaches web1 garbled: HTTP status 400, while short ones are understood"},
		{"arp settings not kept", replace("web1", "sysctl=/etc/sysctl.d/99-zz-lvsdeploy-lab.conf:net.ipv4.conf", "sysctl=/etc/sysctl.d/99-zz-lvsdeploy-lab.conf:net.ipv4.xconf"),
			"web1: the files of sysctl.d leave net.ipv4.conf.{all,ens33}.arp_ignore at 0 for the next boot, not 1"},
		{"arp settings overruled", replace("web1", "sysctl?2", "sysctl=/etc/sysctl.d/zzz.conf:net/ipv4/conf/all/arp_announce = 0\nsysctl=/etc/sysctl.d/zzz.conf:net.ipv4.conf.ens33.arp_announce=0\nsysctl?2"),
			"web1: the files of sysctl.d leave net.ipv4.conf.{all,ens33}.arp_announce at 0 for the next boot, not 2"},
		{"redirects not kept", replace("director", "conf:net.ipv4.conf.all.send_redirects = 0", "conf:net.ipv4.conf.all.accept_redirects = 0"),
			"director: the files of sysctl.d leave net.ipv4.conf.all.send_redirects at 1 for the next boot"},
		{"ip_forward on at boot", replace("director", "conf:net.ipv4.ip_forward = 0", "conf:net.ipv4.ip_forward = 1"),
			"director: /etc/sysctl.d/99-zz-lvsdeploy-lab.conf sets net.ipv4.ip_forward to 1 at boot"},
		{"vip not kept", replace("web2", "kept=192.168.1.48 in /etc/", "kept=192.168.1.49 in /etc/"),
			"web2: no file keeps the VIP 192.168.1.48 on lo for the next boot"},
		{"vip kept with a wide mask", replace("web1", "kept=    address 192.168.1.48/32", "kept=    address 192.168.1.48\nkept=    netmask 255.255.255.0"),
			"web1: /etc/network/interfaces.d/lvsdeploy-lab-lo-0 gives the VIP 192.168.1.48 a wide mask at boot, /24"},
		{"web unreachable", do(func(_ *testing.T, f *fake) { f.down["web1"] = errors.New("connect: no route to host") }, silent),
			"web1: cannot look at web1: connect: no route to host"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newDRFake(t)
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
		})
	}
}

// What a host writes elsewhere, or lacks, is read as well.
func TestOtherSystemsDR(t *testing.T) {
	t.Parallel()
	const debian = "kept=192.168.1.48 in /etc/network/interfaces.d/lvsdeploy-lab-lo-0\nkept=iface lo:0 inet static\nkept=    address 192.168.1.48/32\nkept=    up ip route replace 192.168.1.48/32 dev lo\n"
	for name, lines := range map[string]string{
		"ifcfg": "kept=192.168.1.48 in /etc/sysconfig/network-scripts/ifcfg-lo:0\nkept=DEVICE=lo:0\nkept=NETMASK=255.255.255.255\n",
		"unit":  "kept=192.168.1.48 in /etc/systemd/system/lvsdeploy-lab-vip-0.service\nkept=ExecStart=/bin/sh -c 'for i in 1 2; do ip addr replace 192.168.1.48/32 dev lo label lo:0 && ip route replace 192.168.1.48/32 dev lo && exit; done'\nkept=enabled\n",
	} {
		t.Run(name, func(t *testing.T) {
			f := newDRFake(t)
			if !strings.Contains(f.facts["web1"], debian) {
				t.Fatalf("web1 does not say\n%s", debian)
			}
			f.facts["web1"] = strings.ReplaceAll(f.facts["web1"], debian, lines)
			if r := f.run(t, Options{}); !r.OK {
				t.Error(r.Headline())
			}
			f.facts["web1"] = strings.NewReplacer("kept=enabled", "kept=disabled", "255.255.255.255", "255.255.255.0").Replace(f.facts["web1"])
			if r := f.run(t, Options{}); r.OK || r.Cause.Name != nameVIPBoot {
				t.Error(r.Headline())
			}
		})
	}
	t.Run("nothing to ask with", func(t *testing.T) {
		f := newDRFake(t)
		for host, text := range f.facts {
			f.facts[host] = strings.NewReplacer("arp=192.168.1.48 02:00:c0:a8:01:28\n", "arp=\n", "arp?0", "arp?127").Replace(text)
		}
		r := f.run(t, Options{})
		if c := r.check(nameARP); !r.OK || !strings.Contains(c.Detail, "could not be asked: neither perl nor arping") {
			t.Errorf("%s: %+v", r.Headline(), c)
		}
	})
}

// A server that minds long requests is not a network that garbles them.
func TestServerMindsLongRequests(t *testing.T) {
	f := newDRFake(t)
	s := f.webs["192.168.1.20:80"].server
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Padding") != "" {
			http.Error(w, "too long", http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, "this is 20 20\n")
	})
	if r := f.run(t, Options{}); !r.OK {
		t.Error(r.Headline())
	}
}

// In DR mode requests from machines that hold the VIP prove nothing.
func TestOriginsDR(t *testing.T) {
	c := newDRFake(t).cluster
	for from, want := range map[string]string{
		"director": "cannot prove anything by requests from director: in DR mode the director's own requests to the VIP are not answered, and others' are",
		"web1":     "cannot prove anything by requests from web1: in DR mode a real server holds the VIP and answers itself, past the director",
	} {
		_, err := Run(context.Background(), c, nil, Options{From: from})
		var origin *OriginError
		if !errors.As(err, &origin) || err.Error() != want || !strings.Contains(origin.Hint(), "--from client") {
			t.Errorf("%v", err)
		}
		if err := CheckOrigin(c, inventory.NAT, from); err != nil {
			t.Error(err)
		}
	}
	for _, from := range []string{Local, "client"} {
		if err := CheckOrigin(c, inventory.DR, from); err != nil {
			t.Error(err)
		}
	}
}

// Small answers arrive and large ones end early.
func TestBigAnswersCut(t *testing.T) {
	f := newDRFake(t)
	s := f.webs["192.168.1.20:80"].server
	small := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			small.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write(make([]byte, 5000))
	})
	r := f.run(t, Options{})
	if got, want := r.Headline(), "web1: the answers of web1 to local do not arrive whole: the connection was closed in the middle, after "; !strings.HasPrefix(got, want) {
		t.Errorf("first line\n got %s\nwant %s…", got, want)
	}
}

// A connection on which nothing more comes is given up, however much came.
func TestStreamStalls(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\nhalf of it"))
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = conn.Read(make([]byte, 4096)) // ends when the other side closes
	}()
	s, _ := fetchStream(context.Background(), &net.Dialer{}, netip.MustParseAddrPort(l.Addr().String()), "/", 100*time.Millisecond)
	if s.err == nil || s.err.Error() != "nothing more within 100ms" || s.answers != 0 || s.bytes == 0 {
		t.Errorf("%+v", s)
	}
	<-done
}
