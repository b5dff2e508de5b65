#!/bin/sh
# Debian 12 as its installer leaves a server: ifupdown, no firewall.
#   customize.sh ROOT
set -eu
root=$1

# There is no hardware to wait for.
ln -sf /dev/null "$root/etc/systemd/system/ifupdown-pre.service"
chroot "$root" systemctl -q enable networking.service
