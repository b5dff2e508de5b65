package tasks

import (
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// Chain is a base chain of somebody's rule set that may refuse packets.
type Chain struct {
	Family, Table, Name string
	Hook                string // input or forward
}

// nftRule is a rule ahead of the others in a chain of somebody else's.
type nftRule struct {
	chain Chain
	words []string // without the comment by which it is known again
	tag   string
}

// tag is a comment of nft in letters that need no quotes there.
func tag(cluster string, words ...string) string {
	return "lvsdeploy-" + cluster + "_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_./", r):
			return r
		}
		return '_'
	}, strings.Join(words, "_"))
}

func (r nftRule) in() []string { return []string{r.chain.Family, r.chain.Table, r.chain.Name} }

func (r nftRule) check() shell.Fragment {
	return shell.F("nft list chain %v 2>/dev/null | grep -qF %s", r.in(), `comment "`+r.tag+`"`)
}

func (r nftRule) add() shell.Fragment {
	return shell.F("nft insert rule %v %v comment %s", r.in(), r.words, r.tag)
}

// nft is an opening in the words of nft.
func (o Opening) nft() []string {
	var w []string
	if o.From.IsValid() {
		w = append(w, "ip", "saddr", o.from())
	}
	return append(w, "ip", "daddr", o.To.String(), o.Protocol, "dport", strconv.Itoa(int(o.Port)))
}

// inNFTables is for a rule set that nftables.service loads. A packet must pass
// every base chain of a hook, so ours stand first in each; and again whenever
// the rule set is loaded.
func inNFTables(f Facts, cluster string, a Admission) []Task {
	var rules []nftRule
	for _, c := range f.Chains {
		switch c.Hook {
		case "input":
			for _, o := range a.Openings {
				rules = append(rules, nftRule{c, append(o.nft(), "accept"), tag(cluster, o.nft()...)})
			}
		case "forward":
			if s := a.Outward; s != nil {
				out := []string{"iifname", a.Inner, "oifname", a.Outer, "ip", "saddr", s.Source.String()}
				back := []string{"iifname", a.Outer, "oifname", a.Inner, "ip", "daddr", s.Source.String()}
				rules = append(rules,
					nftRule{c, append(out, "accept"), tag(cluster, out...)},
					nftRule{c, append(back, "ct", "state", "established,related", "accept"), tag(cluster, back...)})
			}
		}
	}
	var list []Task
	if rules != nil {
		t := Task{
			Name:  admitName + "nftables",
			Check: "missing=",
			Needs: command("nft"),
			Hint:  "nft list ruleset shows the rules",
		}
		var commands []shell.Fragment
		for _, r := range rules {
			t.Check = shell.Lines(t.Check, shell.F("%s || missing=\"$missing\"%s", r.check(), "+"+string(r.add())+"\n"))
			t.Apply = shell.Lines(t.Apply, shell.F("%s || %s", r.check(), r.add()))
			t.Owns = append(t.Owns, "nft "+strings.Join(append(r.in(), r.tag), " "))
			commands = append(commands, shell.F("%s || %s", r.check(), r.add()))
		}
		t.Check = shell.Lines(t.Check, `[ -z "$missing" ] || { printf '%s' "$missing"; exit 1; }`)
		list = append(list, t, rulesUnit(cluster, "firewall", "what the firewall lets through", "nftables.service", commands...))
	}
	if a.Untracked != nil {
		list = append(list, nftTable(cluster, "untracked", "packets of the VIP, untracked", "nftables.service", nil, a.Untracked)...)
	}
	return list
}

func byNFTables(cluster, firewall string, s SNAT) []Task {
	return nftTable(cluster, "snat", "SNAT for the real servers", firewall, &s, nil)
}

// nftTable is a table of our own, in a file that loads it anew as a whole.
func nftTable(cluster, kind, purpose, firewall string, s *SNAT, untracked []Opening) []Task {
	name := "lvsdeploy-" + cluster + "-" + kind
	file := "/etc/nftables/" + name + ".nft"
	var chain, live string
	var rules, tags []string
	add := func(words ...string) {
		t := tag(cluster, words...)
		tags = append(tags, t)
		rules = append(rules, "\t\t"+strings.Join(words, " ")+` comment "`+t+`"`)
	}
	if s != nil {
		chain, live = "type nat hook postrouting priority 100;", s.String()
		add("ip", "saddr", s.Source.String(), "oifname", s.Out, "snat", "to", s.To.String())
	}
	for _, o := range untracked {
		chain, live = "type filter hook prerouting priority -300;", "leave the VIP's packets untracked"
		add(append(o.nft(), "notrack")...)
	}
	check := shell.F("now=$(nft list table ip %s 2>/dev/null) || { echo 'no such table'; exit 1; }", name)
	for _, t := range tags {
		check = shell.Lines(check, shell.F(`case $now in *%s*) ;; *) echo %s; exit 1 ;; esac`, `comment "`+t+`"`, "no rule "+t))
	}
	return []Task{
		Write(File{Path: file, Mode: "0644", Content: templates.Render("nft", map[string]string{
			"Cluster": cluster, "Name": name, "Chain": chain, "Rules": strings.Join(rules, "\n"),
		})}),
		{
			Name:  live,
			Check: check,
			Apply: shell.F("nft -f %s", file),
			Needs: command("nft"),
			Owns:  []string{"nft-table " + name},
			Hint:  "nft list ruleset shows the rules",
		},
		rulesUnit(cluster, kind, purpose, firewall, shell.F("nft -f %s", file)),
	}
}

// nftGone removes a rule of an earlier run from a chain of somebody else's.
func nftGone(entry string) Task {
	w := strings.Fields(entry)
	if len(w) != 4 {
		return Task{Name: "remove from nftables: " + entry, Check: ":"}
	}
	found := shell.F(`handle=$(nft -a list chain %v 2>/dev/null | sed -n %s)`, w[:3],
		`s,.*comment "`+strings.ReplaceAll(w[3], ".", "[.]")+`".* # handle \([0-9]*\)$,\1,p`)
	return Task{
		Name:  "remove from nftables: " + w[3],
		Check: shell.Lines("command -v nft >/dev/null 2>&1 || exit 0", found, `[ -z "$handle" ] || { echo 'still there'; exit 1; }`),
		Apply: shell.Lines(found, shell.F(`for handle in $handle; do nft delete rule %v handle "$handle"; done`, w[:3])),
	}
}

// nftTableGone removes a table of an earlier run.
func nftTableGone(name string) Task {
	return Task{
		Name:  "remove nftables table " + name,
		Check: shell.F("! nft list table ip %s >/dev/null 2>&1 || { echo 'still there'; exit 1; }", name),
		Apply: shell.F("nft delete table ip %s", name),
	}
}
