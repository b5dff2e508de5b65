package roles

import (
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// Teardown takes away what the manifests of the hosts name, whatever mode put
// it there: first the service, drained; then the real servers' part, while the
// storage and the way through the director are still there; then the rest.
// Packages stay unless purge.
func Teardown(in Input, purge bool) tasks.Plan {
	rest := []step{allButServices}
	forget := []step{forgotten}
	if purge { // after the handlers, which may need them
		forget = []step{packagesGone, forgotten}
	}
	return staged(in, []stage{
		{
			name:     "drain",
			director: []step{drained},
			webs:     []step{drained}, // one that was the director
			nfs:      []step{drained},
		},
		{
			name:  "release",
			after: []string{"drain"},
			webs:  rest,
		},
		{
			name:     "clean up",
			after:    []string{"release"},
			director: rest,
			nfs:      rest,
		},
		{
			name:     "forget",
			director: forget,
			webs:     forget,
			nfs:      forget,
		},
	})
}

func isService(entry string) bool { return strings.HasPrefix(entry, "service ") }

func drained(h host) part {
	return takenAway(h, slices.DeleteFunc(slices.Clone(h.facts.Manifest), func(e string) bool { return !isService(e) }))
}

func allButServices(h host) part {
	p := takenAway(h, slices.DeleteFunc(slices.Clone(h.facts.Manifest), isService))
	if rules := h.platform.IPVSRules; rules != "" && slices.Contains(h.facts.Manifest, "file "+rules) {
		p.tasks = append(p.tasks, tasks.SavedForOthers(rules))
	}
	return p
}

func packagesGone(h host) part { return do(tasks.PackagesGone(h.platform)) }

func forgotten(host) part { return do(tasks.Forgotten()) }
