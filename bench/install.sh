#!/bin/sh
# Installs what the bench needs on this machine, Debian 12, from its packages:
# Ansible, mitogen's strategy for it, and an SSH server for the fleets' hosts.
set -eu

packages="ansible ansible-mitogen openssh-server openssh-client iproute2 python3"

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
echo "installing for the bench:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
if ! apt-get -q -y install --no-install-recommends $missing >/dev/null 2>&1; then
	apt-get -q update
	apt-get -q -y install --no-install-recommends $missing
fi
