package tasks

import (
	"slices"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/shell"
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
	{"rule", ruleGone},
	{"firewalld", nil}, // together, for each call takes a second
	{"firewalld-direct", firewalldDirectGone},
	{"ufw", ufwGone},
	{"nft", nftGone},
	{"nft-table", nftTableGone},
	{"nm-address", func(name string) Task { return nmGone("ipv4.addresses", name) }},
	{"nm-route", func(name string) Task { return nmGone("ipv4.routes", name) }},
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
		case row.kind == "firewalld":
			list = append(list, firewalldGone(names))
		case row.kind == "module":
			list = append(list, leftToOthers(ipvsGone(byKind(manifest)["service"]), "module ip_vs"))
		default:
			for _, name := range names {
				t := row.task(name)
				for _, r := range readers {
					if strings.HasPrefix(name, r.Below+"/") {
						t.Notify = r.Handler.Key()
						handlers = append(handlers, r.Handler)
					}
				}
				list = append(list, leftToOthers(t, row.kind+" "+name))
			}
		}
	}
	return list, handlers
}

// leftToOthers makes a task that takes an entry away leave it to another cluster
// of the host that wants it too.
func leftToOthers(t Task, entry string) Task {
	files, shared, values := originals(entry)
	var was []string
	for _, file := range append(files, shared...) {
		was = append(was, "backup"+file)
	}
	for _, value := range values {
		was = append(was, "live/"+value)
	}
	t.Check = shell.Lines(shell.F(`if shared %s; then
  ! grep -qsxF -e %s "$state/manifest" || grep -qsxF -e %s "$state/handed" || { echo "left to the cluster ${heir##*/}"; exit 1; }
  exit 0
fi`, entry, entry, entry), t.Check)
	t.Apply = shell.Lines(shell.F(`if shared %s; then
  hand_over %s %v
  exit 0
fi`, entry, entry, was), t.Apply)
	if t.Undo != "" {
		t.Undo = shell.F("if ! shared %s; then\n%s\nfi", entry, t.Undo)
	}
	return t
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

// Disowned forgets what was before that which entries name: it is that again,
// and whoever comes later is to find what is there then.
func Disowned(entries []string) Task {
	var files, shared, values []string
	for _, entry := range entries {
		f, s, v := originals(entry)
		files, shared, values = append(files, f...), append(shared, s...), append(values, v...)
	}
	kept := shell.Lines(lines("files", strings.Join(files, "\n")), lines("shared", strings.Join(shared, "\n")), lines("values", strings.Join(values, "\n")), `kept=$(
  printf '%s\n' "$files" | while IFS= read -r file; do
    [ -z "$file" ] || [ ! -e "$state/backup$file" ] || printf '%s\n' "backup$file"
  done
  printf '%s\n' "$shared" | while IFS= read -r file; do
    # others may have changed it as well
    [ -z "$file" ] || ! cmp -s "$state/backup$file" "$file" || printf '%s\n' "backup$file"
  done
  printf '%s\n' "$values" | while IFS= read -r value; do
    [ -z "$value" ] || [ ! -e "$state/live/$value" ] || printf '%s\n' "live/$value"
  done
)
left=$(grep -vxF -e "${files:-/}" "$state/absent" 2>/dev/null) || left=
was=$(cat "$state/absent" 2>/dev/null) || was=`)
	return Task{
		Name:  "forget the originals of what has left",
		Check: shell.Lines(kept, `[ "$kept$left" = "$was" ] || { printf '%s\n' "$kept" | sed '/./!d; s/^/-/'; [ "$left" = "$was" ] || echo '-absent files'; exit 1; }`),
		Apply: shell.Lines(kept, `if [ -z "$left" ]; then
  rm -f "$state/absent"
elif [ "$left" != "$was" ]; then
  printf '%s\n' "$left" >"$state/absent.new"
  mv -f "$state/absent.new" "$state/absent"
fi
printf '%s\n' "$kept" | while IFS= read -r name; do
  [ -z "$name" ] || rm -f "$state/$name"
done
find "$state/backup" "$state/live" -depth -type d -exec rmdir {} + 2>/dev/null || :`),
	}
}

// originals are what is remembered of what an entry names: whole files, files
// that others may have changed as well, live values.
func originals(entry string) (files, shared, values []string) {
	kind, name, _ := strings.Cut(entry, " ")
	first, second := two(name)
	switch kind {
	case "file", "page":
		files = append(files, name)
	case "unit":
		files = append(files, "/etc/systemd/system/"+name)
	case "fstab":
		shared = append(shared, "/etc/fstab")
		values = append(values, wasMounted(name))
	case "block", "setting":
		shared = append(shared, first)
	case "sysctl":
		values = append(values, sysctlName(name))
		if along := setsAlong[name]; along != "" {
			values = append(values, sysctlName(along))
		}
	case "address":
		values = append(values, "link."+first, wideName(first, second))
	case "default-route":
		values = append(values, "default-route")
	case "daemon", "boot", "firewall":
		values = append(values, "unit."+name)
	}
	return files, shared, values
}

// Forgotten is the end of a cluster on a host: with what was remembered of it
// go the directories that were made for it, those that are empty.
func Forgotten() Task {
	return Task{
		Name: "forget the cluster",
		Check: `left=$(find "$state" -mindepth 1 ! -path "$state/owed" 2>/dev/null) || left=
[ -z "$left" ] || { echo "there is still $state"; exit 1; }`,
		Apply: shell.Lines(emptied, `rm -rf "$state"`),
	}
}

// emptied removes those directories that were made and are empty now.
const emptied shell.Fragment = `[ ! -e "$state/directories" ] || sort -r "$state/directories" | while IFS= read -r dir; do
  rmdir "$dir" 2>/dev/null || :
done`
