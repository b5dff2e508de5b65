armed=''

# guard FILE: its state before changes that are not confirmed yet
guard() {
  [ -d "$state/revert" ] && [ ! -e "$state/revert/files$1" ] && ! grep -qxF -e "$1" "$state/revert/absent" || return 0
  if [ -e "$1" ] || [ -L "$1" ]; then
    mkdir -p "$state/revert/files${1%/*}"
    cp -a "$1" "$state/revert/files$1"
    [ ! -e "$state/revert/files$1" ] || sync "$state/revert/files$1" # a link may lead nowhere
  else
    printf '%s\n' "$1" >>"$state/revert/absent"
    [ -d "${1%/*}" ] || printf '%s\n' "${1%/*}" >>"$state/revert/dirs"
    sync "$state/revert/absent"
  fi
}

# extend: the revert is that many seconds away again
extend() {
  read -r up rest </proc/uptime
  echo $((${up%%.*} + patience)) >"$state/revert/deadline.new"
  mv -f "$state/revert/deadline.new" "$state/revert/deadline"
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

# arm: from here on this host goes back by itself, also after a reboot, unless
# the workstation reaches it anew and says so
arm() {
  if [ -z "$armed" ]; then
    rm -rf "$state/revert"
    mkdir -p "$state/revert/files"
    : >"$state/revert/undo"
    : >"$state/revert/absent"
    : >"$state/revert/dirs"
    revert_script >"$state/revert/revert.sh"
    extend
    printf '%s\n' "$nonce" >"$state/revert/run"
    unit=/etc/systemd/system/lvsdeploy-${state##*/}-revert.service
    wants=${unit%/*}/sysinit.target.wants
    if [ ! -d "$wants" ]; then
      printf '%s\n' "$wants" >>"$state/revert/dirs"
      mkdir -p "$wants"
    fi
    at_boot >"$unit"
    ln -sf "$unit" "$wants/"
    sync # a power cut right after the change must find all of this
    # without a terminal, a session or an open file of this run
    (
      exec 9>&- </dev/null >/dev/null 2>&1
      cd / || exit
      setsid sh "$state/revert/revert.sh" "$state" wait &
    )
    armed=yes
  fi
  still_armed
  extend
  { "undo_$1" 9>&-; cat "$state/revert/undo"; } >"$state/revert/undo.new"
  mv -f "$state/revert/undo.new" "$state/revert/undo"
}

# still_armed: or has the host gone back while this run was too slow?
still_armed() {
  [ -e "$state/revert/run" ] || exit 75
}

# confirm: wait until the workstation has reached this host anew
confirm() {
  [ -n "$armed" ] || return 0
  still_armed
  extend
  event confirm
  if [ -t 0 ]; then
    printf 'can this host still be reached? Enter within %s s keeps the change: ' "$patience" >&2
    read -r word
    mv "$state/revert/run" "$state/revert/confirmed" || exit 75
    rm -f "$wants/${unit##*/}" "$unit"
    while IFS= read -r dir; do rmdir "$dir" 2>/dev/null; done <"$state/revert/dirs"
    rm -rf "$state/revert"
  else
    hear
  fi
  armed=''
}

# unconfirmed: a run that broke off left a change that nobody confirmed
unconfirmed() {
  [ ! -e "$state/revert/run" ] || { busy; sh "$state/revert/revert.sh" "$state" now; }
}
