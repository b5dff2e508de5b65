# Read by every stub: its tools, its state, its log. The shell of the stubs is busybox, whose applets are there without
# another program to start; what has to be a real program is called by its path, or is a function here.
caller_path=$PATH
PATH=/.fakehost/bin
LC_ALL=C
export PATH LC_ALL
state=/var/lib/fakehost
self=${0##*/}

ip() { /.fakehost/bin/ip "$@"; }
newline='
'

# record WORD…: a mutating call, one line
record() {
	call="$* "
	while :; do case $call in *"$newline"*) call=${call%%"$newline"*}' '${call#*"$newline"} ;; *) break ;; esac; done
	printf '%s\n' "${call% }" >>$state/log
}

# die STATUS MESSAGE
die() { printf '%s\n' "$2" >&2; exit "$1"; }

# Calls of one stub follow each other, as the kernel's tables see to it in reality. A lock each, for stubs call stubs.
lock() { exec 9>>/.fakehost/lock."$self"; flock 9; }
unlock() { exec 9>&-; }

# needed PACKAGE…: may these go together? else needed is one that another package depends on
needed() {
	for rest in $(ls $state/installed); do
		case " $* " in *" $rest "*) continue ;; esac
		[ -e /.fakehost/packages/"$rest"/depends ] || continue
		while read -r needed; do
			case " $* " in *" $needed "*) return 1 ;; esac
		done </.fakehost/packages/"$rest"/depends
	done
}

# escape PATH: the name of its mount unit, in $escaped, as systemd-escape -p --suffix=mount says
escape() {
	case $1 in
	*[!A-Za-z0-9:_./]* | *//* | *.. | */. | */.. | */./* | */../* | .* | /.* | */ | /) escaped=$(systemd-escape -p --suffix=mount "$1") || return ;;
	*)
		escaped=${1#/} before=
		while :; do case $escaped in */*) before=$before${escaped%%/*}- escaped=${escaped#*/} ;; *) break ;; esac; done
		escaped=$before$escaped.mount
		;;
	esac
}

own_addresses() { ip -o -4 addr show | awk '{ sub("/.*", "", $4); print $4 }'; }

# mounts: the mount table with NFS mounts named as such, in the form of /proc/mounts
mounts() {
	awk 'FILENAME != "/proc/self/mounts" { source[$2] = $1; options[$2] = $3; next }
		$2 in source { $1 = source[$2]; $3 = "nfs4"; $4 = options[$2] }
		{ print }' $state/nfs-mounts /proc/self/mounts
}
