#!/bin/sh
# go.sh GO: whether GO can build this, before anything else is begun. An old Go
# complains of go.mod's words, and not of itself.
set -eu
go=$1
cd "$(dirname "$0")/.."

need=$(sed -n 's/^go //p' go.mod)
if ! command -v "$go" >/dev/null; then
	why="there is no $go"
elif said=$("$go" list -m 2>&1); then # has a newer Go fetched, where it may
	exit 0
else
	have=$(GOTOOLCHAIN=local GO111MODULE=off "$go" env GOVERSION 2>/dev/null) || have="a program that tells no version"
	why="$(command -v "$go") is ${have:-older than Go 1.17}"
	case $have in
	go1.[0-9] | go1.[0-9].* | go1.1[0-9] | go1.1[0-9].* | go1.20 | go1.20.* | '') ;;
	*) why="$why, and says: $said" ;; # it could have fetched the right one
	esac
fi
cat >&2 <<END
cannot build lvsdeploy: it needs Go $need, and $why
    hint: any Go from 1.21 on fetches the one that is needed by itself (unless GOTOOLCHAIN=local).
          Debian 12's own is 1.19; its backports have a newer one. With bookworm-backports among apt's sources:
              apt-get update && apt-get install -t bookworm-backports golang-go
          Elsewhere: the archive of the Go project, unpacked in /usr/local, and make GO=/usr/local/go/bin/go
END
exit 1
