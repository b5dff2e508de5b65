package verify

// keptFunction finds the files that say at boot what an address is for: on which
// interface it is, or where it is the way out. Where a file itself does not name
// the interface, whoever reads it does. A file of interfaces.d counts if ifupdown
// knows its stanza.
const keptFunction = `links() {
	for link in /sys/class/net/*; do
		if [ "$(cat "$link/$1" 2>/dev/null)" = "$2" ]; then echo "DEVICE=${link##*/}"; fi
	done
}
kept() {
	for address; do
		for file in /etc/network/interfaces /etc/network/interfaces.d/* /etc/network/if-up.d/* /etc/sysconfig/network-scripts/ifcfg-* /etc/sysconfig/network-scripts/route-* /etc/systemd/system/*.service /etc/systemd/network/*.network /etc/systemd/network/*.network.d/*.conf /run/systemd/network/*.network /etc/netplan/*.yaml /etc/NetworkManager/system-connections/*; do
			grep -qswF -e "$address" "$file" || continue
			case $file in
			/etc/network/interfaces.d/*)
				stanza=$(awk '$1 == "iface" { print $2; exit }' "$file")
				! command -v ifquery >/dev/null 2>&1 || ifquery "$stanza" >/dev/null 2>&1 || continue
				;;
			/etc/network/if-up.d/*) [ -x "$file" ] || continue ;;
			esac
			printf '%s in %s\n' "$address" "$file"
			grep -E 'iface|interface-name=|^Name=|/[0-9]|NETMASK|netmask|PREFIX|DEVICE|GATEWAY|DEFROUTE|[Gg]ateway|via |^ +[^ ]+:$' "$file"
			case $file in
			*.service) systemctl is-enabled "${file##*/}" ;;
			*.network.d/*)
				base=${file%/*}
				base=${base##*/}
				grep -ls "^NETWORK_FILE=.*/${base%.d}\$" /run/systemd/netif/links/* | while read -r state; do
					links ifindex "${state##*/}"
				done
				;;
			*/ifcfg-* | *.nmconnection)
				mac=$(sed -n 's/^HWADDR=//p; s/^mac-address=//p' "$file" | tr -d '"' | tr A-F a-f)
				[ -z "$mac" ] || links address "$mac"
				;;
			esac
		done
	done
	return 0
}
`
