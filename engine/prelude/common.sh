set -u
umask 022
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
trap : PIPE
newline='
'

# what the lines before a task say of it
needs='' notify='' settles='' direct=''
word='' # what passed the last barrier

# event WORDS: tell whoever runs this; where nobody listens any more, stop
event() {
  printf '%s%s %s\n' "$held" "$nonce" "$*" || exit 75
  held=''
}

# Results that come quickly one after the other are told together: each word
# by itself is a packet to make and to read.
held=''
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
  if [ "$2$direct" = okyes ]; then
    held="$held$nonce task $1 ok $3$newline"
  else
    event task "$1" "$2" "$3"
  fi
  needs='' notify='' settles='' direct=''
}

# barrier STAGE WHY: wait for a word of six bytes from the workstation. It
# sends one at least every ten seconds; silence means that it is gone.
barrier() {
  event wait "$1"
  if [ -t 0 ]; then
    printf 'waiting %s; Enter goes on: ' "$2" >&2
    read -r word
  else
    hear
  fi
}

# hear: the next word of the workstation
hear() {
  while :; do
    # byte by byte: a head that reads ahead (busybox) would swallow a word
    # that comes close after this one
    word=$(timeout 60 dd bs=1 count=6 2>/dev/null 9>&-) || exit 75
    case $word in
    'go   ' | dirty) return ;;
    'wait ') ;;
    *) exit 75 ;;
    esac
  done
}
