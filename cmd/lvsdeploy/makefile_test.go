package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoIsTooOld: make says which Go is needed and where it is to be had,
// before it installs or builds anything. The stubs say what each Go really said.
func TestGoIsTooOld(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, need, _ := strings.Cut(string(text), "\ngo ")
	need, _, _ = strings.Cut(need, "\n")
	stub := func(version, list string, code int) string {
		path := filepath.Join(t.TempDir(), "go")
		write(t, path, fmt.Sprintf("#!/bin/sh\ncase $1 in\nenv) [ -z '%s' ] || echo '%s' ;;\nlist) echo '%s' >&2; exit %d ;;\n*) echo \"it was run: $*\" ; exit 7 ;;\nesac\n",
			version, version, list, code))
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old := "go: errors parsing go.mod:\n/src/go.mod:3: invalid go version: must match format 1.23"
	local := "go: go.mod requires go >= " + need + " (running go 1.24.4; GOTOOLCHAIN=local)"
	offline := "go: download go" + need + ": dial tcp: lookup proxy.example: no such host"
	for _, target := range []string{"build", "demo", "tools", "dist"} {
		for _, c := range []struct{ name, go_, want, not string }{
			{"none", "no-such-go", "there is no no-such-go", ""},
			{"Debian 12's", stub("go1.19.8", old, 1), "go is go1.19.8\n", "errors parsing"},
			{"the last that fetches nothing", stub("go1.20.14", old, 1), "go is go1.20.14\n", "errors parsing"},
			{"of long ago", stub("", old, 1), "is older than Go 1.17\n", "errors parsing"},
			{"one that must not fetch", stub("go1.24.4", local, 1), "is go1.24.4, and says: " + local, ""},
			{"one that cannot fetch", stub("go1.21.0", offline, 1), "is go1.21.0, and says: " + offline, ""},
		} {
			cmd := exec.Command("make", "-C", "../..", target, "GO="+c.go_)
			cmd.Env = append(os.Environ(), "MAKEFLAGS=")
			text, err := cmd.CombinedOutput()
			out := string(text)
			if err == nil || !strings.Contains(out, "cannot build lvsdeploy: it needs Go "+need+", and ") || !strings.Contains(out, c.want) ||
				!strings.Contains(out, "bookworm-backports golang-go") || strings.Contains(out, "it was run") || c.not != "" && strings.Contains(out, c.not) {
				t.Errorf("make %s with %s: %v\n%s", target, c.name, err, out)
			}
		}
	}
	cmd := exec.Command("make", "-C", "../..", "new-enough", "GO="+stub("go1.21.0", "", 0))
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "cannot") {
		t.Errorf("one that could fetch: %v\n%s", err, out)
	}
}
