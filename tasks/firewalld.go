package tasks

import (
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// zoneOf sets zone to the one that an interface is in.
func zoneOf(dev string) shell.Fragment {
	return shell.F(`zone=$(firewall-cmd --get-zone-of-interface=%s 2>/dev/null) || zone=$(firewall-cmd --get-default-zone)`, dev)
}

// inFirewalld adds rich rules to the zone through which clients come, each now
// and for good, so that nothing has to be loaded anew. A masquerading rule lets
// the real servers' own connections through as well.
func inFirewalld(f Facts, cluster string, a Admission) []Task {
	var rules []string
	for _, o := range a.Openings {
		rules = append(rules, o.rich())
	}
	if a.Outward != nil {
		rules = append(rules, `rule family="ipv4" source address="`+a.Outward.Source.String()+`" masquerade`)
	}
	var list []Task
	if rules != nil {
		list = append(list, firewalldRules(a.Outer, rules))
	}
	switch {
	case a.Untracked == nil:
	case f.platform().nft: // without the modules that iptables needs
		list = append(list, nftTable(cluster, "untracked", "packets of the VIP, untracked", "", nil, a.Untracked)...)
	default:
		list = append(list, firewalldDirect(untracked(a)))
	}
	return list
}

// rich is an opening as firewalld itself writes it.
func (o Opening) rich() string {
	rule := `rule family="ipv4"`
	if o.From.IsValid() {
		rule += ` source address="` + o.from() + `"`
	}
	return rule + ` destination address="` + o.To.String() + `" port port="` + strconv.Itoa(int(o.Port)) + `" protocol="` + o.Protocol + `" accept`
}

// notListed sets missing to what of $wanted two lists, of now and for good, do
// not both have.
const notListed shell.Fragment = `missing=$({ printf '%s\n' "$wanted" | grep -vxF -e "$now" || :
printf '%s\n' "$wanted" | grep -vxF -e "$kept" || :; } | sort -u)
[ -z "$missing" ] || { printf '%s\n' "$missing" | sed 's/^/+/'; exit 1; }`

func firewalldRules(dev string, rules []string) Task {
	t := Task{
		Name: admitName + "firewalld",
		Check: shell.Lines(zoneOf(dev), lines("wanted", strings.Join(rules, "\n")), `now=$(firewall-cmd --zone="$zone" --list-rich-rules)
kept=$(firewall-cmd --permanent --zone="$zone" --list-rich-rules)`, notListed),
		Apply: zoneOf(dev),
		Needs: command("firewall-cmd"),
		Hint:  "firewall-cmd --list-all shows the default zone, journalctl -u firewalld what it complains of",
	}
	for _, r := range rules {
		t.Apply = shell.Lines(t.Apply, shell.F(`firewall-cmd -q --zone="$zone" --add-rich-rule=%s
firewall-cmd -q --permanent --zone="$zone" --add-rich-rule=%s`, r, r))
		t.Owns = append(t.Owns, "firewalld "+dev+" "+r)
	}
	return t
}

// direct is a rule in the words of firewalld's direct interface.
func (r Rule) direct() []string {
	return append([]string{"ipv4", r.Table, r.Chain, "0"}, r.Words...)
}

func firewalldDirect(rules []Rule) Task {
	var wanted []string
	t := Task{
		Name:  "leave the VIP's packets untracked",
		Needs: command("firewall-cmd"),
		Hint:  "firewall-cmd --direct --get-all-rules shows them, journalctl -u firewalld what it complains of",
	}
	for _, r := range rules {
		wanted = append(wanted, strings.Join(r.direct(), " "))
		t.Apply = shell.Lines(t.Apply, shell.F(`firewall-cmd -q --direct --add-rule %v
firewall-cmd -q --permanent --direct --add-rule %v`, r.direct(), r.direct()))
		t.Owns = append(t.Owns, "firewalld-direct "+strings.Join(r.direct(), " "))
	}
	t.Check = shell.Lines(lines("wanted", strings.Join(wanted, "\n")), `now=$(firewall-cmd --direct --get-all-rules)
kept=$(firewall-cmd --permanent --direct --get-all-rules)`, notListed)
	return t
}

// permanently sets permanent to the command that changes what firewalld keeps,
// whether it runs or has been stopped since.
const permanently shell.Fragment = `command -v firewall-cmd >/dev/null 2>&1 || exit 0
if firewall-cmd -q --state 2>/dev/null; then permanent='firewall-cmd --permanent'; else permanent=firewall-offline-cmd; fi`

// firewalldGone takes a rich rule of an earlier run back.
func firewalldGone(dev, rule string) Task {
	zone := shell.F(`if [ "$permanent" = firewall-offline-cmd ]; then
  zone=$(firewall-offline-cmd --get-zone-of-interface=%s 2>/dev/null) || zone=$(firewall-offline-cmd --get-default-zone)
else
  %s
fi`, dev, zoneOf(dev))
	return Task{
		Name: "remove from firewalld: " + rule,
		Check: shell.Lines(permanently, zone, shell.F(`there=
! $permanent --zone="$zone" --list-rich-rules | grep -qxF -e %s || there=yes
[ "$permanent" = firewall-offline-cmd ] || ! firewall-cmd --zone="$zone" --list-rich-rules | grep -qxF -e %s || there=yes
[ -z "$there" ] || { echo 'still there'; exit 1; }`, rule, rule)),
		Apply: shell.Lines(permanently, zone, shell.F(`$permanent --zone="$zone" --remove-rich-rule=%s >/dev/null
[ "$permanent" = firewall-offline-cmd ] || firewall-cmd -q --zone="$zone" --remove-rich-rule=%s`, rule, rule)),
	}
}

// firewalldDirectGone takes a direct rule of an earlier run back.
func firewalldDirectGone(rule string) Task {
	words := strings.Fields(rule)
	return Task{
		Name: "remove from firewalld: " + rule,
		Check: shell.Lines(permanently, shell.F(`there=
! $permanent --direct --get-all-rules | grep -qxF -e %s || there=yes
[ "$permanent" = firewall-offline-cmd ] || ! firewall-cmd --direct --get-all-rules | grep -qxF -e %s || there=yes
[ -z "$there" ] || { echo 'still there'; exit 1; }`, rule, rule)),
		Apply: shell.Lines(permanently, shell.F(`$permanent --direct --remove-rule %v >/dev/null
[ "$permanent" = firewall-offline-cmd ] || firewall-cmd -q --direct --remove-rule %v`, words, words)),
	}
}
