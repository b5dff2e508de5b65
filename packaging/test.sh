#!/bin/sh
# Installs what is in dist/ on bare machines and holds it against what the
# README promises: a Debian of this machine's release for the .deb, a directory
# with nothing else in it for the .rpm. As root, on Debian or Ubuntu. Leaves
# nothing behind: mounts are in a namespace of their own, files in one directory.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
if [ "${1-}" != inside ]; then
	[ "$(id -u)" = 0 ] || {
		echo "cannot make a bare machine: not root" >&2
		exit 1
	}
	exec unshare --mount --propagation private -- sh packaging/test.sh inside
fi

VERSION=$(sh packaging/version.sh)
arch=$(dpkg --print-architecture)
work=$(mktemp -d)
root=$work/debian bare=$work/debian/bare
# shellcheck disable=SC2317 # called by trap
clean() {
	for at in proc dev/pts; do
		! mountpoint -q "$root/$at" || umount "$root/$at" || return
	done
	rm -rf --one-file-system "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

fail() {
	echo "FAIL: $*" >&2
	exit 1
}
# same WHAT WANT GOT
same() {
	[ "$2" = "$3" ] || fail "$1:
want: $2
got:  $3"
	echo "ok: $1"
}
# has WHAT PATTERN TEXT: a line of the text matches
has() {
	printf '%s\n' "$3" | grep -q -e "$2" || fail "$1: no line matches $2 in:
$3"
	echo "ok: $1"
}
debian() { env -i HOME=/root TERM=xterm LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "$@"; }

echo "== what is in dist"
(cd dist && sha256sum --quiet --check SHA256SUMS) || fail "SHA256SUMS"
names=$(cd dist && echo *)
same "files of dist" "$(cd dist && echo SHA256SUMS \
	"lvsdeploy-$VERSION-1.aarch64.rpm" "lvsdeploy-$VERSION-1.x86_64.rpm" \
	"lvsdeploy-$VERSION-darwin-amd64" "lvsdeploy-$VERSION-darwin-arm64" \
	"lvsdeploy-$VERSION-linux-amd64" "lvsdeploy-$VERSION-linux-arm64" "lvsdeploy-$VERSION-windows-amd64.exe" \
	"lvsdeploy_${VERSION}_amd64.deb" "lvsdeploy_${VERSION}_arm64.deb")" "$names"
for platform in darwin-amd64 darwin-arm64 linux-amd64 linux-arm64 windows-amd64.exe; do
	made=$("${GO:-go}" version -m "dist/lvsdeploy-$VERSION-$platform")
	has "$platform is for its system" "GOOS=${platform%%-*}\$" "$made"
	has "$platform is static" "CGO_ENABLED=0" "$made"
	! printf '%s' "$made" | grep -q "$PWD" || fail "$platform has a path of this machine in it"
done

echo "== a bare Debian"
# From where this machine's apt gets its release, and in the same way.
# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
apt-config dump Acquire >"$work/apt.conf"
set --
for source in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
	[ ! -s "$source" ] || ! grep -q "$release" "$source" || set -- "$@" "$source"
done
[ $# != 0 ] || fail "cannot find where to get $release from: no source of apt names it"
mmdebstrap --quiet --mode=root --variant=minbase --format=directory --skip=check/empty,check/qemu \
	--aptopt="$work/apt.conf" --dpkgopt=force-unsafe-io --include=man-db,bash-completion,zsh,fish,rpm \
	"$release" "$root" "$@"
mount -t proc proc "$root/proc"
mkdir -p "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -sf pts/ptmx "$root/dev/ptmx"
[ -e "$root/dev/fd" ] || ln -s /proc/self/fd "$root/dev/fd"

echo "== the .deb"
! debian sh -c 'command -v lvsdeploy' >/dev/null || fail "lvsdeploy is there before it was installed"
cp "dist/lvsdeploy_${VERSION}_$arch.deb" "$root/tmp/lvsdeploy.deb"
debian dpkg -i /tmp/lvsdeploy.deb >"$work/log" 2>&1 || fail "dpkg: $(cat "$work/log")"
same "lvsdeploy --version" "lvsdeploy $VERSION" "$(debian lvsdeploy --version)"
# shellcheck disable=SC2016 # dpkg-query's own
same "version of the package" "$VERSION" "$(debian dpkg-query -W -f '${Version}' lvsdeploy)"
same "dpkg --verify" "" "$(debian dpkg --verify lvsdeploy)"
has "README" "lvsdeploy builds" "$(cat "$root/usr/share/doc/lvsdeploy/README.md")"

page=$(debian man lvsdeploy)
for command in $(debian lvsdeploy __complete -- '' | cut -f1 | grep -v '^-'); do
	has "man lvsdeploy: $command" "^ *lvsdeploy $command" "$page"
done
has "man lvsdeploy: exit codes" "^ *130  *interrupted" "$page"
same "warnings of man" "" "$(debian man --warnings -E UTF-8 -l /usr/share/man/man1/lvsdeploy.1.gz 2>&1 >/dev/null)"
has "whatis" "^lvsdeploy (1) *- build" "$(debian whatis lvsdeploy)"

# Asks each shell as TAB does.
debian lvsdeploy init nat >"$root/root/hosts.toml"
cat >"$root/tmp/ask.bash" <<'EOF'
. /usr/share/bash-completion/bash_completion
cd /root
COMP_WORDS=(lvsdeploy "$@") COMP_CWORD=$# COMP_LINE="lvsdeploy $*" COMP_POINT=${#COMP_LINE}
_completion_loader lvsdeploy
how=$(complete -p lvsdeploy) || exit 1
how=${how##*-F }
${how%% *} lvsdeploy "${@: -1}" lvsdeploy
# With nothing of its own, bash names files if it was told to.
[ ${#COMPREPLY[@]} != 0 ] || [[ $(complete -p lvsdeploy) != *"-o default"* ]] || COMPREPLY=($(compgen -f -- "${@: -1}"))
printf '%s\n' "${COMPREPLY[@]}"
EOF
cat >"$root/tmp/ask.zsh" <<'EOF'
zmodload zsh/zpty
zpty z 'HOME=/root zsh -f -i'
# What is typed is on the screen too: a prompt is told from its command by the quotes.
zpty -w z 'cd; autoload -Uz compinit; compinit -u -D; preexec() { print -r -- "$1" >/tmp/typed; exit }; PS1="REA""DY"'
zpty -r -m z seen '*READY*'
zpty -w z "$1"$'\t'
while zpty -r z seen; do :; done
EOF
in_bash() { debian bash --norc /tmp/ask.bash "$@"; }
in_fish() { debian fish -c "cd; complete -C 'lvsdeploy $*'" | cut -f1; }
in_zsh() {
	rm -f "$root/tmp/typed"
	timeout 60 chroot "$root" env -i LC_ALL=C.UTF-8 TERM=xterm PATH=/usr/bin:/bin zsh -f /tmp/ask.zsh "lvsdeploy $*" </dev/null >/dev/null ||
		echo "zsh ended with $?"
	sed 's/ *$//; s/.* //' "$root/tmp/typed"
}
for shell in bash fish zsh; do
	same "$shell: a command" verify "$(in_$shell ver)"
	same "$shell: a flag" --from "$(in_$shell verify --fr)"
	same "$shell: a mode" nat "$(in_$shell render n)"
	same "$shell: a host of the inventory" director "$(in_$shell nat --limit di)"
	same "$shell: a file" hosts.toml "$(in_$shell nat -i hos)"
done

debian dpkg -P lvsdeploy >/dev/null 2>&1
same "files after dpkg --purge" "" "$(find "$root/usr" -name '*lvsdeploy*')"

echo "== the .rpm"
case $arch in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; *) fail "there is no .rpm for $arch" ;; esac
mkdir "$bare"
cp "dist/lvsdeploy-$VERSION-1.$machine.rpm" "$root/tmp/lvsdeploy.rpm"
same "version of the rpm" "lvsdeploy $VERSION-1 $machine" "$(debian rpm -qp --qf '%{name} %{version}-%{release} %{arch}' /tmp/lvsdeploy.rpm)"
debian rpm -K --nosignature /tmp/lvsdeploy.rpm >"$work/log" || fail "rpm -K: $(cat "$work/log")"
has "digests of the rpm" "digests OK" "$(cat "$work/log")"
files=$(debian rpm -qlp /tmp/lvsdeploy.rpm)
for file in /usr/bin/lvsdeploy /usr/share/man/man1/lvsdeploy.1.gz /usr/share/bash-completion/completions/lvsdeploy \
	/usr/share/zsh/site-functions/_lvsdeploy /usr/share/fish/vendor_completions.d/lvsdeploy.fish /usr/share/doc/lvsdeploy/README.md; do
	has "rpm has $file" "^$file\$" "$files"
done
debian rpm --root /bare --initdb
debian rpm --force-debian --root /bare -i /tmp/lvsdeploy.rpm || fail "rpm -i"
same "lvsdeploy --version, nothing else installed" "lvsdeploy $VERSION" "$(chroot "$bare" /usr/bin/lvsdeploy --version)"
same "rpm --verify" "" "$(debian rpm --root /bare -V lvsdeploy)"
debian rpm --force-debian --root /bare -e lvsdeploy
same "files after rpm --erase" "" "$(find "$bare/usr" -name '*lvsdeploy*' 2>/dev/null)"
echo "the packages of lvsdeploy $VERSION install and work"
