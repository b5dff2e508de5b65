#!/bin/sh
# firewalld as it comes: running, zone public, ssh and dhcpv6-client let in.
#   customize.sh ROOT
set -eu
root=$1

# The kernel's nf_tables knows no inet and ip families, so rules have to be
# those of iptables; firewalld of any distribution can do that.
# IPv6_rpfilter stays as it comes.
sed -i 's/^FirewallBackend=.*/FirewallBackend=iptables/' "$root/etc/firewalld/firewalld.conf"
chroot "$root" update-alternatives --quiet --set ebtables /usr/sbin/ebtables-legacy
chroot "$root" systemctl -q enable firewalld.service
# polkit has brought along what opens a session of logind with each login. There
# is no logind here (base has masked it), and asking for it takes two seconds.
sed -i '/pam_systemd\.so/d' "$root/etc/pam.d/common-session"
