package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
)

// TestManyPages: thousands of files of a site do not keep a host's shell busy,
// and what is remembered of them is what is still wanted.
func TestManyPages(t *testing.T) {
	for _, shell := range []fakehost.Shell{fakehost.Dash, fakehost.Bash, fakehost.Busybox} {
		t.Run(string(shell), func(t *testing.T) {
			t.Parallel()
			h := host(t, "web1", shell)
			there := fakerun.Host{Host: h, Edit: func(program string) string { // too long for an argument
				if err := h.WriteFile("/srv/program", []byte(program), 0o600); err != nil {
					t.Error(err)
				}
				return ". /srv/program"
			}}
			site := flag("site")
			for i := range 4000 {
				site.Owns = append(site.Owns, fmt.Sprintf("page /var/www/html/articles/2024/%02d/article-number-%05d.html", i%50, i))
			}
			began := time.Now()
			for _, want := range []string{"changed", "ok"} {
				got := fakerun.Lines(fakerun.Run(t, fakerun.One("web1", site), map[string]engine.Host{"web1": there}, engine.Options{}))
				if got != "web1: site: "+want+"\n" {
					t.Fatalf("the run was %s", got)
				}
			}
			if took := time.Since(began); took > 15*time.Second { // it was 12 to 32 a run
				t.Errorf("two runs took %v", took)
			}
			site.Owns = site.Owns[1000:]
			fakerun.Run(t, fakerun.One("web1", site), map[string]engine.Host{"web1": there}, engine.Options{})
			left := strings.Fields(sh(t, h, "cut -d' ' -f2 /var/lib/lvsdeploy/shop/manifest"))
			var wanted []string
			for _, line := range site.Owns {
				wanted = append(wanted, strings.TrimPrefix(line, "page "))
			}
			slices.Sort(left)
			slices.Sort(wanted)
			if !slices.Equal(left, wanted) {
				t.Errorf("%d are remembered, want %d", len(left), len(wanted))
			}
		})
	}
}
