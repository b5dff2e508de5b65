package verify

// lanScript is what direct routing adds to the director's and the real
// servers' scripts: $1 is the host's own address, $2 a list of others whose MACs are
// wanted, then the VIPs. It comes after a script that has keptFunction.
//
// The question who answers ARP for a VIP is put in raw packets, because a
// kernel never asks for an address that is its own, as the VIP is here, and
// keeps only one of several answers. perl is part of every Debian; where it
// is missing, arping comes with iputils.
const lanScript = `me=$1
others=$2
shift 2
dev=$(ip -4 -o addr show to "$me/32" 2>/dev/null | awk '{ sub(/@.*/, "", $2); print $2; exit }')
arp() {
	if [ -z "$dev" ]; then
		echo "$me is on no interface"
		return 1
	elif command -v perl >/dev/null 2>&1; then
		perl -e '
			my ($dev, $me, @vips) = @ARGV;
			sub about {
				open my $f, "<", "/sys/class/net/$dev/$_[0]" or die "cannot read the $_[0] of $dev: $!\n";
				my $line = <$f>;
				chomp $line;
				return $line;
			}
			sub address { return pack "C4", split /\./, $_[0] }
			(my $hex = about("address")) =~ s/://g;
			my $mac = pack "H12", $hex;
			my $index = about("ifindex");
			# AF_PACKET, SOCK_DGRAM, ETH_P_ARP
			socket my $s, 17, 2, unpack("S", pack("n", 0x806)) or die "cannot send ARP: $!\n";
			bind $s, pack("S n i S C C x8", 17, 0x806, $index, 0, 0, 0) or die "cannot send ARP on $dev: $!\n";
			my %vip = map { address($_) => $_ } @vips;
			my %heard;
			for my $wait (0.3, 0.9) {
				for my $vip (keys %vip) {
					send $s, pack("n n C C n a6 a4 x6 a4", 1, 0x800, 6, 4, 1, $mac, address($me), $vip), 0,
						pack("S n i S C C a6 x2", 17, 0x806, $index, 1, 0, 6, "\xff" x 6) or die "cannot send ARP on $dev: $!\n";
				}
				my $left = $wait;
				while ($left > 0) {
					my $ready = "";
					vec($ready, fileno $s, 1) = 1;
					(my $n, $left) = select $ready, undef, undef, $left;
					last if $n < 1;
					next unless defined recv $s, my $packet, 64, 0;
					next if length $packet < 28;
					my ($sender, $ip) = unpack "x8 a6 a4", $packet;
					next if !$vip{$ip} || $sender eq $mac;
					print "$vip{$ip} ", join(":", unpack "(H2)6", $sender), "\n" unless $heard{"$ip$sender"}++;
				}
			}' "$dev" "$me" "$@"
	elif command -v arping >/dev/null 2>&1; then
		for vip; do
			arping -b -c 2 -w 2 -I "$dev" -s "$me" "$vip" | sed -n "s/.*\[\(..:..:..:..:..:..\)\].*/$vip \1/p"
		done
	else
		return 127
	fi
}
fact links ip -o link show
fact neighbours ip -4 neigh show
fact routes ip -4 route show table all
fact conf grep -s . /proc/sys/net/ipv4/conf/*/arp_ignore /proc/sys/net/ipv4/conf/*/arp_announce /proc/sys/net/ipv4/conf/*/send_redirects /dev/null
fact kept kept "$@"
# shellcheck disable=SC2086 # others is a list
fact arp arp "$@" $others
`

// lanWebScript is what direct routing adds for real servers only.
const lanWebScript = `fact addresses ip -4 -o addr show
fact listen ss -ltn
` + sysctlFact

// sysctlFact prints the lines of sysctl.d that matter to us, in the order of
// the directories' precedence.
const sysctlFact = `fact sysctl grep -Es '^[[:space:]]*-?[[:space:]]*net[./]ipv4[./](ip_forward|conf[./].*[./](arp_ignore|arp_announce|send_redirects))[[:space:]]*=' /usr/lib/sysctl.d/*.conf /lib/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /run/sysctl.d/*.conf /etc/sysctl.d/*.conf /dev/null
`

// neighbourScript: $1 is a VIP. To which machine do requests for it go?
const neighbourScript = `fact neighbour ip -4 neigh show to "$1"
`
