package tasks

import (
	"slices"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Function is a shell function that tasks may call. A program holds those
// that its tasks name.
type Function struct {
	Name    string
	Text    shell.Fragment
	Changes bool // never part of a dry run's program
}

// Library is every function, those that others call first. They expect
// $state, the directory on the host that remembers this cluster; those that
// change something also store, store_line and guard of the engine's prelude.
var Library = slices.Concat(looking, writing, baseLibrary, webLibrary)

var baseLibrary = []Function{
	{Name: "among", Text: `# among LINE TEXT: is it one of its lines?
among() {
  case $newline$2$newline in
  *"$newline$1$newline"*) ;;
  *) return 1 ;;
  esac
}`},
	{Name: "enabled", Text: `# enabled UNIT: at boot? A link says so without a process, if nothing stands
# before the unit that it leads to.
enabled() {
  if [ -e "/etc/systemd/system/multi-user.target.wants/$1.service" ] &&
    [ ! -L "/etc/systemd/system/$1.service" ] && [ ! -e "/run/systemd/system/$1.service" ]; then
    return
  fi
  systemctl is-enabled --quiet "$1" 2>/dev/null
}`},
	{Name: "remember_live", Changes: true, Text: `# remember_live NAME VALUE: what it was before the first run
remember_live() {
  [ ! -e "$state/live/$1" ] || return 0
  mkdir -p "$state/live" && store "$state/live/$1" "$2$newline"
}`},
	{Name: "remember_unit", Changes: true, Text: `# remember_unit UNIT: whether it was enabled and running before the first run
remember_unit() {
  boot=disabled now=inactive
  ! systemctl is-enabled --quiet "$1" 2>/dev/null || boot=enabled
  ! systemctl is-active --quiet "$1" || now=active
  remember_live "unit.$1" "$boot $now"
}`},
	{Name: "original", Changes: true, Text: `# original FILE: what was ours is out of it. If nothing else has changed, it is
# the first original again, with mode and times; if there was none, and nothing
# that says anything is left, it goes.
original() {
  if [ -e "$state/backup$1" ]; then
    ! cmp -s "$state/backup$1" "$1" || restore "$1"
  elif ! grep -qv -e '^#!' -e '^[[:space:]]*$' "$1"; then
    restore "$1"
  fi
}`},
	{Name: "another_page", Text: `# another_page FILE ANSWER: what an answer of HTTP, whose headers may be missing,
# has instead of the file's beginning; nothing where it has that
another_page() {
  end=$(printf '\r\n\r\n.')
  end=${end%.}
  head=${2%%"$end"*}
  body=${2#*"$end"}
  page=$(head -c 16384 "$1"; echo .)
  [ "$(printf %s "${body%.}" | head -c 16384; echo .)" != "$page" ] || return 0
  status=$(printf '%s\n' "$head" | sed -n '1s/^HTTP[^ ]* \([0-9].*\)/\1/p' | tr -d '\r')
  case $status in
  3*) echo "it answers $status, to $(printf '%s\n' "$head" | sed -n 's/^[Ll]ocation: *//p' | tr -d '\r'), and not with what was published" ;;
  [45]*) echo "it answers $status" ;;
  *) printf 'it serves something else than was published: "%s", not "%s"\n' "$(printf '%s\n' "${body%.}" | head -c 100 | head -n 1)" "$(head -c 100 "$1" | head -n 1)" ;;
  esac
}`},
	{Name: "whole_answer", Text: `# whole_answer ADDRESS PORT PATH: with its headers, where the tool tells them
whole_answer() {
  if command -v curl >/dev/null 2>&1; then
    curl -gsS -i --noproxy '*' --max-time "$limit" "http://$1:$2$3" 2>&1
  elif command -v perl >/dev/null 2>&1; then
    perl -MIO::Socket::INET -e '
      my ($host, $port, $path, $limit) = @ARGV;
      my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => $limit) or die "cannot connect: $!\n";
      alarm $limit;
      print $s "GET $path HTTP/1.0\r\nHost: $host\r\n\r\n";
      print while <$s>;' "$1" "$2" "$3" "$limit" 2>&1
  elif command -v bash >/dev/null 2>&1; then
    # shellcheck disable=SC2016 # bash expands these
    timeout "$limit" bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$3" "$1" >&3 && cat <&3' bash "$1" "$2" "$3" 2>&1
  else
    timeout "$limit" wget -q -O - -T "$limit" "http://$1:$2$3" 2>&1
  fi
}`},
	{Name: "fetch", Text: `# fetch ADDRESS PORT PATH [FILE]: one HTTP request with whatever this host has, and
# whether its answer begins like the file. With bash it takes a quarter of the time
# that curl takes to start; what is wrong the others can say.
fetch() {
  limit=10
  [ -z "${brief-}" ] || limit=2
  # shellcheck disable=SC2016 # bash expands these
  timeout $limit bash -c 'exec 3<>"/dev/tcp/$1/$2" &&
    printf "GET %s HTTP/1.0\r\nHost: %s:%s\r\n\r\n" "$3" "$1" "$2" >&3 &&
    read -r protocol status _ <&3 && [[ "$protocol $status" == HTTP/*" "[123]* ]] || exit
    [[ $4 ]] || exit 0
    printf -v cr "\r"
    while IFS= read -r line <&3 && [[ $line != "$cr" ]]; do :; done
    IFS= read -r -N 16384 body <&3
    IFS= read -r -N 16384 page <"$4"
    [[ $status == 2* && $body == "$page" ]]' bash "$1" "$2" "$3" "${4-}" 2>/dev/null && return
  if [ $? = 124 ]; then
    echo "no answer within $limit s"
    return 1
  fi
  if [ -n "${4-}" ]; then
    answer=$({ whole_answer "$@" || echo cannot-ask; } | head -c 32768; echo .)
    case $answer in
    *"cannot-ask$newline.") answer=${answer%cannot-ask*} ;;
    *) answer=$(another_page "$4" "$answer") ;;
    esac
    [ -z "$answer" ] || {
      printf '%s\n' "$answer"
      return 1
    }
  elif command -v curl >/dev/null 2>&1; then
    curl -gsS -f --noproxy '*' --max-time $limit -o /dev/null "http://$1:$2$3"
  elif command -v perl >/dev/null 2>&1; then
    perl -MIO::Socket::INET -e '
      my ($host, $port, $path, $limit) = @ARGV;
      my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => $limit) or die "cannot connect: $!\n";
      alarm $limit;
      print $s "GET $path HTTP/1.0\r\nHost: $host\r\n\r\n";
      my $line = <$s> // "";
      exit 0 if $line =~ m{^HTTP/\S+ [123]};
      die "answer: $line\n"' "$1" "$2" "$3" $limit
  else
    timeout $limit wget -q -O /dev/null -T $limit "http://$1:$2$3"
  fi
}`},
	{Name: "all_serve", Text: `# all_serve ADDRESS PORT PATH...: do all answer? Asked by one process, where
# there is curl: starting it takes longer than an answer. Those that are gone
# must not add up.
all_serve() {
  command -v curl >/dev/null 2>&1 || return 1
  pages=$(($# / 3))
  asked=0
  while [ $asked -lt $pages ]; do
    page=http://$1:$2$3
    shift 3
    set -- "$@" -o /dev/null "$page"
    asked=$((asked + 1))
  done
  answers=$(timeout 2 curl -gsS --noproxy '*' --connect-timeout 3 --max-time 10 -w '%{http_code} ' "$@" 2>/dev/null)
  # shellcheck disable=SC2086 # numbers
  set -- $answers
  [ $# = $pages ] || return 1
  for answer; do
    case $answer in [123]??) ;; *) return 1 ;; esac
  done
}`},
	{Name: "silent", Text: `# silent ADDRESS PORT PATH...: those that do not answer, and why. All are asked
# at once.
silent() {
  {
    while [ $# -gt 2 ]; do
      { why=$(fetch "$1" "$2" "$3" 2>&1) || printf 'http://%s:%s%s: %s\n' "$1" "$2" "$3" "$why"; } &
      shift 3
    done
    wait
  } | sort
}`},
	{Name: "shared", Text: `# shared ENTRY: does another cluster of this host want it too? Sets heir, its
# directory.
shared() {
  for heir in "${state%/*}"/*; do
    [ "$heir" = "$state" ] || ! grep -qsxF -e "$1" "$heir/wanted" || return 0
  done
  return 1
}`},
	{Name: "hand_over", Changes: true, Text: `# hand_over ENTRY ORIGINAL...: the other cluster takes it away one day, and puts
# back what was there before either came: the older original counts
hand_over() {
  grep -qsxF -e "$1" "$heir/manifest" || store_line "$heir/manifest" "$1"
  store_line "$state/handed" "$1"
  shift
  for was; do
    if [ -e "$state/$was" ]; then
      # shellcheck disable=SC3013 # dash, bash and busybox have -nt
      if [ ! -e "$heir/$was" ] || [ "$heir/$was" -nt "$state/$was" ]; then
        mkdir -p "$heir/${was%/*}"
        cp -a "$state/$was" "$heir/$was"
      fi
    elif grep -qsxF -e "${was#backup}" "$state/absent"; then
      rm -f "$heir/$was"
      grep -qsxF -e "${was#backup}" "$heir/absent" || store_line "$heir/absent" "${was#backup}"
    fi
  done
}`},
	{Name: "only_ours", Text: `# only_ours DEV ADDRESS: has it no other address, and no route but the kernel's own?
only_ours() {
  [ -z "$(ip -o -4 addr show dev "$1" scope global 2>/dev/null | awk -v want="$2" '$4 != want')" ] &&
    ! ip -4 route show dev "$1" 2>/dev/null | grep -qv ' proto kernel '
}`},
	{Name: "as_routes", Text: `# as_routes FAMILY [displaced] <LIST: what ip route shows, as commands that make
# it so again; those without a metric only, if displaced. What ip tells of a
# route's state it does not take: dead, linkdown; a nexthop object may be gone.
as_routes() {
  awk -v family="$1" -v only="${2-}" '
    function quoted(word) {
      if (word ~ /^[A-Za-z0-9_.:\/@+-]+$/) return word
      gsub(/\047/, "\047\\\047\047", word)
      return "\047" word "\047"
    }
    function finish(  verb) {
      if (route != "" && (only == "" || metric == "")) {
        verb = "ip " family " route " (made[to " " metric]++ ? "append" : "replace")
        if (object != "") printf "%s%s nhid %s 2>/dev/null || ", verb, plain, object
        print verb route
      }
      route = plain = object = metric = to = ""
    }
    !/^[ \t]/ { finish() }
    {
      for (i = 1; i <= NF; i++) {
        if ($i ~ /^(dead|linkdown|offload|trap|pervasive|unresolved|rt_offload|rt_trap|rt_offload_failed|offload_failed|trap_failed|cache|notify)$/) continue
        if ($i == "error") { i++; continue }
        if ($i == "nhid") { object = $(++i); continue }
        if (to == "") to = $i
        if ($i == "metric") metric = $(i + 1)
        if ($i == "expires") sub(/sec$/, "", $(i + 1))
        route = route " " quoted($i)
        if ($i ~ /^(nexthop|onlink)$/) continue
        if ($i ~ /^(via|dev|weight|scope)$/) { route = route " " quoted($(++i)); continue }
        plain = plain " " quoted($i)
      }
    }
    END { finish() }'
}`},
	{Name: "as_addresses", Text: `# as_addresses FAMILY <LIST: what ip -o addr shows, as commands that make it so again
as_addresses() {
  awk -v family="$1" '$3 == (family == "-6" ? "inet6" : "inet") {
    sub(/@.*/, "", $2)
    command = "ip addr add " $4
    for (i = 5; i <= NF; i++) {
      sub(/\\$/, "", $i)
      if ($i ~ /^(peer|brd|scope|metric)$/) command = command " " $i " " $(++i)
      else if ($i ~ /_lft$/ && $(i + 1) ~ /sec$/) { sub(/sec$/, "", $(i + 1)); command = command " " $i " " $(++i) }
      else if ($i == "noprefixroute") command = command " " $i
      else if (index($i, $2 ":") == 1) command = command " label \047" $i "\047"
    }
    print command " dev \047" $2 "\047"
  }'
}`},
	{Name: "put_back", Changes: true, Text: `# put_back WHAT <COMMANDS: one that is refused does not keep the others from being
# run, and is told; what is there already is no reason to complain
put_back() {
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    said=$(eval "$line" 2>&1) || case $said in *'File exists'* | *'already assigned'*) ;; *) printf 'cannot put the %s back: %s: %s\n' "$1" "$line" "$said" ;; esac
  done
}`},
	{Name: "drop_address", Changes: true, Text: `# drop_address DEV ADDRESS: and nothing else. The kernel takes those of the same
# network with it that came later, and the routes that lean on any of them.
drop_address() {
  had=$(ip -o -4 addr show dev "$1")
  routes=$(ip -4 route show | grep -v ' proto kernel ') || routes=
  ip addr del "$2" dev "$1"
  printf '%s\n' "$had" | awk -v gone="$2" '$4 != gone' | as_addresses -4 | put_back address
  printf '%s\n' "$routes" | as_routes -4 | put_back route
}`},
	{Name: "without_loss", Changes: true, Text: `# without_loss COMMAND: it makes a network manager set interfaces up anew, which
# takes from them what was given by hand: that is put back
without_loss() {
  had=$(ip -o -4 addr show scope global)
  routes=$(ip -4 route show | grep -v ' proto kernel ') || routes=
  eval "$1" || return
  tries=0
  while sleep 0.5 && [ $tries -lt 20 ]; do
    tries=$((tries + 1))
    case "$(networkctl --no-legend list 2>/dev/null; nmcli -t -f STATE device 2>/dev/null)" in
    *configuring* | *connecting* | *deactivating* | *' pending '*) ;;
    *) break ;;
    esac
  done
  printf '%s\n' "$had" | as_addresses -4 | put_back address
  printf '%s\n' "$routes" | as_routes -4 | put_back route
}`},
	{Name: "network_now", Text: `# network_now: the addresses, routes and name servers that somebody has given this
# host, a line each, without what changes by itself
network_now() {
  ip -o -4 addr show scope global | awk '{ sub(/@.*/, "", $2); print "address " $4 " of " $2 }'
  ip -o -6 addr show scope global permanent 2>/dev/null | awk '{ sub(/@.*/, "", $2); print "address " $4 " of " $2 }'
  { ip -4 route show; ip -6 route show 2>/dev/null; } | awk '
    / proto (kernel|ra)( |$)/ || / expires / { more = ""; next }
    {
      gsub(/ (dead|linkdown|offload|rt_offload|rt_trap|nhid [0-9]+)/, "")
      gsub(/ +/, " ")
      sub(/ $/, "")
      if ($0 ~ /^[ \t]/) { sub(/^[ \t]+/, ""); print "next hop " $0 " of " more }
      else { more = $1; print "route " $0 }
    }'
  sed -n 's/^nameserver[[:space:]]*/name server /p' /etc/resolv.conf 2>/dev/null || :
}`},
	{Name: "nothing_lost", Text: `# nothing_lost WHAT: is all that network_now has said still so? 76 has the change
# taken back.
nothing_lost() {
  tries=0
  while now=$(network_now) && lost=$(printf '%s\n' "$1" | grep -vxF -e "$now"); do
    [ -n "$lost" ] || return 0
    tries=$((tries + 1))
    [ $tries -lt 5 ] || {
      echo 'this is gone with the change, which was taken back:'
      printf '%s\n' "$lost"
      exit 76
    }
    sleep 1 # a manager may set the interface up anew, and not be through with it
  done
}`},
	{Name: "nm_file", Text: `# nm_file UUID: the file of a profile of NetworkManager's
nm_file() { nmcli -g UUID,FILENAME connection show | sed -n "s,^$1:,,p"; }`},
	{Name: "nm_change", Changes: true, Text: `# nm_change UUID +|- PROPERTY ITEM: a profile in which nobody else has changed
# anything is the file again that it was, once the last item of ours is out
nm_change() {
  file=$(nm_file "$1")
  case $file in /run/*) echo "its profile is $file, which a boot makes anew: give it one that stays"; return 1 ;; esac
  guard "$file"
  # EL 7 and 8 have routes in a file beside it
  guard "${file%/*}/route-${file##*/ifcfg-}"
  known=''
  if [ -e "$state/after$file" ]; then
    known=yes
    cmp -s "$state/after$file" "$file" || store "$state/after$file.others" ''
  else
    keep "$file"
    mkdir -p "$state/after${file%/*}"
  fi
  [ "$2" = - ] || store_line "$state/after$file.items" "$3 $4"
  nmcli connection modify "$1" "$2$3" "$4"
  cp -a "$file" "$state/after$file"
  [ "$2" = - ] || return 0
  left=$(grep -vxF -e "$3 $4" "$state/after$file.items" 2>/dev/null) || left=
  store "$state/after$file.items" "${left:+$left$newline}"
  if [ -n "$known" ] && [ -z "$left" ] && [ ! -e "$state/after$file.others" ]; then
    restore "$file"
    nmcli connection load "$file"
  fi
}`},
}
