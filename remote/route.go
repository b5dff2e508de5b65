package remote

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// hop is one SSH server to log in to: a target or a jump host, with
// everything that ~/.ssh/config and the defaults say filled in.
type hop struct {
	name string // for messages
	host string // where to connect
	port int
	user string

	identity       string   // given for the target: tried first
	identityFiles  []string // from ~/.ssh/config
	identitiesOnly bool

	trust                 // what makes its host key known
	timeout time.Duration // ConnectTimeout
}

func (h hop) addr() string { return net.JoinHostPort(h.host, strconv.Itoa(h.port)) }

// login is how the user would name the hop to ssh-copy-id.
func (h hop) login() string {
	if h.port == 22 {
		return h.user + "@" + h.host
	}
	return fmt.Sprintf("-p %d %s@%s", h.port, h.user, h.host)
}

// route returns the jump hosts of t, then t itself.
func (c *sshConfig) route(t Target) ([]hop, error) {
	h, s, err := c.hop(t.Name, t.Host, t.User, t.Port)
	if err != nil {
		return nil, err
	}
	h.identity = t.Identity
	jumps := t.Jump
	if jumps == nil {
		jumps, err = configuredJumps(s, t.Host)
		if err != nil {
			return nil, err
		}
	}
	before, err := c.jumpHops(jumps, 0)
	return append(before, h), err
}

// configuredJumps is ProxyJump of ~/.ssh/config.
func configuredJumps(s *settings, host string) ([]string, error) {
	jump := s.get("proxyjump")
	if jump == "" {
		if cmd := s.get("proxycommand"); cmd != "" && !strings.EqualFold(cmd, "none") {
			return nil, &Error{Op: "connect to " + host, Kind: Settings,
				Err:  errors.New("~/.ssh/config has a ProxyCommand for it, which is not supported"),
				Hint: "use ProxyJump there, or jump in hosts.toml"}
		}
		return nil, nil
	}
	if strings.EqualFold(jump, "none") {
		return nil, nil
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
			before, err := configuredJumps(s, host)
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
		port, err = strconv.Atoi(p)
		if err != nil || port < 1 || port > 65535 {
			return "", "", 0, fmt.Errorf("port %q is not 1 to 65535", p)
		}
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" {
		return "", "", 0, errors.New("no host in it")
	}
	return login, host, port, nil
}

// hop fills in what ~/.ssh/config and the defaults say about host.
func (c *sshConfig) hop(name, host, login string, port int) (hop, *settings, error) {
	s, err := c.lookup(host, login)
	if err != nil {
		return hop{}, nil, err
	}
	h := hop{name: name, host: host, port: port, user: firstOf(login, s.get("user"), "root")}
	if v := s.get("hostname"); v != "" {
		h.host = expandTokens(v, tokens{'h': host})
	}
	if h.port == 0 {
		h.port = 22
		if v := s.get("port"); v != "" {
			h.port, err = strconv.Atoi(v)
			if err != nil || h.port < 1 || h.port > 65535 {
				return hop{}, nil, &Error{Op: "connect to " + name, Kind: Settings,
					Err: fmt.Errorf("~/.ssh/config gives it port %q, which is not 1 to 65535", v)}
			}
		}
	}
	expand := tokens{'h': h.host, 'n': host, 'p': strconv.Itoa(h.port), 'r': h.user, 'u': localUser(), 'd': c.home}
	path := func(p string) string {
		p = expandTokens(expandHome(p, c.home), expand)
		if !filepath.IsAbs(p) { // as ssh(1) does it: below the current directory
			return p
		}
		return filepath.Clean(p)
	}
	for _, f := range s.identities {
		if !strings.EqualFold(f, "none") {
			h.identityFiles = append(h.identityFiles, path(f))
		}
	}
	h.identitiesOnly = s.yes("identitiesonly")
	h.trust = s.trust(path)
	if v := s.get("connecttimeout"); v != "" {
		if n, err := strconv.Atoi(v); err == nil && n > 0 {
			h.timeout = time.Duration(n) * time.Second
		}
	}
	return h, s, nil
}
