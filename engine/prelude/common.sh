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

# event WORDS: tell whoever runs this; where nobody listens any more, stop
event() {
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
  [ -z "$held" ] || printf %s "$held" || exit 75
  held=''
}

# tell KIND TEXT: text that belongs to the next event
tell() {
  told
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
# least every ten seconds; silence means that it is gone.
hear() {
  while :; do
    if [ -n "$resting" ]; then
      IFS= read -r word || exit 75
    else
      # byte by byte: a head that reads ahead (busybox) would swallow a word
      # that comes close after this one
      word=$(timeout 60 dd bs=1 count=6 2>/dev/null 9>&-) || exit 75
    fi
    case $word in
    'go   ' | dirty | again) return ;;
    'wait ') ;;
    *) exit 75 ;;
    esac
  done
}
