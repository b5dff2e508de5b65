#!/bin/sh
# Builds the disk image that all machines of the lab start from.
#   build.sh RECIPE WORK
# RECIPE: this directory. WORK: an empty directory with lab.sources and lab.list
# (where apt finds the suite) and apt.conf; base.img appears there.
# Lines starting with "== " on standard output name the step under way.
set -eu
recipe=$1 work=$2
suite=bookworm
# The chroot's programs are found with the same PATH.
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
root=$work/root
modules=/usr/lib/uml/modules/$(linux.uml --version)
words() { sed 's/#.*//' "$1" | tr '\n' ' '; }

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
	--include="$(words "$recipe/packages")" \
	--customize-hook="sh '$recipe/repository.sh' '$recipe' \"\$1\"" \
	"$suite" "$root" "$@" >&2

echo "== setting up the machine"
cp -R "$recipe/files/." "$root/"
sh "$recipe/customize.sh" "$root" "$modules" >&2

echo "== writing the disk image"
rm -rf "$root/var/cache/apt/archives" "$root"/var/cache/apt/*.bin "$root"/var/log/*.log
mkdir -p "$root/var/cache/apt/archives/partial"
# Inode tables are written now: later is on every machine, into its own disk.
mkfs.ext4 -q -F -d "$root" -m 0 -N 98304 -J size=16 -L lab \
	-E lazy_itable_init=0,lazy_journal_init=0,nodiscard "$work/base.img" 3G >&2
rm -rf "$root"
