package verify

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseDR(t *testing.T) {
	n, ok := parseOutgoing(goldenLines(t, "ip_vs_stats_percpu.txt"))
	if !ok || n != 0 {
		t.Errorf("%d %v", n, ok)
	}
	if n, ok := parseOutgoing([]string{"  ~        8A      43A       10            3A40D             1F00"}); !ok || n != 0x1f00 {
		t.Errorf("%d %v", n, ok)
	}
	if _, ok := parseOutgoing([]string{"cat: /proc/net/ip_vs_stats_percpu: No such file or directory"}); ok {
		t.Error("no counters, and still known")
	}
	s := &newDRFake(t).cluster.Services[0]
	stats := parseStats(goldenLines(t, "ipvsadm-Ln-stats.txt"), s)
	if n, ok := stats["192.168.1.20:80"]; len(stats) != 2 || !ok || n != 0 {
		t.Errorf("%v", stats)
	}
	arp := "IP address       HW type     Flags       HW address            Mask     Device\n" +
		"192.168.1.40     0x1         0x2         02:00:c0:a8:01:28     *        lan\n" +
		"192.168.1.48     0x1         0x2         02:00:C0:A8:01:28     *        lan\n192.168.1.49     0x1         0x0         00:00:00:00:00:00     *        lan\n"
	for addr, want := range map[string]string{"192.168.1.48": "02:00:c0:a8:01:28", "192.168.1.49": "", "192.168.1.4": ""} {
		if got := neighbourIn(arp, netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
	for key, want := range map[string]string{
		"net.ipv4.conf.ens33.arp_ignore":     "net/ipv4/conf/ens33/arp_ignore",
		"net/ipv4/conf/ens33.100/arp_ignore": "net/ipv4/conf/ens33.100/arp_ignore",
		"net.ipv4.conf.ens33/100.arp_ignore": "net/ipv4/conf/ens33.100/arp_ignore",
	} {
		if got := sysctlKey(key); got != want {
			t.Errorf("%s: %s", key, got)
		}
	}
	for line, want := range map[string]string{
		"LISTEN 0      511                *:80              *:*": "*",
		"LISTEN 0 128 :::80 :::*":                                "*",
		"LISTEN 0 128 [::]:80 [::]:*":                            "*",
		"LISTEN 0 128 192.168.1.20:80 0.0.0.0:*":                 "192.168.1.20",
		"LISTEN 0 128 [::ffff:192.168.1.48]:80 *:*":              "192.168.1.48",
		"LISTEN 0 128 127.0.0.1%lo:80 0.0.0.0:*":                 "127.0.0.1",
		"LISTEN 0 128 *:8080 *:*":                                "",
	} {
		if got := strings.Join(listeners([]string{"State Recv-Q Send-Q Local Address:Port Peer Address:Port", line}, "80"), " "); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// A pattern of sysctl.d holds where no line names the key itself.
func TestKeptSysctl(t *testing.T) {
	f := parseFacts("sysctl=/usr/lib/sysctl.d/50-default.conf:-net.ipv4.conf.*.arp_ignore = 0\nsysctl=/etc/sysctl.d/10-a.conf:net.ipv4.conf.all.arp_ignore=1\nsysctl?0\n")
	all := settings(f)
	if got := confKept(all, "all", "arp_ignore"); got != 1 {
		t.Errorf("all: %d", got)
	}
	if s, ok := kept(all, "net/ipv4/conf/ens33/arp_ignore"); !ok || s.value != "0" || s.file != "/usr/lib/sysctl.d/50-default.conf" {
		t.Errorf("%+v", s)
	}
	if got := confKept(all, "ens33", "send_redirects"); got != 1 {
		t.Errorf("the kernel's own send_redirects: %d", got)
	}
}
