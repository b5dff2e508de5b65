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
		Name:  name,
		Check: shell.Heredoc(shell.F("same %s", f.Path), f.Content),
		Apply: shell.Heredoc(shell.F("put %s %s", f.Path, f.Mode), f.Content),
		Owns:  []string{"file " + f.Path},
		Files: []File{f},
	}
}

// Write is Put with the name every plain file has.
func Write(f File) Task { return Put("write "+f.Path, f) }

// Directory makes a directory that anyone may read; one that exists keeps its
// owner and mode.
func Directory(dir string) Task {
	return Task{
		Name:  "create directory " + dir,
		Check: shell.F("[ -d %s ] || { echo 'no such directory'; exit 1; }", dir),
		Apply: shell.F("mkdir -p %s", dir),
	}
}

// Setting sets KEY=value in a file of such lines (ifcfg, /etc/default/…),
// leaving every other line as it is.
func Setting(file, key, value string) Task {
	line := key + "=" + value
	return Task{
		Name: "set " + line + " in " + file,
		Check: shell.F(`[ -f %s ] || { echo 'no such file'; exit 1; }
found=$(grep %s %s) || found=
[ "$found" = %s ] || { echo "-$found"; echo %s; exit 1; }`, file, "^[[:space:]]*"+key+"=", file, line, "+"+line),
		Apply: shell.F(`[ -f %s ] || : | put %s 0644
awk -v key=%s -v line=%s '
  { bare = $0; sub(/^[ \t]+/, "", bare) }
  index(bare, key "=") == 1 { if (!done++) print line; next }
  { print }
  END { if (!done) print line }' %s | put %s 0644`, file, file, key, awkValue(line), file, file),
		Owns: []string{"setting " + file + " " + key},
	}
}

// awkValue keeps awk from reading escapes in a -v value.
func awkValue(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }

// Removed takes away a file of an earlier run, or puts back what was there
// before it.
func Removed(file string) Task {
	return Task{
		Name:  "remove " + file,
		Check: shell.F("restored %s", file),
		Apply: shell.F("restore %s", file),
	}
}

// RemovedUnit disables and removes a unit of an earlier run.
func RemovedUnit(unit string) Task {
	file := path.Join("/etc/systemd/system", unit)
	return Task{
		Name:  "remove unit " + unit,
		Check: shell.F("restored %s", file),
		Apply: shell.F("systemctl disable --quiet %s\nrestore %s\nsystemctl daemon-reload", unit, file),
	}
}
