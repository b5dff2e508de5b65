# Takes back what nobody has confirmed. It needs neither the workstation nor
# the connection that started it: revert.sh STATE wait|now|boot
state=$1
unit=/etc/systemd/system/lvsdeploy-${state##*/}-revert.service
cd "$state/revert" || exit 0
trap '' HUP INT TERM PIPE
if [ "$2" = wait ]; then
  while [ -e run ] && read -r now rest </proc/uptime && [ "${now%%.*}" -lt "$(cat deadline)" ]; do
    sleep 1
  done
  # a system that goes down cannot be put right any more: the boot does it
  [ "$(systemctl is-system-running 2>/dev/null)" != stopping ] || exit 0
fi
# of this and a confirmation, the first one counts; what a power cut has
# interrupted is done again
mv run reverting 2>/dev/null || { [ "$2" = boot ] && [ -e reverting ]; } || exit 0
if [ "$2" = boot ]; then
  # nothing of the live state is left; units may be about to start
  grep -e '^systemctl ' undo | sh
else
  grep -v -e '^reread ' undo | sh
fi
find files -type f -o -type l 2>/dev/null | while IFS= read -r kept; do
  file=${kept#files}
  beside=${file%/*}/.${file##*/}.lvsdeploy
  cp -a "$kept" "$beside" && mv -f "$beside" "$file"
done
# with what a power cut left half written
while IFS= read -r file; do rm -f "$file" "${file%/*}/.${file##*/}.lvsdeploy"; done <absent
sync
rm -f "${unit%/*}/sysinit.target.wants/${unit##*/}" "$unit"
while IFS= read -r dir; do rmdir "$dir" 2>/dev/null; done <dirs
if [ "$2" != boot ]; then
  systemctl daemon-reload
  # whoever has read the files that are back now
  sed -n 's/^reread //p' undo | sort -u | sh
fi
rm -rf "$state/reverted"
mv "$state/revert" "$state/reverted"
