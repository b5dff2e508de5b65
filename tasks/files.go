package tasks

// files are the functions that look at a file, or write one, where somebody
// else than root may write too: a document root of the web server's user, an
// export that clients write in. A name there can lead anywhere a moment later,
// so each directory is entered and then looked at, and nothing is named twice.
var looking = []Function{
	{Name: "alone", Text: `# alone DIR: may nobody but root put anything there, or in a directory above it?
# One process looks at all of them; a link is left to those who look closer.
alone() {
  above='' below=${1#/}
  set -- /
  while [ -n "$below" ]; do
    above=$above/${below%%/*}
    set -- "$@" "$above"
    case $below in */*) below=${below#*/} ;; *) below='' ;; esac
  done
  whose=$(stat -c '%A %u %g' -- "$@" 2>/dev/null) || return 1
  case $newline$whose in
  *"$newline"[!d]* | *"$newline"d?????????" "[!0]* | *"$newline"d???????w* | *"$newline"d????w????" 0 "[!0]*) return 1 ;;
  esac
}`},
	{Name: "refuse", Text: `# refuse NAME: a link in the working directory, where others may write
refuse() {
  echo "refusing to follow the link $here/$1, which uid $(stat -c %u "./$1") may have put there"
  return 1
}`},
	{Name: "enter", Text: `# enter DIR: go there, a component at a time. Links of root's own are followed,
# none in or below a directory where others may write. Sets here, its name
# without links, and theirs, if others may write there or above.
enter() {
  if alone "$1"; then
    here=${1%/} theirs=''
    cd -P "$1/"
    return
  fi
  cd / || return 1
  here='' theirs='' ahead=${1#/} hops=0
  while :; do
    case $(stat -c '%A %u %g' .) in
    'd'???????-?' 0 0' | 'd'????-??-?' 0 '*) ;;
    *) theirs=yes ;;
    esac
    [ -n "$ahead" ] || return 0
    part=${ahead%%/*}
    case $ahead in */*) ahead=${ahead#*/} ;; *) ahead='' ;; esac
    if [ -z "$part" ] || [ "$part" = . ]; then
      continue
    elif [ -L "./$part" ]; then
      [ -z "$theirs" ] || { refuse "$part"; return 1; }
      hops=$((hops + 1))
      [ $hops -le 40 ] || { echo "too many links on the way to $1"; return 1; }
      link=$(readlink "./$part")
      case $link in
      /*)
        cd / || return 1
        here=''
        ;;
      esac
      ahead=$link/$ahead
      continue
    fi
    cd -P "./$part" 2>/dev/null || { echo "$here/$part is no directory"; return 1; }
    case $part in ..) here=${here%/*} ;; *) here=$here/$part ;; esac
    # what the kernel says: the shell may go by names
    [ -z "$theirs" ] || [ "$(readlink /proc/self/cwd)" = "$here" ] || { echo "$here was changed while it was entered"; return 1; }
  done
}`},
	{Name: "reach", Text: `# reach FILE: go where it is, also by a link of root's own, and set name to what
# it is called there
reach() {
  wanted=$1 turns=0
  while enter "${wanted%/*}"; do
    name=${wanted##*/}
    [ -L "./$name" ] || return 0
    [ -z "$theirs" ] || { refuse "$name"; return 1; }
    turns=$((turns + 1))
    [ $turns -le 40 ] || { echo "too many links on the way to $1"; return 1; }
    wanted=$(readlink "./$name")
    case $wanted in /*) ;; *) wanted=$here/$wanted ;; esac
  done
  return 1
}`},
	{Name: "plain", Text: `# plain FILE [NAME]: 0 a regular file, or a link to one; 1 nothing; 2 what a
# reader would wait for, or cannot read
plain() {
  [ ! -f "$1" ] || return 0
  [ -e "$1" ] || { echo 'no such file'; return 1; }
  echo "${2-$1} is a $(stat -L -c %F "$1"), not a regular file"
  return 2
}`},
	{Name: "differing_from", Text: `# differing_from FILE <CONTENT: how it differs. What is read is the file of this
# name, not where a link leads, and no more of it than can be of use.
differing_from() (
  reach "$1" || exit 2
  plain "./$name" "$1" || { is=$?; sed 's/^/+/'; exit $is; }
  how=0
  # shellcheck disable=SC2016 # the inner shell expands these
  timeout 20 sh -c '
    exec 4<&0 3<"./$1" || exit 2
    [ "$(stat -c "%d:%i %f" "./$1")" = "$(stat -L -c "%d:%i %f" /proc/self/fd/3)" ] || exit 2
    head -c 1000000 <&3 | diff -u -L "$2" -L - - /proc/self/fd/4' sh "$name" "$1" || how=$?
  [ $how -le 1 ] || { echo "$1 cannot be read: it is no regular file, or changes meanwhile"; exit 2; }
  exit $how
)`},
	{Name: "same", Text: `# same FILE <CONTENT: in place? else what differs. The shell itself compares,
# line by line: a process costs more than the whole of a small file.
same() {
  plain "$1" || { is=$?; sed 's/^/+/'; return $is; }
  want='' differs=''
  {
    while IFS= read -r line; do
      want=$want$line$newline
      [ -n "$differs" ] || { IFS= read -r have <&3 && [ "$have" = "$line" ]; } || differs=yes
    done
    if IFS= read -r have <&3 || [ -n "$have" ]; then differs=yes; fi
    # NUL bytes are not seen by a shell: how far has it come?
    read -r have place </proc/self/fdinfo/3
    [ "$place" = ${#want} ] || differs=yes
  } 3<"$1"
  [ -n "$differs" ] || return 0
  printf '%s' "$want" | differing_from "$1"
}`},
	{Name: "same_page", Text: `# same_page FILE <CONTENT: the same where others may write, who can put a pipe
# there between two looks
same_page() {
  if alone "${1%/*}" && [ ! -L "$1" ]; then
    same "$1"
    return
  fi
  [ -d "${1%/*}" ] || { echo 'no such file'; sed 's/^/+/'; return 1; }
  differing_from "$1"
}`},
	{Name: "published", Text: `# published DIR SUMS: are the files of these checksums there?
published() (
  cd "$1" 2>/dev/null || exit 1
  while IFS= read -r line; do
    [ -f "./${line#*  }" ] || exit 1 # a pipe would be waited for
  done <<END
$2
END
  timeout 120 sha256sum -c <<END
$2
END
)`},
	{Name: "unpublished", Text: `# unpublished DIR SUMS: those that are not there, or otherwise. 2: something is in
# the way, or would lead elsewhere. What is there is read by one process.
unpublished() {
  names=$(printf '%s\n' "$2" | {
    before=''
    while IFS= read -r line; do
      page=${line#*  }
      file=$1/$page
      if [ -d "${file%/*}" ] && [ "${file%/*}" != "$before" ]; then
        before=${file%/*}
        (enter "$before") || exit 2
      fi
      if [ -L "$file" ]; then
        (reach "$file") || exit 2
      fi
      if [ -f "$file" ]; then
        printf '%s\n' "$page"
      elif [ -e "$file" ]; then
        plain "$file" || exit 2
      fi
    done
  }) || { printf '%s\n' "$names" | tail -n 1; return 2; }
  have=''
  [ -z "$names" ] || have=$(cd "$1" && printf '%s\n' "$names" | tr '\n' '\0' | timeout 120 xargs -0 sha256sum -- 2>/dev/null) || :
  printf '%s\n' "$2" | grep -vxF -f /dev/fd/3 3<<END || :
$have
END
}`},
	{Name: "restored", Text: `# restored FILE: is it again as it was before the first run?
restored() {
  if [ -e "$state/backup$1" ]; then
    { [ -f "$1" ] && timeout 20 cmp -s "$state/backup$1" "$1"; } || { echo "not as it was"; return 1; }
  elif grep -qxF -e "$1" "$state/absent" 2>/dev/null; then
    { [ ! -e "$1" ] && [ ! -L "$1" ]; } || { echo "still there"; return 1; }
  fi
}`},
}

// writing are those that change files. Nothing is followed, what is written is
// checked, and what the host remembers of it is there before.
var writing = []Function{
	{Name: "directory", Changes: true, Text: `# directory DIR: there, with those above it; what was not is remembered
directory() {
  [ -n "$1" ] && [ ! -d "$1" ] || return 0
  directory "${1%/*}" || return 1
  # also for a change that may be taken back
  [ ! -e "$state/revert/run" ] || store_line "$state/revert/dirs" "$1" || return 1
  (enter "${1%/*}" && store_line "$state/directories" "$1" && mkdir "./${1##*/}")
}`},
	{Name: "tidy", Changes: true, Text: `# tidy FILE: removes what FILE names, which was being written when a run ended
tidy() {
  [ -s "$1" ] || return 0
  (
    read -r left <"$1" && enter "${left%/*}" && case ${left##*/} in .lvsdeploy-*) rm -rf "./${left##*/}" ;; esac
  )
  : >"$1"
}`},
	{Name: "copied", Changes: true, Text: `# copied TO: what is here under name is at TO as well
copied() {
  if mkdir -p "${1%/*}" && timeout 60 cp -a "./$name" "$1.new"; then
    if [ ! -f "$1.new" ] || [ -L "$1.new" ]; then
      echo "$here/$name was changed while it was read"
    elif sync "$1.new" && mv -f "$1.new" "$1"; then
      return
    fi
  fi
  rm -rf "$1.new"
  return 1
}`},
	{Name: "keep_here", Changes: true, Text: `# keep_here FILE: remember the first original of what is name here, or that
# there was none
keep_here() {
  [ ! -e "$state/backup$1" ] && ! grep -qxF -e "$1" "$state/absent" 2>/dev/null || return 0
  [ -e "./$name" ] || { store_line "$state/absent" "$1"; return; }
  copied "$state/backup$1"
}`},
	{Name: "keep", Changes: true, Text: `# keep FILE: the same, from elsewhere
keep() (reach "$1" && keep_here "$1")`},
	{Name: "fill", Changes: true, Text: `# fill MODE SUM LIKE <CONTENT: the new file, which is open as 7. It becomes as LIKE is,
# else as the one was that it replaces, else it gets MODE.
fill() {
  cat >&7 || return 1
  if [ -n "$2" ]; then
    [ "$(sha256sum </proc/self/fd/7)" = "$2  -" ] || { echo "$here/$name: what was uploaded for it is something else"; return 1; }
  fi
  if [ -n "$3" ]; then
    { cp --attributes-only --preserve=all "$3" /proc/self/fd/7 2>/dev/null ||
      { chown "$(stat -c %u:%g "$3")" /proc/self/fd/7 && chmod "$(stat -c %a "$3")" /proc/self/fd/7 && touch -r "$3" /proc/self/fd/7; }; } || return 1
  elif [ -n "$was" ]; then
    mode=${was#* }
    # nobody else's file gets to run as its owner by us
    case $was in 0:*) ;; *' '????) mode=${mode#?} ;; esac
    { chown "${was% *}" /proc/self/fd/7 && chmod "$mode" /proc/self/fd/7; } || return 1
    ! selinuxenabled 2>/dev/null || chcon "$label" /proc/self/fd/7 || return 1
  else
    chmod "$1" /proc/self/fd/7 || return 1
    ! selinuxenabled 2>/dev/null || restorecon "./$fresh" || return 1
  fi
  sync /proc/self/fd/7
}`},
	{Name: "place", Changes: true, Text: `# place MODE SUM LIKE <CONTENT: write name in the working directory. The file is
# made under a name that nobody can guess, as one that was not there, and all
# is done to what was opened then. The dot keeps directories that are read
# whole from seeing it; $state/beside is for the next run, should this one end here.
place() {
  was='' label=''
  if [ -e "./$name" ] && [ ! -L "./$name" ]; then
    was=$(stat -c '%u:%g %a' "./$name") || return 1
    ! selinuxenabled 2>/dev/null || label=$(stat -c %C "./$name") || return 1
  fi
  # not by read: the kernel ends it after the first one
  fresh=$(cat /proc/sys/kernel/random/uuid)
  [ ${#fresh} = 36 ] || { echo 'the kernel has no random numbers'; return 1; }
  fresh=.lvsdeploy-$fresh
  printf '%s\n' "$here/$fresh" >"$state/beside" 2>/dev/null || [ -n "$reverting" ] || store "$state/beside" "$here/$fresh$newline" || return 1
  umask 077
  set -C
  { set +C && fill "$@"; } 7>"./$fresh" && mv -fT "./$fresh" "./$name"
  placed=$?
  [ $placed = 0 ] || rm -f "./$fresh"
  : >"$state/beside"
  return $placed
}`},
	{Name: "put", Changes: true, Text: `# put FILE MODE [SUM] <CONTENT: owner, mode and label of an existing file stay
put() (
  reverting=''
  { directory "${1%/*}" && reach "$1" && { [ ! -e "./$name" ] || plain "./$name" "$1"; } && keep_here "$1" && guard "$here/$name" "./$name"; } || exit 1
  place "$2" "${3-}" ''
)`},
	{Name: "new_pages", Changes: true, Text: `# new_pages DIR FROM SUMS: files that are not there yet, of one directory. They are
# copied to a directory in it that is root's alone, where nobody can put one of
# another name or kind between two looks, and moved from there.
new_pages() (
  enter "$1" || exit 1
  absent=$(printf '%s\n' "$3" | while IFS= read -r line; do
    [ -e "$state/backup$1/${line#*  }" ] || printf '%s\n' "$1/${line#*  }"
  done)
  [ ! -e "$state/absent" ] || absent=$(printf '%s\n' "$absent" | grep -vxF -f "$state/absent") || absent=''
  [ -z "$absent" ] || store_line "$state/absent" "$absent" || exit 1
  fresh=$(cat /proc/sys/kernel/random/uuid)
  [ ${#fresh} = 36 ] || { echo 'the kernel has no random numbers'; exit 1; }
  fresh=.lvsdeploy-$fresh
  store "$state/beside" "$here/$fresh$newline" || exit 1
  { umask 077 && mkdir "./$fresh" && cd -P "./$fresh" && [ "$(stat -c '%u %a' .)" = '0 700' ]; } || { echo "$here was changed while it was written"; exit 1; }
  from=$2 sums=$3
  set --
  while IFS= read -r line; do set -- "$@" "./${line#*  }"; done <<END
$sums
END
  if (cd "$from" && timeout 600 tar -chf - -- "$@") | tar -xf - --no-same-owner; then
    for file; do
      { [ -f "$file" ] && [ ! -L "$file" ]; } || { echo "$here/${file#./}: nothing was uploaded for it"; exit 1; }
    done
    wrong=$(printf '%s\n' "$sums" | timeout 600 sha256sum -c 2>/dev/null | grep -v ': OK$') || wrong=''
    if [ -n "$wrong" ]; then
      printf '%s\n' "$wrong" | sed "s,^,$here/,; s,: FAILED.*,: what was uploaded for it is something else,"
    else
      chmod 0644 "$@" && sync "$@" && mv -f "$@" .. && cd .. && rmdir "./$fresh" && : >"$state/beside" && exit 0
    fi
  fi
  exit 1
)`},
	{Name: "publish", Changes: true, Text: `# publish DIR FROM SUMS: the files of these checksums. Those that are new are put
# in place together, which is a hundred times as fast as one after the other.
publish() {
  one_by_one=''
  { [ ! -e "$state/revert/run" ] && ! selinuxenabled 2>/dev/null; } || one_by_one=yes
  printf '%s\n' "$3" | {
    below='' group='' size=0
    together() {
      [ -z "$group" ] || new_pages "$1$below" "$2$below" "${group%"$newline"}" || { tidy "$state/beside"; exit 1; }
      group='' size=0
    }
    while IFS= read -r line; do
      page=${line#*  }
      [ -n "$page" ] || continue
      case $page in */*) dir=/${page%/*} ;; *) dir='' ;; esac
      if [ "$dir" != "$below" ] || [ $size = 200 ]; then
        together "$1" "$2"
        below=$dir
      fi
      directory "$1$dir" || exit 1
      if [ -n "$one_by_one" ] || [ -e "$1/$page" ] || [ -L "$1/$page" ]; then
        timeout 600 cat "$2/$page" | put "$1/$page" 0644 "${line%%  *}" || exit 1
      else
        group=$group${line%%  *}'  '${page##*/}$newline
        size=$((size + 1))
      fi
    done
    together "$1" "$2"
  }
}`},
	{Name: "restore", Changes: true, Text: `# restore FILE: as it was before the first run
restore() (
  reverting=''
  if [ -e "$state/backup$1" ]; then
    { reach "$1" && guard "$here/$name" "./$name"; } || exit 1
    # shellcheck disable=SC2094 # it is read twice
    place '' '' "$state/backup$1" <"$state/backup$1"
  elif grep -qxF -e "$1" "$state/absent" 2>/dev/null; then
    [ -d "${1%/*}" ] || exit 0
    # a link that others have put in its place goes, and is not followed
    enter "${1%/*}" || exit 1
    name=${1##*/}
    [ -n "$theirs" ] || reach "$1" || exit 1
    guard "$here/$name" "./$name" || exit 1
    rm -f "./$name"
  fi
)`},
}
