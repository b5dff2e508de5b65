#!/bin/sh
# Installs what `lvsdeploy lab` needs on this machine: Debian 12 or newer, as
# root. Says what it installs; silent when nothing is missing.
set -eu

packages="user-mode-linux mmdebstrap dpkg-dev e2fsprogs iproute2 ethtool openssh-client util-linux"

missing=
for package in $packages; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "cannot install$missing: not root (try: sudo sh $0)" >&2
	exit 1
fi
echo "installing for the lab:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
if ! apt-get -q -y install --no-install-recommends $missing >/dev/null 2>&1; then
	apt-get -q update
	apt-get -q -y install --no-install-recommends $missing
fi
