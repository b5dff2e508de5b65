//go:build lab

package tests

import (
	"strings"
	"testing"
	"time"
)

const drWeb2 = `[[web]]
name      = "web2"
address   = "192.168.1.30"
interface = "ens33"
index     = "this is 30 30"

`

var (
	drWrr = []string{`scheduler = "rr"`, `scheduler = "wrr"`, `index     = "this is 20 20"`, "index     = \"this is 20 20\"\nweight    = 3"}
	drLc  = []string{`scheduler = "rr"`, `scheduler = "lc"`}
	drWlc = []string{`scheduler = "rr"`, `scheduler = "wlc"`, `index     = "this is 20 20"`, "index     = \"this is 20 20\"\nweight    = 3"}
)

// drChanges changes the cluster while clients use it. None of them may notice.
func drChanges(b *bench, t *testing.T) {
	const ours, theirs = "this is 20 20", "this is 30 30"
	one := b.inventory(t, "dr-one", drWeb2, "")
	weighted := b.inventory(t, "dr-wrr", drWrr...)
	client := b.startLoad(t, "http://192.168.1.48/")

	if c := b.dr(t, "").with("changed"); len(c) > 0 {
		t.Errorf("a re-run changed %v", c)
	}
	b.judge(t, "re-run", client.since(t))

	b.dr(t, one)
	b.judge(t, "web2 removed", client.since(t))
	if table := b.on(t, "director", "ipvsadm -Sn; cat /etc/ipvsadm.rules"); strings.Contains(table, "192.168.1.30") {
		t.Errorf("web2 is still in the table or the saved rules:\n%s", table)
	}
	client.since(t)
	time.Sleep(time.Second)
	i := client.since(t)
	b.judge(t, "web1 alone", i)
	if i.Bodies[ours] == 0 || i.Bodies[theirs] > 0 {
		t.Errorf("web1 alone gave %v", i.Bodies)
	}

	b.dr(t, "")
	b.judge(t, "web2 added again", client.since(t))
	time.Sleep(time.Second)
	i = client.since(t)
	if i.Bodies[ours] == 0 || i.Bodies[theirs] == 0 {
		t.Errorf("two webs gave %v", i.Bodies)
	}

	b.dr(t, weighted)
	b.judge(t, "rr to wrr, weights 3:1", client.since(t))
	time.Sleep(2 * time.Second)
	i = client.end(t)
	b.judge(t, "weights 3:1", i)
	// No ratio: the director remembers ended connections for two minutes, and this
	// one client takes their ports again. dr schedulers shows 3:1.
	if i.Bodies[ours] <= i.Bodies[theirs] || i.Bodies[theirs] == 0 {
		t.Errorf("weights 3:1 gave %v", i.Bodies)
	}
	b.dr(t, "")
}

// drColdStart: whatever comes first after a power cut, the cluster serves.
func drColdStart(b *bench, t *testing.T) {
	for _, order := range [][][]string{
		{{"director", "client"}, {"web2"}, {"web1"}},
		{{"web1", "web2"}, {"client", "director"}},
	} {
		// the disks have what was written: this is not about a cut within seconds of a run
		b.onAll(t, map[string]string{"director": "sync", "web1": "sync", "web2": "sync"})
		b.said.say("the power of all machines fails")
		for _, some := range order {
			if err := b.lab.Kill(b.ctx, some...); err != nil {
				t.Fatal(err)
			}
		}
		// what the workstation learnt of the VIP has aged long since
		b.workstation(t, "ip", "neigh", "flush", "dev", "lan")
		var said []string
		for _, some := range order {
			if err := b.lab.Start(b.ctx, some...); err != nil {
				t.Fatal(err)
			}
			said = append(said, strings.Join(some, " and "))
		}
		took := b.recovers(t, drTenAndTen)
		b.claim(t, "cold start, %s: verify passed %.0f s after the last was up, without a deploy", strings.Join(said, ", then "), took.Seconds())
	}
	b.drSettled(t)
}
