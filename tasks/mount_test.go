package tasks_test

import (
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestFstabOfOthers: a line that mounts something else on the directory is
// somebody's, whatever it is written like, and stays.
func TestFstabOfOthers(t *testing.T) {
	b := newBench(t, fakehost.Options{Packages: []string{"nfs-common"}})
	const ours = "192.168.1.77:/data /mnt/far nfs defaults,_netdev,nofail,x-systemd.automount,x-systemd.mount-timeout=30 0 0"
	for _, c := range []struct{ line, want string }{
		{"", ours},
		{"# UUID=1234-ABCD /mnt/far ext4 defaults 0 2", "# UUID=1234-ABCD /mnt/far ext4 defaults 0 2\n" + ours},
		{"/dev/sdb1 /mnt/farther ext4 defaults 0 2", "/dev/sdb1 /mnt/farther ext4 defaults 0 2\n" + ours},
		{"192.168.1.77:/data /mnt/far nfs defaults 0 0", ours},
		{"192.168.1.77:/data/\t/mnt//far/\tnfs4\tnoauto\t0 0", ours},
		{strings.Replace(ours, ":/data", ":/before", 1), ours},
		{"UUID=1234-ABCD /mnt/far ext4 defaults 0 2", ""},
		{"LABEL=www\t/mnt/far/\txfs\tnoauto\t0 0", ""},
		{"/dev/mapper/vg-www /mnt//far ext4 defaults", ""},
		{"/srv/site /mnt/far none bind 0 0", ""},
		{"192.168.1.77:/other /mnt/far nfs defaults 0 0", ""},
		{"192.168.1.9:/data /mnt/far nfs4 defaults 0 0", ""},
	} {
		if err := b.host.WriteFile("/etc/fstab", []byte(c.line+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		plan, want, said := fakerun.One("host", Fstab(far)), c.want, ""
		events := b.run(plan, true)
		if want == "" {
			want, said = c.line, "/etc/fstab mounts something else there: "+c.line
			if events[0].Status != engine.Failed {
				t.Errorf("%q: a dry run says %s", c.line, events[0].Status)
			}
		}
		e := b.run(plan, false)[0]
		if got := b.sh("sed '/./!d' /etc/fstab"); got != strings.TrimSpace(want) {
			t.Errorf("%q becomes\n%s\nwant\n%s", c.line, got, want)
		}
		if said != "" && (e.Status != engine.Failed || e.Detail != said) || said == "" && e.Status != engine.Changed {
			t.Errorf("%q: %s: %s, want %q", c.line, e.Status, e.Detail, said)
		}
	}
}

// TestMountOfOthers: nothing is laid over a file system that is mounted there,
// and what was there before comes back as it was.
func TestMountOfOthers(t *testing.T) {
	b := newBench(t, fakehost.Options{Packages: []string{"nfs-common"}})
	b.sh("mkdir -p /srv/disk /mnt/far; echo theirs >/srv/disk/page; /.fakehost/bin/mount --bind /srv/disk /mnt/far")
	plan := fakerun.One("host", Fstab(far), Mounted(far))
	last := func() engine.Event { events := b.run(plan, false); return events[len(events)-1] }
	if e := last(); e.Status != engine.Failed || !strings.HasPrefix(e.Detail, "something else is mounted there: ") {
		t.Errorf("%s: %s", e.Status, e.Detail)
	}
	if got := b.sh("cat /mnt/far/page; findmnt -n -r -o TARGET | grep -c /mnt/far"); got != "theirs\n1" {
		t.Errorf("there is %q", got)
	}
	for before, want := range map[string]string{
		"mount": "1", "true": "0", // mounted by hand, or only kept in fstab
	} {
		b.sh(`umount /mnt/far; rm -rf ` + state + `; printf '# first\n192.168.1.77:/data /mnt/far nfs noauto 0 0\n# last\n' >/etc/fstab; systemctl daemon-reload; ` + before + ` /mnt/far`)
		was := b.sh("cat /etc/fstab; findmnt -n -r -o TARGET | grep -c /mnt/far")
		if !strings.HasSuffix(was, want) {
			t.Fatalf("the test's own: %s", was)
		}
		if e := last(); e.Status == engine.Failed {
			t.Fatalf("%s: %s", e.Task, e.Detail)
		}
		if got := b.sh("cat /mnt/far/index.html"); got != "far" {
			t.Errorf("mounted is %q", got)
		}
		for _, e := range b.run(fakerun.One("host", Unmounted(far.Dir)), false) {
			if e.Status != engine.Changed {
				t.Errorf("%s is %s: %s", e.Task, e.Status, e.Detail)
			}
		}
		if got := b.sh("cat /etc/fstab; findmnt -n -r -o TARGET | grep -c /mnt/far"); got != was {
			t.Errorf("afterwards\n%s\nwant\n%s", got, was)
		}
	}
}

// TestPastDocker: docker has the kernel drop what is forwarded; the real
// servers' answers get through, now and at boot, and without us it is as before.
func TestPastDocker(t *testing.T) {
	b := newBench(t, fakehost.Options{Packages: []string{"iptables"}, Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}, {Name: "ens37"}}})
	b.sh("iptables -N DOCKER-USER; iptables -A FORWARD -j DOCKER-USER; iptables -P FORWARD DROP")
	was := b.sh("iptables -S; ls /etc/systemd/system")
	debian, _ := ExampleFacts("debian12")
	list := PastDocker(debian, "shop", nat)
	b.all(fakerun.One("host", list...), false, engine.Changed)
	b.all(fakerun.One("host", list...), false, engine.OK)
	const answers = "-A FORWARD -s 192.168.1.0/24 -i ens33 -o ens37 -j ACCEPT"
	if got := b.sh("iptables -S FORWARD; iptables -F FORWARD; systemctl restart lvsdeploy-shop-docker; iptables -S FORWARD; iptables -A FORWARD -j DOCKER-USER"); strings.Count(got, answers) != 2 || strings.Contains(got, "INPUT") {
		t.Errorf("the rules are\n%s", got)
	}
	debian.Firewall = "iptables"
	if more := PastDocker(debian, "shop", nat); more != nil {
		t.Errorf("a firewall of iptables is told the same: %v", more)
	}
	var entries []string
	for _, task := range list {
		entries = append(entries, task.Owns...)
	}
	gone, _ := Leftovers(entries, entries, 0)
	b.all(fakerun.One("host", gone...), false, engine.Changed)
	if got := b.sh("iptables -S; ls /etc/systemd/system"); got != was {
		t.Errorf("afterwards\n%s\nwant\n%s", got, was)
	}
}

// TestOfferedByNFSv4: a server that speaks NFSv4 only cannot be asked what it
// offers. What is mounted, or a server that is there, is enough to go on.
func TestOfferedByNFSv4(t *testing.T) {
	b := newBench(t, fakehost.Options{Packages: []string{"nfs-common"}})
	b.sh("mkdir -p /mnt/far; touch /var/lib/fakehost/remote/192.168.1.77/nfs4")
	offered := func() engine.Event { return b.run(fakerun.One("host", Offered(far)), true)[0] }
	if e := offered(); e.Status != engine.Failed || e.Detail != "clnt_create: RPC: Program not registered" {
		t.Errorf("neither mounted nor there: %s: %s", e.Status, e.Detail)
	}
	b.sh("mount 192.168.1.77:/data /mnt/far")
	if e := offered(); e.Status != engine.OK {
		t.Errorf("mounted: %s: %s", e.Status, e.Detail)
	}
	b.sh("umount /mnt/far; ip addr add 192.168.1.77/32 dev lo\nsetsid /.fakehost/bin/busybox nc -ll -p 2049 -e true </dev/null >/dev/null 2>&1 &\nuntil ss -ltn | grep -q :2049; do sleep 0.01; done")
	if e := offered(); e.Status != engine.OK {
		t.Errorf("there: %s: %s", e.Status, e.Detail)
	}
	// and then the mount says it: of one that fails nothing stays in the way
	none := Mount{Source: "192.168.1.77:/none", Dir: "/mnt/far"}
	b.sh("echo mine >/mnt/far/page")
	events := b.run(fakerun.One("host", Offered(none), Fstab(none), Mounted(none)), false)
	if events[0].Status != engine.OK || events[2].Status != engine.Failed {
		t.Errorf("an export that is not there: %v", events)
	}
	if got := b.sh("cat /mnt/far/page; systemctl is-active mnt-far.automount"); got != "mine\ninactive" {
		t.Errorf("what was there is %q", got)
	}
}
