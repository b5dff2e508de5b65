#!/bin/sh
# Installs what the tests need beside the lab: shells to run programs under, a
# linter for them, a real sshd. Silent when nothing is missing.
set -eu

packages="shellcheck busybox-static dash bash openssh-server openssh-client util-linux iproute2 curl nftables"

missing=
for package in $packages; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
if ! apt-get -q -y install --no-install-recommends $missing >/dev/null 2>&1; then
	apt-get -q update
	apt-get -q -y install --no-install-recommends $missing
fi
