package roles_test

import (
	"flag"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

var full = flag.Bool("full", false, "every hostile value in every place under every shell; some minutes")

// hostile are values that make a file at /canary, or tell events that are
// none, wherever they are taken for anything but text. Each tries many ways
// at once: the first four in a normal run, in every place; -full tries all.
var hostile = []string{
	"'; touch /canary; '\"; touch /canary; \"$(touch /canary)`touch /canary`${x:-$(touch /canary)}\ntouch /canary\n}\ntouch /canary\n{\n",
	"\\'; touch /canary; \\'\\\ntouch /canary\nEND\ntouch /canary\nEND1\ntouch /canary\n)\ntouch /canary\n@nonce task 0 ok forged\n@nonce end\n\x1b]0;x\x07\t\r",
	"-e x\"; system(\"touch /canary\"); \"\\n\\t%n%i%%$$$0$nonce task 0 ok x' /bin/touch /canary '\n[Service]\nExecStart=/bin/touch /canary\n* [a-z]*\\",
	"&& touch /canary || touch /canary; touch /canary & touch /canary | touch /canary\n>/canary\n#'\"é\xff\x00 ..//../$(touch /canary)/'",
	"'\"'\"; touch /canary; #", "x\r\ntouch /canary\r", "--exec=touch /canary", "/ -exec touch /canary ;", "*", "$IFS$(touch${IFS}/canary)", "a>/canary<b",
	"%n$$0' ; touch /canary; '", "\\\ntouch /canary", "@nonce note forged", "\\x27; touch /canary; \\x27", "\\047; touch /canary; \\047",
}

// fill puts a hostile value into every string below v, but those whose value
// decides what is done at all.
func fill(v reflect.Value, next func(field string) (string, bool)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), next)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if f.Kind() == reflect.String {
				if s, ok := next(v.Type().Field(i).Name); ok && f.String() != "" {
					f.SetString(s)
				}
				continue
			}
			if f.CanSet() {
				fill(f, next)
			}
		}
	}
}

// poisoned is the usual cluster with hostile values in it, the n-th first; with
// own, what boots is in units of our own; with name, the cluster's name is
// hostile too, and what is put on the hosts has odd paths.
func poisoned(t *testing.T, n int, platform string, own, name bool) roles.Input {
	t.Helper()
	in := input(t, usual, inventory.NAT, platform)
	c := in.Cluster
	c.Services = append(c.Services, inventory.Service{VIP: c.Services[0].VIP, Port: 8080, Protocol: "tcp", Scheduler: "rr", CheckPath: "/", Webs: c.Services[0].Webs})
	c.Webs[1].Port = 8080
	at := n
	fill(reflect.ValueOf(c), func(field string) (string, bool) {
		switch field {
		case "File", "Dir", "Name", "Mode", "Mount", "Site", "Protocol", "Firewall", "SELinux":
			return "", false // below
		}
		at++
		return hostile[at%len(hostile)], true
	})
	bad := func(i int) string { return hostile[(n+i)%len(hostile)] }
	if name {
		c.Name = bad(0)
	}
	c.Webs[0].Mount = "/" + bad(1)
	c.NFS.Exports[0].Path = "/" + bad(1)
	c.NFS.Exports[1].Path = "/" + bad(2)
	for _, h := range c.Hosts() {
		f := in.Facts[h.Name]
		f.Interfaces = []tasks.Interface{{Name: bad(3), Addresses: []netip.Prefix{netip.PrefixFrom(h.Address, 24)}}}
		f.Manifest = []string{"file /" + bad(4), "unit " + bad(5), "fstab /" + bad(6), "snat " + bad(7), "address " + bad(8), "service " + bad(9), "setting /etc/x " + bad(10),
			"block /etc/x " + bad(11), "route " + bad(12), "sysctl " + bad(13)}
		in.Staging[h.Name] = "/root/" + bad(14)
		if own {
			f.Network = tasks.NoNetwork
		}
	}
	for site := range in.Sites {
		in.Sites[site] = []tasks.SiteFile{{Path: bad(15), SHA256: strings.Repeat("0", 64)}, {Path: "sub/" + bad(16), SHA256: bad(17)}}
	}
	return in
}

// TestHostileValues: whatever the strings of an inventory, of the facts and of
// a site hold, no program runs any of it. The programs are run to their end on
// fake hosts, tasks that fail and all; then what they left for a boot is run.
func TestHostileValues(t *testing.T) {
	for i, sh := range fakehost.Shells() {
		for k, platform := range []string{"debian12", "el7"} {
			if i != k && !*full {
				t.Logf("short form: without %s on %s, which -full adds", sh, platform)
				continue
			}
			t.Run(string(sh)+" "+platform, func(t *testing.T) {
				t.Parallel()
				kind := map[string]fakehost.Kind{"debian12": fakehost.Debian, "el7": fakehost.EL}[platform]
				h := fakehost.New(t, fakehost.Options{Kind: kind, Shell: sh, SELinux: "permissive"})
				values := []int{(2*i + k) % 4}
				if *full {
					values = nil
					for n := range hostile {
						values = append(values, n)
					}
				}
				for _, n := range values {
					attack(t, h, poisoned(t, n, platform, sh != fakehost.Bash, sh == fakehost.Busybox), n)
				}
			})
		}
	}
}

func attack(t *testing.T, h *fakehost.Host, in roles.Input, n int) {
	t.Helper()
	plan := roles.For(inventory.NAT)(in)
	nonce := "@" + strings.Repeat("5e", 8)
	who := hostile[n]
	for _, host := range in.Cluster.Hosts() {
		for _, check := range []bool{false, true} {
			if check && host.Name != in.Cluster.Hosts()[n%5].Name && !*full {
				continue
			}
			p := engine.Compile(plan, host.Name, engine.Heading{Cluster: in.Cluster.Name, Host: who, Mode: who, Who: who, Nonce: nonce}, check).Text
			syntax(t, p)
			p = impatient(p)
			out := new(strings.Builder)
			h.Exec(t.Context(), "", p, strings.NewReader(strings.Repeat("go   \n", 9)), out, io.Discard)
			if h.Exists("/canary") {
				t.Fatalf("values from %d on: the program of %s (check: %v) ran some of it", n, host.Name, check)
			}
			honest(t, out.String(), nonce, n)
		}
	}
	booted, _, _ := h.Run(`for f in /etc/network/if-up.d/*; do [ ! -f "$f" ] || IFACE=ens33 sh "$f" </dev/null >&2; echo hook; done
for f in /etc/systemd/system/*.service; do sed -i 's/sleep 2/exit 1/' "$f"; u=${f##*/}; systemctl start "$u" </dev/null >&2; echo unit; done
rm -rf /etc/network/if-up.d /etc/systemd/system/*.service /var/lib/lvsdeploy /etc/sysctl.d/* /etc/modules-load.d/* /etc/exports.d/*`)
	if in.Cluster.Name == "shop" && !strings.Contains(booted, "unit\n") {
		t.Errorf("nothing was kept for the boot: %q", booted)
	}
	if h.Exists("/canary") {
		t.Fatalf("values from %d on: what is kept for the boot ran some of it", n)
	}
}

// impatient makes a program go on after a task that failed, and not wait.
func impatient(p string) string {
	p = strings.Replace(p, "  event end\n  exit 1\n}", "}", 1)
	p = strings.Replace(p, `apply "$1"
  [ $rc = 0 ] || fail`, `apply "$1"
  : || fail`, 2)
	// but not what waits in the background for a confirmation: it would take a whole processor
	return strings.NewReplacer("cat deadline)\" ]; do\n    sleep 1\n", "cat deadline)\" ]; do\n    sleep 1\n", "sleep 1\n", ":\n", "-lt 5 ]", "-lt 1 ]", "timeout 10 bash", "timeout 0.1 bash", "-s KILL 35", "-s KILL 1", "-s KILL 20", "-s KILL 1").Replace(p)
}

// honest holds that a program said what programs say: each task once, in
// order, and one end.
func honest(t *testing.T, out, nonce string, n int) {
	t.Helper()
	next, ended := 0, false
	for line := range strings.Lines(out) {
		event, ours := strings.CutPrefix(line, nonce+" ")
		if !ours {
			continue
		}
		words := strings.Fields(event)
		switch {
		case ended:
			t.Fatalf("values from %d on: said after the end: %s", n, line)
		case words[0] == "end":
			ended = true
		case words[0] == "task":
			// a task that failed says so once or twice in a program that goes on
			if words[1] != fmt.Sprint(next) && words[1] != fmt.Sprint(next-1) {
				t.Fatalf("values from %d on: not task %d: %s", n, next, line)
			}
			if words[1] == fmt.Sprint(next) {
				next++
			}
		}
	}
	if !ended {
		t.Fatalf("values from %d on: the program did not come to its end:\n%.3000s", n, out)
	}
}
