package tasks

import (
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Packages installs what is missing of names, in one transaction, and never
// upgrades what is there.
func Packages(p Platform, names ...string) Task {
	return Task{
		Name:  "install " + strings.Join(names, " "),
		Check: shell.F("missing=\nset -- %v\nfor p in \"$@\"; do\n  %s || missing=\"$missing $p\"\ndone\n[ -z \"$missing\" ] || { echo \"not installed:$missing\"; exit 1; }", names, p.manager.installed),
		Apply: shell.F("%s", shell.F(p.manager.install, names)),
		Hint:  p.manager.hint,
	}
}

// manager is how one package manager is spoken to.
type manager struct {
	installed shell.Fragment // exit 0: $p is installed
	install   string         // shell.F format with one %v
	hint      string
}

// aptGet first tries with the lists it has: most hosts need no refresh, and a
// refresh costs more than the rest of a run. It waits for another apt, and
// first finishes what one that was killed left half done.
var aptGet = manager{
	installed: `[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ]`,
	install: `export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none
get() { apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"; }
dpkg --configure -a --force-confold || :
set -- %v
get install --no-install-recommends --no-upgrade "$@" || { get update && get install --no-install-recommends --no-upgrade "$@"; }`,
	hint: "see whether apt-get works by hand on that host: its sources, its network, dpkg --configure -a",
}

// rpm answers for both yum and dnf what is installed.
const rpmInstalled shell.Fragment = `rpm -q --quiet "$p"`

var (
	yum = manager{
		installed: rpmInstalled,
		install:   `yum -y -q install %v`,
		hint:      "see whether yum works by hand on that host: yum repolist",
	}
	dnf = manager{
		installed: rpmInstalled,
		install:   `dnf -y -q install %v`,
		hint:      "see whether dnf works by hand on that host: dnf repolist",
	}
)
