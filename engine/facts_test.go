package engine_test

import (
	"context"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestFacts gathers the facts of hosts of every kind, under every shell, and
// finds nothing changed on them.
func TestFacts(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		name                        string
		o                           fakehost.Options
		manager, platform, firewall string
		network                     tasks.Network
	}{
		{name: "debian", o: fakehost.Options{}, manager: "apt-get", platform: "debian", network: tasks.Ifupdown},
		{name: "debian networkd", o: fakehost.Options{NetworkManager: "networkd"}, manager: "apt-get", platform: "debian", network: tasks.Networkd},
		{name: "debian netplan", o: fakehost.Options{NetworkManager: "netplan"}, manager: "apt-get", platform: "debian", network: tasks.Networkd},
		{name: "debian NetworkManager", o: fakehost.Options{NetworkManager: "NetworkManager", Firewalld: true}, manager: "apt-get", platform: "debian", firewall: "firewalld", network: tasks.NetworkManager},
		{name: "debian none", o: fakehost.Options{NetworkManager: "none"}, manager: "apt-get", platform: "debian", network: tasks.NoNetwork},
		{name: "el7", o: fakehost.Options{Kind: fakehost.EL, Firewalld: true}, manager: "yum", platform: "el (yum)", firewall: "firewalld", network: tasks.NetworkScripts},
		{name: "el8", o: fakehost.Options{Kind: fakehost.EL, Version: "8"}, manager: "dnf", platform: "el (dnf)", network: tasks.NetworkManager},
		{name: "el9", o: fakehost.Options{Kind: fakehost.EL, Version: "9"}, manager: "dnf", platform: "el (dnf)", network: tasks.NetworkManager},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.o.Shell = fakehost.Shells()[i%3]
			c.o.Interfaces = []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24", "192.168.1.21/32"}}, {Name: "ens37"}}
			c.o.Gateway = "192.168.1.1"
			h := fakehost.New(t, c.o)
			sh(t, h, `while ip -o link show up | grep NO-CARRIER; do sleep 0.02; done
mkdir -p /var/lib/lvsdeploy/shop /srv/www; printf 'file /a b\nunit x\n' >/var/lib/lvsdeploy/shop/manifest; echo page >'/srv/www/a page.html'; echo theirs >/srv/www/theirs; mkfifo /srv/www/pipe`)
			if c.name == "debian netplan" { // an empty directory is nobody's; a file is netplan's
				sh(t, h, "echo network: >/etc/netplan/01.yaml")
				c.network = tasks.Netplan
			}
			before := h.Snapshot(t)
			ask := engine.Ask{Cluster: "shop", Files: []string{"/srv/www/a page.html", "/srv/www/none", "/srv/www", "/srv/www/pipe"}}
			f, err := engine.Gather(t.Context(), fakerun.Host{Host: h}, ask)
			if err != nil {
				t.Fatal(err)
			}
			if diff := before.Diff(h.Snapshot(t)); diff != "" || h.Mutations() != nil && c.o.Firewalld == false {
				t.Errorf("gathering changed the host:\n%s%q", diff, h.Mutations())
			}
			p, err := tasks.PlatformOf(*f)
			if err != nil || p.Name != c.platform || f.PackageManager != c.manager || f.Network != c.network || f.Firewall != c.firewall || f.SELinux != "" {
				t.Errorf("platform %q (%v), manager %q, network %q, firewall %q, SELinux %q", p.Name, err, f.PackageManager, f.Network, f.Firewall, f.SELinux)
			}
			if !f.Systemd || f.UID != 0 || f.DiskFree != -1 || f.Clock != 0 || !strings.Contains(f.Shell, "/") {
				t.Errorf("systemd %v, uid %d, disk %d, clock %d, shell %q", f.Systemd, f.UID, f.DiskFree, f.Clock, f.Shell)
			}
			i := slices.IndexFunc(f.Interfaces, func(i tasks.Interface) bool { return i.Name == "ens33" })
			want := []netip.Prefix{netip.MustParsePrefix("192.168.1.20/24"), netip.MustParsePrefix("192.168.1.21/32")}
			if len(f.Interfaces) != 3 || i < 0 || !slices.Equal(f.Interfaces[i].Addresses, want) {
				t.Errorf("interfaces %v", f.Interfaces)
			}
			if !slices.Equal(f.Manifest, []string{"file /a b", "unit x"}) || len(f.Sums) != 1 || len(f.Sums["/srv/www/a page.html"]) != 64 {
				t.Errorf("manifest %q, sums %q", f.Manifest, f.Sums)
			}
			// where the cluster is not deployed, what packages need is asked too
			ask.Cluster = "new"
			f, err = engine.Gather(t.Context(), fakerun.Host{Host: h}, ask)
			if err != nil || f.DiskFree < 1 || time.Since(time.Unix(f.Clock, 0)).Abs() > time.Minute || f.Manifest != nil {
				t.Errorf("%v: disk %d, clock %d, manifest %q", err, f.DiskFree, f.Clock, f.Manifest)
			}
		})
	}
}

// TestFactsIncomplete: an answer that was cut short is no answer.
func TestFactsIncomplete(t *testing.T) {
	t.Parallel()
	h := host(t, "web1", fakehost.Dash)
	for edit, want := range map[string]string{"exit 0": "the answer is incomplete", "echo gone >&2; exit 3": "gone"} {
		cut := fakerun.Host{Host: h, Edit: func(p string) string {
			return strings.Replace(p, "network=$(ip -batch ", edit+"\nnetwork=$(ip -batch ", 1)
		}}
		if f, err := engine.Gather(t.Context(), cut, engine.Ask{Cluster: "shop"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %+v, %v; want an error with %q", edit, f, err, want)
		}
	}
}

// TestHalfAProgram: of a program that is cut short on its way, under any shell,
// nothing is done.
func TestHalfAProgram(t *testing.T) {
	t.Parallel()
	for _, shell := range fakehost.Shells() {
		h := host(t, "web1", shell)
		before := h.Snapshot(t)
		whole := engine.Compile(fakerun.One("web1", flag("a")), "web1", engine.Heading{Cluster: "shop", Nonce: "@n"}, false).Text
		brace := len(strconv.Itoa(len(whole))+"\n") + len(whole) - len("}\n") // where the last one is in what is sent
		for _, n := range []int{1, brace / 2, strings.Index(whole, "\nbegin\n") + 10, brace - 5, brace} {
			asked, err := engine.Examine(t.Context(), cut{fakerun.Host{Host: h}, n}, engine.Ask{Cluster: "shop"})
			if err != nil {
				t.Fatal(err)
			}
			session, err := asked.Start(t.Context(), whole)
			if err != nil {
				t.Fatal(err)
			}
			if out, err := io.ReadAll(session.Stdout); len(out) > 0 || err != nil {
				t.Errorf("%s: %d of %d bytes say %q, %v", shell, n, len(whole), out, err)
			}
			_ = session.Wait() // some shells call it a mistake
		}
		if diff := before.Diff(h.Snapshot(t)); diff != "" {
			t.Errorf("%s: it changed\n%s", shell, diff)
		}
		asked, err := engine.Examine(t.Context(), cut{fakerun.Host{Host: h}, brace + 1}, engine.Ask{Cluster: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		session, err := asked.Start(t.Context(), whole)
		if err != nil {
			t.Fatal(err)
		}
		if out, _ := io.ReadAll(session.Stdout); !strings.Contains(string(out), "@n ") {
			t.Errorf("%s: with its last brace it says %q", shell, out)
		}
		_ = session.Wait()
	}
}

// cut is a host that is cut off after n bytes of what comes after its facts.
type cut struct {
	engine.Host
	n int
}

func (c cut) Start(ctx context.Context, program string) (*engine.Session, error) {
	s, err := c.Host.Start(ctx, program)
	if err == nil {
		s.Stdin = cutWriter{s.Stdin, c.n}
	}
	return s, err
}

type cutWriter struct {
	io.WriteCloser
	n int
}

func (w cutWriter) Write(p []byte) (int, error) {
	if _, err := w.WriteCloser.Write(p[:w.n]); err != nil {
		return 0, err
	}
	return len(p), w.Close()
}

// TestFactsOfRules: policy routing is told, with where answers go then.
func TestFactsOfRules(t *testing.T) {
	t.Parallel()
	h := fakehost.New(t, fakehost.Options{Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}}})
	sh(t, h, "while ip -o link show up | grep NO-CARRIER; do sleep 0.02; done; ip route add default via 192.168.1.10 dev ens33")
	address := netip.MustParseAddr("192.168.1.20")
	f, err := engine.Gather(t.Context(), fakerun.Host{Host: h}, engine.Ask{Cluster: "shop"})
	if err != nil || f.Rules != nil || f.Ways != nil {
		t.Errorf("without rules: %v, %q, %q", err, f.Rules, f.Ways)
	}
	sh(t, h, "ip route add default via 192.168.1.254 dev ens33 table 100; ip rule add from 192.168.1.0/24 lookup 100 priority 50")
	f, err = engine.Gather(t.Context(), fakerun.Host{Host: h}, engine.Ask{Cluster: "shop"})
	if err != nil || len(f.Rules) != 1 || !strings.Contains(f.Rules[0], "lookup 100") || !strings.Contains(f.Ways[address], "via 192.168.1.254") || !strings.Contains(f.Ways[address], "table 100") {
		t.Errorf("%v: rules %q, ways %q", err, f.Rules, f.Ways)
	}
}
