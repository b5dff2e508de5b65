#!/bin/sh
# Makes a machine of the lab out of a fresh Debian in ROOT.
#   customize.sh ROOT MODULES
set -eu
root=$1 modules=$2
version=${modules##*/}

chmod 755 "$root/usr/lib/lvslab/init"
chmod 440 "$root/etc/sudoers.d/lab"

# The kernel's modules: networking, ip_vs, NFS, and what those load.
mkdir -p "$root/lib/modules/$version/kernel/drivers" "$root/etc/lvslab"
cp -R "$modules"/modules.order "$modules"/modules.builtin* "$root/lib/modules/$version/"
for part in net fs lib crypto drivers/net; do
	cp -R "$modules/kernel/$part" "$root/lib/modules/$version/kernel/${part%net}" 
done
chroot "$root" depmod "$version"

# The kernel has no nft_chain_nat, which iptables-nft needs.
for tool in iptables ip6tables; do
	chroot "$root" update-alternatives --quiet --set "$tool" "/usr/sbin/$tool-legacy"
done

# People: root and two ordinary users; keys come with each machine's own seed.
for user in admin ops; do
	chroot "$root" useradd --create-home --shell /bin/bash --groups sudo "$user"
done
echo admin:lab-secret-1 | chroot "$root" chpasswd
rm -f "$root"/etc/ssh/ssh_host_*

# Packages only from the repository on the disk; its index is read already.
rm -f "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap
rm -rf "$root"/var/lib/apt/lists/*
mkdir -p "$root/var/lib/apt/lists/partial" "$root/var/lib/apt/lists/auxfiles"
chroot "$root" apt-get -q update

# No name server, no console, one disk.
: >"$root/etc/resolv.conf"
: >"$root/etc/fstab"

# A lab machine boots often and lives briefly: nothing that waits for hardware,
# serves consoles or tidies up over days.
cd "$root/etc/systemd/system"
for unit in \
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
	systemd-tmpfiles-clean.timer e2scrub_reap.service \
	getty.target getty-static.service console-getty.service serial-getty@.service getty@.service \
	systemd-logind.service systemd-ask-password-console.path systemd-ask-password-wall.path \
	systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
	systemd-pstore.service systemd-random-seed.service systemd-machine-id-commit.service \
	systemd-update-utmp.service systemd-update-utmp-runlevel.service \
	systemd-udev-trigger.service systemd-udev-settle.service \
	systemd-journal-flush.service systemd-journal-catalog-update.service systemd-firstboot.service \
	systemd-hwdb-update.service ldconfig.service systemd-sysusers.service systemd-update-done.service \
	systemd-networkd-wait-online.service systemd-network-generator.service \
	systemd-boot-system-token.service systemd-pcrphase.service systemd-pcrphase-sysinit.service \
	modprobe@.service kmod-static-nodes.service \
	dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
	sys-kernel-config.mount sys-fs-fuse-connections.mount; do
	ln -sf /dev/null "$unit"
done
# Of the generators only those for fstab, init scripts and rc.local have work here.
mkdir -p "$root/etc/systemd/system-generators"
for generator in "$root"/lib/systemd/system-generators/*; do
	case ${generator##*/} in
	systemd-fstab-generator | systemd-sysv-generator | systemd-rc-local-generator) ;;
	*) ln -sf /dev/null "$root/etc/systemd/system-generators/${generator##*/}" ;;
	esac
done
ln -sf /lib/systemd/system/multi-user.target default.target
chroot "$root" systemctl -q enable ssh.service lab-disk.service
