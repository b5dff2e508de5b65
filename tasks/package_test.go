package tasks_test

import (
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestDeadRepository: one repository of several that is gone keeps nobody from
// what the others have; where they do not have it, both reasons are shown.
func TestDeadRepository(t *testing.T) {
	b := newBench(t, fakehost.Options{NoPackageLists: true})
	b.sh("touch /var/lib/fakehost/dead-repository")
	p := platform(t, fakehost.Debian)
	if e := b.run(fakerun.One("host", Packages(p, nil, "curl")), false)[0]; e.Status != engine.Changed {
		t.Errorf("%s: %s", e.Status, e.Detail)
	}
	e := b.run(fakerun.One("host", Packages(p, nil, "none-of-this-name")), false)[0]
	if e.Status != engine.Failed || !strings.Contains(e.Detail, "does not have a Release file") || !strings.Contains(e.Detail, "Unable to locate package none-of-this-name") {
		t.Errorf("%s: %s", e.Status, e.Detail)
	}
}

// TestVaultHint: whose mirrors are gone is told where the packages are.
func TestVaultHint(t *testing.T) {
	for version, want := range map[string]bool{"7": true, "6.10": true, "8": true, "9": false} {
		for id, like := range map[string]bool{"centos": true, "rocky": false, "rhel": false} {
			f, _ := ExampleFacts("el7")
			f.OS.ID, f.OS.VersionID = id, version
			p, err := PlatformOf(f)
			if err != nil {
				t.Fatal(err)
			}
			hint := Packages(p, nil, "httpd").Hint
			if got := strings.Contains(hint, "http://vault.centos.org/") && strings.Contains(hint, "/etc/yum.repos.d"); got != (want && like) {
				t.Errorf("%s %s: %q", id, version, hint)
			}
		}
	}
}
