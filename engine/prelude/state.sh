
# store FILE TEXT: what this host remembers of the cluster. Written beside it,
# read back, synced, renamed: it is there as a whole, or as it was before. What
# cannot be remembered is not done; problem says why.
store() {
  problem=$({ printf %s "$2" | cat >"$1.new" && [ "$(cat "$1.new" && echo .)" = "$2." ] && sync "$1.new" && mv -f "$1.new" "$1"; } 2>&1 9>&-) && return
  rm -f "$1.new"
  unwritten "$1"
  echo "$problem" >&2
  return 1
}

# unwritten FILE: makes of what a command has said of it a problem
unwritten() {
  problem="cannot write $1: ${problem##*: }"
  problem=${problem%: }
}

# store_line FILE LINE: one more
store_line() {
  lines=''
  if [ -e "$1" ]; then
    lines=$(cat "$1") || return 1
    lines=${lines:+$lines$newline}
  fi
  store "$1" "$lines$2$newline"
}

# founded: is there a place to remember things in?
founded() {
  [ ! -d "$state/owed" ] || return 0
  problem=$({ mkdir -p "$state/owed" && chmod 0700 "$state"; } 2>&1) || { unwritten "$state"; return 1; }
}

# own: what is ours is written down before it is there
own() {
  if [ -e "$state/manifest" ]; then
    lines=$(cat "$state/manifest") || { problem="cannot read $state/manifest"; return 1; }
    added=$(printf '%s\n' "$owns" | grep -vxF -f "$state/manifest") || return 0
  else
    lines='' added=$owns
  fi
  store "$state/manifest" "${lines:+$lines$newline}$added$newline" 2>/dev/null
}

# owe KEY: that handler has to run, in a later run if this one breaks off
owe() {
  [ -e "$state/owed/$1" ] || store "$state/owed/$1" '' 2>/dev/null
}

# private: nobody but root may as much as open the lock, which is all that it
# takes to hold it
private() (
  umask 077
  { mkdir -p "$run" && chmod 0700 "${run%/*}" "$run"; } || exit 1
  for process in /proc/[0-9]*; do
    [ -e "$run/lock" ] || break
    [ ! -O "$process" ] || continue
    for open in "$process"/fd/*; do
      # there since it was open to everybody
      # shellcheck disable=SC3013 # dash, bash and busybox have -ef
      if [ "$open" -ef "$run/lock" ]; then rm -f "$run/lock"; fi
    done
  done
  for file in lock out change; do
    { : >>"$run/$file" && chmod 0600 "$run/$file"; } || exit 1
  done
  : >"$run/private"
)

# in_step <LINES 3<MANIFEST: are all that are remembered among the lines, in
# their order? There may be thousands: a shell that puts them together, or looks
# for each among all, takes seconds. claims are those that are no pages.
in_step() {
  claims=''
  IFS= read -r have <&3 || have=''
  while IFS= read -r line; do
    [ "$line" != "$have" ] || IFS= read -r have <&3 || have=''
    case $line in page\ *) ;; *) claims=$claims$line$newline ;; esac
  done
  [ -z "$have" ]
}

# remember: now that everything is in place, ours is what was put here, by this
# run or an earlier one, and is still among all_wanted. What was found in place
# never was ours. Where nothing is, no trace stays.
remember() {
  # and what is wanted, whoever put it there: other clusters of this host leave it alone
  knew=''
  if [ -e "$state/wanted" ]; then
    while IFS= read -r line; do knew=$knew$line$newline; done <"$state/wanted"
  fi
  had='' ours='' manifest=$state/manifest
  [ -s "$manifest" ] || manifest=/dev/null
  if ! all_wanted in_step 3<"$manifest"; then
    had=$(cat "$manifest")$newline
    ours=$(all_wanted cat | grep -xF -f "$manifest")
    ours=${ours:+$ours$newline}
  elif [ "$manifest" != /dev/null ]; then
    had='the same' ours=$had
  fi
  [ -z "$resting" ] || [ "$had$knew" = "$ours$claims" ] || lock || return 0 # another run sees to it
  if [ -z "$ours" ]; then
    rm -rf "$state" "$run"
    rmdir "${state%/*}" "${run%/*}" 2>/dev/null || :
    return
  fi
  if [ "$had" != "$ours" ]; then
    store "$state/manifest" "$ours" || exit 1
  fi
  if [ "$knew" != "$claims" ]; then
    store "$state/wanted" "$claims" || exit 1
  fi
  # what is said to be done must outlive a power cut
  if [ -n "$changed" ]; then
    busy
    sync "$state/manifest" "$state" || exit 1
  fi
}
