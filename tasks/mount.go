package tasks

import (
	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// Mount is one NFS mount, live and in fstab.
type Mount struct {
	Source string // server:/path
	Dir    string
}

// options bring a web node up whatever the NFS server does: the boot does not
// wait (nofail, automount), a mount that cannot succeed gives up and is tried
// again at the next access.
const mountOptions = "defaults,_netdev,nofail,x-systemd.automount,x-systemd.mount-timeout=30"

// Fstab puts m into fstab, in place of any other line for its directory.
func Fstab(m Mount) Task {
	line := templates.Render("fstab", map[string]string{"Source": m.Source, "Dir": m.Dir, "Options": mountOptions})
	line = line[:len(line)-1]
	return Task{
		Name:   "keep " + m.Dir + " in fstab",
		Direct: true,
		Check: shell.F(`line=%s
found=$(awk -v dir=%s '$1 !~ /^#/ && ($2 == dir || $2 == dir "/")' /etc/fstab 2>/dev/null) || found=
[ "$found" = "$line" ] || { [ -z "$found" ] || echo "-$found"; echo "+$line"; return 1; }`, line, m.Dir),
		Apply: shell.F(`[ -f /etc/fstab ] || : | put /etc/fstab 0644
new=$(awk -v dir=%s -v line=%s '
  $1 !~ /^#/ && ($2 == dir || $2 == dir "/") { next }
  { print }
  END { print line }' /etc/fstab && echo .)
printf '%%s' "${new%%.}" | put /etc/fstab 0644
systemctl daemon-reload`, awkValue(m.Dir), awkValue(line)),
		Owns:  []string{"fstab " + m.Dir},
		Files: []File{{Path: "/etc/fstab", Mode: "0644", Content: line + "\n"}},
	}
}

// mounted sets found to the source of the NFS mount on a directory; empty:
// there is none. The look inside triggers an automount.
const mounted = `answers=
! timeout -s KILL 35 ls %s >/dev/null 2>&1 || answers=yes
set -f
# shellcheck disable=SC2046 # pairs of words
set -- $(findmnt -n -l -t nfs,nfs4 -o TARGET,SOURCE)
set +f
found=
while [ $# -gt 1 ]; do
  [ "$1" != %s ] || found=$2
  shift 2
done
`

// Mounted mounts m as fstab says, by the automount that a boot would start.
func Mounted(m Mount) Task {
	return Task{
		Name: "mount " + m.Source + " on " + m.Dir,
		Check: shell.F(mounted+`[ "$found" = %s ] || { echo "mounted there: ${found:-nothing}"; exit 1; }
[ -n "$answers" ] || timeout -s KILL 10 ls %s >/dev/null 2>&1 || { echo 'the mount does not answer'; exit 1; }`, m.Dir, m.Dir, m.Source, m.Dir),
		Apply: shell.F(mounted+`unit=$(systemd-escape --path %s)
if [ -n "$found" ]; then
  systemctl stop "$unit.automount" 2>/dev/null || :
  # stopping the automount has mostly done it
  umount -f %s 2>/dev/null || umount -l %s 2>/dev/null || :
fi
directory %s
systemctl reset-failed "$unit.automount" "$unit.mount" 2>/dev/null || :
systemctl start "$unit.automount" || mount %s
timeout -s KILL 35 ls %s >/dev/null`, m.Dir, m.Dir, m.Dir, m.Dir, m.Dir, m.Dir, m.Dir, m.Dir),
		Hint: "try it by hand: mount " + m.Dir + "; showmount -e shows what the server offers",
	}
}

// Unmounted undoes Fstab and Mounted for a directory that is no longer wanted.
func Unmounted(dir string) Task {
	return Task{
		Name: "unmount " + dir,
		Check: shell.F(`kept=$(awk -v dir=%s '$1 !~ /^#/ && ($2 == dir || $2 == dir "/")' /etc/fstab)
was=$(awk -v dir=%s '$1 !~ /^#/ && ($2 == dir || $2 == dir "/")' "$state/backup/etc/fstab" 2>/dev/null) || was=
left=
[ -n "$was" ] || left=$(findmnt -n -l -t nfs,nfs4,autofs -o TARGET,SOURCE | awk -v dir=%s '$1 == dir')
[ "$kept$left" = "$was" ] || { printf '%%s\n' "$left" "$kept" | sed '/./!d; s/^/-/'; [ -z "$was" ] || printf '%%s\n' "$was" | sed 's/^/+/'; exit 1; }`, dir, dir, dir),
		// a line of somebody else's that ours has replaced comes back, and what
		// it mounts
		Apply: shell.F(`unit=$(systemd-escape --path %s)
systemctl stop "$unit.automount" "$unit.mount" 2>/dev/null || :
[ -z "$(findmnt -n -l -t nfs,nfs4 -o TARGET | awk -v dir=%s '$1 == dir')" ] || umount -f %s || umount -l %s
others() { awk -v dir=%s '$1 !~ /^#/ && ($2 == dir || $2 == dir "/") { next } { print }' "$1"; }
was=$(awk -v dir=%s '$1 !~ /^#/ && ($2 == dir || $2 == dir "/")' "$state/backup/etc/fstab" 2>/dev/null) || was=
if [ -e "$state/backup/etc/fstab" ] && [ "$(others /etc/fstab)" = "$(others "$state/backup/etc/fstab")" ]; then
  restore /etc/fstab
else
  new=$(others /etc/fstab; [ -z "$was" ] || printf '%%s\n' "$was"; echo .)
  printf '%%s' "${new%%.}" | put /etc/fstab 0644
  original /etc/fstab
fi
systemctl daemon-reload
[ -z "$was" ] || mount %s`, dir, dir, dir, dir, dir, dir, dir),
	}
}

// Offered proves that an NFS server offers a path.
func Offered(server, path string) Task {
	return Task{
		Name: "see that " + server + " offers " + path,
		Check: shell.F(`offered=$(timeout -s KILL 20 showmount --no-headers -e %s) || { echo "$offered"; exit 1; }
case $newline$offered in *"$newline"%s[[:blank:]]*) ;; *) echo "it offers: ${offered:-nothing}"; exit 1 ;; esac`, server, path),
		Needs: command("showmount"),
		Hint:  "on the NFS server, exportfs -v shows what it exports, and rpcinfo -p whether mountd runs; is a firewall between them?",
	}
}
