package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/report"
)

// A dry run on bare machines changes nothing, and names as would-change or
// pending exactly what the next run then changes; after that neither finds
// anything to do, and not even a file's mtime moves.
func TestDryRunTellsTheTruth(t *testing.T) {
	for i, m := range mixes() {
		if i != 2 && !*full {
			t.Log("short form: one mix of both platforms and three shells, to which -full adds the others")
			continue
		}
		t.Run(fmt.Sprint("mix ", i), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, m, "")
			dir := f.inventory(websTOML, siteTOML)
			write(t, filepath.Join(dir, "www/index.html"), "the site\n")
			write(t, filepath.Join(dir, "www/css/a b.css"), "body {}\n")
			read := func(r result, want report.Exit) events {
				t.Helper()
				e, err := readEvents(r.out)
				if err != nil {
					t.Fatal(err)
				}
				if report.Exit(*e.last.Exit) != want {
					t.Errorf("the summary says exit %d, want %d", *e.last.Exit, want)
				}
				return e
			}

			bare := f.snapshots(t)
			check := read(f.deploy(dir, report.WouldChange, "nat", "--check", "--diff", "--json"), report.WouldChange)
			if d := f.diff(bare, f.snapshots(t)); d != "" {
				t.Errorf("the dry run changed %s", d)
			}
			said := check.with("would-change", "pending")
			run := read(f.deploy(dir, report.Done, "nat", "--json"), report.Done)
			if d := cmp.Diff(run.with("changed"), said); d != "" {
				t.Errorf("changed (-), said to change by --check (+):\n%s", d)
			}
			if len(said) < 30 || len(check.with("failed")) > 0 {
				t.Errorf("%d tasks to do, failed: %q", len(said), check.with("failed"))
			}

			done := f.snapshots(t)
			for _, m := range f.hosts {
				if err := m.ForgetMutations(); err != nil {
					t.Fatal(err)
				}
			}
			again := read(f.deploy(dir, report.Done, "nat", "--json"), report.Done)
			after := read(f.deploy(dir, report.Done, "nat", "--check", "--diff", "--json"), report.Done)
			for _, e := range []events{again, after} {
				if n := len(e.with("ok")); n != len(e.tasks) || n != len(run.tasks) {
					t.Errorf("of %d tasks %d are ok; others: %q", len(e.tasks), n, e.with(statuses[1:]...))
				}
			}
			if d := f.diff(done, f.snapshots(t)); d != "" {
				t.Errorf("a second run moved %s", d)
			}
			for _, name := range f.order {
				if got := slices.Concat(f.hosts[name].Mutations(), f.hosts[name].Violations()); len(got) > 0 {
					t.Errorf("a second run on %s: %q", name, got)
				}
			}
		})
	}
}

const siteTOML = `[[nfs.export]]
path = "/srv/site"
site = "./www"
`

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
