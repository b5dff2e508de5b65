package verify

import (
	"strconv"

	"github.com/lvsdeploy/lvsdeploy/bound"
)

// The scripts only read. They print facts; what a fact means is decided in Go.

const tableScript = prelude + `fact table soon ipvsadm -Sn
` + end

// directorScript: $1 is the unit that puts the SNAT rule in at boot, $2 the WAN
// address or nothing.
const directorScript = keptFunction + `[ -z "$2" ] || fact kept-wan kept "$2"
fact forward cat /proc/sys/net/ipv4/ip_forward
fact module test -r /proc/net/ip_vs
fact table soon ipvsadm -Sn
fact saved-el cat /etc/sysconfig/ipvsadm
fact saved-debian cat /etc/ipvsadm.rules
fact auto cat /etc/default/ipvsadm
fact debian test -e /etc/debian_version
fact enabled systemctl is-enabled ipvsadm
fact addresses ip -4 -o addr show
fact nat soon iptables -w -t nat -S
fact snat-unit systemctl is-enabled "$1"
fact nft soon nft list ruleset
fact zones cat /etc/firewalld/zones/*.xml
fact vs-conntrack cat /proc/sys/net/ipv4/vs/conntrack
` + firewalldFact + filterFact + sysctlFact

// mostOfPage is how much of its page a web passes on: what is compared, and what
// stands before it.
var mostOfPage = strconv.Itoa(bound.Page + bound.Header)

// webScript: $1 address, $2 port, $3 path of the page, $4 the NFS server or
// nothing, $5 the director, where that is the way out. The document root is read
// first: it may be an automount. 198.51.100.1 is nobody's (RFC 5737).
var webScript = keptFunction + `if [ -n "$5" ]; then
	fact kept-gateway kept "$5"
	fact rules ip -4 rule show
	fact way ip -4 route get 198.51.100.1 from "$1"
fi
got() {
	if command -v curl >/dev/null 2>&1; then
		curl -g -s -S -i --noproxy '*' --max-time "$patience" "http://$1:$2$3"
	elif command -v wget >/dev/null 2>&1; then
		soon wget -q -O - "http://$1:$2$3"
		code=$?
		[ $code != 3 ] || code=23 # it could not write
		return $code
	elif command -v perl >/dev/null 2>&1; then
		perl -MIO::Socket::INET -e 'my ($h, $p, $u, $t) = @ARGV; alarm $t;
			my $s = IO::Socket::INET->new(PeerAddr => $h, PeerPort => $p, Timeout => $t) or die "$@\n";
			print $s "GET $u HTTP/1.0\r\nHost: $h\r\n\r\n"; print while read $s, $_, 4096;' "$1" "$2" "$3" "$patience"
	else
		echo "no curl, wget or perl"
		return 127
	fi
}
page() {
	# a page may be of any size, and without end: who has sent enough is cut off,
	# which is no error (curl says 23, others are ended by SIGPIPE)
	{ status=$({ { got "$@" 2>&1; echo $? >&3; } | head -c ` + mostOfPage + ` >&4; } 3>&1); } 4>&1
	case $status in 23 | 141) status=0 ;; esac
	return "${status:-1}"
}
fact units systemctl list-unit-files --no-legend --no-pager httpd.service apache2.service
fact active-httpd systemctl is-active httpd
fact active-apache2 systemctl is-active apache2
fact route ip -4 route show default
fact root soon ls -a /var/www/html/
fact docroot readlink -f /var/www
fact mounts cat /proc/self/mounts
fact fstab cat /etc/fstab
fact tool-curl command -v curl
fact tool-wget command -v wget
fact page page "$1" "$2" "$3"
if [ -n "$4" ]; then
	fact offered soon showmount --no-headers -e "$4"
fi
` + firewalldFact + filterFact

// nfsScript: the paths of the exports.
const nfsScript = `fact active systemctl is-active nfs-server
fact enabled systemctl is-enabled nfs-server
fact live soon exportfs -v
fact files cat /etc/exports /etc/exports.d/*.exports
n=0
for path; do
	n=$((n + 1))
	fact "dir-$n" test -d "$path"
	fact "index-$n" test -r "$path/index.html"
done
` + firewalldFact

// sourceScript: $1 is the service. Which address do requests from here have?
const sourceScript = `fact source ip -4 route get "$1"
`

// watchScript answers about the director's table and connections, one
// question a line, for as long as its input lasts: one exec for all requests.
// The pattern is data, never shell text.
const watchScript = `export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
while read -r word pattern; do
	case $word in
	table) ipvsadm -Ln </dev/null 2>&1 ;;
	connections) grep -e "$pattern" /proc/net/ip_vs_conn 2>&1 ;;
	totals) cat /proc/net/ip_vs_stats_percpu 2>&1 ;;
	stats) ipvsadm -Ln --stats --exact </dev/null 2>&1 ;;
	*) exit 0 ;;
	esac
	echo end
done
`
