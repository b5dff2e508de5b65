package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// What render writes is the deployment: its programs, run by hand on a
// terminal where Enter passes a barrier, leave the machines as a run does, and
// a run after them finds nothing to do.
func TestRenderedProgramsByHand(t *testing.T) {
	long(t)
	t.Parallel()
	deployed := newFleet(t, "", "")
	dir := deployed.inventory(websTOML, "")
	deployed.deploy(dir, report.Done, "nat")

	byHand := newFleet(t, "", "")
	out := filepath.Join(t.TempDir(), "out")
	byHand.deploy(dir, report.Done, "render", "nat", "-o", out, "--platform", "debian12")
	for _, name := range []string{"nfs", "web1", "web2", "director"} { // the order of the stages
		text, err := os.ReadFile(filepath.Join(out, name, "program.sh"))
		if err != nil {
			t.Fatal(err)
		}
		m := byHand.hosts[name]
		if err := m.WriteFile("/root/program.sh", text, 0o600); err != nil {
			t.Fatal(err)
		}
		master, slave := openPTY(t)
		if _, err := master.WriteString("\n\n\n\n"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var said strings.Builder
		p, err := m.Start(ctx, "", "sh program.sh; s=$?; rm program.sh; exit $s", slave, &said, &said)
		if err != nil {
			t.Fatal(err)
		}
		if code, err := p.Wait(); code != 0 || err != nil || strings.Contains(said.String(), "failed") {
			t.Fatalf("by hand on %s: exit %d, %v\n%s", name, code, err, said.String())
		}
	}
	a, b := timeless(deployed.snapshots(t)), timeless(byHand.snapshots(t))
	if d := deployed.diff(a, b); d != "" {
		t.Errorf("by hand it comes out otherwise: %s", d)
	}
	if r := byHand.deploy(dir, report.Done, "nat"); !strings.Contains(r.out, " 0 changed, 0 failed") {
		t.Errorf("a run after it: %s", r.out)
	}
}

// timeless leaves out when files were written, and /run, where process
// numbers are.
func timeless(all map[string]fakehost.Snapshot) map[string]fakehost.Snapshot {
	for name, s := range all {
		all[name] = s.Without("/run", "/var/lib/fakehost/active").Timeless()
	}
	return all
}

// The tree that render writes, for a cluster with everything in it.
func TestRenderedTree(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "hosts.toml"), clusterTOML+websTOML+siteTOML)
	write(t, filepath.Join(dir, "www/index.html"), "the site\n")
	f := &fleet{t: t, home: t.TempDir()}
	golden := filepath.Join("testdata", "render.golden")
	var got strings.Builder
	for _, platform := range []string{"el7", "debian12"} {
		f.deploy(dir, report.Done, "render", "nat", "-o", platform, "--platform", platform)
		var files []string
		err := filepath.WalkDir(filepath.Join(dir, platform), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				path, err = filepath.Rel(dir, path)
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(files)
		got.WriteString(strings.Join(files, "\n") + "\n")
	}
	if *update {
		write(t, golden, got.String())
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("the tree (-golden +now; -update writes it anew):\n%s", d)
	}
}
