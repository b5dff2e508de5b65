package lab

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Linux refuses less than the whole state, and does not with the library.
func TestXstate(t *testing.T) {
	l := &Lab{state: state{Disks: t.TempDir()}}
	if err := l.buildXstate(t.Context()); err != nil {
		t.Fatal(err)
	}
	shorter := filepath.Join(t.TempDir(), "shorter")
	if err := compile(t.Context(), shorter, "xstate/shorter.c"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(shorter).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Bad address") {
		t.Errorf("without: %v: %s; want the error that machines would panic with", err, out)
	}
	cmd := exec.Command(shorter)
	cmd.Env = []string{"LD_PRELOAD=" + l.xstate()}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("with: %v: %s", err, out)
	}
}
