//go:build lab

package tests

import (
	"strings"
	"testing"
	"time"
)

const web3 = `[[web]]
name      = "web3"
address   = "192.168.1.50"
interface = "ens33"
index     = "this is web3"

[nfs]
`

// changesUnderLoad changes the cluster while clients use it. None of them may
// notice.
func changesUnderLoad(b *bench, t *testing.T) {
	b.deploy(t)
	if err := b.lab.Start(b.ctx, "web3"); err != nil {
		t.Fatal(err)
	}
	weighted := []string{`scheduler = "rr"`, `scheduler = "wrr"`, `mount     = "/opt/ka"`, "mount     = \"/opt/ka\"\nweight    = 3"}
	three := b.inventory(t, "three", "[nfs]\n", web3)
	threeWeighted := b.inventory(t, "three-weighted", append(weighted, "[nfs]\n", web3)...)
	twoWeighted := b.inventory(t, "two-weighted", weighted...)

	client := b.startLoad(t, "http://12.0.0.1/")
	time.Sleep(3 * time.Second)
	quiet := client.since(t)
	b.judge(t, "no change", quiet)
	table := func() string { return b.on(t, "director", "ipvsadm -Sn; cat /etc/ipvsadm.rules") }

	again := b.nat(t, 0)
	if c := again.with("changed"); len(c) > 0 {
		t.Errorf("a re-run changed %v", c)
	}
	b.judge(t, "re-run", client.since(t))

	b.natOn(t, 0, three)
	i := client.since(t)
	b.judge(t, "web3 added", i)
	time.Sleep(2 * time.Second)
	i = client.since(t)
	b.judge(t, "three webs", i)
	if i.Bodies["this is web3"] == 0 {
		t.Errorf("web3 serves nobody: %v", i.Bodies)
	}
	if n := strings.Count(table(), "192.168.1.50:80"); n != 2 {
		t.Errorf("web3 is %d times in the table and the saved rules, want 2", n)
	}

	b.natOn(t, 0, threeWeighted)
	b.judge(t, "rr to wrr, weights 3:1:1", client.since(t))

	removed := b.natOn(t, 0, twoWeighted)
	b.judge(t, "web3 removed", client.since(t))
	if strings.Contains(table(), "192.168.1.50") {
		t.Errorf("web3 is still in the table or the saved rules:\n%s\n%v", table(), removed)
	}
	time.Sleep(2 * time.Second)
	i = client.end(t)
	b.judge(t, "two webs, weights 3:1", i)
	ka, kk := float64(i.Bodies["this is ka ka"]), float64(i.Bodies["this is kk kk"])
	if ratio := ka / max(kk, 1); ratio < 2.5 || ratio > 3.5 || i.Bodies["this is web3"] > 0 {
		t.Errorf("weights 3:1 gave %v", i.Bodies)
	}

	b.healthy(t, twoWeighted, "12.0.0.1:80 answers: 20 requests, 15 and 5, none failed")
	b.settled(t, twoWeighted)
	if out := b.on(t, "web3", "systemctl is-active apache2; ip route show default"); !strings.Contains(out, "active") {
		t.Errorf("web3: %s", out)
	}
	// And back to what the other steps know.
	b.nat(t, 0)
	b.healthy(t, "", tenAndTen)
	if err := b.lab.Kill(b.ctx, "web3"); err != nil {
		t.Fatal(err)
	}
}
