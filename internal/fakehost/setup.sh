# Runs as pid 1 of a new host, in new namespaces but still on this machine's files: furnishes the root directory $1
# with mounts, moves into it and stays, holding everything, until its standard input ends.
set -e
root=$1 lan=$2 name=$3
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
# The first net namespace is the cable: the far ends of the host's links are there. The second is the host's own.
mount --bind /proc/self/ns/net .fakehost/wire
# one mount(8) for all: a process each would cost more than the mounts
sed "s|@ROOT@|$root|; s|@LAN@|$lan|" .fakehost/fstab >.fakehost/fstab.abs
mount -a -T .fakehost/fstab.abs
hostname "$name"
exec unshare --net /bin/sh -ec '
	pivot_root . .fakehost/old
	cd /
	PATH=/.fakehost/bin
	umount -l /.fakehost/old
	ip -batch /.fakehost/links
	nsenter --net=/.fakehost/wire ip -batch /.fakehost/wire-links
	ip -batch /.fakehost/addresses
	# a new namespace may inherit these from this machine: put the defaults of the kernel
	cd /proc/sys/net/ipv4
	echo 0 >ip_forward
	for i in all default lo $(cat /.fakehost/names); do
		echo 0 >conf/$i/rp_filter; echo 0 >conf/$i/arp_ignore; echo 0 >conf/$i/arp_announce; echo 0 >conf/$i/accept_redirects
		echo 1 >conf/$i/send_redirects
	done
	cd /
	# the kernel makes no directory for IPVS there: put one that can have it over the real one
	mkdir /.fakehost/ipv4
	mount --bind /proc/sys/net/ipv4 /.fakehost/ipv4
	mount -t tmpfs ipv4 /proc/sys/net/ipv4
	cd /proc/sys/net/ipv4
	mkdir conf neigh
	: | tee ip_forward tcp_syncookies >ip_nonlocal_bind
	for i in *; do echo "/.fakehost/ipv4/$i /proc/sys/net/ipv4/$i none bind 0 0"; done >/.fakehost/fstab.ipv4
	mount -a -T /.fakehost/fstab.ipv4
	cd /
	echo ready
	exec >/dev/null 2>&1
	# bash, for it reaps the orphans it inherits as pid 1
	exec bash -c "while read -r word; do :; done"
'
