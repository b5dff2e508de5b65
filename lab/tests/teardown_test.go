//go:build lab

package tests

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// drOnLAN is the NAT lab's cluster as a DR cluster: the same machines, a VIP of
// the LAN.
func (b *bench) drOnLAN(t *testing.T) string {
	t.Helper()
	return b.inventory(t, "dr", `mode    = "nat"`, `mode    = "dr"`,
		"wan_interface = \"ens37\"\n", "", "wan_address   = \"12.0.0.1/24\"\n", "",
		`vip       = "12.0.0.1"`, `vip       = "192.168.1.48"`, "[client]\naddress = \"12.0.0.100\"\n", "")
}

func (b *bench) change(t *testing.T, inventory string, exit int, args ...string) *outcome {
	t.Helper()
	o := b.run(t, call{inventory: inventory, args: append(args, "--json"), bound: patience / 3})
	if o.exit != exit {
		t.Fatalf("exit %d, want %d\n%v", o.exit, exit, o)
	}
	return o
}

// modes goes from NAT to DR and back: NAT is then what it was.
func modes(b *bench, t *testing.T) {
	b.deploy(t)
	nat := b.snapshots(t, hosts...)
	dr := b.drOnLAN(t)
	b.deployed = false
	there := b.change(t, dr, 0, "dr")
	b.healthy(t, dr, drTenAndTen)
	b.change(t, dr, 0, "dr", "--check")
	b.direct = b.snapshots(t, hosts...)
	back := b.nat(t, 0)
	b.deployed = true
	b.healthy(t, "", tenAndTen)
	b.settled(t, "")
	same(t, ordered(nat), ordered(b.snapshots(t, hosts...)))
	b.claim(t, "to DR in %.1f s, %d tasks changed, and back to NAT in %.1f s, %d tasks: each verified, and NAT is what it was in %s",
		there.took.Seconds(), len(there.with("changed")), back.took.Seconds(), len(back.with("changed")), count(nat))
}

// teardown takes everything away: the machines are what they were before the
// first run. On these, a DR cluster is what it was when NAT came before it.
func teardown(b *bench, t *testing.T) {
	b.deploy(t)
	if b.bare == nil {
		t.Fatal("nobody has seen the machines bare")
	}
	predicted := b.change(t, "", 3, "teardown", "--purge-packages", "--check").with("would-change", "pending")
	o := b.change(t, "", 0, "teardown", "--yes", "--purge-packages")
	b.deployed = false
	if changed := o.with("changed"); !slices.Equal(changed, predicted) {
		t.Errorf("--check named other tasks than the run changed:\n%v\n%v", predicted, changed)
	}
	after := b.snapshots(t, hosts...)
	same(t, withoutResidue(b.bare), withoutResidue(after))
	b.claim(t, "torn down in %.1f s: of %s nothing differs from the first state but the package manager's own records", o.took.Seconds(), count(after))
	b.change(t, "", 0, "teardown", "--purge-packages", "--check")

	if b.direct == nil {
		return // the step that goes to DR and back was left out
	}
	dr := b.drOnLAN(t)
	b.change(t, dr, 0, "dr")
	b.healthy(t, dr, drTenAndTen)
	fresh := b.snapshots(t, hosts...)
	same(t, withoutResidue(b.direct), withoutResidue(fresh))
	b.claim(t, "DR on machines without a past is DR after NAT: %s compared", count(fresh))
	b.change(t, dr, 0, "teardown", "--yes")
}

// residue is what no purge takes away: the package manager's own records, users
// that packages have made, modules that programs have loaded and what these
// mount, what ip_vs draws from the memory that is free when it is loaded, ports
// that are drawn by lot.
var residue = regexp.MustCompile(`^(file |sum \S+  )(/var/lib/(dpkg|apt|ucf|lvsdeploy|nfs|systemd|polkit-1)[ /]|/var/cache/|/etc/(passwd|shadow|group|gshadow|subuid|subgid)-?( |$)|/etc/ld\.so\.cache|/etc/mtab)` +
	`|^module (bpfilter|iptable_|nf_|xt_|x_tables|ip_tables|ip_vs|auth_rpcgss|dns_resolver|fscache|netfs|grace|lockd|nfs|oid_registry|rpcsec_|sunrpc|autofs)` +
	`|^iptables ([*:]|COMMIT)|^active (run-rpc_pipefs\.mount|proc-fs-nfsd\.mount|nfs-blkmap\.service failed)|^mount (/run/rpc_pipefs|/proc/fs/nfsd) |^sysctl net\.ipv4\.vs\.sync_qlen_max |^listen |/\.sudo_as_admin_successful( |$)`)

// ordered leaves out a list that is in the order in which files were first
// written.
func ordered(all map[string]snapshot) map[string]snapshot {
	all = timeless(all)
	for h, lines := range all {
		all[h] = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "/var/lib/lvsdeploy/lab/absent") })
	}
	return all
}

func withoutResidue(all map[string]snapshot) map[string]snapshot {
	all = timeless(all)
	for h, lines := range all {
		all[h] = slices.DeleteFunc(lines, func(l string) bool {
			return residue.MatchString(l) || strings.HasPrefix(l, "file /var/log") || strings.HasPrefix(l, "file /var/tmp")
		})
	}
	return all
}
