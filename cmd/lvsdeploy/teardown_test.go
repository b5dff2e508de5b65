package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// drTOML has the same machines form a DR cluster; its service is on a VIP of
// the LAN.
func drTOML() string {
	dr := strings.NewReplacer(`mode    = "nat"`, `mode    = "dr"`, "wan_interface = \"ens37\"\n", "", "wan_address   = \"12.0.0.1/24\"\n", "",
		"[[service]]\n", "[[service]]\nvip = \"192.168.1.48\"\n", "port      = 8080\n", "").Replace(clusterTOML + websTOML)
	return dr
}

// TestTeardown goes from NAT to DR and back, and takes everything away: each
// mode leaves nothing in the other, and in the end the machines are what they
// were before the first run.
func TestTeardown(t *testing.T) {
	long(t)
	for i, m := range mixes() {
		t.Run(fmt.Sprint("mix ", i), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, m, "")
			nat := f.inventory(websTOML, siteTOML)
			dr := f.t.TempDir()
			write(t, filepath.Join(dr, "hosts.toml"), drTOML())
			for _, dir := range []string{nat, dr} {
				write(t, filepath.Join(dir, "www/index.html"), "the site\n")
			}
			// apt-get update is no part of the cluster
			bare := without(timeless(f.snapshots(t)), lists)
			none := f.deploy(nat, report.Done, "teardown", "--yes")
			if d := f.diff(bare, without(timeless(f.snapshots(t)), lists)); d != "" {
				t.Errorf("a teardown of nothing changed %s\n%s", d, none.out)
			}

			f.deploy(nat, report.Done, "nat")
			f.thereAndBack(nat, dr)

			said, err := readEvents(f.deploy(nat, report.WouldChange, "teardown", "--purge-packages", "--check", "--json").out)
			if err != nil {
				t.Fatal(err)
			}
			done, err := readEvents(f.deploy(nat, report.Done, "teardown", "--yes", "--purge-packages", "--json").out)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(done.with("changed"), said.with("would-change", "pending")); d != "" {
				t.Errorf("changed (-), said to change by --check (+):\n%s", d)
			}
			if d := f.diff(bare, without(timeless(f.snapshots(t)), lists)); d != "" {
				t.Errorf("the teardown left %s", d)
			}
			f.deploy(nat, report.Done, "teardown", "--check")
		})
	}
}

// thereAndBack goes from a deployed NAT cluster to DR and back.
func (f *fleet) thereAndBack(nat, dr string) {
	first := without(timeless(f.snapshots(f.t)), unordered)
	f.deploy(dr, report.Done, "dr")
	f.deploy(dr, report.Done, "dr", "--check")
	for _, name := range f.order {
		for what := range f.hosts[name].Snapshot(f.t) {
			if strings.Contains(what, "12.0.0.1") || strings.Contains(what, "gateway") || strings.Contains(what, "snat") {
				f.t.Errorf("%s has something of NAT's in DR: %s", name, what)
			}
		}
	}
	f.deploy(nat, report.Done, "nat")
	f.deploy(nat, report.Done, "nat", "--check")
	if d := f.diff(first, without(timeless(f.snapshots(f.t)), unordered)); d != "" {
		f.t.Errorf("after DR, NAT is not what it was: %s", d)
	}
}

const (
	// unordered is a list in the order in which files were first written.
	unordered = "/var/lib/lvsdeploy/shop/absent"
	// lists says that a host has lists of packages.
	lists = "/var/lib/fakehost/lists"
)

func without(all map[string]fakehost.Snapshot, file string) map[string]fakehost.Snapshot {
	for name, s := range all {
		all[name] = s.Without(file)
	}
	return all
}
