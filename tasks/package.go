package tasks

import (
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Packages installs what is missing of names, in one transaction, and never
// upgrades what is there. brings are the units that come with them, as a
// manifest names them ("daemon httpd", "boot ipvsadm"): a package may start and
// enable its own.
func Packages(p Platform, brings []string, names ...string) Task {
	var remember []string
	for _, entry := range brings {
		_, unit, _ := strings.Cut(entry, " ")
		remember = append(remember, string(shell.F("remember_unit %s", unit)))
	}
	missing := shell.F(`set -- %v
missing=
for p in "$@"; do
  %s || missing="$missing $p"
done`, names, p.manager.installed)
	return Task{
		Name:   "install " + strings.Join(names, " "),
		Direct: true,
		Check: shell.Lines(shell.F("! %s || return 0", p.manager.all(names)),
			missing, `[ -z "$missing" ] || { echo "not installed:$missing"; return 1; }`),
		// what is there before is written down first: what came is what was not,
		// however often this is broken off
		Apply: shell.Lines(p.manager.listed, newcomers, `if [ ! -e "$state/installing" ]; then
  before=$(listed)
  store "$state/installing" "$before$newline"
fi`, shell.Fragment(strings.Join(remember, "\n")),
			missing, "# shellcheck disable=SC2086 # names of packages have no spaces", "set -- $missing", p.manager.install, `came=$(newcomers)
[ -z "$came" ] || store_line "$state/installed" "$came"
rm -f "$state/installing"`),
		Owns: append([]string{"packages"}, brings...),
		Hint: p.manager.hint,
	}
}

// PackagesGone removes what Packages has installed, dependencies included, and
// nothing else: what is needed by something that was installed since stays,
// with an error that says so.
func PackagesGone(p Platform) Task {
	came := shell.Lines(p.manager.listed, newcomers, `now=$(listed)
came=$({
  cat "$state/installed" 2>/dev/null
  [ ! -e "$state/installing" ] || newcomers
} | sort -u | while read -r p; do
  printf '%s\n' "$now" | grep -xF -e "$p" || :
done)`)
	return Task{
		Name:  "remove the packages that were installed",
		Check: shell.Lines("! shared packages || exit 0", came, `[ -z "$came" ] || { printf '%s\n' "$came" | sed 's/^/-/'; exit 1; }`),
		// a package leaves its directory while there is one of ours in it
		Apply: shell.Lines(came, emptied, "# shellcheck disable=SC2086 # names of packages have no spaces", p.manager.remove),
		Hint:  "what it names is needed by something that was installed since: remove that first, or leave the packages",
	}
}

// newcomers lists the packages that are there and were not.
const newcomers shell.Fragment = `newcomers() {
  listed | awk -v before="$state/installing" 'BEGIN { while ((getline name <before) > 0) had[name] } !($0 in had)'
}`

// manager is how one package manager is spoken to.
type manager struct {
	installed shell.Fragment                      // exit 0: $p is installed
	all       func(names []string) shell.Fragment // one process; exit 0: they are installed
	listed    shell.Fragment                      // the function listed: all that are installed, one a line
	install   shell.Fragment                      // those in "$@"
	remove    shell.Fragment                      // exactly those in $came
	hint      string
}

// aptGet first tries with the lists it has: most hosts need no refresh, and a
// refresh costs more than the rest of a run. It waits for another apt, and
// first finishes what one that was killed left half done. Removing is dpkg's
// own work, which takes nothing else away with it.
var aptGet = manager{
	installed: `[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ]`,
	all: func(names []string) shell.Fragment {
		return shell.F(`[ "$(dpkg-query -W -f '${db:Status-Status} ' %v 2>/dev/null)" = %s ]`, names, strings.Repeat("installed ", len(names)))
	},
	listed: `listed() { dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' | sed -n 's/^installed //p'; }`,
	install: `export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none
get() { apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"; }
dpkg --configure -a --force-confold || :
get install --no-install-recommends --no-upgrade "$@" || {
  # one repository of many that is gone keeps nobody from what the others have
  lists=$(get update 2>&1) || printf '%s\n' 'apt-get update failed, and the install is tried all the same:' "$lists"
  get install --no-install-recommends --no-upgrade "$@"
}`,
	remove: "DEBIAN_FRONTEND=noninteractive dpkg --purge $came",
	hint:   "see whether apt-get works by hand on that host: its sources, its network, dpkg --configure -a",
}

func rpmAll(names []string) shell.Fragment { return shell.F("rpm -q --quiet %v", names) }

// rpm answers for both yum and dnf what is installed.
const (
	rpmInstalled shell.Fragment = `rpm -q --quiet "$p"`
	rpmListed    shell.Fragment = `listed() { rpm -qa --qf '%{NAME}\n'; }`
	rpmRemove    shell.Fragment = "rpm -e $came"
)

var (
	yum = manager{
		installed: rpmInstalled,
		all:       rpmAll,
		listed:    rpmListed,
		install:   `yum -y -q install "$@"`,
		remove:    rpmRemove,
		hint:      "see whether yum works by hand on that host: yum repolist",
	}
	dnf = manager{
		installed: rpmInstalled,
		all:       rpmAll,
		listed:    rpmListed,
		install:   `dnf -y -q install "$@"`,
		remove:    rpmRemove,
		hint:      "see whether dnf works by hand on that host: dnf repolist",
	}
)
