package tasks

import (
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// Mount is one NFS mount, live and in fstab.
type Mount struct {
	Source string // server:/path
	Dir    string
	Hides  []string // some of the files that are in Dir
}

// options bring a web node up whatever the NFS server does: the boot does not
// wait (nofail, automount), a mount that cannot succeed gives up and is tried
// again at the next access.
const mountOptions = "defaults,_netdev,nofail,x-systemd.automount,x-systemd.mount-timeout=30"

// fstabLine prints what a file of fstab's form has for a directory.
func fstabLine(dir string, file shell.Fragment) shell.Fragment {
	return shell.F(`awk -v dir=%s '{ where = $2; gsub(/\/+/, "/", where); sub(/\/$/, "", where) } $1 !~ /^#/ && where == dir' %s`, awkValue(dir), file)
}

// wasMounted is the name of what is remembered of a directory: whether
// anything was mounted there.
func wasMounted(dir string) string { return "mount." + strings.ReplaceAll(dir, "/", "-") }

// othersLine sets others to the line of fstab for the directory if it is not
// ours, of this run or an earlier one, and does not mount the same by hand.
func othersLine(m Mount) shell.Fragment {
	return shell.F(`others=$(printf '%%s\n' "$found" | awk -v options=%s -v source=%s '
  { from = $1; sub(/\/+$/, "", from) }
  NF && ($3 !~ /^nfs/ || from != source && $4 != options)')`, mountOptions, awkValue(strings.TrimRight(m.Source, "/")))
}

// Fstab puts m into fstab. A line of ours for its directory is replaced, and
// one that mounts the same; any other is somebody's.
func Fstab(m Mount) Task {
	line := templates.Render("fstab", map[string]string{"Source": m.Source, "Dir": m.Dir, "Options": mountOptions})
	line = line[:len(line)-1]
	return Task{
		Name:   "keep " + m.Dir + " in fstab",
		Direct: true,
		Check: shell.Lines("[ ! -e /etc/fstab ] || plain /etc/fstab || return 2", shell.F(`found=$(%s 2>/dev/null) || found=
[ "$found" != %s ] || return 0`, fstabLine(m.Dir, "/etc/fstab"), line), othersLine(m), shell.F(`[ -z "$others" ] || {
  echo "/etc/fstab mounts something else there: $others"
  return 2
}
[ -z "$found" ] || printf '%%s\n' "$found" | sed 's/^/-/'
echo "+"%s
return 1`, line)),
		Apply: shell.F(`mounted=no
! findmnt -n -r -o TARGET | grep -qxF -e %s || mounted=yes
remember_live %s "$mounted"
[ -f /etc/fstab ] || : | put /etc/fstab 0644
new=$(awk -v dir=%s -v line=%s '
  { where = $2; gsub(/\/+/, "/", where); sub(/\/$/, "", where) }
  $1 !~ /^#/ && where == dir { next }
  { print }
  END { print line }' /etc/fstab && echo .)
printf '%%s' "${new%%.}" | put /etc/fstab 0644
systemctl daemon-reload`, m.Dir, wasMounted(m.Dir), awkValue(m.Dir), awkValue(line)),
		Hint:  "take that line away, or give this server `index` or `site` in the inventory instead of `mount`",
		Owns:  []string{"fstab " + m.Dir},
		Files: []File{{Path: "/etc/fstab", Mode: "0644", Content: line + "\n"}},
	}
}

// mounted sets found to the source of the NFS mount on a directory, and other to
// what else is mounted there last, beside an automount; empty: there is none.
// The look inside triggers an automount.
const mounted = `answers=
! timeout -s KILL 35 ls %s >/dev/null 2>&1 || answers=yes
found='' other=''
while read -r target type source; do
  [ "$target" = %s ] || continue
  case $type in
  nfs | nfs4) found=$source other='' ;;
  autofs) found='' other='' ;;
  *) other="$source ($type)" ;;
  esac
done <<END
$(findmnt -n -r -o TARGET,FSTYPE,SOURCE)
END
[ -z "$other" ] || {
  echo "something else is mounted there: $other"
  exit 2
}
`

// Mounted mounts m as fstab says, by the automount that a boot would start.
func Mounted(m Mount) Task {
	name := "mount " + m.Source + " on " + m.Dir
	if len(m.Hides) > 0 {
		name += ", over what is there: " + strings.Join(m.Hides, ", ")
	}
	return Task{
		Name: name,
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
if timeout -s KILL 35 ls %s >/dev/null && findmnt -n -r -t nfs,nfs4 -o TARGET | grep -qxF -e %s; then exit; fi
# not left there to be waited for: what is in the directory is served on
[ -n "$found" ] || systemctl stop "$unit.automount" 2>/dev/null || :
exit 1`, m.Dir, m.Dir, m.Dir, m.Dir, m.Dir, m.Dir, m.Dir, m.Dir, m.Dir),
		Hint: "try it by hand: mount " + m.Dir + "; showmount -e shows what the server offers; findmnt " + m.Dir + " what is mounted there",
	}
}

// Unmounted undoes Fstab and Mounted for a directory that is no longer wanted.
func Unmounted(dir string) Task {
	was := fstabLine(dir, `"$state/backup/etc/fstab"`)
	return Task{
		Name: "unmount " + dir,
		Check: shell.F(`kept=$(%s)
was=$(%s 2>/dev/null) || was=
left=
[ -n "$was" ] || left=$(findmnt -n -l -t nfs,nfs4,autofs -o TARGET,SOURCE | awk -v dir=%s '$1 == dir')
[ "$kept$left" = "$was" ] || { printf '%%s\n' "$left" "$kept" | sed '/./!d; s/^/-/'; [ -z "$was" ] || printf '%%s\n' "$was" | sed 's/^/+/'; exit 1; }`, fstabLine(dir, "/etc/fstab"), was, dir),
		// a line of somebody else's that ours has replaced comes back, and what
		// it mounts
		Apply: shell.F(`unit=$(systemd-escape --path %s)
systemctl stop "$unit.automount" "$unit.mount" 2>/dev/null || :
[ -z "$(findmnt -n -l -t nfs,nfs4 -o TARGET | awk -v dir=%s '$1 == dir')" ] || umount -f %s || umount -l %s
others() { awk -v dir=%s '{ where = $2; gsub(/\/+/, "/", where); sub(/\/$/, "", where) } $1 !~ /^#/ && where == dir { next } { print }' "$1"; }
was=$(%s 2>/dev/null) || was=
if [ -e "$state/backup/etc/fstab" ] && [ "$(others /etc/fstab)" = "$(others "$state/backup/etc/fstab")" ]; then
  restore /etc/fstab
else
  new=$(others /etc/fstab; [ -z "$was" ] || printf '%%s\n' "$was"; echo .)
  printf '%%s' "${new%%.}" | put /etc/fstab 0644
  original /etc/fstab
fi
systemctl daemon-reload
[ -z "$was" ] || [ "$(cat "$state/live/"%s 2>/dev/null)" = no ] || mount %s`, dir, dir, dir, dir, dir, was, wasMounted(dir), dir),
	}
}

// Offered proves that an NFS server offers what m mounts. One that speaks NFSv4
// only has no mountd that could be asked: if the mount is there, or its port
// answers, the mount itself is the proof.
func Offered(m Mount) Task {
	server, path, _ := strings.Cut(m.Source, ":")
	return Task{
		Name: "see that " + server + " offers " + path,
		Check: shell.F(`if offered=$(timeout -s KILL 20 showmount --no-headers -e %s 2>&1); then
  case $newline$offered in *"$newline"%s[[:blank:]]*) exit 0 ;; esac
  echo "it offers: ${offered:-nothing}"
  exit 1
fi
case $newline$(findmnt -n -r -t nfs,nfs4 -o TARGET,SOURCE)$newline in *"$newline"%s"$newline"*) exit 0 ;; esac
# shellcheck disable=SC2016 # bash expands these
timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/2049"' bash %s 2>/dev/null || {
  echo "$offered"
  exit 1
}`, server, path, m.Dir+" "+m.Source, server),
		Needs: command("showmount"),
		Hint:  "on the NFS server, exportfs -v shows what it exports, and rpcinfo -p whether mountd runs; is a firewall between them?",
	}
}
