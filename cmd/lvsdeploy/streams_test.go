package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/report"
)

// outputs runs lvsdeploy with its output where it cannot go.
func (f *fleet) outputs(dir string, out, errs *os.File, args ...string) (code report.Exit, said string) {
	f.t.Helper()
	var other bytes.Buffer
	cmd := f.command(dir, args...)
	cmd.Stdout, cmd.Stderr = &other, &other
	if out != nil {
		cmd.Stdout = out
	}
	if errs != nil {
		cmd.Stderr = errs
	}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		f.t.Fatal(err)
	}
	return report.Exit(cmd.ProcessState.ExitCode()), other.String()
}

// TestOutputFull: what cannot be written does not end a deployment, and the
// exit code says that it is missing.
func TestOutputFull(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "", "")
	dir := f.inventory(websTOML, "")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	said := "lvsdeploy: cannot write all of the output: no space left on device\n"

	code, text := f.outputs(dir, full, nil, "nat")
	if code != report.TaskFailed || !strings.HasSuffix(text, said) {
		t.Errorf("exit %d: %s", code, text)
	}
	f.deploy(dir, report.Done, "nat", "--check") // all was done
	for _, args := range [][]string{{"nat"}, {"nat", "--json"}, {"nat", "--check"}, {"facts"}, {"facts", "--json"}, {"--help"}, {"nat", "--help"}, {"--version"},
		{"init", "nat"}, {"completion", "bash"}, {"diagram", "-o", "-"}, {"render", "nat", "-o", t.TempDir()}} {
		if code, text := f.outputs(dir, full, nil, args...); code != report.TaskFailed || strings.Count(text, "no space left on device") != 1 {
			t.Errorf("%s: exit %d: %s", args, code, text)
		}
	}
	// an error of the command line stays what it is
	if code, _ := f.outputs(dir, full, full, "nat", "--nonsense"); code != report.Usage {
		t.Errorf("wrong usage: exit %d", code)
	}
	// nobody listens to progress, and it is some; the results are whole
	if code, text := f.outputs(dir, nil, full, "nat", "-vv"); code != report.TaskFailed || !strings.Contains(text, "4 hosts: ") {
		t.Errorf("standard error full: exit %d: %s", code, text)
	}
}

// TestReaderGone: a reader that has seen enough does not end a deployment.
func TestReaderGone(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "", "")
	dir := f.inventory(websTOML, "")
	for _, run := range []struct {
		args []string
		both bool
		want report.Exit
	}{
		{[]string{"nat", "--check"}, false, report.WouldChange},
		{[]string{"nat", "-vv"}, true, report.Done},
		{[]string{"nat", "--json"}, false, report.Done},
		{[]string{"facts"}, false, report.Done},
		{[]string{"init", "nat"}, false, report.Done},
	} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read.Close() // before the first line
		errs := write
		if !run.both {
			errs = nil
		}
		code, text := f.outputs(dir, write, errs, run.args...)
		write.Close()
		if code != run.want || strings.Contains(text, "cannot write") {
			t.Errorf("%s: exit %d, want %d: %s", run.args, code, run.want, text)
		}
	}
	f.deploy(dir, report.Done, "nat", "--check")
}
