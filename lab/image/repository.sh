#!/bin/sh
# A hook of mmdebstrap: the machines have no way out, so what they can install
# lies in a repository on their own disk. Runs while apt still knows its sources.
#   repository.sh ROOT PACKAGE…
set -eu
root=$1
shift
mkdir -p "$root/srv/repo/partial"
APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q -y install --download-only --no-install-recommends \
	-o Dir::Cache::archives="$root/srv/repo" "$@"
rm -rf "$root/srv/repo/partial" "$root/srv/repo/lock"
cd "$root/srv/repo"
dpkg-scanpackages . >Packages
sum=$(sha256sum Packages)
printf 'Date: %s\nSHA256:\n %s %s Packages\n' "$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S UTC')" \
	"${sum%% *}" "$(wc -c <Packages)" >Release
