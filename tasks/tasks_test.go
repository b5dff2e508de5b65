package tasks_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestEveryConstructorHasACase reads the package's source: a constructor of a
// Task that nobody tries fails here.
func TestEveryConstructorHasACase(t *testing.T) {
	tried := map[string]bool{"PackagesGone": true, "Forgotten": true, "Disowned": true, "Kept": true, // by TestTakenAway
		"Facts.KeepDefaultRoute": true, // by TestConfiguredHosts
		"SavedForOthers":         true} // by TestTwoClusters
	for _, c := range cases(platform(t, fakehost.Debian)) {
		tried[c.of] = true
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			name, is := constructor(d)
			if !is {
				continue
			}
			found++
			if !tried[name] {
				t.Errorf("%s: %s makes a Task, and no case of cases_test.go tries it", e.Name(), name)
			}
		}
	}
	if found < 25 {
		t.Errorf("only %d constructors were found: does this test still look at the right thing?", found)
	}
}

// constructor tells whether d is an exported function or method that returns
// a Task.
func constructor(d ast.Decl) (name string, is bool) {
	f, ok := d.(*ast.FuncDecl)
	if !ok || !f.Name.IsExported() || f.Type.Results == nil {
		return "", false
	}
	name = f.Name.Name
	if f.Recv != nil {
		receiver, ok := f.Recv.List[0].Type.(*ast.Ident)
		if !ok {
			return "", false
		}
		name = receiver.Name + "." + name
	}
	for _, r := range f.Type.Results.List {
		if id, ok := r.Type.(*ast.Ident); ok && id.Name == "Task" {
			return name, true
		}
	}
	return "", false
}

func platform(t *testing.T, kind fakehost.Kind) Platform {
	t.Helper()
	f, _ := ExampleFacts(map[fakehost.Kind]string{fakehost.Debian: "debian12", fakehost.EL: "el7"}[kind])
	p, err := PlatformOf(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var full = flag.Bool("full", false, "every task under every shell on every platform")

// whole is where TestEveryTask tries each case there is: each shell once, each
// platform at least once.
var whole = map[fakehost.Shell]fakehost.Kind{fakehost.Dash: fakehost.Debian, fakehost.Bash: fakehost.EL, fakehost.Busybox: fakehost.Debian}

// TestEveryTask takes each task through: it differs, it is put in place, it is
// in place, and a second run changes nothing. Each shell tries all there is on
// one platform, and with -full on both.
func TestEveryTask(t *testing.T) {
	for _, kind := range []fakehost.Kind{fakehost.Debian, fakehost.EL} {
		for _, sh := range fakehost.Shells() {
			t.Run(string(kind)+" "+string(sh), func(t *testing.T) {
				if whole[sh] != kind && !*full {
					t.Skip("NOT RUN: it is in the long form (-full), make unit-long")
				}
				t.Parallel()
				universal(t, kind, sh)
			})
		}
	}
}

// bench is a host on which programs of all cases' tasks are run.
type bench struct {
	t    *testing.T
	host *fakehost.Host
	on   map[string]engine.Host
}

func newBench(t *testing.T, o fakehost.Options) bench {
	t.Helper()
	h := fakehost.New(t, o)
	if err := h.SetRemoteExports("192.168.1.77", map[string]string{"/data": "far\n"}); err != nil {
		t.Fatal(err)
	}
	// not what waits in the background for a confirmation
	quick := strings.NewReplacer("while waiting; do\n    sleep 1\n", "while waiting; do\n    sleep 1\n", "sleep 1\n", "sleep 0.05\n")
	return bench{t, h, map[string]engine.Host{"host": fakerun.Host{Host: h, Edit: quick.Replace}}}
}

func (b bench) run(plan Plan, check bool) []engine.Event {
	b.t.Helper()
	if err := b.host.ForgetMutations(); err != nil {
		b.t.Fatal(err)
	}
	return fakerun.Tasks(fakerun.Run(b.t, plan, b.on, engine.Options{Check: check, Diff: true}))
}

// unchanged holds that nothing has changed since before, but what a run may
// leave in /run.
func (b bench) unchanged(what string, before fakehost.Snapshot) {
	b.t.Helper()
	if diff := before.Without("/run/lvsdeploy").Diff(b.host.Snapshot(b.t).Without("/run/lvsdeploy")); diff != "" {
		b.t.Errorf("%s changed the host:\n%s", what, diff)
	}
	if calls := b.host.Mutations(); calls != nil {
		b.t.Errorf("%s made calls that change things: %q", what, calls)
	}
}

func (b bench) sh(script string) string {
	b.t.Helper()
	out, errs, _ := b.host.Run(script)
	return strings.TrimSpace(out + errs)
}

func universal(t *testing.T, kind fakehost.Kind, sh fakehost.Shell) {
	installed := []string{"apache2", "nfs-kernel-server", "ipvsadm", "iptables"}
	if kind == fakehost.EL {
		installed = []string{"httpd", "nfs-utils", "ipvsadm", "iptables"}
	}
	b := newBench(t, fakehost.Options{
		Kind: kind, Shell: sh, Firewalld: true, SELinux: "enforcing", Packages: installed,
		Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}, {Name: "ens37"}, {Name: "ens38"}},
	})
	var all []taskCase
	var setup strings.Builder
	// links come up a moment after they are set up
	setup.WriteString("set -e; while ip -o link show up | grep NO-CARRIER; do sleep 0.02; done >&2\nmkdir -p /etc/t /root/staging/sub /srv/site; systemctl start nfs-server; echo page >/var/www/html/index.html; systemctl restart " + platform(t, kind).WebService + "\n")
	for _, c := range cases(platform(t, kind)) {
		if c.kind == "" || c.kind == kind {
			all = append(all, c)
			setup.WriteString(c.setup + "\n")
		}
	}
	var list []Task
	for i, c := range all {
		if c.of == "Site" {
			all[i] = siteCase(b)
		}
		list = append(list, all[i].task)
	}
	if out, errs, code := b.host.Run(setup.String()); code != 0 {
		t.Fatalf("setup: %s%s", out, errs)
	}
	plan := fakerun.One("host", list...)
	byName := map[string]Task{}
	for _, task := range list {
		if _, twice := byName[task.Name]; twice {
			t.Fatalf("two cases are named %q", task.Name)
		}
		byName[task.Name] = task
	}

	before := b.host.Snapshot(t)
	events := b.run(plan, true)
	for _, e := range events {
		want := engine.WouldChange
		if byName[e.Task].IsProof() {
			want = engine.Skipped // something is going to change before it
		}
		if e.Status != want || want == engine.WouldChange && e.Diff == "" && byName[e.Task].Key() == "" {
			t.Errorf("dry run: %q is %s with difference %q, want %s; %s", e.Task, e.Status, e.Diff, want, e.Detail)
		}
	}
	if len(events) != len(list) {
		t.Errorf("a dry run of %d tasks ended %d", len(list), len(events))
	}
	b.unchanged("a dry run", before)

	events = b.run(plan, false)
	for _, e := range events {
		want := engine.Changed
		if byName[e.Task].IsProof() {
			want = engine.OK
		}
		if e.Status != want || want == engine.Changed && e.Diff == "" && byName[e.Task].Key() == "" {
			t.Errorf("run: %q is %s with difference %q, want %s; %s", e.Task, e.Status, e.Diff, want, e.Detail)
		}
	}
	if len(events) != len(list) {
		t.Fatalf("a run of %d tasks ended %d:\n%s", len(list), len(events), fakerun.Lines(events))
	}
	manifest := strings.Split(b.sh("cat "+state+"/manifest"), "\n")
	for _, task := range list {
		for _, own := range task.Owns {
			if !slices.Contains(manifest, own) {
				t.Errorf("the manifest lacks %q", own)
			}
		}
	}
	if owed := b.sh("ls " + state + "/owed"); owed != "" {
		t.Errorf("still owed: %s", owed)
	}
	if v := b.host.Violations(); v != nil {
		t.Errorf("never do: %q", v)
	}

	for _, check := range []bool{true, false} {
		if check && sh != fakehost.Dash {
			continue // the second run looks as well
		}
		what := map[bool]string{true: "a dry run of what is in place", false: "a second run"}[check]
		before = b.host.Snapshot(t)
		events = b.run(plan, check)
		for _, e := range events {
			if e.Status != engine.OK {
				t.Errorf("%s: %q is %s: %s%s", what, e.Task, e.Status, e.Diff, e.Detail)
			}
		}
		b.unchanged(what, before)
	}
	b.after(all)
	var proofs []Task
	for _, c := range failing() {
		proofs = append(proofs, c.task)
	}
	for i, e := range b.run(fakerun.One("host", proofs...), true) {
		if want := failing()[i].want; e.Status != engine.Failed || !strings.Contains(e.Detail, want) {
			t.Errorf("%q is %s: %q, want failed: %q", e.Task, e.Status, e.Detail, want)
		}
	}
}

// after runs what each case says afterwards, in one go.
func (b bench) after(all []taskCase) {
	b.t.Helper()
	var script strings.Builder
	for _, c := range all {
		script.WriteString("echo; echo ==; (" + c.after + "\n:) 2>&1\n")
	}
	out, _, _ := b.host.Run(script.String())
	said := strings.Split(out, "\n==\n")[1:]
	for i, c := range all {
		if got := strings.TrimSpace(said[i]); c.after != "" && got != strings.TrimSpace(c.want) {
			b.t.Errorf("after %q:\n%s\nwant:\n%s", c.task.Name, got, c.want)
		}
	}
}

// siteCase publishes two files, of which one is there.
func siteCase(b bench) taskCase {
	b.t.Helper()
	sum := func(script string) string {
		return strings.Fields(b.sh(script + " | sha256sum"))[0]
	}
	if err := b.host.WriteFile("/root/staging/sub/"+page, []byte("new\n"), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := b.host.WriteFile("/srv/site/kept", []byte("kept\n"), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return taskCase{of: "Site", task: Site("/srv/site", "/root/staging", []SiteFile{
		{Path: "sub/" + page, SHA256: sum("echo new")}, {Path: "kept", SHA256: sum("echo kept")},
	}), after: "cat /srv/site/sub/*; stat -c %a /srv/site/sub/*; ls /root", want: "new\n644"}
}

// TestNeeds: before its package is there, a task is pending in a dry run,
// skipped where the package does the task's work, and failed in a run.
func TestNeeds(t *testing.T) {
	for _, kind := range []fakehost.Kind{fakehost.Debian, fakehost.EL} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := platform(t, kind)
			b := newBench(t, fakehost.Options{Kind: kind})
			starts := engine.Pending
			if kind == fakehost.Debian {
				starts = engine.Skipped
			}
			for _, c := range []struct {
				task   Task
				status engine.Status
				why    string
			}{
				{Balance([]VirtualService{service}), engine.Pending, "ipvsadm is not installed"},
				{SaveTable("/etc/t/ipvs", []VirtualService{service}, nil), engine.Pending, "ipvsadm is not installed"},
				{Exported(Export{Path: "/srv", Network: "192.168.1.0/24"}), engine.Pending, "exportfs is not installed"},
				{IPTables("SNAT it", outward...), engine.Pending, "iptables is not installed"},
				{Service(p, p.WebService, ""), starts, "the unit " + p.WebService + " is not installed"},
				{EnableOnly(p, "ipvsadm"), starts, "the unit ipvsadm is not installed"},
			} {
				plan := fakerun.One("host", c.task)
				e := b.run(plan, true)[0]
				if e.Status != c.status || !strings.HasPrefix(e.Detail, c.why) {
					t.Errorf("dry run: %q is %s: %q, want %s: %q", c.task.Name, e.Status, e.Detail, c.status, c.why)
				}
				if e = b.run(plan, false)[0]; e.Status != engine.Failed || e.Detail != c.why {
					t.Errorf("run: %q is %s: %q, want failed: %q", c.task.Name, e.Status, e.Detail, c.why)
				}
			}
			gone := Drain([]VirtualService{service}, nil, 0)
			if e := b.run(fakerun.One("host", gone), true)[0]; e.Status != engine.OK {
				t.Errorf("%q is %s without a table, want ok", gone.Name, e.Status)
			}
		})
	}
}
