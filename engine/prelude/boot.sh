# What the network's own files say of each interface, as it stands: what it
# means is judged where the plan is made. Of a file only the lines that are
# about addresses and routes: others may hold secrets.
boot_file() {
  [ -f "$1" ] || return 0
  say bootfile "$1"
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
    '# '*'put here by lvsdeploy'* | \[*\]* | *[Aa]ddr*=* | *ADDR*=* | [Nn]ame* | method=* | *interface-name=* | autoconnect=* | *never-default=* | *route*=* | *DEVICE=* | ONBOOT=* | ONPARENT=* | BOOTPROTO=* | PREFIX* | NETMASK* | *GATEWAY* | DEFROUTE=*)
      say bootline "$line"
      ;;
    esac
  done <"$1"
}

# ifupdown's own tool says what a name gets, whatever file that stands in
boot_ifupdown() {
  named=' '
  for file in /etc/network/interfaces /etc/network/interfaces.d/*; do
    [ -f "$file" ] || continue
    while read -r word dev rest || [ -n "$word" ]; do
      case $word in
      source | source-dir*) [ "$file" != /etc/network/interfaces ] || say ifsource "$word $dev $rest" ;;
      auto | allow-*) say ifauto "$dev $rest" ;;
      iface)
        say iface "$dev $file"
        case $named in *" $dev "*) ;; *) [ "$dev" = lo ] || [ ! -e "/sys/class/net/$dev" ] || named="$named$dev " ;; esac
        ;;
      esac
    done <"$file"
  done
  for dev in $named; do
    has ifquery && kept=$(ifquery "$dev" 2>/dev/null) || continue
    say ifquery "$dev"
    lines "ifquery $dev" <<END
$kept
END
  done
}

boot_scripts() {
  for file in /etc/sysconfig/network /etc/sysconfig/network-scripts/ifcfg-*; do
    case $file in
    */ifcfg-lo | *~ | *.bak | *.orig | *.old | *.rpmnew | *.rpmorig | *.rpmsave | *.swp) ;;
    *) boot_file "$file" ;;
    esac
  done
}

# networkd tells of each link which file it took for it
boot_networkd() {
  for link in /sys/class/net/*; do
    read -r index <"$link/ifindex" || continue
    [ -r "/run/systemd/netif/links/$index" ] || continue
    while IFS='=' read -r word file; do
      [ "$word" = NETWORK_FILE ] && [ -n "$file" ] || continue
      say netfile "${link##*/} $file"
      boot_file "$file"
      for dir in /usr/lib /run /etc; do
        for dropin in "$dir/systemd/network/${file##*/}.d"/*.conf; do boot_file "$dropin"; done
      done
    done <"/run/systemd/netif/links/$index"
  done
}

boot_manager() {
  profiles=$(nmcli -t -f UUID,FILENAME,DEVICE,AUTOCONNECT connection show 2>/dev/null) || return 0
  lines profile <<END
$profiles
END
  while IFS=: read -r uuid file rest; do
    boot_file "$file"
  done <<END
$profiles
END
}

# policy routing: where would packets go that come from each address? To one
# that is on no network of anybody's (RFC 5737)
routing_rules() {
  rules=$network more=''
  case $rules in *"$newline"0:*) rules=0:${rules#*"$newline"0:} ;; esac # they come last
  while read -r number rule; do
    case "$number $rule" in
    '0: from all lookup local'* | '32766: from all lookup main'* | '32767: from all lookup default'*) ;;
    [0-9]*': from '* | [0-9]*': not '*) say rule "$number $rule" && more=yes ;;
    esac
  done <<END
$rules
END
  [ -n "$more" ] || return 0
  for address in $(ip -o -4 addr show scope global | awk '{ sub("/.*", "", $4); print $4 }'); do
    way=$(ip -4 route get 198.51.100.1 from "$address" 2>&1) || :
    say way "$address ${way%%"$newline"*}"
  done
}

# what other clusters have added where nothing else says that it is theirs
other_clusters() {
  for other in "${state%/*}"/*/manifest; do
    [ -e "$other" ] && [ "$other" != "$state/manifest" ] || continue
    while IFS= read -r entry; do
      case $entry in nm-address* | 'file /etc/netplan/'*) say theirs "$entry" ;; esac
    done <"$other"
  done
}

boot_files() {
  say boot
  other_clusters
  routing_rules
  ! has ifup || boot_ifupdown
  [ ! -d /etc/sysconfig/network-scripts ] || boot_scripts
  ! active systemd-networkd || boot_networkd
  ! active NetworkManager || ! has nmcli || boot_manager
}
