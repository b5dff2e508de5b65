//go:build lab

package tests

import (
	"testing"
	"time"
)

// reboots: whatever reboots, and whatever comes back last, the cluster serves.
func reboots(b *bench, t *testing.T) {
	b.deploy(t)
	for _, h := range hosts {
		b.said.say("rebooting %s", h)
		began := time.Now()
		if err := b.lab.Reboot(b.ctx, h); err != nil {
			t.Fatal(err)
		}
		booted := time.Since(began)
		b.claim(t, "%s rebooted in %.0f s, verify passed %.0f s later", h, booted.Seconds(), b.recovers(t, tenAndTen).Seconds())
	}

	all := []string{"director", "web1", "web2", "nfs", "client"}
	b.said.say("the power of all machines fails")
	if err := b.lab.Kill(b.ctx, all...); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := b.lab.Start(b.ctx, "director", "web1", "web2", "client"); err != nil {
		t.Fatal(err)
	}
	without := time.Since(began)
	b.said.say("everything but the NFS server answers; it comes 20 s later")
	time.Sleep(20 * time.Second)
	if err := b.lab.Start(b.ctx, "nfs"); err != nil {
		t.Fatal(err)
	}
	late := b.recovers(t, tenAndTen)
	b.claim(t, "power cut of all: up without NFS server after %.0f s; verify passed %.0f s after the NFS server was up, without a deploy", without.Seconds(), late.Seconds())
	b.settled(t, "")
}

// recovers verifies until all is well, for a bounded time, and says how long
// that took. No deployment comes in between.
func (b *bench) recovers(t *testing.T, first string) time.Duration {
	t.Helper()
	return b.recoversOn(t, "", first)
}

func (b *bench) recoversOn(t *testing.T, inventory, first string) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		o := b.run(t, call{inventory: inventory, args: []string{"verify"}})
		took := time.Since(began)
		if o.exit == 0 && o.first() == first {
			return took - o.took
		}
		b.said.say("not yet: %s", o.first())
		if took > 2*time.Minute {
			t.Fatalf("not well %v after the boot\n%v", took.Round(time.Second), o)
		}
		time.Sleep(time.Second)
	}
}
