# lvsdeploy: what this host is. It only reads.
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
has() { command -v "$1" >/dev/null 2>&1; }
matches() { [ -e "$1" ]; } # PATTERN: is there such a file?

# assignments for a shell, which otherwise reads byte by byte
ID='' ID_LIKE='' VERSION_ID='' PRETTY_NAME=''
# shellcheck source=/dev/null
[ -r /etc/os-release ] && . /etc/os-release

# What the shell itself finds out is told at the end, all at once: each line by
# itself would be a packet to make and to read.
newline='
'
answer="id $ID
like $ID_LIKE
version $VERSION_ID
pretty $PRETTY_NAME
"
say() { answer="$answer$*$newline"; }
lines() { while IFS= read -r line; do say "$1" "$line"; done; } # of standard input, each after that word

for tool in dnf yum apt-get; do
  if has $tool; then say manager $tool; break; fi
done
[ -d /run/systemd/system ] && say systemd yes
read -r init </proc/1/comm && say init "$init"
if [ -r /proc/sys/kernel/arch ]; then read -r arch </proc/sys/kernel/arch; else arch=$(uname -m); fi # Linux 6.1 has it
say arch "$arch"
if [ -O /proc/sys ]; then say uid 0; else say uid "$(id -u)"; fi # who owns root's is root
if [ /bin/sh -ef /bin/dash ]; then sh=/bin/dash; else sh=$(readlink -f /bin/sh); fi
say shell "$sh"
# what packages need; each takes a process, and here they are installed
if [ ! -e "$state/manifest" ]; then
  say clock "$(date +%s)"
  # shellcheck disable=SC2046 # seven words of heading, then device, blocks, used, free
  set -- $(df -Pk /var)
  say disk "${11-}"
fi

# asked once for all that there are, if any: a call costs as much as the rest
# of these questions
units=''
for unit in NetworkManager systemd-networkd firewalld nftables iptables netfilter-persistent docker keepalived ldirectord; do
  for dir in /etc /run /usr/local/lib /usr/lib /lib; do
    if [ -e "$dir/systemd/system/$unit.service" ]; then
      units="$units $unit"
      break
    fi
  done
done
units=${units# }
running=' '
if [ -n "$units" ]; then
  # shellcheck disable=SC2086 # a list of words
  for unit_is in $(systemctl is-active $units 2>/dev/null); do
    [ "$unit_is" != active ] || running="$running${units%% *} "
    units=${units#* }
  done
fi
active() { case $running in *" $1 "*) ;; *) return 1 ;; esac; }

# one that somebody on the bus has asked for runs as well
at_boot() { systemctl is-enabled --quiet "$1" 2>/dev/null; }

# who brings interfaces up at boot: the first of these that has work to do
stanzas() {
  for file in /etc/network/interfaces /etc/network/interfaces.d/*; do
    [ -f "$file" ] || continue
    while read -r word dev rest || [ -n "$word" ]; do
      if [ "$word" = iface ] && [ "$dev" != lo ]; then return; fi
    done <"$file"
  done
  return 1
}
if has ifup && stanzas; then
  say network ifupdown
elif matches /etc/netplan/*.yaml; then
  say network netplan
elif [ -d /etc/sysconfig/network-scripts ] && systemctl is-enabled --quiet network 2>/dev/null; then
  say network network-scripts
elif active NetworkManager && at_boot NetworkManager; then
  say network NetworkManager
elif active systemd-networkd && at_boot systemd-networkd; then
  say network networkd
fi

# whose rules packets have to pass
if active firewalld; then
  say firewall firewalld
  # an interface that is in no zone is in the default one, whose name is *
  sed -n 's/^DefaultZone=/zone * /p' /etc/firewalld/firewalld.conf
  firewall-cmd --get-active-zones | awk '/^[^ ]/ { zone = $1 } $1 == "interfaces:" { for (i = 2; i <= NF; i++) print "zone " $i " " zone }'
  [ ! -d /usr/lib/firewalld/policies ] || say policies yes
elif [ -e /etc/ufw/ufw.conf ] && grep -q '^ENABLED=yes' /etc/ufw/ufw.conf; then
  say firewall ufw
elif active nftables; then
  say firewall nftables
  nft list ruleset 2>/dev/null | awk '
    $1 == "table" { family = $2; table = $3 }
    $1 == "chain" { chain = $2 }
    $1 == "type" && $2 == "filter" && ($4 == "input" || $4 == "forward") && (family == "ip" || family == "inet") && !(table ~ /^lvsdeploy-/) {
      print "chain " family " " table " " chain " " $4
    }'
elif active iptables; then
  say firewall iptables
elif active netfilter-persistent && [ -s /etc/iptables/rules.v4 ]; then
  say firewall netfilter-persistent
fi
# a kernel may have SELinux without any policy loaded: that is none
if has selinuxenabled && selinuxenabled; then
  say selinux "$(getenforce | tr '[:upper:]' '[:lower:]')"
fi

# as it is: the workstation takes it apart
network=$(ip -batch - 2>/dev/null <<END
addr show
route show default
rule show
END
) || network=$(ip addr show; ip -4 route show default; ip -4 rule show 2>/dev/null) # busybox has no -batch
printf '%s\n' "$network"

# who else answers for these addresses? Any packet makes the kernel ask.
for vip in $probe; do
  ip -o -4 addr show | grep -qF " $vip/" && continue
  ip neigh flush to "$vip" 2>/dev/null
  if has ping; then
    ping -c 1 -W 2 "$vip" >/dev/null 2>&1
  elif has curl; then
    curl -s -o /dev/null --noproxy '*' --connect-timeout 2 "http://$vip/"
  elif has perl; then
    perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => 80, Timeout => 2)' "$vip"
  else
    timeout 2 wget -q -O /dev/null "http://$vip/"
  fi
  echo beat # each may take its time
  ip neigh show to "$vip" | awk -v vip="$vip" '{ for (i = 1; i < NF; i++) if ($i == "lladdr") { print "answers " vip " " $(i + 1); exit } }'
done
manifest=''
[ -r "$state/manifest" ] && while IFS= read -r line; do
  manifest=$manifest$line$newline
  say ours "$line"
done <"$state/manifest"
ours() { case $newline$manifest in *"$newline$1$newline"*) ;; *) return 1 ;; esac; } # ENTRY

in_the_way
boot_files

# the files of sites, as they are here; none of the many that may lie beside
# them, and no pipe, which would be waited for. They may be large: meanwhile the
# workstation is told that this host is at work. Nothing else is written then.
if [ -n "$files" ]; then
  (
    exec 2>/dev/null
    while sleep 1 >/dev/null && kill -0 $$; do echo beat; done
  ) &
  beat=$! # (csh knows no ! before a line's end)
  answer=$answer$(printf '%s\n' "$files" | while IFS= read -r file; do
    if [ -f "$file" ] && [ ! -L "$file" ]; then printf '%s\0' "$file"; fi
  done | timeout 120 xargs -0 -r sha256sum -- 2>/dev/null | sed 's/^/sum /')$newline
  kill -s KILL "$beat"
  wait "$beat" 2>/dev/null
fi
say end
