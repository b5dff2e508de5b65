armed=''
unit=/etc/systemd/system/lvsdeploy-${state##*/}-revert.service
wants=${unit%/*}/sysinit.target.wants

# guard FILE [NAME]: its state before changes that are not confirmed yet; NAME
# is what it is called in the working directory
guard() {
  [ -e "$state/revert/run" ] && ! grep -qxF -e "$1" "$state/revert/absent" || return 0
  kept=$state/revert/files$1
  if [ -e "$kept" ] || [ -L "$kept" ]; then
    return 0
  elif [ -e "${2-$1}" ] || [ -L "${2-$1}" ]; then
    # not there before it is complete
    { rm -rf "$state/revert/copy" && mkdir -p "${kept%/*}" && timeout 60 cp -a "${2-$1}" "$state/revert/copy"; } || return 1
    if [ ! -L "$state/revert/copy" ]; then
      [ -f "$state/revert/copy" ] || { echo "$1 is no regular file"; return 1; }
      sync "$state/revert/copy" || return 1
    fi
    mv -fT "$state/revert/copy" "$kept"
  else
    [ -d "${1%/*}" ] || store_line "$state/revert/dirs" "${1%/*}" || return 1
    store_line "$state/revert/absent" "$1"
  fi
}

# extend [MORE]: the revert is that many seconds away again
extend() {
  read -r up rest </proc/uptime
  store "$state/revert/deadline" "$((${up%%.*} + patience + ${1-0}))$newline" 2>/dev/null
}

# at_boot: the unit that does it when this host goes down meanwhile
at_boot() {
  cat <<END
# put here by lvsdeploy: takes back a change that nobody has confirmed
[Unit]
Description=lvsdeploy ${state##*/}: take back what was not confirmed before the reboot
DefaultDependencies=no
RequiresMountsFor=$state
# before that the root file system may be read-only
After=local-fs.target
Wants=network-pre.target
Before=network-pre.target networking.service network.service NetworkManager.service systemd-networkd.service
ConditionPathExists=|$state/revert/run
ConditionPathExists=|$state/revert/reverting

[Service]
Type=oneshot
ExecStart=/bin/sh $state/revert/revert.sh $state boot

[Install]
WantedBy=sysinit.target
END
}

# prepare: all that a revert takes, which the disk has before anything is
# changed. Without run the rest means nothing: it comes last.
prepare() {
  problem=$({ rm -rf "$state/revert" "$run/confirmed" && mkdir -p "$state/revert/files"; } 2>&1) || { unwritten "$state/revert"; return 1; }
  for part in undo absent dirs; do
    store "$state/revert/$part" '' || return 1
  done
  store "$state/revert/bound" "$((120 + 3 * patience))$newline" || return 1
  store "$state/revert/revert.sh" "$(revert_script)$newline" || return 1
  extend 120 || return 1 # until it is armed there is nothing to take back
  if [ ! -d "$wants" ]; then
    store "$state/revert/dirs" "$wants$newline" || return 1
    problem=$(mkdir -p "$wants" 2>&1) || { unwritten "$wants"; return 1; }
  fi
  store "$unit" "$(at_boot)$newline" || return 1
  problem=$(ln -sf "$unit" "$wants/" 2>&1) || { unwritten "$wants/${unit##*/}"; return 1; }
  store "$state/revert/run" "$nonce$newline" || return 1
  problem=$(sync 2>&1) || { problem="cannot write to the disk: $problem"; return 1; }
  # without a terminal, a session or an open file of this run; it says when it waits
  [ "$(
    exec 9>&- </dev/null 2>/dev/null
    cd / || exit
    setsid sh "$state/revert/revert.sh" "$state" wait &
  )" = waiting ] || { problem='cannot start what would take the change back'; return 1; }
}

# arm N: from here on this host goes back by itself, also after a reboot, unless
# the workstation reaches it anew and says so
arm() {
  if [ -z "$armed" ]; then
    prepare 2>/dev/null || { disarm; return 1; }
    armed=yes
  else
    still_armed
    extend || :
  fi
  commands=$(set -e; "undo_$1" 2>"$run/out" 9>&-) || { problem="cannot tell how to take it back: $(tail -n 1 "$run/out")"; return 1; }
  store "$state/revert/undo" "$commands$newline$(cat "$state/revert/undo")$newline" 2>/dev/null && extend && return
  still_armed # else the host has gone back meanwhile, and that is why
  return 1
}

# disarm: nothing is to be taken back
disarm() {
  rm -f "$state/revert/run" "$wants/${unit##*/}" "$unit"
  [ ! -e "$state/revert/dirs" ] || sort -r "$state/revert/dirs" | while IFS= read -r dir; do rmdir "$dir" 2>/dev/null; done
  rm -rf "$state/revert"
}

# revertibly COMMAND: while it runs the revert waits for it, and afterwards as
# long as for any other change. The kernel gives the lock back however this
# ends; who has it knows whether the host has gone back meanwhile.
revertibly() (
  tries=0
  exec 8>>"$run/change"
  until flock -n 8; do
    tries=$((tries + 1))
    [ $tries -lt 60 ] || exit 75
    sleep 1
  done
  still_armed
  (set -e; "$1")
  status=$?
  extend || :
  exit $status
)

# still_armed: or has the host gone back while this run was too slow?
still_armed() {
  [ -e "$state/revert/run" ] || exit 75
}

# confirm: wait until the workstation has reached this host anew
confirm() {
  [ -n "$armed" ] || return 0
  still_armed
  extend || :
  event confirm
  if [ -t 0 ]; then
    printf 'can this host still be reached? Enter within %s s keeps the change: ' "$patience" >&2
    read -r word
    mv "$state/revert/run" "$state/revert/confirmed" || exit 75
    disarm
  else
    hear
  fi
  armed=''
}

# take_back: what was changed since the last confirmation, at once, as something
# of others is gone with it; the workstation asks what became of it
take_back() {
  [ -n "$armed" ] || return 0
  busy
  sh "$state/revert/revert.sh" "$state" now </dev/null >"$run/out" 2>&1 9>&-
  armed=''
  [ -t 0 ] || { event confirm; hear; }
}

# unconfirmed: a run that broke off left a change that nobody confirmed, or
# something of one that was
unconfirmed() {
  [ -d "$state/revert" ] || return 0
  if [ -e "$state/revert/run" ] || [ -e "$state/revert/reverting" ]; then
    busy
    sh "$state/revert/revert.sh" "$state" now </dev/null >"$run/out" 2>&1 9>&-
    if [ -e "$state/revert/run" ] || [ -e "$state/revert/reverting" ]; then
      echo "cannot take back what an earlier run changed and nobody confirmed: $(tail -n 1 "$run/out")" >&2
      exit 1
    fi
  fi
  [ ! -d "$state/revert" ] || disarm
}
