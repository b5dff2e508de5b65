package main

import (
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// A cluster of this one machine, which is none: verify reads its state over
// SSH with the real scripts, finds it wrong and says so, in both forms. The
// server forwards nothing, so no request leaves the machine.
func TestVerifyWrongCluster(t *testing.T) {
	server := sshtest.New(t, sshtest.Options{})
	t.Setenv("HOME", sshtest.Home(t, server))
	t.Setenv("SSH_AUTH_SOCK", "")
	path := filepath.Join(t.TempDir(), "hosts.toml")
	ssh := fmt.Sprintf(`ssh = { host = "127.0.0.1", port = %d }`, server.Port())
	text := strings.ReplaceAll(`
[cluster]
mode    = "nat"
network = "192.168.77.0/24"
[[director]]
name          = "director"
address       = "192.168.77.10"
interface     = "ens33"
wan_interface = "ens37"
wan_address   = "12.0.0.1/24"
SSH
[[service]]
port = 80
[[web]]
name      = "web1"
address   = "192.168.77.20"
interface = "ens33"
index     = "this is 20 20"
SSH
`, "SSH", ssh)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	page := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(page, []byte("an old one"), 0o640); err != nil {
		t.Fatal(err)
	}
	out, errs, code := runFiles(t, "verify", "-i", path, "--from", "web1", "-n", "2", "--report", page)
	if code != report.Unhealthy {
		t.Errorf("exit %d", code)
	}
	first, _, _ := strings.Cut(out, "\n")
	if !strings.HasPrefix(first, "director: ") && !strings.HasPrefix(first, "web1: ") {
		t.Errorf("the first line is no cause: %s", first)
	}
	if !strings.Contains(out, "hint: ") || !strings.Contains(out, " failed") || strings.Contains(out, "\x1b") {
		t.Errorf("got %s", out)
	}
	if strings.Contains(errs, "lvsdeploy: ") {
		t.Errorf("stderr: %s", errs)
	}

	// The page says the same as the first line, with the picture.
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if text := template.HTMLEscapeString(first); !strings.Contains(string(html), "<h1>"+text+"</h1>") {
		t.Errorf("the page has no headline %s", text)
	}
	if !strings.HasSuffix(string(html), "</html>\n") || !strings.Contains(string(html), "<svg ") {
		t.Error("the page is not whole")
	}
	if info, err := os.Stat(page); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the page's mode: %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(page)); err != nil || len(left) != 1 {
		t.Errorf("beside the page: %v, %v", left, err)
	}

	out, _, code = runFiles(t, "verify", "-i", path, "--from", "web1", "-n", "2", "--json")
	if code != report.Unhealthy {
		t.Errorf("exit %d", code)
	}
	var last struct {
		Event string
		Exit  int
	}
	for line := range strings.Lines(out) {
		last.Event = ""
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
	if last.Event != "summary" || last.Exit != 5 {
		t.Errorf("the last object is %+v", last)
	}
	if server.Logins() != 4 {
		t.Errorf("%d connections for two runs on two hosts", server.Logins())
	}
}

// runFiles runs a command line and returns what it wrote.
func runFiles(t *testing.T, args ...string) (out, errs string, code report.Exit) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]*os.File{}
	for _, name := range []string{"in", "out", "err"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[name] = f
	}
	code = run(t.Context(), append([]string{"lvsdeploy"}, args...), newStreams(files["in"], files["out"], files["err"]))
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return read("out"), read("err"), code
}
