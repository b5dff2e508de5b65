package remote

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// route returns the jump hosts of t, then t itself.
func (c *sshConfig) route(t Target) ([]hop, error) {
	h, s, err := c.hop(t.Name, t.Host, t.User, t.Port)
	if err != nil {
		return nil, err
	}
	h.identity = t.Identity
	jumps := t.Jump
	if jumps == nil {
		jumps, err = configuredJumps(s, h)
		if err != nil {
			return nil, err
		}
	}
	before, err := c.jumpHops(jumps, 0)
	return append(before, h), err
}

// configuredJumps is ProxyJump of ssh_config.
func configuredJumps(s *settings, h hop) ([]string, error) {
	jump := s.get("proxyjump")
	if cmd := s.get("proxycommand"); cmd != "" && !strings.EqualFold(cmd, "none") && !knownHostsProxy(cmd) {
		if via, ok := jumpOf(cmd); ok {
			return []string{via}, nil
		}
		return nil, &Error{Op: "connect to " + h.original, Kind: Settings,
			Err:  fmt.Errorf("%s has a ProxyCommand for it, which is not run here", s.first["proxycommand"].where),
			Hint: "use ProxyJump there (ssh -W %h:%p HOST is taken for it), or jump in hosts.toml"}
	}
	if jump == "" || strings.EqualFold(jump, "none") {
		return nil, nil
	}
	jump, err := expandTokens(jump, tokens{'h': h.host, 'n': h.original, 'p': strconv.Itoa(h.port), 'r': h.user})
	if err != nil {
		return nil, s.wrong("proxyjump", err)
	}
	return strings.Split(jump, ","), nil
}

// knownHostsProxy reports whether a ProxyCommand does no more than to connect:
// FreeIPA's clients have it for all hosts, since it writes host keys to a file.
func knownHostsProxy(command string) bool {
	words := strings.Fields(command)
	return len(words) > 0 && filepath.Base(words[0]) == "sss_ssh_knownhostsproxy"
}

// jumpOf reads a ProxyCommand that is what ProxyJump is short for:
// ssh -W %h:%p USER@HOST.
func jumpOf(command string) (jump string, ok bool) {
	words, err := splitArguments(command)
	if err != nil || len(words) == 0 {
		return "", false
	}
	if words[0] == "exec" {
		words = words[1:]
	}
	if len(words) == 0 || filepath.Base(words[0]) != "ssh" {
		return "", false
	}
	var host, user, port string
	forwards := false
	for words = words[1:]; len(words) > 0; words = words[1:] {
		value := func(flag string) (string, bool) {
			v, is := strings.CutPrefix(words[0], flag)
			if is && v == "" && len(words) > 1 {
				words = words[1:]
				v = words[0]
			}
			return v, is && v != ""
		}
		if v, is := value("-W"); is {
			forwards = v == "%h:%p" || v == "[%h]:%p"
		} else if v, is := value("-p"); is {
			port = v
		} else if v, is := value("-l"); is {
			user = v
		} else if strings.HasPrefix(words[0], "-") && strings.Trim(words[0], "-qxaT") == "" {
			continue
		} else if words[0][:min(1, len(words[0]))] == "-" || host != "" || strings.Contains(words[0], "%") {
			return "", false
		} else {
			host = words[0]
		}
	}
	if !forwards || host == "" {
		return "", false
	}
	if user != "" && !strings.Contains(host, "@") {
		host = user + "@" + host
	}
	if port != "" {
		host += ":" + port
	}
	return host, true
}

// jumpHops resolves jump hosts. Like ssh -J, what ~/.ssh/config says about
// how to get to the first of them counts too.
func (c *sshConfig) jumpHops(jumps []string, depth int) ([]hop, error) {
	if depth > 8 {
		return nil, &Error{Op: "connect to " + jumps[0], Kind: Settings, Err: errors.New("ProxyJump goes in a circle")}
	}
	var hops []hop
	for i, j := range jumps {
		login, host, port, err := splitJump(j)
		if err != nil {
			return nil, &Error{Op: fmt.Sprintf("use jump host %q", j), Kind: Settings, Err: err, Hint: "it is written user@host:port"}
		}
		h, s, err := c.hop(host, host, login, port)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			before, err := configuredJumps(s, h)
			if err != nil {
				return nil, err
			}
			// "Host *" with a ProxyJump is about the jump host too, which is not
			// reached through itself. (ssh(1) would start itself without end.)
			if n := len(before); n > 0 {
				if _, last, _, err := splitJump(before[n-1]); err == nil && strings.EqualFold(last, host) {
					before = nil
				}
			}
			if len(before) > 0 {
				if hops, err = c.jumpHops(before, depth+1); err != nil {
					return nil, err
				}
			}
		}
		hops = append(hops, h)
	}
	return hops, nil
}

// splitJump takes user@host:port apart; user and port may be missing.
func splitJump(s string) (login, host string, port int, err error) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "ssh://")
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		login, s = s[:i], s[i+1:]
	}
	host = s
	if h, p, e := net.SplitHostPort(s); e == nil {
		host = h
		if port, err = parsePort(p); err != nil {
			return "", "", 0, err
		}
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" {
		return "", "", 0, errors.New("no host in it")
	}
	return login, host, port, nil
}
