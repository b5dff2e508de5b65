set -u
umask 022
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
trap : PIPE
newline='
'

# forget what the lines before a task say of it
# shellcheck disable=SC2034 # a dry run needs others than a run
forget() {
  needs='' notify='' settles='' direct='' owns='' undo='' by_package=''
}
forget

word='' # what passed the last barrier

# A host on which nothing was changed does not wait at a barrier, but looks on.
# What it finds there counts if those that it should have waited for change
# nothing either; else it goes back and looks again.
unsure=''  # the stages whose barriers it has passed so
resting='' # it holds up nobody, and needs no clock while it waits
go_back='' # the stage where it goes on

# busy: what comes now may take long. Until the next event the workstation is
# told every second that this host is at work; else it gives a silent one up.
# Only what changes something is worth the process. It has no part in the lock,
# ends with this program, and writes only while nothing else does.
beat=''
busy() {
  told
  [ -z "$beat" ] && [ ! -t 0 ] || return 0
  (
    exec 9>&- </dev/null 2>/dev/null
    while sleep 1 >/dev/null && kill -0 $$; do printf '%s beat\n' "$nonce"; done
  ) &
  beat=$!
}
idle() {
  # one that has only just begun may still have the traps of this shell
  kill -s KILL "$beat" 2>/dev/null
  wait "$beat" 2>/dev/null
  beat=''
}

# event WORDS: tell whoever runs this; where nobody listens any more, stop
event() {
  [ -z "$beat" ] || idle
  printf '%s%s %s\n' "$held" "$nonce" "$*" || exit 75
  held=''
}

# Results that come quickly one after the other are told together: each word
# by itself is a packet to make and to read.
held=''
later() {
  held="$held$nonce $*$newline"
}
told() {
  [ -n "$held" ] || return 0
  [ -z "$beat" ] || idle
  printf %s "$held" || exit 75
  held=''
}

# tell KIND TEXT: text that belongs to the next event
tell() {
  told
  [ -z "$beat" ] || idle
  [ -z "$2" ] || printf '%s\n' "$2" | tail -c 16000 | sed "s/^/$nonce $1 /" || exit 75
}

# look N: is task N in place? rc and out say
look() {
  # most are in place: seen here, without a process for a shell of its own
  if [ -n "$direct" ] && "check_$1" </dev/null >/dev/null 2>&1 9>&-; then
    rc=0 out=
    return
  fi
  told
  out=$(exec </dev/null 2>&1 9>&-; set -e; "check_$1")
  rc=$?
}

# prove N: does proof N hold? Nearly always it does, and at first sight: a brief
# look tries once. It does not fail before what was looked at ahead counts; nor
# is a long look worth its time before that.
brief=''
prove() {
  rc=1 out=$needs
  if ! met "$1"; then
    counts
    return
  fi
  brief=yes
  look "$1"
  brief=''
  [ $rc != 0 ] || return 0
  counts || return
  busy
  look "$1"
}

# counts: does what was just found of a task count? Else it is looked at again.
counts() {
  sure || { forget; false; }
}

# met N: is what task N needs there?
met() {
  [ -z "$needs" ] || "needs_$1" </dev/null >/dev/null 2>&1 9>&-
}

# result N STATUS NAME: one per task
result() {
  if [ "$2" = ok ]; then
    later task "$1" ok "$3"
  else
    event task "$1" "$2" "$3"
  fi
  forget
}

# passed STAGE
passed() {
  [ -n "$go_back" ] || later passed "$1"
}

# barrier STAGE WHY: wait for the workstation's word
barrier() {
  if [ "$1" = "$go_back" ]; then # it has come
    go_back=''
  elif [ -t 0 ]; then
    told
    printf 'waiting %s; Enter goes on: ' "$2" >&2
    read -r word
  elif untouched; then
    later ahead "$1"
    unsure="$unsure$1 "
  elif sure; then
    event wait "$1"
    hear
  fi
}

# sure: does what was looked at ahead count?
sure() {
  [ -n "$unsure" ] || return 0
  told
  while [ -n "$unsure" ]; do
    hear
    case $word in
    again | dirty)
      go_back=${unsure%% *} unsure=''
      return 1
      ;;
    esac
    unsure=${unsure#* }
  done
}

# through: is nothing left to look at again?
passes=0
through() {
  passes=$((passes + 1))
  [ $passes -gt 1 ] || return 1
  if [ -z "$go_back" ]; then
    [ -n "$unsure" ] || return 0
    told
    rest
    ! sure || return 0
  fi
  event back "$go_back"
  [ -z "$resting" ] || wake
  return 1
}

# at STAGE: does it come now?
at() {
  [ -z "$go_back" ] || [ "$1" = "$go_back" ]
}

# hear: the next word of the workstation, six bytes long. It sends one at
# least every ten seconds; silence means that it is gone, or asleep: a laptop
# that was closed for a minute finds its run as it was.
hear() {
  while :; do
    if [ -n "$resting" ]; then
      IFS= read -r word || exit 75
    else
      # byte by byte: a head that reads ahead (busybox) would swallow a word
      # that comes close after this one
      word=$(timeout 150 dd bs=1 count=6 2>/dev/null 9>&-) || exit 75
    fi
    case $word in
    'go   ' | dirty | again) return ;;
    'wait ') ;;
    *) exit 75 ;;
    esac
  done
}
