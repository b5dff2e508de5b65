package roles_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// fit are hosts on which nothing is wrong.
func fit(t *testing.T, source string) (roles.Input, time.Time) {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := input(t, source, inventory.NAT, "debian12")
	for name, f := range in.Facts {
		f.UID, f.Clock, f.DiskFree = 0, now.Unix(), 1<<20
		if name == "director" {
			f.Interfaces = append(f.Interfaces, tasks.Interface{Name: "ens37"})
		}
	}
	return in, now
}

func TestPreflight(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(roles.Input, *tasks.Facts) // of web-index
		want []string
	}{
		{"fit", func(roles.Input, *tasks.Facts) {}, nil},
		{"not reached", func(in roles.Input, _ *tasks.Facts) { delete(in.Facts, "web-index") }, nil},
		{"not root", func(_ roles.Input, f *tasks.Facts) { f.UID = 1000 }, []string{"the login is not root and sudo is not asked for"}},
		{"unknown system", func(_ roles.Input, f *tasks.Facts) {
			f.OS, f.PackageManager = tasks.OS{ID: "alpine", Pretty: "Alpine Linux v3.20"}, ""
		},
			[]string{"tell how to manage this system: found Alpine Linux v3.20 with no known package manager; known are the Red Hat family with dnf or yum and the Debian family with apt-get"}},
		{"no os-release", func(_ roles.Input, f *tasks.Facts) { f.OS = tasks.OS{} },
			[]string{"tell how to manage this system: found no os-release with apt-get; known are the Red Hat family with dnf or yum and the Debian family with apt-get"}},
		{"no systemd", func(_ roles.Input, f *tasks.Facts) { f.Systemd = false }, []string{"systemd does not run there"}},
		{"clock behind", func(_ roles.Input, f *tasks.Facts) { f.Clock -= 3600 }, []string{"its clock is off by -1h0m0s"}},
		{"clock ahead", func(_ roles.Input, f *tasks.Facts) { f.Clock += 601 }, []string{"its clock is off by 10m1s"}},
		{"clock behind by days", func(_ roles.Input, f *tasks.Facts) { f.Clock -= 3*86400 + 4000 }, []string{"its clock is off by -3 days"}},
		{"clock ahead by most of two years", func(_ roles.Input, f *tasks.Facts) { f.Clock += 700 * 86400 }, []string{"its clock is off by 700 days"}},
		{"clock of a flat battery", func(_ roles.Input, f *tasks.Facts) { f.Clock -= 56 * 31557600 }, []string{"its clock is off by -56 years"}},
		{"clock ahead by years", func(_ roles.Input, f *tasks.Facts) { f.Clock += 12*31557600 - 5000 }, []string{"its clock is off by 12 years"}},
		{"clock just good enough", func(_ roles.Input, f *tasks.Facts) { f.Clock += 600 }, nil},
		{"disk full", func(_ roles.Input, f *tasks.Facts) { f.DiskFree = 7<<10 + 1 }, []string{"only 7 MiB are free below /var"}},
		{"firewall to be managed", func(_ roles.Input, f *tasks.Facts) { f.Firewall = "firewalld" }, nil},
		{"unknown firewall", func(_ roles.Input, f *tasks.Facts) { f.Firewall = "shorewall" }, []string{"shorewall is running, and is not known here"}},
		{"firewall to be stopped", func(in roles.Input, f *tasks.Facts) { in.Cluster.Policy.Firewall, f.Firewall = "disable", "ufw" }, nil},
		{"firewall left", func(in roles.Input, f *tasks.Facts) { in.Cluster.Policy.Firewall, f.Firewall = "leave", "ufw" }, nil},
		{"rules that change nothing", func(_ roles.Input, f *tasks.Facts) {
			f.Rules, f.Ways = []string{"50: from all fwmark 0x1 lookup 100"}, map[netip.Addr]string{netip.MustParseAddr("192.168.1.30"): "198.51.100.1 from 192.168.1.30 via 192.168.1.1 dev ens33 uid 0"}
		}, nil},
		{"a rule that gives answers to the director", func(_ roles.Input, f *tasks.Facts) {
			f.Rules, f.Ways = []string{"50: from 192.168.1.0/24 lookup 100"}, map[netip.Addr]string{netip.MustParseAddr("192.168.1.30"): "198.51.100.1 from 192.168.1.30 via 192.168.1.10 dev ens33 table 100 uid 0"}
		}, nil},
		{"a rule that sends answers elsewhere", func(_ roles.Input, f *tasks.Facts) {
			f.Rules, f.Ways = []string{"49: from all lookup 10", "50: from 192.168.1.0/24 lookup 100"}, map[netip.Addr]string{netip.MustParseAddr("192.168.1.30"): "198.51.100.1 from 192.168.1.30 via 192.168.1.254 dev ens33 table 100 uid 0"}
		}, []string{"answers from 192.168.1.30 do not leave through the director, but by table 100 (rule 50: from 192.168.1.0/24 lookup 100)"}},
		{"no such interface", func(_ roles.Input, f *tasks.Facts) { f.Interfaces[0].Name = "eth0" }, []string{"it has no interface ens33 (it has eth0)"}},
		{"address elsewhere", func(_ roles.Input, f *tasks.Facts) {
			f.Interfaces = []tasks.Interface{{Name: "lo"}, {Name: "ens33"}, {Name: "ens37", Addresses: f.Interfaces[0].Addresses}}
		}, []string{"192.168.1.30 is not on its interface ens33 (is this the host you mean? it has 192.168.1.30 on ens37)"}},
		{"another host", func(in roles.Input, f *tasks.Facts) {
			in.Cluster.Webs[1].Interface = ""
			f.Interfaces[0].Addresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")}
		}, []string{"none of its interfaces has 192.168.1.30 (is this the host you mean? it has 10.0.0.1 on ens33)"}},
		{"several at once", func(_ roles.Input, f *tasks.Facts) { f.UID, f.Systemd, f.Interfaces = 1, false, nil },
			[]string{"the login is not root and sudo is not asked for", "systemd does not run there", "it has no interface ens33 (it has none but lo)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, now := fit(t, usual)
			c.make(in, in.Facts["web-index"])
			var got []string
			for _, p := range roles.Preflight(in, now) {
				text, ours := strings.CutPrefix(p.Error(), "cannot use web-index: ")
				if !ours {
					t.Errorf("said of another host: %v", p)
				}
				if strings.Contains(p.Hint, "it has ") {
					text += " (" + p.Hint + ")"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	in, now := fit(t, usual)
	in.Facts["director"].Interfaces = in.Facts["director"].Interfaces[:1]
	if p := roles.Preflight(in, now); len(p) != 1 || p[0].Text != "it has no interface ens37" {
		t.Errorf("a director without its second card: %v", p)
	}
}

// TestPreflightDR: what direct routing needs of the hosts beside.
func TestPreflightDR(t *testing.T) {
	vip, director := netip.MustParseAddr("192.168.1.48"), netip.MustParseAddr("192.168.1.40")
	for _, c := range []struct {
		name string
		make func(director, web *tasks.Facts)
		want string
	}{
		{"fit", func(_, _ *tasks.Facts) {}, ""},
		{"VIP in use", func(d, _ *tasks.Facts) { d.Answers = map[netip.Addr]string{vip: "02:00:00:00:00:01"} },
			"cannot use director: another machine answers for the VIP 192.168.1.48: 02:00:00:00:00:01"},
		{"director is the gateway", func(_, w *tasks.Facts) { w.Gateway = director }, "cannot use web-index: its default route is the director, 192.168.1.40"},
		{"director was our gateway", func(_, w *tasks.Facts) {
			w.Gateway, w.Manifest = director, []string{"default-route ens33 192.168.1.40"}
		}, ""},
		{"a router between", func(_, w *tasks.Facts) {
			w.Interfaces[0].Addresses = []netip.Prefix{netip.MustParsePrefix("192.168.1.30/29")}
		}, "cannot use web-index: the director, 192.168.1.40, is not on its network 192.168.1.24/29"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			in := input(t, direct, inventory.DR, "debian12")
			for _, f := range in.Facts {
				f.Clock, f.DiskFree = now.Unix(), 1<<20
			}
			c.make(in.Facts["director"], in.Facts["web-index"])
			var got []string
			for _, p := range roles.Preflight(in, now) {
				got = append(got, p.Error())
			}
			if text := strings.Join(got, "\n"); text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
}

// TestLeftovers: what an earlier run put on a host leaves it when no task of
// the plan owns it any more.
func TestLeftovers(t *testing.T) {
	const none = ""
	for entry, want := range map[string]string{
		"file /etc/old.conf":                         "remove /etc/old.conf",
		"unit old.service":                           "remove unit old.service",
		"fstab /mnt/old":                             "unmount /mnt/old",
		"address ens33 10.0.0.1/24":                  "remove 10.0.0.1/24 from ens33",
		"page /var/www/html/old page.html":           "remove /var/www/html/old page.html",
		"file /var/www/html/index.html":              none,                              // owned by the plan
		"service -t 12.0.0.9:80":                     "drain and remove -t 12.0.0.9:80", // it was a director
		"module ip_vs":                               "unload kernel module ip_vs",
		"daemon nfs-server":                          "leave nfs-server as it was",
		"packages":                                   none, // stay
		"something from a later version":             none,
		"rule nat POSTROUTING -s 10.0.0.0/8 -j SNAT": "remove rule nat POSTROUTING -s 10.0.0.0/8 -j SNAT",
	} {
		in, _ := fit(t, usual)
		in.Facts["web-index"].Manifest = []string{entry}
		plan := roles.NAT(in)
		last := plan[len(plan)-1]
		var got string
		if last.Name == "clean up" {
			got = last.Hosts[0].Tasks[0].Name
			if last.Hosts[0].Host != "web-index" || len(last.Hosts) != 1 || len(last.After) != len(plan)-1 {
				t.Errorf("%q is taken away wrongly: %+v", entry, last)
			}
		}
		if got != want {
			t.Errorf("%q leaves %q, want %q", entry, got, want)
		}
	}
	// a page under a mount that has come meanwhile is the NFS server's
	in, _ := fit(t, usual)
	in.Facts["web-mount"].Manifest = []string{"file /var/www/html/index.html"}
	plan := roles.NAT(in)
	if last := plan[len(plan)-1].Hosts[0].Tasks; len(last) != 1 || !last[0].IsProof() || !slices.Contains(last[0].Owns, "file /var/www/html/index.html") {
		t.Errorf("a page of the NFS server would be removed, or ours forgotten: %+v", last)
	}
}

// TestFirewallStaysStopped: one that an earlier run has stopped is not found
// running any more, and is not to be started by the next run.
func TestFirewallStaysStopped(t *testing.T) {
	for policy, want := range map[string]string{"disable": "stop and disable firewalld", "leave": "leave firewalld as it was",
		"manage": "leave firewall firewalld: start it by hand to have it managed"} {
		in, _ := fit(t, usual)
		in.Cluster.Policy.Firewall = policy
		in.Facts["web-index"].Manifest = []string{"firewall firewalld"}
		var got []string
		for _, s := range roles.NAT(in) {
			for _, hp := range s.Hosts {
				for _, task := range hp.Tasks {
					if strings.Contains(task.Name, "firewalld") {
						got = append(got, task.Name)
					}
				}
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", policy, got, want)
		}
	}
}

// TestEverythingOwnedCanGo: whatever a plan puts on a host, there is a task
// that takes it away.
func TestEverythingOwnedCanGo(t *testing.T) {
	kinds := map[string]bool{}
	for _, g := range goldens() {
		_, plan := g.plan(t)
		for _, s := range plan {
			for _, hp := range s.Hosts {
				for _, task := range hp.Tasks {
					for _, entry := range task.Owns {
						kind, _, _ := strings.Cut(entry, " ")
						kinds[kind] = true
						if gone, _ := tasks.Leftovers([]string{entry}, []string{entry}, 0); len(gone) != 1 && kind != "packages" {
							t.Errorf("%q owns %q, which nothing takes away", task.Name, entry)
						}
					}
				}
			}
		}
	}
	if len(kinds) < 15 {
		t.Errorf("only %d kinds of entries were seen", len(kinds))
	}
}

// TestPreflightMask: of one address with two masks one is wrong.
func TestPreflightMask(t *testing.T) {
	boot := &tasks.Boot{Files: []tasks.BootFile{{Path: "/etc/sysconfig/network-scripts/ifcfg-wan", Lines: []string{"DEVICE=ens37", "IPADDR=12.0.0.1", "NETMASK=255.0.0.0"}}}}
	for _, c := range []struct {
		name, live, want string
		boot             *tasks.Boot
	}{
		{name: "now", live: "12.0.0.1/8", want: "ens37 has 12.0.0.1/8 (now), and the inventory says 12.0.0.1/24"},
		{name: "at boot", live: "12.0.0.1/24", boot: boot, want: "ens37 has 12.0.0.1/8 (/etc/sysconfig/network-scripts/ifcfg-wan), and the inventory says 12.0.0.1/24"},
		{name: "the same", live: "12.0.0.1/24"},
		{name: "another address", live: "12.0.0.11/8"},
	} {
		in, now := fit(t, usual)
		d := in.Facts["director"]
		d.Interfaces[len(d.Interfaces)-1].Addresses = []netip.Prefix{netip.MustParsePrefix(c.live)}
		d.Network, d.Boot = tasks.NetworkScripts, c.boot
		var got []string
		for _, p := range roles.Preflight(in, now) {
			got = append(got, p.Text)
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
