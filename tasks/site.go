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
	sumsOf := lines("sums", sums.String())
	return Task{
		Name: PublishName + dir,
		// one process for all; only what differs is looked for file by file
		Direct: true,
		Check: shell.Lines(sumsOf, shell.F(`! published %s "$sums" >/dev/null 2>&1 || return 0
differing=$(unpublished %s "$sums") || { printf '%%s\n' "$differing"; return 2; }
[ -z "$differing" ] || { echo "differing or missing:"; printf '%%s\n' "$differing" | cut -c 67-; return 1; }`, dir, dir)),
		Apply: shell.Lines(sumsOf, shell.F(`differing=$(unpublished %s "$sums") || { printf '%%s\n' "$differing"; exit 1; }
publish %s %s "$differing"
rm -rf %s`, dir, dir, staging, staging)),
		Owns: owns,
	}
}
