//go:build lab

package tests

import (
	"slices"
	"strings"
	"testing"
)

// TestTwoClusters has two DR clusters live on the same machines, beside an alias
// of lo that somebody had there before: over reboots, and when one of them goes.
func TestTwoClusters(t *testing.T) {
	for _, image := range []string{"debian", "el"} {
		t.Run(image, func(t *testing.T) {
			b := newBenchOf(t, "dr", image)
			b.scenario(t, []step{{name: "two clusters", proves: "neither takes from the other", run: func(b *bench, t *testing.T) { twoClusters(b, t, image) }}})
		})
	}
}

func twoClusters(b *bench, t *testing.T, image string) {
	b.on(t, "web1", map[string]string{
		"debian": "printf '\nauto lo:0\niface lo:0 inet static\n\taddress 192.168.1.77/32\n' >>/etc/network/interfaces; ifup lo:0",
		"el":     "printf 'DEVICE=lo:0\nIPADDR=192.168.1.77\nNETMASK=255.255.255.255\nONPARENT=yes\n' >/etc/sysconfig/network-scripts/ifcfg-lo:0; ip addr add 192.168.1.77/32 dev lo label lo:0",
	}[image])
	machines := []string{"director", "web1"}
	reboot := func() {
		for _, h := range machines {
			b.said.say("rebooting %s", h)
			if err := b.lab.Reboot(b.ctx, h); err != nil {
				t.Fatal(err)
			}
		}
	}
	state := func(h string) []string {
		return strings.Split(b.on(t, h, networkScript+"\nip -o -4 addr show lo | awk '{ print $2, $4 }'\nsysctl net.ipv4.ip_forward net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.arp_announce net.ipv4.conf.all.send_redirects"), "\n")
	}
	was := map[string][]string{}
	for _, h := range machines {
		was[h] = state(h)
	}
	second := b.inventory(t, "second", `name    = "lab"`, `name    = "second"`, "192.168.1.48", "192.168.1.49")
	const answers = ":80 answers: 20 requests, 10 and 10, none failed"
	serve := func(inventories map[string]string) {
		t.Helper()
		for vip, inventory := range inventories {
			b.recoversOn(t, inventory, vip+answers)
		}
		if out := b.on(t, "web1", "ip -o -4 addr show lo"); !strings.Contains(out, "192.168.1.77/32") {
			t.Errorf("192.168.1.77 is gone from web1:\n%s", out)
		}
	}
	both := map[string]string{"192.168.1.48": "", "192.168.1.49": second}
	b.dr(t, "")
	b.dr(t, second)
	serve(both)
	reboot()
	serve(both)
	for _, inventory := range both {
		if o := b.dr(t, inventory, "--check"); len(o.with("would-change", "pending")) > 0 {
			t.Errorf("beside the other, a cluster is not settled: %v", o.with("would-change", "pending"))
		}
	}
	b.change(t, "", 0, "teardown", "--yes")
	serve(map[string]string{"192.168.1.49": second})
	reboot()
	serve(map[string]string{"192.168.1.49": second})
	b.change(t, second, 0, "teardown", "--yes")
	for _, h := range machines {
		if now := state(h); !slices.Equal(now, was[h]) {
			t.Errorf("both are gone, and %s has\n%s\nand had\n%s", h, strings.Join(now, "\n"), strings.Join(was[h], "\n"))
		}
	}
}
