package remote

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
)

// sshConfig is ~/.ssh/config, read the way ssh_config(5) says: the first value
// of a keyword wins, Host and Match open conditional blocks, Include is
// conditional where it stands in one. Only the keywords that hop uses have an
// effect. It is read here, not by a library, because those at hand resolve
// Include against another home directory and misread Match.
type sshConfig struct {
	home  string
	lines []configLine
}

// configLine is one keyword with its arguments, its condition beside it.
type configLine struct {
	file  string
	line  int
	key   string // lower case
	args  []string
	conds []configCond // all must hold
}

// configCond is a Host or Match line.
type configCond struct {
	where string // file:line
	match bool   // Match, not Host
	args  []string
}

// includeDepth is where ssh(1) stops too.
const includeDepth = 16

func readSSHConfig(home string) (*sshConfig, error) {
	c := &sshConfig{home: home}
	err := c.read(filepath.Join(home, ".ssh", "config"), nil, 0)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return c, err
}

func (c *sshConfig) read(path string, outer []configCond, depth int) error {
	if depth > includeDepth {
		return &Error{Op: "read " + path, Kind: Settings, Err: errors.New("its Include goes in a circle")}
	}
	f, err := os.Open(path)
	if err != nil {
		return &Error{Op: "read " + path, Kind: Settings, Err: err}
	}
	defer f.Close()
	conds := outer
	scanner := bufio.NewScanner(f)
	for n := 1; scanner.Scan(); n++ {
		words, err := splitConfig(scanner.Text())
		where := fmt.Sprintf("%s:%d", path, n)
		if err != nil {
			return &Error{Op: "read " + where, Kind: Settings, Err: err}
		}
		if len(words) == 0 {
			continue
		}
		key, args := strings.ToLower(words[0]), words[1:]
		if len(args) == 0 {
			return &Error{Op: "read " + where, Kind: Settings, Err: fmt.Errorf("%s has no value", words[0])}
		}
		switch key {
		case "host", "match":
			conds = append(slices.Clone(outer), configCond{where: where, match: key == "match", args: args})
		case "include":
			if err := c.include(path, args, conds, depth); err != nil {
				return err
			}
		default:
			c.lines = append(c.lines, configLine{file: path, line: n, key: key, args: args, conds: conds})
		}
	}
	if err := scanner.Err(); err != nil {
		return &Error{Op: "read " + path, Kind: Settings, Err: err}
	}
	return nil
}

func (c *sshConfig) include(from string, patterns []string, conds []configCond, depth int) error {
	for _, p := range patterns {
		p = expandHome(p, c.home)
		if !filepath.IsAbs(p) {
			p = filepath.Join(c.home, ".ssh", p)
		}
		files, err := filepath.Glob(p)
		if err != nil {
			return &Error{Op: "read " + from, Kind: Settings, Err: fmt.Errorf("cannot include %s: %w", p, err)}
		}
		for _, f := range files {
			if err := c.read(f, conds, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// splitConfig splits a line into keyword and arguments: words, "quoted
// words", an optional = after the keyword, # comments.
func splitConfig(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\r\f")
		if len(words) == 1 && strings.HasPrefix(line, "=") {
			line = strings.TrimLeft(line[1:], " \t\r\f")
		}
		if line == "" || line[0] == '#' {
			return words, nil
		}
		if line[0] == '"' {
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				return nil, errors.New("a quotation mark is not closed")
			}
			words = append(words, line[1:1+end])
			line = line[end+2:]
			continue
		}
		stop := " \t\r\f"
		if len(words) == 0 {
			stop += "="
		}
		end := strings.IndexAny(line, stop)
		if end < 0 {
			end = len(line)
		}
		words = append(words, line[:end])
		line = line[end:]
	}
}

// settings is what the file says about one host.
type settings struct {
	first      map[string][]string // keyword -> arguments of its first line
	identities []string
}

func (s *settings) get(key string) string {
	if args := s.first[key]; len(args) > 0 {
		return args[0]
	}
	return ""
}

func (s *settings) yes(key string) bool {
	v := strings.ToLower(s.get(key))
	return v == "yes" || v == "true"
}

// lookup collects what is said about host. Like ssh(1) it goes through the
// file twice, the second time for what "Match final" adds.
func (c *sshConfig) lookup(host, login string) (*settings, error) {
	s := &settings{first: make(map[string][]string)}
	if login != "" {
		s.first["user"] = []string{login}
	}
	for _, final := range []bool{false, true} {
		verdicts := make(map[string]bool)
		for _, l := range c.lines {
			holds := true
			for _, cond := range l.conds {
				v, known := verdicts[cond.where]
				if !known {
					var err error
					if v, err = cond.holds(host, s, final); err != nil {
						return nil, err
					}
					verdicts[cond.where] = v
				}
				if !v {
					holds = false
					break
				}
			}
			if !holds {
				continue
			}
			if l.key == "identityfile" {
				if !slices.Contains(s.identities, l.args[0]) {
					s.identities = append(s.identities, l.args[0])
				}
			} else if _, set := s.first[l.key]; !set {
				s.first[l.key] = l.args
			}
		}
	}
	return s, nil
}

// holds decides a Host or Match line. What cannot be decided here is an error
// for the hosts it may concern, not a guess.
func (c configCond) holds(host string, s *settings, final bool) (bool, error) {
	if !c.match {
		return matchPatterns(c.args, host), nil
	}
	args := c.args
	for len(args) > 0 {
		name, negated := strings.CutPrefix(strings.ToLower(args[0]), "!")
		var v bool
		switch name {
		case "all":
			v = true
			args = args[1:]
		case "canonical":
			args = args[1:]
		case "final":
			v = final
			args = args[1:]
		default:
			if len(args) < 2 {
				return false, &Error{Op: "read " + c.where, Kind: Settings, Err: fmt.Errorf("its Match %s has no value", args[0])}
			}
			list := strings.Split(args[1], ",")
			args = args[2:]
			switch name {
			case "host":
				current := host
				if h := s.get("hostname"); h != "" {
					current = expandTokens(h, tokens{'h': host})
				}
				v = matchPatterns(list, current)
			case "originalhost":
				v = matchPatterns(list, host)
			case "user":
				v = matchPatterns(list, firstOf(s.get("user"), "root"))
			case "localuser":
				v = matchPatterns(list, localUser())
			case "tagged":
				v = matchPatterns(list, s.get("tag"))
			default:
				return false, &Error{Op: "read " + c.where, Kind: Settings,
					Err:  fmt.Errorf("its Match %s is not supported", name),
					Hint: "give the host's user, port, identity and jump in hosts.toml, or exclude it there with \"Match !host …\" first"}
			}
		}
		if v == negated {
			return false, nil
		}
	}
	return true, nil
}

// matchPatterns implements the pattern lists of ssh_config(5): one of them
// must match, and no negated one may.
func matchPatterns(patterns []string, s string) bool {
	found := false
	for _, p := range patterns {
		p, negated := strings.CutPrefix(p, "!")
		if wildcard(strings.ToLower(p), strings.ToLower(s)) {
			if negated {
				return false
			}
			found = true
		}
	}
	return found
}

// wildcard matches * (any characters) and ? (exactly one).
func wildcard(p, s string) bool {
	for p != "" {
		if p[0] == '*' {
			for i := 0; i <= len(s); i++ {
				if wildcard(p[1:], s[i:]) {
					return true
				}
			}
			return false
		}
		if s == "" || (p[0] != '?' && p[0] != s[0]) {
			return false
		}
		p, s = p[1:], s[1:]
	}
	return s == ""
}

// tokens are the %-sequences that may stand in a value.
type tokens map[byte]string

func expandTokens(s string, t tokens) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+1 < len(s) {
			i++
			if s[i] == '%' {
				b.WriteByte('%')
			} else if v, ok := t[s[i]]; ok {
				b.WriteString(v)
			} else {
				b.WriteString(s[i-1 : i+1])
			}
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func expandHome(path, home string) string {
	if path == "~" {
		return home
	}
	if len(path) > 1 && path[0] == '~' && os.IsPathSeparator(path[1]) {
		return filepath.Join(home, path[2:])
	}
	return path
}

func localUser() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
