//go:build lab

package tests

import (
	"strings"
	"testing"
)

const drTenAndTen = "192.168.1.48:80 answers: 20 requests, 10 and 10, none failed"

// TestDR takes the tutorial's DR cluster from bare machines through the faults
// that verify has to name.
func TestDR(t *testing.T) {
	b := newBench(t, "dr")
	b.scenario(t, []step{
		{name: "deploy dr", proves: "10 and 10; settled", run: drDeploy},
		// before any load: the schedulers count connections that have ended, too
		{name: "dr schedulers", proves: "1: unequal lengths", needs: []string{"deploy dr"}, run: drSchedulers},
		{name: "dr changes under load", proves: "5: no request lost", needs: []string{"deploy dr"}, run: drChanges},
		{name: "dr cold start", proves: "1: in any order", needs: []string{"deploy dr"}, run: drColdStart},
		{name: "dr faults", proves: "verify names the cause", needs: []string{"deploy dr"}, run: drFaults},
		{name: "dr origins", proves: "no proof from who holds the VIP", needs: []string{"deploy dr"}, run: drOrigins},
	})
}

func drDeploy(b *bench, t *testing.T) {
	b.dr(t, "")
	b.drSettled(t)
	o := b.healthy(t, "", drTenAndTen, "-v")
	for _, want := range []string{
		"only the director answers for 192.168.1.48: MAC 02:00:c0:a8:01:28, asked by director, web1, web2",
		"its counters show no outgoing bytes for 20 requests",
	} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("verify -v does not say %q", want)
		}
	}
	if n := strings.Count(o.stdout, "a request of 2200 bytes and 1.0 MiB of answers on one connection arrived whole"); n != 2 {
		t.Errorf("%d real servers gave large answers, want 2\n%v", n, o)
	}
}

// dr deploys; an empty inventory is the lab's.
func (b *bench) dr(t *testing.T, inventory string, args ...string) *outcome {
	t.Helper()
	o := b.run(t, call{inventory: inventory, args: append([]string{"dr", "--json"}, args...), bound: patience / 3})
	if o.exit != 0 {
		t.Fatalf("exit %d\n%v", o.exit, o)
	}
	return o
}

func (b *bench) drSettled(t *testing.T) {
	t.Helper()
	if o := b.dr(t, "", "--check"); len(o.with("would-change", "pending")) > 0 {
		t.Fatalf("a deployed cluster is not settled: %v", o.with("would-change", "pending"))
	}
}

// drListed are the faults of direct routing, as the issue lists them, and a few
// that were met on the way.
func drListed() []fault {
	const (
		onLo = "ip addr add 192.168.1.48/32 dev lo label lo:0; ip route replace 192.168.1.48/32 dev lo"
		web1 = "-t 192.168.1.48:80 -r 192.168.1.20:80"
		big  = "-m length --length 1400:65535 -j DROP"
	)
	return []fault{
		{"arp_ignore off", "web1", "sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.ens33.arp_ignore=0",
			"web1: net.ipv4.conf.{all,ens33}.arp_ignore is 0, not 1: it answers ARP for the VIP",
			"sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.ens33.arp_ignore=1"},
		{"VIP missing on lo", "web1", "ip addr del 192.168.1.48/32 dev lo",
			"web1: the VIP 192.168.1.48 is missing on lo: what the director hands over is dropped", onLo},
		{"VIP with a wide mask", "web1", "ip addr del 192.168.1.48/32 dev lo; ip addr add 192.168.1.48/28 dev lo",
			"web1: the VIP has a wide mask on lo, 192.168.1.48/28: all of 192.168.1.48/28 is taken for this host's own",
			"ip addr del 192.168.1.48/28 dev lo; " + onLo},
		{"VIP on the web's own interface", "web2", "ip addr add 192.168.1.48/32 dev ens33",
			"web2: the VIP 192.168.1.48 is on ens33, not on lo: ARP for it is answered there", "ip addr del 192.168.1.48/32 dev ens33"},
		{"a second machine claims the VIP", "client", "ip addr add 192.168.1.48/32 dev ens33",
			"client: it answers ARP for the VIP 192.168.1.48 beside the director: MAC 02:00:c0:a8:01:64, heard by director, web1, web2",
			"ip addr del 192.168.1.48/32 dev ens33"},
		{"send_redirects on", "director", "sysctl -qw net.ipv4.conf.ens33.send_redirects=1",
			"director: net.ipv4.conf.ens33.send_redirects is not 0: the director tells clients of a way past itself",
			"sysctl -qw net.ipv4.conf.ens33.send_redirects=0"},
		{"a real server routes through the director", "web1", "ip route add default via 192.168.1.40",
			"web1: it routes through the director: its default gateway is 192.168.1.40, which drops replies that come from the VIP",
			"ip route del default via 192.168.1.40"},
		{"httpd bound to one address", "web1", "sed -i 's/^Listen 80$/Listen 192.168.1.20:80/' /etc/apache2/ports.conf && systemctl restart apache2",
			"web1: apache2 listens on 192.168.1.20:80 only, not on the VIP 192.168.1.48:80: it refuses what the director hands over",
			"sed -i 's/^Listen 192.168.1.20:80$/Listen 80/' /etc/apache2/ports.conf && systemctl restart apache2"},
		{"masquerading", "director", "ipvsadm -e " + web1 + " -m -w 1",
			"director: -t 192.168.1.48:80 forwards to 192.168.1.20:80 (web1) by masquerading (-m), not by gatewaying (-g)",
			"ipvsadm -e " + web1 + " -g -w 1"},
		{"a firewall drops what is for the VIP", "web1", "iptables -I INPUT -d 192.168.1.48 -p tcp --dport 80 -j DROP",
			"web1: 192.168.1.48:80: it answered none of the requests that it was given", "iptables -D INPUT -d 192.168.1.48 -p tcp --dport 80 -j DROP"},
		{"long answers lost", "web1", "iptables -I OUTPUT -s 192.168.1.48 " + big,
			"web1: the answers of web1 to local do not arrive whole: nothing more within 3s, after 240 bytes", "iptables -D OUTPUT -s 192.168.1.48 " + big},
		{"arp settings not kept", "web2", "mv /etc/sysctl.d/99-zz-lvsdeploy-lab.conf /root/",
			"web2: the files of sysctl.d leave net.ipv4.conf.{all,ens33}.arp_ignore at 0 for the next boot, not 1",
			"mv /root/99-zz-lvsdeploy-lab.conf /etc/sysctl.d/"},
	}
}

// drFaults are made one at a time, named, and mended by hand. What the
// workstation learnt of the VIP meanwhile is a fault of its own.
func drFaults(b *bench, t *testing.T) {
	for _, f := range drListed() {
		t.Run(f.what, func(t *testing.T) {
			b.said.say("fault: %s on %s", f.what, f.host)
			b.on(t, f.host, f.make)
			defer func() {
				b.on(t, f.host, f.mend)
				b.workstation(t, "ip", "neigh", "flush", "to", "192.168.1.48")
			}()
			b.sick(t, f.want)
		})
	}
	t.Run("the workstation remembers another", func(t *testing.T) {
		b.workstation(t, "ip", "neigh", "replace", "192.168.1.48", "lladdr", "02:00:c0:a8:01:14", "dev", "lan")
		defer b.workstation(t, "ip", "neigh", "del", "192.168.1.48", "dev", "lan")
		b.sick(t, "local: local sends what is for 192.168.1.48 to web1 (02:00:c0:a8:01:14), past the director")
	})
	b.healthy(t, "", drTenAndTen)
}

// workstation runs a command as the workstation.
func (b *bench) workstation(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := b.lab.Command(b.ctx, argv...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}

func drOrigins(b *bench, t *testing.T) {
	for _, from := range []string{"director", "web1"} {
		o := b.run(t, call{args: []string{"verify", "--from", from}})
		if want := "cannot prove anything by requests from " + from + ": in DR mode"; o.exit != 2 || !strings.Contains(o.stderr, want) {
			t.Errorf("exit %d, want 2 and %q\n%v", o.exit, want, o)
		}
	}
	b.healthy(t, "", drTenAndTen, "--from", "client")
}
