package tasks

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Admission is what one host needs of its packet filter: what comes in, what
// passes through, and what must not be held against known connections.
type Admission struct {
	Inner     string // the interface on the LAN
	Outer     string // where clients come in; the same where there is only one
	Openings  []Opening
	Outward   *SNAT     // NAT: connections that real servers open themselves
	Untracked []Opening // DR: of which this host sees one direction only
}

// Opening is a port that others may reach.
type Opening struct {
	From     netip.Prefix // invalid: anybody
	To       netip.Addr
	Protocol string
	Port     uint16
}

// from is the source as every one of the tools prints it.
func (o Opening) from() string {
	if o.From.IsSingleIP() {
		return o.From.Addr().String()
	}
	return o.From.String()
}

// SNAT gives connections that real servers open themselves the director's
// outer address.
type SNAT struct {
	Source netip.Prefix
	Out    string
	To     netip.Addr
}

func (s SNAT) String() string { return "SNAT " + s.Source.String() + " to " + s.To.String() }

// firewalls are those that may be in charge of a host's packets, by the unit
// that runs them. Adding one is a row: how it lets through what a host needs,
// live and kept, and who does SNAT beside it.
var firewalls = map[string]struct {
	admit func(Facts, string, Admission) []Task
	snat  func(cluster, firewall string, s SNAT) []Task
}{
	"firewalld":            {admit: inFirewalld, snat: none}, // its own rule masquerades
	"ufw":                  {admit: inUFW, snat: byIPTables},
	"nftables":             {admit: inNFTables, snat: byNFTables},
	"iptables":             {admit: inIPTables, snat: byIPTables},
	"netfilter-persistent": {admit: inIPTables, snat: byIPTables},
}

func none(string, string, SNAT) []Task { return nil }

// Manages reports whether a firewall can be told what to let through.
func Manages(firewall string) bool { _, ok := firewalls[firewall]; return ok }

// Admit has the firewall that runs on a host let through what it needs.
func Admit(f Facts, cluster string, a Admission) []Task {
	if f.Firewall == "" {
		return nil
	}
	return firewalls[f.Firewall].admit(f, cluster, a)
}

// Translate does SNAT by who is in charge: a firewall that is managed, else
// what the platform has; never two of them.
func Translate(p Platform, managed, cluster string, s SNAT) []Task {
	switch {
	case managed != "":
		return firewalls[managed].snat(cluster, managed+".service", s)
	case p.nft:
		return byNFTables(cluster, "", s)
	}
	return byIPTables(cluster, "", s)
}

func byIPTables(cluster, firewall string, s SNAT) []Task {
	if firewall == "ufw.service" { // which leaves the nat table alone
		firewall = ""
	}
	r := Rule{Table: "nat", Chain: "POSTROUTING", Words: []string{"-s", s.Source.String(), "-o", s.Out, "-j", "SNAT", "--to-source", s.To.String()}}
	return []Task{IPTables(s.String(), r), KeepRules(cluster, "snat", "SNAT for the real servers", firewall, r)}
}

const admitName = "let the cluster through "

// inIPTables is for a saved rule set that a unit loads: ours come before it,
// and again whenever it is loaded.
func inIPTables(f Facts, cluster string, a Admission) []Task {
	var rules []Rule
	for _, o := range a.Openings {
		rules = append(rules, Rule{Table: "filter", Chain: "INPUT", First: true, Words: append(o.match(), "-j", "ACCEPT")})
	}
	rules = append(rules, forwards(a)...)
	rules = append(rules, untracked(a)...)
	if rules == nil {
		return nil
	}
	return []Task{
		IPTables(admitName+f.Firewall, rules...),
		KeepRules(cluster, "firewall", "what the firewall lets through", f.Firewall+".service", rules...),
	}
}

// forwards lets what the LAN opens itself out, what belongs to it in, and the
// real servers' answers out.
func forwards(a Admission) []Rule {
	s := a.Outward
	if s == nil {
		return nil
	}
	return []Rule{
		{Table: "filter", Chain: "FORWARD", First: true, Words: []string{"-s", s.Source.String(), "-i", a.Inner, "-o", a.Outer, "-j", "ACCEPT"}},
		{Table: "filter", Chain: "FORWARD", First: true, Words: []string{"-d", s.Source.String(), "-i", a.Outer, "-o", a.Inner,
			"-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"}},
	}
}

// PastDocker lets through what the director forwards where docker runs, which
// has the kernel drop all that is not its own, whatever firewall there is
// beside it.
func PastDocker(f Facts, cluster string, a Admission) []Task {
	if f.Firewall == "iptables" || f.Firewall == "netfilter-persistent" {
		return nil // whose admission are these rules
	}
	rules := forwards(a)
	return []Task{
		IPTables(admitName+"docker's rules", rules...),
		KeepRules(cluster, "docker", "what is forwarded in spite of docker", "docker.service", rules...),
	}
}

// match is an opening in the words of iptables.
func (o Opening) match() []string {
	var w []string
	if o.From.IsValid() {
		w = append(w, "-s", o.from())
	}
	return append(w, "-d", o.To.String(), "-p", o.Protocol, "--dport", strconv.Itoa(int(o.Port)))
}

// untracked keeps connections of which only one direction passes away from
// connection tracking, which would find them invalid, and filters drop those.
func untracked(a Admission) []Rule {
	var rules []Rule
	for _, o := range a.Untracked {
		rules = append(rules, Rule{Table: "raw", Chain: "PREROUTING", Words: append(o.match(), "-j", "CT", "--notrack")})
	}
	return rules
}

// inUFW speaks to ufw as its own `ufw show added` does; a raw table it has not.
func inUFW(f Facts, cluster string, a Admission) []Task {
	var rules []string
	for _, o := range a.Openings {
		rule := "allow "
		if o.From.IsValid() {
			rule += "from " + o.from() + " "
		}
		rules = append(rules, rule+"to "+o.To.String()+" port "+strconv.Itoa(int(o.Port))+" proto "+o.Protocol)
	}
	if s := a.Outward; s != nil {
		rules = append(rules, "route allow in on "+a.Inner+" out on "+a.Outer+" from "+s.Source.String())
	}
	var list []Task
	if rules != nil {
		t := Task{
			Name: admitName + "ufw",
			Check: shell.Lines(lines("wanted", "ufw "+strings.Join(rules, "\nufw ")), `now=$(ufw show added)
missing=$(printf '%s\n' "$wanted" | grep -vxF -e "$now") || missing=
[ -z "$missing" ] || { printf '%s\n' "$missing" | sed 's/^/+/'; exit 1; }`),
			Needs: command("ufw"),
			Hint:  "ufw status verbose shows what it lets through",
		}
		for _, r := range rules {
			t.Apply = shell.Lines(t.Apply, ufw(r, ""))
			t.Owns = append(t.Owns, "ufw "+r)
		}
		list = append(list, t)
	}
	if raw := untracked(a); raw != nil {
		list = append(list, IPTables("leave the VIP's packets untracked", raw...),
			KeepRules(cluster, "untracked", "packets of the VIP, untracked", "", raw...))
	}
	return list
}

// ufw is a command of ufw; verb, if any, comes before the rule's.
func ufw(rule, verb string) shell.Fragment {
	words := strings.Fields(rule)
	if verb != "" {
		at := 0
		if words[0] == "route" {
			at = 1
		}
		words = append(words[:at:at], append([]string{verb}, words[at:]...)...)
	}
	return shell.F("ufw %v >/dev/null", words)
}

// ufwGone takes a rule of an earlier run back.
func ufwGone(rule string) Task {
	return Task{
		Name:  "remove from ufw: " + rule,
		Check: shell.F("! command -v ufw >/dev/null 2>&1 || ! ufw show added | grep -qxF -e %s || { echo 'still there'; exit 1; }", "ufw "+rule),
		Apply: ufw(rule, "delete"),
	}
}
