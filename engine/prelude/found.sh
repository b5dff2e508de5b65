# lvsdeploy: what others have on this host that may be in a deployment's way. What
# costs a process is asked where the cluster's own is not in place yet.

opens() { { true >>"$1"; } 2>/dev/null; } # for writing, and writes nothing

# linked DIR: what of its path is a link, and where the whole leads
linked() {
  real=$1
  rest=${1#/} part=''
  while [ -n "$rest" ]; do
    part=$part/${rest%%/*}
    if [ -L "$part" ]; then
      real=$(readlink -f "$1") || real=$1
      say link "$part $real $1"
      return
    fi
    case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
  done
}

in_the_way() {
  for unit in apache2 httpd rpcbind nfs-server nfs-kernel-server ipvsadm; do
    for dir in /etc /run; do
      file=$dir/systemd/system/$unit.service
      # /dev/null, or an empty file
      [ ! -e "$file" ] || [ -s "$file" ] || say masked $unit
    done
  done
  if [ -O /proc/sys ]; then
    opens /proc/sys/net/ipv4/ip_forward || say readonly /proc/sys
    [ ! -e "$state/manifest" ] || opens "$state/manifest" || say readonly "$state"
  fi

  at=''
  for dir in $mounts; do
    linked "$dir"
    at="$at $real"
  done
  mounts=${at# }
  for dir in $exports; do linked "$dir"; done
  if [ -n "$exports" ]; then
    for file in /etc/exports /etc/exports.d/*.exports; do
      case $file in */lvsdeploy-"${state##*/}".exports) continue ;; esac
      [ -r "$file" ] && while IFS= read -r line || [ -n "$line" ]; do
        case $line in '' | '#'*) ;; *) say export "$file $line" ;; esac
      done <"$file"
    done
  fi

  new=yes
  [ -z "$manifest" ] || new=''
  look=$new
  for dir in $mounts; do ours "fstab $dir" || look=yes; done
  if [ -n "$look" ]; then
    # those on the way there, and those below a directory that is to be mounted on
    found=$(awk -v mounts="$mounts" -v exports="$exports" '
      BEGIN { n = split(mounts " " exports " /var/lib /etc", dir, " "); m = split(mounts, at, " ") }
      FILENAME == "/etc/fstab" {
        if ($1 ~ /^#/) next
        where = $2
        gsub(/\/+/, "/", where)
        if (where != "/") sub(/\/$/, "", where)
        for (i = 1; i <= m; i++) if (index(where "/", at[i] "/") == 1) print "fstab", $1, $3, $4, where
        next
      }
      {
        found = $5 == "/"
        for (i = 1; i <= n; i++) if (index(dir[i] "/", $5 "/") == 1) found = 1
        for (i = 1; i <= m; i++) if (index($5 "/", at[i] "/") == 1) found = 1
        if (found == 0) next
        for (i = 7; i < NF && $i != "-"; i++) continue
        print "mount", $(i + 1), $(i + 2), $6, $5
      }' /proc/self/mountinfo /etc/fstab 2>/dev/null)
    printf '%s\n' "$found"
    for dir in $mounts; do
      name=${dir#/}
      while :; do case $name in */*) name=${name%%/*}-${name#*/} ;; *) break ;; esac; done
      for at in /etc /run /usr/local/lib /usr/lib /lib; do
        for file in "$at/systemd/system/$name.mount" "$at/systemd/system/$name.automount"; do
          [ ! -s "$file" ] || say mountunit "$file $dir"
        done
      done
      case $newline$found$newline in *" $dir$newline"*) continue ;; esac # it may not answer
      count=0
      for file in "$dir"/*; do
        if [ $count = 4 ] || [ ! -e "$file" ]; then break; fi
        count=$((count + 1))
        say hidden "$file"
      done
    done
  fi
  if [ ! -e /etc/protocols ] || [ ! -e /etc/services ]; then say noprotocols; fi
  for tool in apache2 httpd; do
    if has $tool; then say web $tool; fi
  done
  asked=''
  for port in $ports; do
    # of those that packages listen on, and of those that have a file of ours
    if [ -z "$new" ]; then
      case $port in 80 | 111 | 2049) continue ;; esac
      case $manifest in *"-$port.conf$newline"*) continue ;; esac
    fi
    asked="$asked${asked:+ or }sport = :$port"
  done
  if [ -n "$asked" ] && has ss; then
    listening=$(ss -ltnp "( $asked )" 2>/dev/null)
    printf '%s\n' "$listening"
    case $listening in *'"systemd"'*) systemctl list-sockets --no-legend | sed 's/^/socket /' ;; esac
  fi

  # who else sets up what the kernel balances, and what it lets through
  active docker && say docker yes
  if [ -e /sys/class/net/kube-ipvs0 ]; then say table kube-proxy; fi
  active ldirectord && say table ldirectord
  if active keepalived && grep -rqs '^[[:space:]]*virtual_server' /etc/keepalived; then say table keepalived; fi
  if [ -n "$new" ] && has iptables && { [ -d /sys/module/nf_tables ] || grep -qsx filter /proc/net/ip_tables_names; }; then
    iptables -w -S 2>/dev/null | sed 's/^/filter /'
  fi
}

