// Package filter reads the filter table of iptables as `iptables -S` lists it,
// and says which rule would drop a packet. It imports nothing else of this
// module: what deploys and what verifies both ask it.
package filter

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Packet is the first of a connection, or one that answers it.
type Packet struct {
	In, Out  string // interfaces; empty: not known, or none
	Src, Dst netip.Addr
	Protocol string
	SrcPort  uint16
	DstPort  uint16
	State    string // of its connection, as conntrack sees it: NEW, ESTABLISHED, INVALID
}

// Rules is a table: its chains, in order.
type Rules struct {
	policy map[string]string
	chains map[string][]rule
}

type rule struct {
	text   string
	words  []string
	target string
}

// Parse takes the lines of `iptables -S`.
func Parse(lines []string) Rules {
	r := Rules{policy: map[string]string{}, chains: map[string][]rule{}}
	for _, line := range lines {
		w := split(line)
		switch {
		case len(w) == 3 && w[0] == "-P":
			r.policy[w[1]] = w[2]
		case len(w) > 2 && w[0] == "-A":
			one := rule{text: line, words: w[2:]}
			for i, word := range one.words {
				if (word == "-j" || word == "-g") && i+1 < len(one.words) {
					one.target, one.words = one.words[i+1], one.words[:i]
					break
				}
			}
			r.chains[w[1]] = append(r.chains[w[1]], one)
		}
	}
	return r
}

// split takes a line apart as a shell would, as far as iptables quotes.
func split(line string) []string {
	var words []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// Drops returns the rule of a chain, or its policy ("-P FORWARD DROP"), that
// surely drops a packet; empty: none does, or a rule that is not understood may
// accept it before.
func (r Rules) Drops(chain string, p Packet) string {
	dropped, verdict := r.walk(chain, p, 0)
	switch {
	case verdict == drop:
		return dropped
	case verdict == pass && (r.policy[chain] == "DROP" || r.policy[chain] == "REJECT"):
		return "-P " + chain + " " + r.policy[chain]
	}
	return ""
}

// What becomes of a packet in a chain.
type verdict int

const (
	pass   verdict = iota // it comes out at the end
	accept                // or it cannot be told
	drop
)

func (r Rules) walk(chain string, p Packet, depth int) (string, verdict) {
	if depth > 16 {
		return "", accept
	}
	for _, rule := range r.chains[chain] {
		matches, known := rule.matches(p)
		if known && !matches {
			continue
		}
		switch rule.target {
		case "ACCEPT", "NFQUEUE", "QUEUE":
			return "", accept
		case "DROP", "REJECT":
			if known {
				return rule.text, drop
			}
		case "RETURN":
			if known {
				return "", pass
			}
			return "", accept
		case "", "LOG", "NFLOG", "MARK", "CONNMARK", "CT", "AUDIT", "SET":
		default:
			if _, ours := r.chains[rule.target]; !ours {
				continue
			}
			text, v := r.walk(rule.target, p, depth+1)
			switch {
			case v == accept:
				return "", accept
			case v == drop && known:
				return text, drop
			}
		}
	}
	return "", pass
}

// matches reports whether a packet is one of a rule's, and whether that is
// sure.
func (r rule) matches(p Packet) (matches, known bool) {
	matches, known = true, true
	not := false
	for i := 0; i < len(r.words); i++ {
		word := r.words[i]
		if word == "!" {
			not = true
			continue
		}
		value := ""
		if i+1 < len(r.words) {
			value = r.words[i+1]
		}
		one, understood := true, true
		switch word {
		case "-s", "-d", "-i", "-o", "-p", "--dport", "--sport", "--dports", "--sports", "--ctstate", "--state":
			i++
			one, understood = p.is(word, value)
		case "-m", "--comment":
			i++
		default:
			// of an extension that is not known here
			known = false
			continue
		}
		if !understood {
			known = false
			not = false
			continue
		}
		if one == not {
			return false, true
		}
		not = false
	}
	return matches, known
}

// is holds a packet against one condition.
func (p Packet) is(word, value string) (yes, understood bool) {
	switch word {
	case "-s":
		return within(p.Src, value)
	case "-d":
		return within(p.Dst, value)
	case "-i":
		return device(p.In, value)
	case "-o":
		return device(p.Out, value)
	case "-p":
		return value == "all" || value == p.Protocol, true
	case "--dport", "--dports":
		return port(p.DstPort, value)
	case "--sport", "--sports":
		return port(p.SrcPort, value)
	}
	return slices.Contains(strings.Split(value, ","), p.State), p.State != ""
}

func within(a netip.Addr, value string) (yes, understood bool) {
	prefix, err := netip.ParsePrefix(value)
	if err != nil {
		one, err := netip.ParseAddr(value)
		return one == a, err == nil && a.IsValid()
	}
	if !a.IsValid() { // anywhere
		return prefix.Bits() == 0, prefix.Bits() == 0
	}
	return prefix.Contains(a), true
}

func device(name, value string) (yes, understood bool) {
	if begin, any := strings.CutSuffix(value, "+"); any {
		return strings.HasPrefix(name, begin), name != ""
	}
	return name == value, name != ""
}

func port(n uint16, value string) (yes, understood bool) {
	if n == 0 {
		return false, false
	}
	for _, part := range strings.Split(value, ",") {
		first, last, isRange := strings.Cut(part, ":")
		if !isRange {
			last = first
		}
		a, err1 := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil {
			return false, false
		}
		if a <= int(n) && int(n) <= b {
			return true, true
		}
	}
	return false, true
}
