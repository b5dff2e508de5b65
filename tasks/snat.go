package tasks

import (
	"net/netip"

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
func (s SNAT) Rule() shell.Fragment {
	return shell.F("POSTROUTING -s %s -o %s -j SNAT --to-source %s", s.Source, s.Out, s.To)
}

// Live adds the rule, once.
func (s SNAT) Live() Task {
	return Task{
		Name:  "SNAT " + s.Source.String() + " to " + s.To.String(),
		Check: shell.F("iptables -w -t nat -C %s 2>/dev/null || { echo 'no such rule'; exit 1; }", s.Rule()),
		Apply: shell.F("iptables -w -t nat -A %s", s.Rule()),
		Needs: command("iptables"),
		Hint:  "iptables -t nat -S POSTROUTING shows the rules; does the kernel have iptable_nat or nf_tables?",
	}
}
