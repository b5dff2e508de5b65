#!/bin/sh
# Debian 12 as Ubuntu Server is arranged: netplan, networkd, and ufw, which lets
# SSH in and nothing else.
#   customize.sh ROOT
set -eu
root=$1

# base has masked these
rm "$root/etc/systemd/system/systemd-networkd-wait-online.service" \
	"$root/etc/systemd/system-generators/netplan" \
	"$root/etc/systemd/system/systemd-udev-trigger.service" # networkd waits for udev's word
# A machine's seed enables networkd, or not.
chroot "$root" systemctl -q disable systemd-networkd.service
# The kernel of the lab's machines has nobody who would answer IPv6.
sed -i 's/^IPV6=yes/IPV6=no/' "$root/etc/default/ufw"
# What `ufw allow OpenSSH` and `ufw enable` leave; ufw itself asks the kernel.
sed -i 's/^ENABLED=no/ENABLED=yes/' "$root/etc/ufw/ufw.conf"
sed -i 's/^### RULES ###$/&\n\n### tuple ### allow tcp 22 0.0.0.0\/0 any 0.0.0.0\/0 in\n-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n/' "$root/etc/ufw/user.rules"
chroot "$root" systemctl -q enable ufw.service
