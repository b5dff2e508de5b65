package remote

import (
	"errors"
	"fmt"
	"strings"
)

// configCond is a Host or Match line.
type configCond struct {
	where    string   // file:line
	hosts    []string // of Host
	criteria []criterion
}

// criterion is one condition of a Match line.
type criterion struct {
	name    string // lower case
	negated bool
	value   string
}

func parseMatch(rest string) ([]criterion, error) {
	var all []criterion
	for rest != "" {
		word, after, err := nextWord(rest)
		if err != nil {
			return nil, err
		}
		rest = after
		if word == "" || word[0] == '#' {
			break
		}
		var c criterion
		c.name = lower(word)
		if word[0] == '!' {
			c.name, c.negated = lower(word[1:]), true
		}
		switch c.name {
		case "all":
			if len(all) > 1 || rest != "" && rest[0] != '#' { // OpenSSH lets one stand before it
				return nil, errors.New("its Match all goes with no other condition")
			}
			return append(all, c), nil
		case "canonical", "final":
		default:
			c.value, rest, err = nextWord(rest)
			if err != nil {
				return nil, err
			}
			if c.value == "" || c.value[0] == '#' {
				return nil, fmt.Errorf("its Match %s has no value", printable(word))
			}
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("its Match has no condition")
	}
	return all, nil
}

func (c *configCond) asksFinal() bool {
	for _, m := range c.criteria {
		if m.name == "final" {
			return true
		}
	}
	return false
}

// lookedUp is a host that is looked up, and what is known of it so far.
type lookedUp struct {
	original string // as it was asked for
	host     string // what Host lines are about
	home     string
	final    bool // the second pass
	settings *settings
}

// holds decides a Host or Match line. What cannot be decided here is an error
// for the hosts it may concern, not a guess.
func (c *configCond) holds(who *lookedUp) (bool, error) {
	if c.criteria == nil {
		return matchHosts(who.host, c.hosts), nil
	}
	var unsupported string
	for _, m := range c.criteria {
		var v bool
		switch m.name {
		case "all":
			v = true
		case "canonical", "final":
			v = who.final
		case "host":
			current, err := hostName(who.host, who.settings)
			if err != nil {
				return false, err
			}
			v = matchList(m.value, lower(current))
		case "originalhost":
			v = matchList(m.value, lower(who.original))
		case "user":
			v = matchExactly(m.value, firstOf(who.settings.get("user"), defaultUser))
		case "localuser":
			v = matchExactly(m.value, localUser())
		case "tagged":
			v = matchExactly(m.value, who.settings.get("tag"))
		default:
			unsupported = m.name
			continue
		}
		if v == m.negated {
			return false, nil
		}
	}
	if unsupported != "" {
		return false, &Error{Op: "read " + c.where, Kind: Settings,
			Err:  fmt.Errorf("its Match %s is not supported", printable(unsupported)),
			Hint: "give the host's user, port, identity and jump in hosts.toml, or exclude it there with \"Match !host …\" first"}
	}
	return true, nil
}

// matchHosts is a Host line: one of its patterns must fit, and no negated one.
func matchHosts(host string, patterns []string) bool {
	found := false
	for _, p := range patterns {
		negated := p[0] == '!'
		if negated {
			p = p[1:]
		}
		if matchPattern(p, host) {
			if negated {
				return false
			}
			found = true
		}
	}
	return found
}

// matchExactly is matchList where upper and lower case differ.
func matchExactly(list, s string) bool {
	found := false
	for _, p := range strings.Split(list, ",") {
		p, negated := strings.CutPrefix(p, "!")
		if len(p) > longestPattern {
			return false
		}
		if matchPattern(p, s) {
			if negated {
				return false
			}
			found = true
		}
	}
	return found
}
