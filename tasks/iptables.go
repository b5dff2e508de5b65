package tasks

import (
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// Rule is one rule of iptables.
type Rule struct {
	Table, Chain string
	Words        []string // what follows the chain; none has a space in it
	First        bool     // ahead of the others, which may refuse what it lets through
}

func (r Rule) check() shell.Fragment {
	return shell.F("iptables -w -t %s -C %s %v", r.Table, r.Chain, r.Words)
}

func (r Rule) add() shell.Fragment {
	verb := "-A"
	if r.First {
		verb = "-I"
	}
	return shell.F("iptables -w -t %s %s %s %v", r.Table, verb, r.Chain, r.Words)
}

func (r Rule) entry() string {
	return "rule " + r.Table + " " + r.Chain + " " + strings.Join(r.Words, " ")
}

// tableLoaded answers for a table that there is not yet: iptables, asked about
// it, loads the kernel's modules for it, and a look must not change anything.
const tableLoaded shell.Fragment = `loaded() {
  # shellcheck disable=SC3013 # dash, bash and busybox have -ef
  if [ /usr/sbin/iptables -ef /usr/sbin/xtables-nft-multi ]; then return; fi
  case $(readlink -f "$(command -v iptables)") in
  */xtables-legacy-multi | */xtables-multi) grep -qsx "$1" /proc/net/ip_tables_names ;;
  esac
}`

// IPTables adds rules now, each once.
func IPTables(name string, rules ...Rule) Task {
	check, apply := []shell.Fragment{tableLoaded, "missing="}, []shell.Fragment{}
	t := Task{
		Name:   name,
		Direct: true,
		Needs:  command("iptables"),
		Hint:   "iptables-save shows the rules; does the kernel have them: iptables -t nat -S?",
	}
	for _, r := range rules {
		check = append(check, shell.F("{ loaded %s && %s 2>/dev/null; } || missing=\"$missing\"%s", r.Table, r.check(), "+"+string(r.add())+"\n"))
		apply = append(apply, shell.F("%s 2>/dev/null || %s", r.check(), r.add()))
		t.Owns = append(t.Owns, r.entry())
	}
	t.Check = shell.Lines(append(check, `[ -z "$missing" ] || { printf '%s' "$missing"; return 1; }`)...)
	t.Apply = shell.Lines(apply...)
	return t
}

// KeepRules has rules added at boot, and again when the firewall that is in
// charge (a unit, or none) has loaded its own anew.
func KeepRules(cluster, kind, purpose, firewall string, rules ...Rule) Task {
	var commands []shell.Fragment
	for _, r := range rules {
		commands = append(commands, shell.F("%s 2>/dev/null || %s", r.check(), r.add()))
	}
	return rulesUnit(cluster, kind, purpose, firewall, commands...)
}

func rulesUnit(cluster, kind, purpose, firewall string, commands ...shell.Fragment) Task {
	name := "lvsdeploy-" + cluster + "-" + kind + ".service"
	var start, reload []string
	for _, c := range commands {
		start = append(start, "ExecStart=/bin/sh -c '"+shell.Systemd(c)+"'")
		reload = append(reload, "ExecReload=/bin/sh -c '"+shell.Systemd(c)+"'")
	}
	if firewall == "" {
		reload = nil
	}
	t := Unit(name, templates.Render("rules.service", map[string]string{
		"Cluster": cluster, "Purpose": purpose, "Firewall": firewall, "Commands": strings.Join(append(start, reload...), "\n"),
	}))
	if firewall != "" { // only a unit that is active hears of its reload
		t.Check = shell.Lines(t.Check, shell.F("systemctl is-active --quiet %s || { echo 'not active'; return 1; }", name))
		t.Apply = shell.Lines(t.Apply, shell.F("systemctl restart %s", name))
	}
	return t
}

// ruleGone removes a rule of an earlier run.
func ruleGone(entry string) Task {
	w := strings.Fields(entry)
	if len(w) < 3 {
		return Task{Name: "remove rule " + entry, Check: ":"}
	}
	r := Rule{Table: w[0], Chain: w[1], Words: w[2:]}
	return Task{
		Name:  "remove rule " + strings.Join(w, " "),
		Check: shell.F("! command -v iptables >/dev/null 2>&1 || ! %s 2>/dev/null || { echo 'still there'; exit 1; }", r.check()),
		Apply: shell.F("iptables -w -t %s -D %s %v", r.Table, r.Chain, r.Words),
	}
}
