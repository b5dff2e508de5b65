# Calls a revert off: run over a connection that was dialled after the change.
cd "$state" 2>/dev/null || exit 0
unit=/etc/systemd/system/lvsdeploy-${state##*/}-revert.service
# seen before anything else: it may be through with going back a moment later
going=''
if [ -e revert/run ] || [ -e revert/reverting ]; then going=yes; fi
if [ "$(cat revert/run 2>/dev/null)" = "$nonce" ] && mv revert/run revert/confirmed 2>/dev/null; then
  sync revert # else a power cut may take it back all the same
  rm -f "${unit%/*}/sysinit.target.wants/${unit##*/}" "$unit"
  while IFS= read -r dir; do rmdir "$dir" 2>/dev/null; done <revert/dirs # what was made for the unit alone
  rm -rf revert
  echo confirmed
elif [ "$(cat reverted/reverting 2>/dev/null)" = "$nonce" ]; then
  echo reverted
elif [ -z "$going" ]; then
  echo nothing
fi
