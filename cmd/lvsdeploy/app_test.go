package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// A command or flag that does not say what it is for is not finished.
func TestDescriptions(t *testing.T) {
	var look func(name string, commands []*cli.Command, flags []cli.Flag)
	look = func(name string, commands []*cli.Command, flags []cli.Flag) {
		for _, f := range flags {
			doc, ok := f.(cli.DocGenerationFlag)
			if !ok || len(doc.GetUsage()) < 5 {
				t.Errorf("%s: flag %s has no description", name, f.Names()[0])
			}
		}
		for _, cmd := range commands {
			if len(cmd.Usage) < 5 {
				t.Errorf("%s %s has no description", name, cmd.Name)
			}
			look(name+" "+cmd.Name, cmd.Subcommands, cmd.Flags)
		}
	}
	app := newApp(testStreams())
	look(app.Name, app.Commands, app.Flags)
}

func TestArrange(t *testing.T) {
	commands := []*cli.Command{
		{Name: "render", Flags: []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}}, &cli.BoolFlag{Name: "json"}}},
		{Name: "nat", Flags: []cli.Flag{inventoryFlag(), &cli.BoolFlag{Name: "check"}}},
		{Name: "lab", Subcommands: []*cli.Command{{Name: "exec"}}},
	}
	for _, c := range []struct{ in, want string }{
		{"x render nat -o DIR", "x render -o DIR nat"},
		{"x render nat --output=DIR --json", "x render --output=DIR --json nat"},
		{"x -i FILE nat --check", "x nat -i FILE --check"},
		{"x -i nat nat", "x nat -i nat"},
		{"x --inventory=FILE --check nat", "x nat --inventory=FILE --check"},
		{"x render -- -o DIR", "x render -- -o DIR"},
		{"x render nat -o", "x render -o nat"},
		{"x render -o - nat", "x render -o - nat"},
		{"x lab exec -- ls -l", "x lab exec -- ls -l"},
		{"x lab exec ls -l", "x lab exec ls -l"},
		{"x --version", "x --version"},
		{"x nta --check", "x nta --check"},
		{"x", "x"},
	} {
		got := arrange(commands, strings.Fields(c.in))
		if d := cmp.Diff(strings.Fields(c.want), got); d != "" {
			t.Errorf("%s: %s", c.in, d)
		}
	}
}

func TestExitCode(t *testing.T) {
	ssh := func(k remote.Kind) error {
		return fmt.Errorf("cannot deploy: %w", &remote.Error{Host: "web1", Op: "reach web1", Kind: k})
	}
	for _, c := range []struct {
		err  error
		want report.Exit
	}{
		{nil, report.Done},
		{errors.New("cannot write there"), report.TaskFailed},
		{usagef("", "cannot"), report.Usage},
		{inventory.Errors{{Msg: "cannot"}}, report.Usage},
		{exit(report.WouldChange), report.WouldChange},
		{exit(report.RolledBack), report.RolledBack},
		{exit(report.Done), report.Done},
		{ssh(remote.Unreachable), report.Unreachable},
		{ssh(remote.Auth), report.Unreachable},
		{ssh(remote.HostKey), report.Unreachable},
		{ssh(remote.Sudo), report.Unreachable},
		{ssh(remote.Lost), report.Unreachable},
		{ssh(remote.Settings), report.Unreachable},
		{ssh(remote.Refused), report.Unreachable},
		{ssh(remote.Transfer), report.TaskFailed},
		{ssh(remote.Canceled), report.Interrupted},
		{fmt.Errorf("cannot verify: %w", context.Canceled), report.Interrupted},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
		}
	}
}

// An interrupt is the exit code even when the command ended in good order.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if got := run(ctx, []string{"lvsdeploy", "init", "nat"}, newStreams(null, null, null)); got != report.Interrupted {
		t.Errorf("exit %d", got)
	}
}

func TestComplain(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{exit(report.WouldChange), ""},
		{usagef("try this", "cannot do that"), "lvsdeploy: cannot do that\n    hint: try this\n"},
		{inventory.Errors{{File: "hosts.toml", Line: 1, Col: 2, Msg: "cannot read", Hint: "try"}}, "hosts.toml:1:2: cannot read\n    hint: try\n"},
		{fmt.Errorf("cannot verify: %w", context.Canceled), "lvsdeploy: interrupted\n"},
		{&remote.Error{Op: "reach web1", Hint: "is it up?"}, "lvsdeploy: cannot reach web1\n    hint: is it up?\n"},
	} {
		var b strings.Builder
		complain(&b, c.err)
		if b.String() != c.want {
			t.Errorf("got %q, want %q", b.String(), c.want)
		}
	}
}

func TestPasswordFrom(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct{ path, stdin, want, err string }{
		{path: write("good", "s3cret $(x)\nmore\n", 0o600), want: "s3cret $(x)"},
		{path: write("group", "s3cret", 0o640), want: "s3cret"},
		{path: "-", stdin: "from stdin\r\n", want: "from stdin"},
		{path: write("open", "s3cret", 0o644), err: "everybody may read it (mode 0644)"},
		{path: write("bom", "\ufeffs3cret\r\n", 0o600), want: "s3cret"},
		{path: write("bom alone", "\ufeff\r\n", 0o600), err: "it is empty"},
		{path: write("no end", "s3cret", 0o600), want: "s3cret"},
		{path: write("blanks", " s3cret \t\n", 0o600), want: " s3cret \t"},
		{path: write("utf-16", "\xff\xfes\x003\x00\r\x00\n\x00", 0o600), err: "it is written in UTF-16"},
		{path: write("utf-16be", "\xfe\xff\x00s\x00\n", 0o600), err: "it is written in UTF-16"},
		{path: write("nul", "s3\x00cret\n", 0o600), err: "there is a NUL byte in it"},
		{path: write("long", strings.Repeat("x", 4000)+"\n", 0o600), want: strings.Repeat("x", 4000)},
		{path: write("too long", strings.Repeat("x", 5000)+"\n", 0o600), err: "its first line is longer than 4096 bytes"},
		{path: write("empty", "\n", 0o600), err: "it is empty"},
		{path: "-", err: "it is empty"},
		{path: filepath.Join(dir, "none"), err: "no such file"},
		{path: dir, err: "cannot "},
	} {
		got, err := passwordFrom(c.path, io.NopCloser(strings.NewReader(c.stdin)))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || exitCode(err) != report.Usage {
				t.Errorf("%s: error %v, want %q", c.path, err, c.err)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v", c.path, got, err)
		}
	}
}
