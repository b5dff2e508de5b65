# Calls a revert off: run over a connection that was dialled after the change.
cd "$state" 2>/dev/null || exit 0
if [ "$(cat revert/run 2>/dev/null)" = "$nonce" ] && mv revert/run revert/confirmed 2>/dev/null; then
  rm -f "$(cat revert/unit)" "$(cat revert/wants)"
  rm -rf revert
  echo confirmed
elif [ "$(cat reverted/reverting 2>/dev/null)" = "$nonce" ]; then
  echo reverted
elif [ ! -e revert/run ] && [ ! -e revert/reverting ]; then
  echo nothing
fi
