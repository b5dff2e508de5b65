#!/bin/sh
# Installs Debian packages that are missing: packages.sh WHAT-FOR PACKAGE…
# Says what it installs; silent when nothing is missing.
set -eu
for=$1
shift

missing=
for package; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "cannot install$missing: not root (try: sudo apt-get install$missing)" >&2
	exit 1
fi
echo "installing for $for:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
if ! apt-get -q -y install --no-install-recommends $missing >/dev/null 2>&1; then
	apt-get -q update
	apt-get -q -y install --no-install-recommends $missing
fi
