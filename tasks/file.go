package tasks

import (
	"path"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Put writes a whole file of ours.
func Put(name string, f File) Task {
	if !strings.HasSuffix(f.Content, "\n") {
		f.Content += "\n"
	}
	return Task{
		Name:   name,
		Direct: true,
		Check:  shell.Heredoc(shell.F("same %s", f.Path), f.Content, "|| return $?"),
		Apply:  shell.Heredoc(shell.F("put %s %s", f.Path, f.Mode), f.Content),
		Owns:   []string{"file " + f.Path},
		Files:  []File{f},
	}
}

// PutPage is Write for a file in a directory where others may write too: a
// document root, an export.
func PutPage(f File) Task {
	t := Write(f)
	t.Check = shell.Heredoc(shell.F("same_page %s", f.Path), t.Files[0].Content, "|| return $?")
	return t
}

// Write is Put with the name every plain file has.
func Write(f File) Task { return Put("write "+f.Path, f) }

// Directory makes a directory that anyone may read; one that exists keeps its
// owner and mode.
func Directory(dir string) Task {
	return Task{
		Name:   "create directory " + dir,
		Direct: true,
		Check: shell.F(`[ -d %s ] || { echo 'no such directory'; return 1; }
[ ! -L %s ] || (enter %s) || return 2 # where others may put links`, dir, dir, dir),
		Apply: shell.F("directory %s", dir),
	}
}

// Setting sets KEY=value in a file of such lines (ifcfg, /etc/default/…),
// leaving every other line as it is.
func Setting(file, key, value string) Task {
	line := key + "=" + value
	return Task{
		Name:   "set " + line + " in " + file,
		Direct: true,
		Check: shell.F(`plain %s || return $?
found=$(awk -v key=%s '{ bare = $0; sub(/^[ \t]+/, "", bare) } index(bare, key "=") == 1' %s)
[ "$found" = %s ] || { [ -z "$found" ] || printf '%%s\n' "$found" | sed 's/^/-/'; printf '%%s\n' %s; return 1; }`, file, awkValue(key), file, line, "+"+line),
		Apply: shell.F(`[ -f %s ] || : | put %s 0644
new=$(awk -v key=%s -v line=%s '
  { bare = $0; sub(/^[ \t]+/, "", bare) }
  index(bare, key "=") == 1 { if (!done++) print line; next }
  { print }
  END { if (!done) print line }' %s && echo .)
printf '%%s' "${new%%.}" | put %s 0644`, file, file, awkValue(key), awkValue(line), file, file),
		Owns: []string{"setting " + file + " " + key},
	}
}

// awkValue keeps awk from reading escapes in a -v value.
func awkValue(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }

// blockGone takes a block of an earlier run out of a file.
func blockGone(file, mark string) Task {
	begin, end := "# begin lvsdeploy "+mark, "# end lvsdeploy "+mark
	return Task{
		Name:  "remove the block from " + file,
		Check: shell.F("[ ! -f %s ] || ! grep -qxF -e %s %s || { echo 'still there'; exit 1; }", file, begin, file),
		Apply: shell.F(`rest=$(awk -v begin=%s -v end=%s '$0 == begin { on = 1 } !on { print } $0 == end { on = 0 }' %s && echo .)
printf '%%s' "${rest%%.}" | put %s 0755
original %s`, begin, end, file, file, file),
	}
}

// settingGone gives a setting the value that it had before the first run.
func settingGone(file, key string) Task {
	pattern := "^[[:space:]]*" + key + "="
	return Task{
		Name: "set " + key + " in " + file + " as it was",
		Check: shell.F(`[ -f %s ] || exit 0
was=$(grep %s "$state/backup"%s 2>/dev/null) || was=
now=$(grep %s %s) || now=
[ "$now" = "$was" ] || { echo "-$now"; echo "+$was"; exit 1; }`, file, pattern, file, pattern, file),
		Apply: shell.F(`was=$(grep %s "$state/backup"%s 2>/dev/null) || was=
new=$(was="$was" awk -v key=%s '
  { bare = $0; sub(/^[ \t]+/, "", bare) }
  index(bare, key "=") == 1 { if (ENVIRON["was"] != "" && !done++) print ENVIRON["was"]; next }
  { print }' %s && echo .)
printf '%%s' "${new%%.}" | put %s 0644
original %s`, pattern, file, key, file, file, file),
	}
}

// removed takes away a file of an earlier run, or puts back what was there
// before it.
func removed(file string) Task {
	return Task{
		Name:  "remove " + file,
		Check: shell.F("restored %s", file),
		Apply: shell.F("restore %s", file),
	}
}

// unitGone disables and removes a unit of an earlier run.
func unitGone(unit string) Task {
	file := path.Join("/etc/systemd/system", unit)
	return Task{
		Name:  "remove unit " + unit,
		Check: shell.F("restored %s", file),
		// since a boot it counts as running; what it did is other tasks' business.
		// When it is taken back there is no unit to enable until its file is back.
		Apply: shell.F("guard %s\nsystemctl disable --quiet %s\nsystemctl stop %s\nrestore %s\nsystemctl daemon-reload",
			"/etc/systemd/system/multi-user.target.wants/"+unit, unit, unit, file),
		Undo: ":",
	}
}
