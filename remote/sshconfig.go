package remote

import (
	"bytes"
	"errors"
	"fmt"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
)

// sshConfig is ~/.ssh/config and the file for all users, read the way
// ssh_config(5) says: the first value of a keyword wins, Host and Match open
// conditional blocks, Include is conditional where it stands in one. It is read
// here, not by a library, because those at hand resolve Include against another
// home directory and misread Match.
type sshConfig struct {
	home   string
	system string // the directory of the file for all users
	lines  []configLine
	final  bool // a Match asks for a second pass
}

// configLine is one keyword with its arguments, its condition beside it.
type configLine struct {
	where string // file:line
	key   string // lower case
	args  []string
	conds []*configCond // all must hold
}

// includeDepth is where ssh(1) stops too.
const includeDepth = 16

// configReader is a pass through the files.
type configReader struct {
	*sshConfig
	user    bool   // the file of the user, and what that includes
	ignored string // IgnoreUnknown
}

func readSSHConfig(home, system string) (*sshConfig, error) {
	c := &sshConfig{home: home, system: system}
	for _, r := range []struct {
		path string
		user bool
	}{{filepath.Join(home, ".ssh", "config"), true}, {filepath.Join(system, "ssh_config"), false}} {
		if !r.user && system == "" {
			continue
		}
		in := configReader{sshConfig: c, user: r.user}
		if err := in.read(r.path, nil, 0, r.user); err != nil && !absent(err) {
			return c, err
		}
	}
	return c, nil
}

// read reads path; private: nobody else may be able to write it.
func (c *configReader) read(path string, outer []*configCond, depth int, private bool) error {
	fail := func(where string, err error) error {
		return &Error{Op: "read " + where, Kind: Settings, Err: err}
	}
	if depth > includeDepth {
		return fail(path, errors.New("its Include goes in a circle"))
	}
	if private {
		if err := writableByOthers(path); err != nil {
			e := fail(path, err).(*Error)
			e.Hint = "ssh refuses it too; chmod 600 " + path
			return e
		}
	}
	text, err := readPlain(path)
	if errors.Is(err, errIsDir) { // nothing is in it, for ssh(1)
		return nil
	}
	if err != nil {
		return fail(path, err)
	}
	conds := outer
	n := 0
	for line := range bytes.Lines(text) {
		n++
		where := fmt.Sprintf("%s:%d", path, n)
		key, rest, args, err := splitConfig(string(line))
		if err != nil {
			return fail(where, err)
		}
		if key == "" {
			continue
		}
		switch key {
		case "host", "match":
			cond := &configCond{where: where, hosts: args}
			if key == "match" {
				cond.hosts = nil
				if cond.criteria, err = parseMatch(rest); err != nil {
					return fail(where, err)
				}
				c.final = c.final || cond.asksFinal()
			} else if slices.Contains(args, "") {
				return fail(where, errors.New("host has an empty argument"))
			}
			conds = append(slices.Clone(outer), cond)
			continue
		case "include":
			if err := c.include(where, args, conds, depth); err != nil {
				return err
			}
			continue
		case "ignoreunknown":
			if c.ignored == "" && len(args) == 1 {
				c.ignored = args[0]
			}
			continue
		}
		args, err = c.value(key, rest, args)
		if err != nil {
			return fail(where, err)
		}
		c.lines = append(c.lines, configLine{where: where, key: keywordNamed(key), args: args, conds: conds})
	}
	return nil
}

// value checks what a keyword is set to.
func (c *configReader) value(key, rest string, args []string) ([]string, error) {
	kind, known := keywords[keywordNamed(key)]
	if !known {
		// What the system's own ssh reads for everybody may be newer than this.
		if !c.user || c.ignored != "" && matchExactly(c.ignored, key) {
			return args, nil
		}
		return nil, fmt.Errorf("%s is no keyword of ssh_config; IgnoreUnknown %s lets ssh, and lvsdeploy, pass over it", printable(key), printable(key))
	}
	if kind == restOfLine {
		return []string{strings.TrimLeft(rest, configBlanks+"=")}, nil
	}
	return args, kind.check(key, args)
}

func (c *configReader) include(where string, patterns []string, conds []*configCond, depth int) error {
	fail := func(err error) error { return &Error{Op: "read " + where, Kind: Settings, Err: err} }
	for _, p := range patterns {
		switch {
		case p == "":
			return fail(errors.New("include has an empty argument"))
		case strings.HasPrefix(p, "~") && !c.user:
			return fail(fmt.Errorf("bad path to include: %s", p))
		case strings.HasPrefix(p, "~"):
			var err error
			if p, err = expandHome(p, c.home); err != nil {
				return fail(err)
			}
		case filepath.IsAbs(p):
		case c.user:
			p = filepath.Join(c.home, ".ssh", p)
		default:
			p = filepath.Join(c.system, p)
		}
		files, err := filepath.Glob(p)
		if err != nil {
			return fail(fmt.Errorf("cannot include %s: %w", p, err))
		}
		for _, f := range files {
			if err := c.read(f, conds, depth+1, true); err != nil && !absent(err) {
				return err
			}
		}
	}
	return nil
}

// settings is what the files say about one host.
type settings struct {
	first map[string]configLine // keyword -> its first line
	lists map[string][]string   // of keywords that add up
}

func (s *settings) get(key string) string {
	if args := s.first[key].args; len(args) > 0 {
		return args[0]
	}
	return ""
}

func (s *settings) said(key string) bool { _, said := s.first[key]; return said }

func (s *settings) yes(key string) bool {
	v := lower(s.get(key))
	return v == "yes" || v == "true"
}

// addUp are the keywords of which each line counts.
var addUp = [...]string{"identityfile", "certificatefile"}

// lookup collects what is said about host.
func (c *sshConfig) lookup(host, login string) (*settings, error) {
	s := &settings{first: make(map[string]configLine), lists: make(map[string][]string)}
	if login != "" {
		s.first["user"] = configLine{args: []string{login}}
	}
	who := lookedUp{original: host, host: host, settings: s, home: c.home}
	if err := c.pass(&who); err != nil {
		return nil, err
	}
	// Like ssh(1), go through the files a second time, about the name that the
	// first time gave, where a block asks for that.
	if canonical := lower(firstOf(s.get("canonicalizehostname"), "no")); c.final || canonical != "no" && canonical != "false" {
		who.final = true
		var err error
		if who.host, err = hostName(host, s); err != nil {
			return nil, err
		}
		s.first["hostname"] = configLine{args: []string{strings.ReplaceAll(who.host, "%", "%%")}}
		if err := c.pass(&who); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (c *sshConfig) pass(who *lookedUp) error {
	s := who.settings
	verdicts := make(map[*configCond]bool)
	for _, l := range c.lines {
		holds := true
		for _, cond := range l.conds {
			v, known := verdicts[cond]
			if !known {
				var err error
				if v, err = cond.holds(who); err != nil {
					return err
				}
				verdicts[cond] = v
			}
			if holds = v; !holds {
				break
			}
		}
		if !holds {
			continue
		}
		if slices.Contains(addUp[:], l.key) {
			if !slices.Contains(s.lists[l.key], l.args[0]) {
				s.lists[l.key] = append(s.lists[l.key], l.args[0])
			}
			continue
		}
		// Of ProxyJump and ProxyCommand the first counts.
		if l.key == "proxyjump" && s.said("proxycommand") || l.key == "proxycommand" && s.said("proxyjump") {
			continue
		}
		if !s.said(l.key) {
			s.first[l.key] = l
		}
	}
	return nil
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
