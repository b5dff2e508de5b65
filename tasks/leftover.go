package tasks

import (
	"slices"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// leftover is what is done about one entry of the manifest: it is taken away,
// and then what it was before is forgotten. A row for every kind that Task.Owns
// may hold, in the order in which they go: the table before the addresses it
// serves, an address before the ARP settings that keep quiet about it, live
// state before the files that keep it.
var leftover = []struct {
	kind string
	task func(name string) Task
	was  func(name string) originals
}{
	{"service", nil, nothing}, // together: see Leftovers
	{"address", func(name string) Task { return addressGone(two(name)) }, func(name string) originals {
		dev, address := two(name)
		return originals{live: []string{"link." + dev, wideName(dev, address)}}
	}},
	{"route", func(name string) Task { return routeGone(two(name)) }, nothing},
	{"default-route", func(name string) Task { return defaultRouteGone(two(name)) }, func(string) originals { return live("default-route") }},
	{"rule", ruleGone, nothing},
	{"firewalld", nil, nothing}, // together, for each call takes a second
	{"firewalld-direct", firewalldDirectGone, nothing},
	{"ufw", ufwGone, nothing},
	{"nft", nftGone, nothing},
	{"nft-table", nftTableGone, nothing},
	{"nm-address", func(name string) Task { return nmGone("ipv4.addresses", name) }, profileWas},
	{"nm-route", func(name string) Task { return nmGone("ipv4.routes", name) }, profileWas},
	{"fstab", Unmounted, func(dir string) originals {
		return originals{shared: []string{"/etc/fstab"}, live: []string{wasMounted(dir)}}
	}},
	{"unit", unitGone, func(unit string) originals { return originals{files: []string{"/etc/systemd/system/" + unit}} }},
	{"file", removed, fileWas},
	{"page", removed, fileWas},
	{"block", func(name string) Task { return blockGone(two(name)) }, lineWas},
	{"setting", func(name string) Task { return settingGone(two(name)) }, lineWas},
	{"sysctl", sysctlGone, func(key string) originals {
		was := live(sysctlName(key))
		if along := setsAlong[key]; along != "" {
			was.live = append(was.live, sysctlName(along))
		}
		return was
	}},
	{"module", nil, nothing}, // needs the services
	{"sebool", seBooleanGone, func(name string) originals { return live("sebool." + name) }},
	{"selinux", func(string) Task { return seLinuxEnforcing() }, func(string) originals { return live("selinux") }},
	{"boot", bootGone, unitWasSo},
	{"daemon", daemonGone, unitWasSo},
	{"firewall", firewallBack, unitWasSo},
	{"packages", nil, nothing}, // stay, unless PackagesGone is asked for
}

// originals is what is remembered of what was there before an entry: whole
// files, files that others may have changed as well, live values.
type originals struct{ files, shared, live []string }

func nothing(string) originals         { return originals{} }
func live(name string) originals       { return originals{live: []string{name}} }
func fileWas(file string) originals    { return originals{files: []string{file}} }
func unitWasSo(unit string) originals  { return live("unit." + unit) }
func profileWas(name string) originals { return live("profile." + first(name)) }
func lineWas(name string) originals    { return originals{shared: []string{first(name)}} }
func first(name string) string         { one, _ := two(name); return one }

// originalsOf is what is remembered of what entries name.
func originalsOf(entries []string) (all originals) {
	for _, entry := range entries {
		kind, name, _ := strings.Cut(entry, " ")
		for _, row := range leftover {
			if row.kind == kind {
				was := row.was(name)
				all.files, all.shared, all.live = append(all.files, was.files...), append(all.shared, was.shared...), append(all.live, was.live...)
			}
		}
	}
	return all
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
	of := originalsOf([]string{entry})
	var was []string
	for _, file := range slices.Concat(of.files, of.shared) {
		was = append(was, "backup"+file)
	}
	for _, value := range of.live {
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
// What stays may lean on some of it.
func Disowned(entries, staying []string) Task {
	was, needed := originalsOf(entries), originalsOf(staying)
	without := func(list []string) string {
		return strings.Join(slices.DeleteFunc(list, func(s string) bool {
			return slices.Contains(needed.files, s) || slices.Contains(needed.shared, s) || slices.Contains(needed.live, s)
		}), "\n")
	}
	kept := shell.Lines(lines("files", without(was.files)), lines("shared", without(was.shared)), lines("values", without(was.live)), `kept=$(
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
  store "$state/absent" "$left$newline"
fi
printf '%s\n' "$kept" | while IFS= read -r name; do
  [ -z "$name" ] || rm -f "$state/$name"
done
find "$state/backup" "$state/live" -depth -type d -exec rmdir {} + 2>/dev/null || :`),
	}
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
