#!/bin/sh
# Debian 12 with NetworkManager and nothing else in charge of the network.
#   customize.sh ROOT
set -eu
root=$1

rm "$root/etc/systemd/system/systemd-udev-trigger.service" # base has masked it
# A machine's seed enables it, or not.
chroot "$root" systemctl -q disable NetworkManager.service
chroot "$root" systemctl -q enable NetworkManager-wait-online.service NetworkManager-dispatcher.service
# NetworkManager's dispatcher runs what is in these, as on every Debian that has
# had a package with a hook.
for when in pre-up up down post-down; do
	mkdir -p "$root/etc/network/if-$when.d"
done
