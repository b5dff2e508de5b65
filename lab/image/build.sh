#!/bin/sh
# Builds a disk image that machines of the lab start from.
#   build.sh RECIPE WORK PART…
# RECIPE: this directory. WORK: an empty directory with lab.sources and lab.list
# (where apt finds the suite) and apt.conf; base.img appears there. A PART is a
# directory here with any of: packages, which are installed; repository, the
# packages that machines can install; files, which are copied over the system;
# customize.sh, which is run then. Parts are done in their order.
# Lines starting with "== " on standard output name the step under way.
set -eu
recipe=$1 work=$2
shift 2
suite=bookworm
# The chroot's programs are found with the same PATH.
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
root=$work/root
modules=/usr/lib/uml/modules/$(linux.uml --version)
words() { sed 's/#.*//' "$@" | tr '\n' ' '; }

packages='' repository='' parts=$*
for part in $parts; do
	[ ! -e "$recipe/$part/packages" ] || packages="$packages $(words "$recipe/$part/packages")"
	[ ! -e "$recipe/$part/repository" ] || repository="$repository $(words "$recipe/$part/repository")"
done

echo "== installing Debian $suite"
set --
for list in "$work/lab.sources" "$work/lab.list"; do
	[ -s "$list" ] && set -- "$@" "$list"
done
mmdebstrap --quiet --mode=root --variant=minbase --architectures=amd64 \
	--format=directory --skip=check/empty,check/qemu,cleanup/apt/lists \
	--aptopt="$work/apt.conf" --aptopt='Acquire::Languages "none"' \
	--dpkgopt=force-unsafe-io \
	--dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	--dpkgopt='path-exclude=/usr/share/doc/*' \
	--include="$packages" \
	--customize-hook="sh '$recipe/repository.sh' \"\$1\" $repository" \
	"$suite" "$root" "$@" >&2

for part in $parts; do
	echo "== setting up the machine: $part"
	[ ! -d "$recipe/$part/files" ] || cp -R "$recipe/$part/files/." "$root/"
	[ ! -e "$recipe/$part/customize.sh" ] || sh "$recipe/$part/customize.sh" "$root" "$modules" >&2
done

echo "== writing the disk image"
rm -rf "$root/var/cache/apt/archives" "$root"/var/cache/apt/*.bin "$root"/var/log/*.log
[ ! -d "$root/etc/apt" ] || mkdir -p "$root/var/cache/apt/archives/partial"
# Inode tables are written now: later is on every machine, into its own disk.
mkfs.ext4 -q -F -d "$root" -m 0 -N 98304 -J size=16 -L lab \
	-E lazy_itable_init=0,lazy_journal_init=0,nodiscard "$work/base.img" 3G >&2
rm -rf "$root"
