stop='' changed='' allowed=''
trap 'stop=yes' HUP INT TERM

# begin: one run at a time on a host. The kernel gives the lock back however
# the holder ends.
begin() {
  # what is root's tells, and takes no process
  if ! { [ -O /proc/sys ] || [ "$(id -u)" = 0 ]; }; then
    tell note 'this program has to run as root'
    event refused
    exit 1
  fi
  hold
  unconfirmed
  tidy "$state/beside"
}

# lock: is it ours now?
lock() {
  # one that was taken away meanwhile, with the cluster, is none
  # shellcheck disable=SC3013 # dash, bash and busybox have -ef
  { [ -e "$run/private" ] || private; } && exec 9>>"$run/lock" && flock -n 9 && [ "$run/lock" -ef /proc/self/fd/9 ]
}

# hold: take the lock, or say who has it
hold() {
  tries=0
  until lock; do
    if [ $tries -ge 20 ]; then
      tell note "$(cat "$run/lock")"
      event locked
      exit 1
    fi
    tries=$((tries + 1))
    event busy
    sleep 1
  done
  printf '%s\n' "$who" >"$run/lock"
}

# rest: all is in place, and only the word of the others is waited for, however
# long that takes: meanwhile others may have this host
rest() {
  exec 9>&-
  resting=yes
}

wake() {
  resting=''
  hold
}

# fail N TEXT NAME [take_back]: nothing after a failed task is tried on this host
fail() {
  tell note "$2"
  result "$1" failed "$3"
  "${4:-confirm}" # it has failed, and yet may have cut nobody off
  event end
  exit 1
}

# apply N: make it so; rc says how it went and $run/out holds what it said
apply() {
  told
  if [ -z "$undo" ]; then
    (set -e; "apply_$1") </dev/null >"$run/out" 2>&1 9>&-
  else
    revertibly "apply_$1" </dev/null >"$run/out" 2>&1 9>&-
  fi
  rc=$?
}

# done_with N STATUS NAME: the boundary between two tasks, where a run may end
done_with() {
  result "$@"
  [ "$2" != changed ] || changed=yes
  [ -z "$stop" ] || { told; exit 75; }
}

# The first change waits until every host of the run has been looked at: one
# that is not what the inventory says keeps all as they are.
leave() {
  [ -z "$allowed" ] || return 0
  [ -t 0 ] || { event leave; hear; }
  allowed=yes
}

# untouched: was the cluster deployed here, and nothing changed in this run?
untouched() {
  [ -z "$allowed" ] && [ -e "$state/manifest" ]
}

task() {
  [ -z "$go_back" ] || { forget; return; }
  if ! met "$1"; then
    counts || return 0
    fail "$1" "$needs" "$2"
  fi
  look "$1"
  if [ $rc = 0 ]; then
    done_with "$1" ok "$2"
    return
  fi
  counts || return 0
  [ $rc = 1 ] || fail "$1" "$out" "$2"
  difference=$out
  leave
  busy
  { founded && { [ -z "$owns" ] || own; } && { [ -z "$notify" ] || owe "$notify"; } && { [ -z "$undo" ] || arm "$1"; }; } || fail "$1" "$problem" "$2"
  apply "$1"
  [ -z "$undo" ] || still_armed
  [ $rc != 76 ] || fail "$1" "$(tail -c 8000 "$run/out")" "$2" take_back
  [ $rc = 0 ] || fail "$1" "exit status $rc
$(tail -c 8000 "$run/out")" "$2"
  look "$1"
  [ $rc = 0 ] || fail "$1" "it was done without an error, and still is not in place:
$out
$(tail -c 4000 "$run/out")" "$2"
  [ -z "$settles" ] || rm -f "$state/owed/$settles"
  tell diff "$difference"
  done_with "$1" changed "$2"
}

proof() {
  [ -z "$go_back" ] || { forget; return; }
  prove "$1" || return 0
  [ $rc = 0 ] || fail "$1" "$out" "$2"
  done_with "$1" ok "$2"
}

handler() {
  [ -z "$go_back" ] || { forget; return; }
  if [ ! -e "$state/owed/$3" ]; then
    done_with "$1" ok "$2"
    return
  fi
  counts || return 0
  leave
  busy
  apply "$1"
  [ $rc = 0 ] || fail "$1" "exit status $rc
$(tail -c 8000 "$run/out")" "$2"
  rm -f "$state/owed/$3"
  done_with "$1" changed "$2"
}
