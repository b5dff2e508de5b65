#!/bin/sh
# An EL-like system on Debian: EL's package manager, names, units and paths.
# HACKING.md says which parts are stand-ins.
#   customize.sh ROOT
set -eu
root=$1
recipe=$(dirname "$0")

cat >"$root/usr/lib/os-release" <<'OS'
PRETTY_NAME="EL-like stand-in of the lab (Debian 12 underneath)"
NAME="EL-like stand-in"
ID=lvslab-el
ID_LIKE="rhel centos fedora"
VERSION="8.0"
VERSION_ID="8.0"
OS
rm -f "$root/etc/debian_version"

# rpmbuild makes the packages of what Debian's hold. Units, configuration and
# scripts are those in rpm/NAME.
build=$root/build
mkdir -p "$build/debian" "$build/SOURCES" "$build/SPECS" "$root/srv/rpm" "$root/srv/rpm-updates" "$root/var/lib/rpm"
for spec in "$recipe"/rpm/*/*.spec; do
	name=${spec##*/} name=${name%.spec}
	cp "$spec" "$build/SPECS/"
	[ ! -d "$recipe/rpm/$name/files" ] || cp -R "$recipe/rpm/$name/files" "$build/SOURCES/$name"
done
# unpack NAME DEBIAN-PACKAGE…
unpack() {
	name=$1
	shift
	mkdir -p "$build/debian/$name"
	for package in "$@"; do
		dpkg-deb --fsys-tarfile "$root/srv/repo/${package}"_*.deb |
			tar -x -C "$build/debian/$name" --exclude='./usr/share/doc' --exclude='./usr/share/man'
	done
}
unpack httpd apache2-bin
unpack rpcbind rpcbind
unpack nfs-utils nfs-common nfs-kernel-server
unpack ipvsadm ipvsadm
# rpms REPOSITORY NAME [OPTION…]
rpms() {
	repository=$1 name=$2
	shift 2
	chroot "$root" rpmbuild --quiet -bb --define '_topdir /build' --define "_rpmdir /srv/$repository" \
		--define "debian /build/debian/$name" --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.rpm' \
		--define '_binary_payload w1.gzdio' --define 'debug_package %{nil}' --define '__os_install_post %{nil}' \
		"$@" "/build/SPECS/$name.spec"
}
chroot "$root" rpm --initdb
rpms rpm-base lab-base
for name in httpd rpcbind nfs-utils ipvsadm; do
	rpms rpm "$name"
done
rpms rpm-updates httpd --define 'newer 1'
chroot "$root" sh -c 'rpm --quiet -i /srv/rpm-base/*.rpm'
rm -rf "$root/srv/rpm-base"
for repository in rpm rpm-updates; do
	chroot "$root" createrepo_c --quiet "/srv/$repository"
done
ln -s dnf "$root/usr/bin/yum"
chroot "$root" dnf -q --enablerepo='*' makecache
rm -rf "$build" "$root/srv/repo"

# Scripts as EL has them.
chmod 755 "$root/etc/rc.d/init.d/network" "$root/usr/sbin/ifup" "$root/usr/sbin/ifdown"
ln -s rc.d/rc.local "$root/etc/rc.local" # which systemd looks at; not to be executed yet, as on EL
ln -sf bash "$root/usr/bin/sh"
ln -s ../selinux/config "$root/etc/sysconfig/selinux"
chroot "$root" groupadd -r wheel

# Debian's package managers go, or they would be found.
chroot "$root" dpkg --purge createrepo-c
rm -rf "$root/etc/apt" "$root/var/lib/apt" "$root/var/cache/apt"
mkdir -p "$root/usr/lib/lvslab/debian"
mv "$root"/usr/bin/apt* "$root"/usr/bin/dpkg* "$root/usr/lib/lvslab/debian/"
