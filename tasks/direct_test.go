package tasks_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestDirect: a check that may run in the program's own shell neither ends it
// nor changes what is the engine's.
func TestDirect(t *testing.T) {
	assigned := regexp.MustCompile(`(?m)(?:^|[\s;(])(?:read(?: -r)? )?([a-z_]+)=`)
	engines := map[string]bool{"nonce": true, "state": true, "run": true, "who": true, "patience": true}
	for _, file := range []string{"common", "apply", "check", "state", "arm", "confirm"} {
		text, err := os.ReadFile("../engine/prelude/" + file + ".sh")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range assigned.FindAllStringSubmatch(string(text), -1) {
			engines[m[1]] = true
		}
	}
	comment := regexp.MustCompile(`(?m)# .*$`)
	exits := regexp.MustCompile(`(?m)(^|[\s;{(])exit\b`)
	for _, kind := range []fakehost.Kind{fakehost.Debian, fakehost.EL} {
		for _, c := range cases(platform(t, kind)) {
			if !c.task.Direct {
				continue
			}
			check := comment.ReplaceAllString(string(c.task.Check), "")
			for _, f := range c.task.Files { // which is compared, not run
				check = strings.ReplaceAll(check, comment.ReplaceAllString(f.Content, ""), "")
			}
			for _, f := range Library {
				if !f.Changes && regexp.MustCompile(`(?m)(^|[ |(;])`+f.Name+` `).MatchString(string(c.task.Check)) {
					if strings.Contains(string(f.Text), "\n"+f.Name+"() (\n") {
						continue // a shell of its own, which may exit
					}
					check += string(f.Text)
				}
			}
			if exits.MatchString(check) {
				t.Errorf("%q: its check is direct, and has an exit:\n%s", c.task.Name, check)
			}
			for _, m := range assigned.FindAllStringSubmatch(check, -1) {
				if engines[m[1]] {
					t.Errorf("%q: its check is direct, and sets the engine's %s", c.task.Name, m[1])
				}
			}
			if needs := string(c.task.Needs.Met); exits.MatchString(needs) {
				t.Errorf("%q: its need has an exit: %s", c.task.Name, needs)
			}
		}
	}
}
