//go:build lab

package tests

import (
	"strings"
	"testing"
)

// fault is something that goes wrong on a machine by itself, or by somebody's
// hand; mend undoes it the same way.
type fault struct {
	what, host, make string
	want             string // the first line of verify
	mend             string
}

// listed are the faults that verify has to name, as issue and design list them.
func listed() []fault {
	const (
		snat = "POSTROUTING -s 192.168.1.0/24 -o ens37 -j SNAT --to-source 12.0.0.1"
		web1 = "-t 12.0.0.1:80 -r 192.168.1.20:80"
		web2 = "-t 12.0.0.1:80 -r 192.168.1.30:80"
	)
	return []fault{
		{"ip_forward off", "director", "sysctl -qw net.ipv4.ip_forward=0",
			"director: net.ipv4.ip_forward is 0: the director passes nothing on", "sysctl -qw net.ipv4.ip_forward=1"},
		{"SNAT rule gone", "director", "iptables -t nat -D " + snat,
			"director: the SNAT rule for 192.168.1.0/24 is gone: connections that the real servers open do not get out", "iptables -t nat -A " + snat},
		{"gateway missing", "web1", "ip route del default",
			"web1: there is no default gateway: replies must go through the director, 192.168.1.10", "ip route add default via 192.168.1.10 dev ens33"},
		{"gateway wrong", "web2", "ip route replace default via 192.168.1.1 dev ens33",
			"web2: the default gateway is 192.168.1.1: replies must go through the director, 192.168.1.10", "ip route replace default via 192.168.1.10 dev ens33"},
		{"httpd stopped", "web2", "systemctl stop apache2",
			"web2: apache2 is not running: inactive", "systemctl start apache2"},
		{"NFS mount gone", "web1", "systemctl stop var-www-html.automount var-www-html.mount",
			"web1: the NFS mount 192.168.1.40:/opt/ka on /var/www/html is gone", "systemctl start var-www-html.automount; ls /var/www/html"},
		{"export gone", "nfs", "exportfs -u 192.168.1.0/24:/opt/ka",
			"nfs: the export /opt/ka is gone", "exportfs -ra"},
		{"real server missing", "director", "ipvsadm -d " + web1,
			"director: -t 12.0.0.1:80 has no real server 192.168.1.20:80 (web1)", "ipvsadm -a " + web1 + " -m -w 1"},
		{"wrong weight", "director", "ipvsadm -e " + web2 + " -m -w 5",
			"director: -t 12.0.0.1:80 gives 192.168.1.30:80 (web2) weight 5, not 1", "ipvsadm -e " + web2 + " -m -w 1"},
		{"wrong method", "director", "ipvsadm -e " + web2 + " -g -w 1",
			"director: -t 12.0.0.1:80 forwards to 192.168.1.30:80 (web2) by gatewaying (-g), not by masquerading (-m)", "ipvsadm -e " + web2 + " -m -w 1"},
		{"saved rules differ", "director", "sed -i /192.168.1.30/d /etc/ipvsadm.rules",
			"director: /etc/ipvsadm.rules differs from the live table: it has no `-a -t 12.0.0.1:80 -r 192.168.1.30:80 -m -w 1`",
			"ipvsadm -Sn >/etc/ipvsadm.rules"},
	}
}

// faults are made one at a time, named, and mended by hand; then all at once,
// and mended by a run.
func faults(b *bench, t *testing.T) {
	b.deploy(t)
	for _, f := range listed() {
		t.Run(f.what, func(t *testing.T) {
			b.said.say("fault: %s on %s", f.what, f.host)
			b.on(t, f.host, f.make)
			defer b.on(t, f.host, f.mend)
			b.sick(t, f.want)
		})
	}
	t.Run("client on the real servers' LAN", func(t *testing.T) {
		b.sick(t, "web1: web1 asks from 192.168.1.20, inside the real servers' own LAN 192.168.1.0/24: they answer it directly, from an address it did not ask", "--from", "web1")
	})
	b.healthy(t, "", tenAndTen)
	b.settled(t, "") // mended by hand is as good as mended by a run

	b.breakAll(t)
	o := b.nat(t, 0)
	if n := len(o.with("changed")); n < 8 {
		t.Errorf("%d tasks mended it all\n%v", n, o)
	}
	b.healthy(t, "", tenAndTen)
	b.settled(t, "")
	b.claim(t, "%d faults named by the first line, alone; all at once mended by a run of %.1f s: %d tasks changed",
		len(listed())+1, o.took.Seconds(), len(o.with("changed")))
}

// sick demands that verify exits 5, and its first line.
func (b *bench) sick(t *testing.T, want string, args ...string) {
	t.Helper()
	o := b.run(t, call{args: append([]string{"verify"}, args...)})
	if o.exit != 5 || o.first() != want {
		t.Errorf("exit %d, want 5; the first line\n got %s\nwant %s\n%v", o.exit, o.first(), want, o)
	}
	if !strings.Contains(o.stdout, "hint: ") {
		t.Errorf("no hint\n%v", o)
	}
}

// breakAll makes every fault of the list at the same time.
func (b *bench) breakAll(t *testing.T) {
	t.Helper()
	b.said.say("breaking everything at once")
	scripts := map[string]string{}
	for _, f := range listed() {
		scripts[f.host] += f.make + "\n"
	}
	for _, h := range hosts {
		b.on(t, h, "set -e\n"+scripts[h])
	}
}
