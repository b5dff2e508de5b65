package tasks

import (
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Export is one directory offered over NFS.
type Export struct {
	Path, Network, Options string
}

// ExportsKey is the handler that makes the NFS server read its export files.
const ExportsKey = "exports"

// Reexport is that handler. exportfs takes away what no file names: an export
// that somebody has made by hand, or one whose line has an error by now. That is
// exported again. Ours are those that ExportsFile has written down.
func Reexport() Task {
	return Handler(ExportsKey, Task{
		Name:  "exportfs -ra",
		Check: "exit 1",
		Apply: `was=$(exportfs -s 2>/dev/null) || was=
failed=
said=$(exportfs -ra 2>&1) || failed=$?
now=$(exportfs -s 2>/dev/null) || now=
[ ! -e "$state/exports" ] || printf '%s\n' "$was" | grep -vxF -e "$now" | while IFS= read -r line; do
  dir=${line%%  *}
  client=${line#*  }
  options=${client#*\(}
  client=${client%%\(*}
  if [ -z "$client" ] || grep -qxF -e "$dir $client" "$state/exports"; then continue; fi
  case $newline$now in *"$newline$dir  $client("*) continue ;; esac # with other options now
  exportfs -o "${options%)}" "$client:$dir" || echo "cannot export $dir to $client again, as it was before"
done
[ -z "$failed" ] || { printf '%s\n' "$said"; exit 1; }`,
		Hint: "exportfs -ra names the line it cannot read; what was exported before still is",
	})
}

// ExportsFile writes our exports where the NFS server reads them, and before
// that down which they are.
func ExportsFile(f File, exports []Export) Task {
	t := Write(f)
	var ours []string
	for _, e := range exports {
		ours = append(ours, e.Path+" "+e.Network)
	}
	t.Apply = shell.Lines(lines("ours", strings.Join(ours, "\n")), shell.F(`before=$(awk '/^\// { sub(/\(.*/, ""); print }' %s 2>/dev/null) || before=
{ [ ! -e "$state/exports" ] || cat "$state/exports"; printf '%%s\n' "$before" "$ours"; } | sed '/./!d' | sort -u >"$run/exports"
store "$state/exports" "$(cat "$run/exports")$newline"
rm -f "$run/exports"`, f.Path), t.Apply)
	t.Notify = ExportsKey
	return t
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
