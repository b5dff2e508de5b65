package tasks

import (
	"slices"
	"strings"
	"time"
)

// leftover takes away what one entry of the manifest names. A row for every
// kind that Task.Owns may hold, in the order in which they go: the table
// before the addresses it serves, an address before the ARP settings that
// keep quiet about it, live state before the files that keep it.
var leftover = []struct {
	kind string
	task func(name string) Task
}{
	{"service", nil}, // together: see Leftovers
	{"address", func(name string) Task { return addressGone(two(name)) }},
	{"route", func(name string) Task { return routeGone(two(name)) }},
	{"default-route", func(name string) Task { return defaultRouteGone(two(name)) }},
	{"snat", func(name string) Task { return snatGone(strings.Fields(name)) }},
	{"fstab", Unmounted},
	{"unit", unitGone},
	{"file", removed},
	{"page", removed},
	{"block", func(name string) Task { return blockGone(two(name)) }},
	{"setting", func(name string) Task { return settingGone(two(name)) }},
	{"sysctl", sysctlGone},
	{"module", nil}, // needs the services
	{"sebool", seBooleanGone},
	{"selinux", func(string) Task { return seLinuxEnforcing() }},
	{"boot", bootGone},
	{"daemon", daemonGone},
	{"firewall", firewallBack},
	{"packages", nil}, // stay, unless PackagesGone is asked for
}

func two(name string) (string, string) {
	first, second, _ := strings.Cut(name, " ")
	return first, second
}

// Reader is who has to know when a file is gone.
type Reader struct {
	Below   string // a directory
	Handler Task
}

// Leftovers are the tasks that take away what entries of a host's manifest
// name, once no task of a plan owns it any more, and the handlers of those
// readers who have to know.
func Leftovers(manifest, entries []string, patience time.Duration, readers ...Reader) (list, handlers []Task) {
	named := byKind(entries)
	for _, row := range leftover {
		names := named[row.kind]
		switch {
		case len(names) == 0, row.kind == "packages":
		case row.kind == "service":
			list = append(list, Drain(nil, names, patience))
		case row.kind == "module":
			list = append(list, ipvsGone(byKind(manifest)["service"]))
		default:
			for _, name := range names {
				t := row.task(name)
				for _, r := range readers {
					if strings.HasPrefix(name, r.Below+"/") {
						t.Notify = r.Handler.Key()
						handlers = append(handlers, r.Handler)
					}
				}
				list = append(list, t)
			}
		}
	}
	return list, handlers
}

func byKind(entries []string) map[string][]string {
	named := map[string][]string{}
	for _, entry := range slices.Sorted(slices.Values(entries)) {
		kind, name, _ := strings.Cut(entry, " ")
		named[kind] = append(named[kind], name)
	}
	return named
}

// Kept goes on owning what an entry of the manifest names, where it cannot be
// taken away now.
func Kept(entry, why string) Task {
	return Task{Name: "leave " + entry + ": " + why, Check: ":", Owns: []string{entry}}
}

// Forgotten is the end of a cluster on a host: with what was remembered of it
// go the directories that were made for it, those that are empty.
func Forgotten() Task {
	return Task{
		Name: "forget the cluster",
		Check: `left=$(find "$state" -mindepth 1 ! -path "$state/owed" 2>/dev/null) || left=
[ -z "$left" ] || { echo "there is still $state"; exit 1; }`,
		Apply: `[ ! -e "$state/directories" ] || sort -r "$state/directories" | while IFS= read -r dir; do
  rmdir "$dir" 2>/dev/null || :
done
rm -rf "$state"`,
	}
}
