package tasks

import (
	"path"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// SiteFile is one file of a local directory that is published.
type SiteFile struct {
	Path   string // relative, with slashes
	SHA256 string // hexadecimal
}

// PublishName is how the names of Site's tasks begin.
const PublishName = "publish the site in "

// Site publishes a directory's files in dir. Those that differ are expected
// below staging, where the workstation has put them.
func Site(dir, staging string, files []SiteFile) Task {
	var sums strings.Builder
	owns := make([]string, 0, len(files))
	for _, f := range files {
		sums.WriteString(f.SHA256 + "  " + f.Path + "\n")
		owns = append(owns, "page "+path.Join(dir, f.Path))
	}
	differing := shell.Lines(lines("sums", sums.String()), shell.F(`differing=$(printf '%%s\n' "$sums" | while IFS= read -r line; do
  sum=${line%%%%  *}
  name=${line#*  }
  [ -z "$line" ] || [ "$(sha256sum <%s/"$name" 2>/dev/null)" = "$sum  -" ] || printf '%%s\n' "$name"
done)`, dir))
	return Task{
		Name: PublishName + dir,
		// one process for all; only what differs is looked for file by file
		Direct: true,
		Check: shell.Lines(lines("sums", sums.String()), shell.F(`(cd %s && sha256sum -c) >/dev/null 2>&1 <<END && return
$sums
END`, dir), differing, `[ -z "$differing" ] || { echo "differing or missing:"; printf '%s\n' "$differing"; return 1; }`),
		Apply: shell.Lines(differing, shell.F(`printf '%%s\n' "$differing" | while IFS= read -r name; do
  put %s/"$name" 0644 <%s/"$name"
done
rm -rf %s`, dir, staging, staging)),
		Owns: owns,
	}
}
