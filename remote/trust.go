package remote

import (
	"net"
	"os"
	"strconv"
	"strings"
)

// trust is what ssh_config says about a host's key.
type trust struct {
	alias        string      // HostKeyAlias
	userFiles    fileSetting // UserKnownHostsFile
	globalFiles  fileSetting // GlobalKnownHostsFile
	revokedBy    []string    // RevokedHostKeys
	command      bool        // there is a KnownHostsCommand
	acceptNew    bool        // StrictHostKeyChecking accept-new or no
	strict       bool        // StrictHostKeyChecking yes: do not ask
	hashNames    bool        // HashKnownHosts
	rsaBits      int         // RequiredRSASize
	checkAddress bool        // CheckHostIP
}

// fileSetting names files; none are the usual ones.
type fileSetting struct {
	paths []string
	off   bool // "none" or /dev/null was said, and nothing else
	none  bool // it was "none"
}

func (s *settings) trust(path func(key, name string) string) trust {
	t := trust{
		alias:        lower(s.get("hostkeyalias")),
		userFiles:    s.files("userknownhostsfile", path),
		globalFiles:  s.files("globalknownhostsfile", path),
		revokedBy:    s.files("revokedhostkeys", path).paths,
		hashNames:    s.yes("hashknownhosts"),
		checkAddress: s.yes("checkhostip"),
	}
	if v := s.get("knownhostscommand"); v != "" && !strings.EqualFold(v, "none") {
		t.command = true
	}
	switch strings.ToLower(s.get("stricthostkeychecking")) {
	case "accept-new", "no", "off", "false":
		t.acceptNew = true
	case "yes", "true":
		t.strict = true
	}
	t.rsaBits, _ = strconv.Atoi(s.get("requiredrsasize"))
	return t
}

func (s *settings) files(key string, path func(key, name string) string) fileSetting {
	var f fileSetting
	for _, name := range s.first[key].args {
		switch {
		case strings.EqualFold(name, "none"):
			f.off = true
		case key != "revokedhostkeys" && (name == "/dev/null" || strings.EqualFold(name, os.DevNull)):
			f.off = true
		default:
			f.paths = append(f.paths, path(key, name))
		}
	}
	f.off = f.off && len(f.paths) == 0
	f.none = f.off && strings.EqualFold(s.get(key), "none")
	return f
}

// names are what known_hosts is asked about: the name, with its port unless it
// is 22, then that without the port, or empty if it is the same, and the name
// that a certificate has to have.
func (h hop) names() (name, bare, principal string) {
	if h.alias != "" {
		alias := lower(h.alias)
		return alias, "", alias
	}
	host := lower(h.host)
	if h.port == 22 {
		return host, "", host
	}
	return "[" + host + "]:" + strconv.Itoa(h.port), host, host
}

// keyName tells hosts apart whose keys are decided on separately.
func (h hop) keyName() string {
	if h.alias != "" {
		return net.JoinHostPort(lower(h.alias), "22")
	}
	return net.JoinHostPort(lower(h.host), strconv.Itoa(h.port))
}
