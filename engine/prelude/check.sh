dirty=''
due=' ' settled=' ' # keys of handlers that will be owed, and that will not

# would N STATUS NAME: the real run will do this
would() {
  dirty=yes
  if [ -n "$notify" ]; then
    case $due in *" $notify "*) ;; *) due="$due$notify " ;; esac
  fi
  if [ -n "$settles" ]; then
    due=$(printf '%s' "$due" | sed "s/ $settles / /")
    settled="$settled$settles "
  fi
  result "$@"
}

# untouched: was the cluster deployed here, and is nothing to be changed?
untouched() {
  [ -z "$dirty" ] && [ -e "$state/manifest" ]
}

rest() { resting=yes; }
wake() { resting=''; }

task() {
  [ -z "$go_back" ] || { forget; return; }
  if ! met "$1"; then
    if [ -n "$by_package" ]; then
      tell note "$needs; installing it does this"
      result "$1" skipped "$2"
    else
      tell note "$needs"
      would "$1" pending "$2"
    fi
    return
  fi
  look "$1"
  case $rc in
  0) result "$1" ok "$2" ;;
  1) tell diff "$out"; would "$1" would-change "$2" ;;
  *) tell note "$out"; result "$1" failed "$2" ;;
  esac
}

# a proof is only worth making where nothing is going to change, here or on a
# host that this one waits for
proof() {
  [ -z "$go_back" ] || { forget; return; }
  if [ -n "$dirty" ] || [ "$word" = dirty ]; then
    tell note 'proven by the run itself, after the changes'
    result "$1" skipped "$2"
    return
  fi
  prove "$1" || return 0
  case $rc in
  0) result "$1" ok "$2" ;;
  *) tell note "$out"; result "$1" failed "$2" ;;
  esac
}

handler() {
  [ -z "$go_back" ] || { forget; return; }
  case $due in *" $3 "*) would "$1" would-change "$2"; return ;; esac
  case $settled in *" $3 "*) result "$1" ok "$2"; return ;; esac
  if [ -e "$state/owed/$3" ]; then would "$1" would-change "$2"; else result "$1" ok "$2"; fi
}
