package tasks_test

import (
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestFetch: a page is fetched with bash alone, with curl alone, and whoever
// accepts and says nothing is given up.
func TestFetch(t *testing.T) {
	var fetch string
	for _, f := range Library {
		if f.Name == "fetch" {
			fetch = strings.Replace(string(f.Text), "limit=10\n", "limit=3\n", 1) + "\n"
		}
	}
	for _, without := range []string{"curl", "bash"} {
		t.Run("without "+without, func(t *testing.T) {
			t.Parallel()
			h := fakehost.New(t, fakehost.Options{Packages: []string{"apache2"}})
			if said, _, code := h.Run("rm /usr/bin/" + without + " && ! command -v " + without); code != 0 {
				t.Fatal(said)
			}
			for page, want := range map[string]bool{"80 /": true, "80 /none": false, "81 /": false} {
				if said, complaint, code := h.Run(fetch + "fetch 127.0.0.1 " + page); code == 0 != want {
					t.Errorf("port %s: exit %d\n%s%s", page, code, said, complaint)
				}
			}
			if without == "curl" {
				for look, limit := range map[string]string{"": "3", "brief=yes": "2"} {
					said, _, code := h.Run(fetch + look + `
sleep 9 | /.fakehost/bin/busybox nc -l -p 82 >/dev/null &
until ss -ltn | grep -q :82; do :; done
fetch 127.0.0.1 82 /; code=$?; kill $!; exit $code`)
					if code != 1 || said != "no answer within "+limit+" s\n" {
						t.Errorf("of one that does not answer: exit %d, %q", code, said)
					}
				}
			}
		})
	}
}
