package fakehost

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// expect runs a script and holds its exit status and its output, both streams, against what is wanted.
func expect(t *testing.T, h *Host, script string, code int, want string) {
	t.Helper()
	out, errs, got := h.Run(script)
	if got != code || strings.TrimSpace(out+errs) != strings.TrimSpace(want) {
		t.Errorf("on %s: %s\nstatus %d, want %d\ngot:\n%s\nwant:\n%s", h.Name, script, got, code, out+errs, want)
	}
}

func TestShells(t *testing.T) {
	t.Parallel()
	for _, shell := range Shells() {
		for _, kind := range []Kind{Debian, EL} {
			t.Run(string(shell)+" "+string(kind), func(t *testing.T) {
				h := New(t, Options{Shell: shell, Kind: kind, Gateway: "192.168.1.1"})
				expect(t, h, "id -u; pwd; hostname; readlink /bin/sh | sed 's|.*/||'", 0, "0\n/root\nhost\n"+string(shell))
				expect(t, h, "ip -o -4 addr show dev ens33 | awk '{ print $4 }'; ip route | grep default | sed 's/ onlink//; s/ *$//'",
					0, "192.168.1.20/24\ndefault via 192.168.1.1 dev ens33")
				expect(t, h, "echo 1 >/proc/sys/net/ipv4/ip_forward; sysctl -n net.ipv4.ip_forward; command -v ipvsadm || echo none", 0, "1\nnone")
				expect(t, h, "mkdir /a /b; echo x >/a/f; mount --bind /a /b; cat /b/f; umount /b; ls /b", 0, "x")
				if got := h.Mutations(); len(got) < 2 || got[0] != "mount --bind /a /b" || got[1] != "umount /b" {
					t.Errorf("mount and umount were not the stubs: %q", got)
				}
				install := "apt-get install -y -qq apache2"
				if kind == EL {
					install = "yum install -y -q httpd && systemctl -q start httpd"
				}
				expect(t, h, install+"; echo page >/var/www/html/index.html; curl -s http://192.168.1.20/", 0, "page")
				present, absent := "apt-get dpkg-query", "yum rpm python3 perl"
				if kind == EL {
					present, absent = "yum rpm getenforce", "apt-get dpkg dpkg-query python3 perl"
				}
				expect(t, h, "for c in "+present+"; do command -v $c >/dev/null || echo no $c; done", 0, "")
				expect(t, h, "for c in "+absent+" ipvsadm; do command -v $c >/dev/null && echo $c; done; :", 0, "")
			})
		}
	}
}

func TestIsolation(t *testing.T) {
	t.Parallel()
	before, err := os.ReadFile("/etc/hostname")
	if err != nil {
		t.Fatal(err)
	}
	forward, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		t.Fatal(err)
	}
	h := New(t, Options{})
	expect(t, h, `echo fake >/etc/hostname; hostname fake; echo x >/tmp/fakehost-was-here; echo 1 >/proc/sys/net/ipv4/ip_forward
		touch /usr/lib/fakehost-was-here /usr/sbin/fakehost-was-here /opt/fakehost-was-here
		touch /.fakehost/real/fakehost-was-here 2>/dev/null && echo can write to the real /usr
		ls /.fakehost/old; ip link | grep -c ens33`, 0, "1")
	for _, p := range []string{"/tmp", "/usr/lib", "/usr/sbin", "/opt", "/usr"} {
		if _, err := os.Stat(p + "/fakehost-was-here"); err == nil {
			t.Errorf("the host wrote to the real %s", p)
		}
	}
	if after, _ := os.ReadFile("/etc/hostname"); !bytes.Equal(before, after) {
		t.Error("the real /etc/hostname changed")
	}
	if after, _ := os.ReadFile("/proc/sys/net/ipv4/ip_forward"); !bytes.Equal(forward, after) {
		t.Error("the real ip_forward changed")
	}
	if name, _ := os.Hostname(); name == "fake" {
		t.Error("the real host name changed")
	}
}

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	h, err := Start(Options{Packages: []string{"apache2"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := h.cluster.dir
	expect(t, h, "setsid -f sleep 1234567.25 >/dev/null 2>&1; mkdir /x; mount -t tmpfs x /x", 0, "")
	p, err := h.Start(context.Background(), "", "sleep 1234567.5", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(); code == 0 {
		t.Errorf("an exec outlived its host: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s is still there", dir)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || strings.Contains(string(mounts), dir) {
		t.Errorf("a mount is left: %v\n%s", err, mounts)
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(lines) == 0 {
		t.Fatal("cannot read the process list", err)
	}
	for _, l := range lines {
		if text, _ := os.ReadFile(l); bytes.Contains(text, []byte("1234567.")) || bytes.Contains(text, []byte(dir)) {
			t.Errorf("a process is left: %q", text)
		}
	}
}

func TestExec(t *testing.T) {
	t.Parallel()
	h := New(t, Options{})
	var out bytes.Buffer
	if code := h.Exec(t.Context(), "bash", "read -r a; echo $a $BASH_VERSION | cut -c1-5; exit 7", strings.NewReader("in\n"), &out, nil); code != 7 {
		t.Errorf("status %d", code)
	}
	if !strings.HasPrefix(out.String(), "in 5") {
		t.Errorf("got %q", out.String())
	}
	p, err := h.Start(t.Context(), "", "touch /run/begun; (sleep 2; touch /run/late) & sleep 100", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; !h.Exists("/run/begun"); i++ {
		if i > 500 {
			t.Fatal("the program did not begin")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(); code != 128+9 {
		t.Errorf("status %d after SIGKILL: %v", code, err)
	}
	if out, _, _ := h.Run("pgrep -x sleep"); out != "" {
		t.Errorf("what it started goes on: %s", out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if code := h.Exec(ctx, "", "sleep 100", nil, nil, nil); code == 0 {
		t.Error("the end of the context did not end it")
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	h := New(t, Options{})
	if err := h.WriteFile("/srv/deep/file", []byte("text"), 0o640); err != nil {
		t.Fatal(err)
	}
	expect(t, h, "stat -c %a /srv/deep/file; cat /srv/deep/file; ln -s /etc/hostname /srv/link; mount -t tmpfs x /mnt; echo in >/mnt/f", 0, "640\ntext")
	for name, want := range map[string]string{"/srv/link": "host\n", "/mnt/f": "in\n"} {
		if got, err := h.ReadFile(name); string(got) != want {
			t.Errorf("%s: got %q, want %q: %v", name, got, want, err)
		}
	}
	if h.Exists("/srv/nothing") || !h.Exists("/etc/os-release") {
		t.Error("Exists is wrong")
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	h := New(t, Options{Packages: []string{"iptables"}})
	first := h.Snapshot(t)
	expect(t, h, "cat /etc/hosts >/dev/null; systemctl is-active ssh; iptables -S >/dev/null; findmnt -n -o FSTYPE /proc", 0, "active\nproc")
	if d := first.Diff(h.Snapshot(t)); d != "" {
		t.Errorf("looking changed something:\n%s", d)
	}
	for change, want := range map[string]string{
		"touch /etc/hosts":                        "+ /etc/hosts ",
		"chmod 600 /etc/fstab":                    "+ /etc/fstab -rw-------",
		"echo >/opt/new":                          "+ /opt/new ",
		"echo x >/etc/systemd/system/x.service":   "+ /etc/systemd/system/x.service",
		"sysctl -qw net.ipv4.ip_forward=1":        "+ live sysctl: ipv4/ip_forward:1",
		"ip addr add 192.168.1.48/32 dev lo":      "+ live addresses: lo    inet 192.168.1.48/32",
		"ip route add 10.0.0.0/8 via 192.168.1.9": "+ live routes: 10.0.0.0/8",
		"iptables -A INPUT -j ACCEPT":             "+ /var/lib/fakehost/iptables",
		"mount --bind /opt /mnt":                  "+ live mounts:",
	} {
		before := h.Snapshot(t)
		expect(t, h, change, 0, "")
		if d := before.Diff(h.Snapshot(t)); !strings.Contains(d, want) {
			t.Errorf("%s\nwant %q in:\n%s", change, want, d)
		}
	}
}
