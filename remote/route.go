package remote

import (
	"errors"
	"fmt"
	"net"
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
	if cmd := s.get("proxycommand"); cmd != "" && !strings.EqualFold(cmd, "none") {
		return nil, &Error{Op: "connect to " + h.original, Kind: Settings,
			Err:  fmt.Errorf("%s has a ProxyCommand for it, which is not supported", s.first["proxycommand"].where),
			Hint: "use ProxyJump there, or jump in hosts.toml"}
	}
	jump := s.get("proxyjump")
	if jump == "" || strings.EqualFold(jump, "none") {
		return nil, nil
	}
	jump, err := expandTokens(jump, tokens{'h': h.host, 'n': h.original, 'p': strconv.Itoa(h.port), 'r': h.user})
	if err != nil {
		return nil, s.wrong("proxyjump", err)
	}
	return strings.Split(jump, ","), nil
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
			// "Host *" with a ProxyJump is about the jump host too; ssh(1) does
			// not go through a host to itself either.
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
