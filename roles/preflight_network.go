package roles

import (
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// checkMask: of two masks of one address the wider makes the host take a network
// for its own that is not. Which of them is wrong nobody here can know.
func checkMask(h host, f tasks.Facts, say say) {
	d := h.cluster.Director
	if h.Name != d.Name || h.cluster.Mode != inventory.NAT {
		return
	}
	if a, where := f.OtherMask(d.WANInterface, d.WANAddress); where != "" {
		say("put the right mask into wan_address, or take the other address away", "%s has %s (%s), and the inventory says %s", d.WANInterface, a, where, d.WANAddress)
	}
}

// checkRules: a rule that sends what comes from a real server's address to
// another table than main lets its answers past the director.
func checkRules(h host, f tasks.Facts, say say) {
	if h.web == nil || h.cluster.Mode != inventory.NAT {
		return
	}
	w := strings.Fields(f.Ways[h.Address])
	table := after(w, "table")
	if table == "" || after(w, "via") == h.cluster.Director.Address.String() {
		return
	}
	rule := "ip rule shows it"
	for _, r := range f.Rules {
		if strings.Contains(r+" ", "lookup "+table+" ") {
			rule = "rule " + strings.Join(strings.Fields(r), " ")
			break
		}
	}
	say("take the rule away, or give the table the director: ip route replace default via "+h.cluster.Director.Address.String()+" dev "+h.dev()+" table "+table,
		"answers from %s do not leave through the director, but by table %s (%s)", h.Address, table, rule)
}

// after is the word behind a word.
func after(w []string, key string) string {
	for i, word := range w[:max(0, len(w)-1)] {
		if word == key {
			return w[i+1]
		}
	}
	return ""
}
