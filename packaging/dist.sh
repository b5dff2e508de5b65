#!/bin/sh
# Writes what is given away into dist/: a binary for each platform, a .deb and
# a .rpm for each processor, and SHA256SUMS. The same commit gives the same
# bytes: nothing of this machine, and no time but the commit's, is in them.
set -eu
cd "$(dirname "$0")/.."
umask 022
GO=${GO:-go}

VERSION=$(sh packaging/version.sh)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export VERSION SOURCE_DATE_EPOCH CGO_ENABLED=0
work=dist/work
rm -rf dist
mkdir -p $work/doc/docs
trap 'rm -rf $work' EXIT

# build FILE: for this machine, or for what GOOS and GOARCH say
build() {
	"$GO" build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o "$1" ./cmd/lvsdeploy
}

for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64; do
	os=${platform%/*} arch=${platform#*/} suffix=
	[ "$os" != windows ] || suffix=.exe
	echo "building lvsdeploy $VERSION for $platform"
	GOOS=$os GOARCH=$arch build "dist/lvsdeploy-$VERSION-$os-$arch$suffix"
done

echo "writing man page and completions"
build $work/lvsdeploy
$work/lvsdeploy __man | gzip -9n >$work/lvsdeploy.1.gz
for shell in bash zsh fish; do
	$work/lvsdeploy completion $shell >$work/lvsdeploy.$shell
done
cp README.md README.zh-CN.md $work/doc
cp docs/* $work/doc/docs
[ ! -e LICENSE ] || cp LICENSE $work/doc/copyright

for ARCH in amd64 arm64; do
	export ARCH
	cp "dist/lvsdeploy-$VERSION-linux-$ARCH" $work/lvsdeploy-$ARCH
	find $work -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
	for format in deb rpm; do
		(cd packaging && "$GO" tool nfpm package -f nfpm.yaml -p $format -t ../dist)
	done
done

rm -rf $work
(cd dist && sha256sum -- * >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
echo "dist/ holds lvsdeploy $VERSION"
