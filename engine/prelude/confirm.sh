# Calls a revert off: run over a connection that was dialled after the change.
cd "$state" 2>/dev/null || exit 0
unit=/etc/systemd/system/lvsdeploy-${state##*/}-revert.service
run=/run/lvsdeploy/${state##*/}
# While a change is being made nobody knows what it brings: no answer, and the
# workstation asks again.
if [ -e "$run/change" ]; then
  exec 6>>"$run/change"
  flock -n 6 || exit 0
fi
# seen before anything else: it may be through with going back a moment later
going=''
if [ -e revert/run ] || [ -e revert/reverting ]; then going=yes; fi
if [ "$(cat revert/run 2>/dev/null)" = "$nonce" ] && mv revert/run revert/confirmed 2>/dev/null ||
  [ "$(cat revert/confirmed 2>/dev/null)" = "$nonce" ]; then
  sync revert # else a power cut may take it back all the same
  # for whoever asks again because the answer did not come through
  printf '%s\n' "$nonce" >"$run/confirmed"
  rm -f "${unit%/*}/sysinit.target.wants/${unit##*/}" "$unit"
  # what was made for the unit alone
  sort -r revert/dirs | while IFS= read -r dir; do rmdir "$dir" 2>/dev/null; done
  rm -rf revert
  echo confirmed
elif [ "$(cat reverted/reverting 2>/dev/null)" = "$nonce" ]; then
  echo reverted
elif [ "$(cat revert/reverting 2>/dev/null)" = "$nonce" ]; then
  # nobody goes on with it: it was ended half way
  exec 6>&-
  sh revert/revert.sh "$state" now </dev/null >/dev/null 2>&1
  [ "$(cat reverted/reverting 2>/dev/null)" != "$nonce" ] || echo reverted
elif [ "$(cat "$run/confirmed" 2>/dev/null)" = "$nonce" ]; then
  echo confirmed
elif [ -z "$going" ]; then
  echo nothing
fi
