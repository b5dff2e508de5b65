package tasks

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// inFirewalld adds rich rules to the zone through which clients come, each now
// and for good, so that nothing has to be loaded anew. Each firewall-cmd starts
// a Python: there are no more of them than need be.
func inFirewalld(f Facts, cluster string, a Admission) []Task {
	outer := f.zone(a.Outer)
	var rules []string
	for _, o := range a.Openings {
		rules = append(rules, o.rich())
	}
	if a.Outward != nil {
		rules = append(rules, `rule family="ipv4" source address="`+a.Outward.Source.String()+`" masquerade`)
	}
	var list []Task
	if rules != nil {
		list = append(list, firewalldRules(outer, rules))
	}
	if a.Outward != nil && f.Policies {
		list = append(list, firewalldPolicy(cluster, a.Outward.Source))
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

func firewalldRules(zone string, rules []string) Task {
	t := Task{
		Name: admitName + "firewalld",
		Check: shell.Lines(lines("wanted", strings.Join(rules, "\n")), shell.F(`now=$(firewall-cmd --zone=%s --list-rich-rules)
kept=$(firewall-cmd --permanent --zone=%s --list-rich-rules)`, zone, zone), notListed),
		Apply: "set --",
		Needs: command("firewall-cmd"),
		Hint:  "firewall-cmd --zone=" + zone + " --list-all shows what it has, journalctl -u firewalld what it complains of",
	}
	for _, r := range rules {
		t.Apply = shell.Lines(t.Apply, shell.F(`set -- "$@" --add-rich-rule=%s`, r))
		t.Owns = append(t.Owns, "firewalld "+zone+" "+r)
	}
	t.Apply = shell.Lines(t.Apply, shell.F(`firewall-cmd -q --zone=%s "$@"
firewall-cmd -q --permanent --zone=%s "$@"`, zone, zone))
	return t
}

// firewalldSound comes before a reload: with files that are not valid firewalld
// would not come back with the rules that it has.
const firewalldSound shell.Fragment = `said=$(firewall-cmd --check-config 2>&1) || {
  echo 'firewalld was not told to load its files anew, as they are not valid:'
  printf '%s\n' "$said"
  exit 1
}`

// firewalldPolicy lets what the LAN opens itself out. It is of no zones: one of
// the default zone alone counts only once interfaces are named in that, and
// then all may pass between them. A policy counts from a reload on, which keeps
// connections.
func firewalldPolicy(cluster string, source netip.Prefix) Task {
	name := "lvs-" + cluster
	if len(name) > 17 { // no more fit into the names of chains
		name = "lvs-" + uuid(cluster)[:13]
	}
	t := Put("let the real servers' own connections through firewalld", File{Path: "/etc/firewalld/policies/" + name + ".xml", Mode: "0644",
		Content: templates.Render("policy", map[string]string{"Cluster": cluster, "Source": source.String()})})
	t.Check = shell.Lines(t.Check, shell.F(`case " $(firewall-cmd --get-policies | tr '\n' ' ') " in *%s*) ;; *) echo 'not loaded'; return 1 ;; esac`, " "+name+" "))
	t.Apply = shell.Lines(firewalldSound, t.Apply, "firewall-cmd -q --reload")
	t.Needs = command("firewall-cmd")
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
if systemctl is-active --quiet firewalld; then permanent='firewall-cmd --permanent'; else permanent=firewall-offline-cmd; fi`

// firewalldGone takes rich rules of an earlier run back, which are named with
// their zone.
func firewalldGone(names []string) Task {
	byZone := map[string][]string{}
	for _, name := range names {
		zone, rule := two(name)
		byZone[zone] = append(byZone[zone], rule)
	}
	t := Task{Name: "no longer let the cluster through firewalld", Check: shell.Lines(permanently, "there="), Apply: permanently}
	for _, zone := range slices.Sorted(maps.Keys(byZone)) {
		remove := shell.Fragment("set --")
		for _, rule := range byZone[zone] {
			remove = shell.Lines(remove, shell.F(`shared %s || set -- "$@" --remove-rich-rule=%s`, "firewalld "+zone+" "+rule, rule))
		}
		t.Check = shell.Lines(t.Check, lines("gone", strings.Join(byZone[zone], "\n")), shell.F(`now=$($permanent --zone=%s --list-rich-rules
[ "$permanent" = firewall-offline-cmd ] || firewall-cmd --zone=%s --list-rich-rules)
there=$there$(printf '%%s\n' "$now" | grep -xF -e "$gone" | sort -u | while IFS= read -r rule; do
  shared %s"$rule" || printf '%%s\n' "$rule"
done)`, zone, zone, "firewalld "+zone+" "))
		// what is not there any more is only warned of
		t.Apply = shell.Lines(t.Apply, remove, shell.F(`[ $# = 0 ] || $permanent --zone=%s "$@" >/dev/null
[ $# = 0 ] || [ "$permanent" = firewall-offline-cmd ] || firewall-cmd -q --zone=%s "$@"`, zone, zone))
	}
	t.Check = shell.Lines(t.Check, `[ -z "$there" ] || { printf '%s\n' "$there" | sed 's/^/-/'; exit 1; }`)
	return t
}

// policiesReader has firewalld notice that a policy is gone.
func policiesReader() Reader {
	return Reader{Below: "/etc/firewalld/policies", Handler: Handler("firewalld", Task{
		Name:  "have firewalld load its policies anew",
		Check: "exit 1",
		Apply: "systemctl is-active --quiet firewalld || exit 0\n" + firewalldSound + "\nfirewall-cmd -q --reload",
	})}
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
