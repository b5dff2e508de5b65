#!/bin/sh
# Says which version this checkout is, in a form that deb and rpm take and sort
# rightly: 1.2.0 at the tag v1.2.0, 1.2.0+5.gHASH five commits later,
# 1.3.0~rc1 at v1.3.0-rc1; 0.0.0~gitTIME.HASH while there is no tag; +dirty
# with changes that are not committed.
set -eu
cd "$(dirname "$0")/.."
dirty=$(git describe --always --dirty=+dirty --exclude '*')
case $dirty in *+dirty) dirty=+dirty ;; *) dirty= ;; esac
if tag=$(git describe --tags --match 'v[0-9]*' --abbrev=12 2>/dev/null); then
	# v1.3.0-rc1-5-gHASH: the commits since the tag first, then what is left of -
	tag=$(echo "${tag#v}" | sed -E 's/-([0-9]+)-(g[0-9a-f]+)$/+\1.\2/; s/-/~/; s/-/./g')
	echo "$tag$dirty"
else
	echo "0.0.0~git$(TZ=UTC git log -1 --date=format-local:%Y%m%d%H%M%S --format=%cd.%h --abbrev=12)$dirty"
fi
