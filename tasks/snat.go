package tasks

import (
	"net/netip"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// SNAT is the rule that gives connections that real servers open themselves
// the director's outer address.
type SNAT struct {
	Source netip.Prefix
	Out    string
	To     netip.Addr
}

// Rule is the rule as iptables takes it after -A, -C and -D.
func (s SNAT) Rule() shell.Fragment { return shell.F("%v", s.words()) }

// UnitRule is the rule as a systemd unit's command line holds it.
func (s SNAT) UnitRule() string { return shell.Systemd(s.Rule()) }

func (s SNAT) words() []string {
	return []string{"POSTROUTING", "-s", s.Source.String(), "-o", s.Out, "-j", "SNAT", "--to-source", s.To.String()}
}

// noTable answers for a nat table that there is not yet: iptables, asked about
// it, loads the kernel's modules for it, and a look must not change anything.
const noTable shell.Fragment = `case $(readlink -f "$(command -v iptables)") in
*/xtables-legacy-multi | */xtables-multi) grep -qsx nat /proc/net/ip_tables_names || { echo 'no such rule'; exit 1; } ;;
esac`

// Live adds the rule, once.
func (s SNAT) Live() Task {
	return Task{
		Name:  "SNAT " + s.Source.String() + " to " + s.To.String(),
		Check: shell.Lines(noTable, shell.F("iptables -w -t nat -C %s 2>/dev/null || { echo 'no such rule'; exit 1; }", s.Rule())),
		Apply: shell.F("iptables -w -t nat -A %s", s.Rule()),
		Needs: command("iptables"),
		Owns:  []string{"snat " + strings.Join(s.words(), " ")},
		Hint:  "iptables -t nat -S POSTROUTING shows the rules; does the kernel have iptable_nat or nf_tables?",
	}
}

// snatGone removes a rule of an earlier run.
func snatGone(rule []string) Task {
	return Task{
		Name:  "remove SNAT rule " + strings.Join(rule, " "),
		Check: shell.F("! command -v iptables >/dev/null 2>&1 || ! iptables -w -t nat -C %v 2>/dev/null || { echo 'still there'; exit 1; }", rule),
		Apply: shell.F("iptables -w -t nat -D %v", rule),
	}
}
