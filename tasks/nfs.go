package tasks

import "github.com/lvsdeploy/lvsdeploy/shell"

// Export is one directory offered over NFS.
type Export struct {
	Path, Network, Options string
}

// ExportsKey is the handler that makes the NFS server read its export files.
const ExportsKey = "exports"

// Reexport is that handler.
func Reexport() Task {
	return Handler(ExportsKey, Task{
		Name:  "exportfs -ra",
		Check: "exit 1",
		Apply: "exportfs -ra",
		Hint:  "exportfs -ra names the line it cannot read",
	})
}

// Exported proves live what the export file says.
func Exported(e Export) Task {
	return Task{
		Name:   "export " + e.Path,
		Direct: true,
		// exportfs breaks the line after a long path, so take it word by word.
		Check: shell.F(`set -f
# shellcheck disable=SC2046
set -- $(exportfs)
set +f
while [ $# -gt 1 ]; do
  [ "$1 $2" != %s ] || return 0
  shift 2
done
echo 'not exported'
return 1`, e.Path+" "+e.Network),
		// only this one: -ra would do the work of the tasks after it, and a dry
		// run would have promised changes that they then do not make
		Apply: shell.F("exportfs -o %s %s", e.Options, e.Network+":"+e.Path),
		Needs: command("exportfs"),
	}
}
