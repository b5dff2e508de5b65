package remote

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// tokens are the %-sequences that may stand in a value.
type tokens map[byte]string

// expandTokens puts values in place of %-sequences. One that has none there is
// an error, as for ssh(1).
func expandTokens(s string, t tokens) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			return "", fmt.Errorf("%q ends with a single %%", s)
		}
		v, ok := t[s[i]]
		if s[i] == '%' {
			v, ok = "%", true
		}
		if !ok {
			return "", fmt.Errorf("%%%c has no meaning in %q", s[i], s)
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

// expandEnvironment puts variables of the environment in place of ${NAME}.
func expandEnvironment(s string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			return "", fmt.Errorf("a ${ has no } in %q", s)
		}
		v, set := os.LookupEnv(name)
		if !set {
			return "", fmt.Errorf("the environment has no %s", printable(name))
		}
		b.WriteString(v)
		s = rest
	}
}

// expandHome puts a home directory in place of ~ and ~user.
func expandHome(path, home string) (string, error) {
	if path == "" || path[0] != '~' {
		return path, nil
	}
	end := 1
	for end < len(path) && !os.IsPathSeparator(path[end]) {
		end++
	}
	if end > 1 {
		u, err := user.Lookup(path[1:end])
		if err != nil {
			return "", fmt.Errorf("no user %s, whose home %s would be in", path[1:end], path)
		}
		home = u.HomeDir
	}
	return filepath.Join(home, path[end:]), nil
}

// hostName is what host is reached as, by the HostName that is set so far.
func hostName(host string, s *settings) (string, error) {
	v := s.get("hostname")
	if v == "" {
		return host, nil
	}
	name, err := expandTokens(v, tokens{'h': host})
	if err != nil {
		return "", s.wrong("hostname", err)
	}
	return name, nil
}

// wrong is the error of a value that makes no sense for this host.
func (s *settings) wrong(key string, err error) error {
	return &Error{Op: fmt.Sprintf("use %s of %s", key, s.first[key].where), Kind: Settings, Err: err}
}

// tokens are those for paths, by ssh_config(5), TOKENS.
func (h *hop) tokens(home string) tokens {
	local, _ := os.Hostname()
	short, _, _ := strings.Cut(local, ".")
	port := strconv.Itoa(h.port)
	sum := sha1.Sum([]byte(local + h.host + port + h.user))
	return tokens{'h': h.host, 'n': h.original, 'p': port, 'r': h.user, 'u': localUser(), 'd': home,
		'i': strconv.Itoa(os.Getuid()), 'L': short, 'l': local, 'k': firstOf(h.alias, h.original), 'C': hex.EncodeToString(sum[:])}
}

// path expands all that may stand in the name of a file.
func (t tokens) path(p string) (string, error) {
	p, err := expandHome(p, t['d'])
	if err != nil {
		return "", err
	}
	if p, err = expandTokens(p, t); err != nil {
		return "", err
	}
	return expandEnvironment(p)
}
