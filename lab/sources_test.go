package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAptSources(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := aptSources(dir)
	if err == nil || !strings.Contains(err.Error(), "cannot find where to get Debian bookworm from") {
		t.Errorf("no sources: %v", err)
	}
	write("sources.list", `# deb http://mirror.test/debian bookworm main
deb http://mirror.test/debian bookworm main contrib
deb [ signed-by=/k.gpg arch=amd64 ] http://mirror.test/security bookworm-security main
deb-src http://mirror.test/debian bookworm main
deb http://other.test/apt cloud-bookworm main
deb http://other.test/apt bookworm stable
deb http://mirror.test/debian trixie main
`)
	write("sources.list.d/debian.sources", `Types: deb
# an address of old
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /k.gpg

Types: deb
URIs: http://mirror.test/debian
Suites: bookworm trixie
Components: main

Types: deb deb-src
URIs: http://off.test/debian
Suites: bookworm
Components: main
Enabled: no
`)
	write("sources.list.d/node.sources", "Types: deb\nURIs: http://node.test\nSuites: nodistro\nComponents: main\n")
	write("sources.list.d/readme.txt", "deb http://mirror.test/debian bookworm main\n")
	stanzas, lines, err := aptSources(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`Types: deb
# an address of old
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /k.gpg

`, stanzas); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`deb http://mirror.test/debian bookworm main contrib
deb [ signed-by=/k.gpg arch=amd64 ] http://mirror.test/security bookworm-security main
`, lines); diff != "" {
		t.Error(diff)
	}
}
