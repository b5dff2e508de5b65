# Takes back what nobody has confirmed. It needs neither the workstation nor
# the connection that started it: revert.sh STATE wait|now|boot
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
state=$1
unit=/etc/systemd/system/lvsdeploy-${state##*/}-revert.service
lock=/run/lvsdeploy/${state##*/}/change
cd "$state/revert" || exit 0
trap '' HUP INT TERM PIPE
if [ "$2" = wait ]; then
  echo waiting
  exec >/dev/null
fi

# waiting: is it not time yet?
waiting() {
  [ "$mode" = wait ] && [ -e run ] && read -r now rest </proc/uptime && [ "${now%%.*}" -lt "$(cat deadline)" ]
}

# alone_here: nobody makes the change any more, nor takes it back. The change
# has its time, and then is ended: who is cut off by it waits.
alone_here() {
  (umask 077 && mkdir -p "${lock%/*}" && : >>"$lock") 2>/dev/null || return 0
  exec 6>>"$lock"
  tries=0 bound=$(cat bound)
  until flock -n 6; do
    [ -e run ] || [ -e reverting ] || exit 0 # it was confirmed, or another has done it
    tries=$((tries + 1))
    if [ $tries = "${bound:-120}" ]; then
      for process in /proc/[0-9]*; do
        # shellcheck disable=SC3013 # dash, bash and busybox have -ef
        if [ "$process/fd/8" -ef "$lock" ]; then kill -KILL "${process#/proc/}"; fi
      done
    fi
    [ $tries -lt $((${bound:-120} + 10)) ] || return 0
    sleep 1
  done
}

mode=$2
while :; do
  while waiting; do
    sleep 1
  done
  # a system that goes down cannot be put right any more: the boot does it
  [ "$mode" != wait ] || [ "$(systemctl is-system-running 2>/dev/null)" != stopping ] || exit 0
  alone_here
  # while it was waited for, the time may have been extended
  waiting || break
  exec 6>&-
done
# elsewhere now, if another has done it; another change has another directory
# shellcheck disable=SC3013
[ . -ef "$state/revert" ] || exit 0
# of this and a confirmation, the first one counts; what was interrupted is
# done again, all of it
mv run reverting 2>/dev/null || [ -e reverting ] || exit 0
if [ "$mode" = boot ]; then
  # nothing of the live state is left; units may be about to start
  grep -e '^systemctl ' undo | sh
else
  grep -v -e '^reread ' undo | sh
fi
# shellcheck disable=SC2034 # place goes on where the disk is full
reverting=yes
tidy "$state/beside"
find files -type f -o -type l 2>/dev/null | while IFS= read -r kept; do
  file=${kept#files}
  kept=$state/revert/$kept
  if [ -L "$kept" ]; then
    (enter "${file%/*}" && [ -z "$theirs" ] && rm -f "./${file##*/}" && cp -a "$kept" "./${file##*/}")
  else
    (reach "$file" && { place '' '' "$kept" <"$kept" || mv -fT "$kept" "./$name"; }) # a move takes no room
  fi
done
while IFS= read -r file; do (enter "${file%/*}" && rm -f "./${file##*/}"); done <absent
sync
rm -f "${unit%/*}/sysinit.target.wants/${unit##*/}" "$unit"
sort -r dirs | while IFS= read -r dir; do rmdir "$dir" 2>/dev/null; done
if [ "$mode" != boot ]; then
  systemctl daemon-reload
  # whoever has read the files that are back now
  sed -n 's/^reread //p' undo | sort -u | sh
fi
rm -rf "$state/reverted"
mv "$state/revert" "$state/reverted"
