package remote

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// defaultUser logs in where nobody else is named.
const defaultUser = "root"

// hop is one SSH server to log in to: a target or a jump host, with
// everything that ssh_config and the defaults say filled in.
type hop struct {
	name     string // for messages
	original string // what ssh_config was asked about
	host     string // where to connect
	port     int
	user     string
	timeout  time.Duration // ConnectTimeout
	network  string        // tcp, tcp4 or tcp6, by AddressFamily
	bind     string        // BindAddress

	identity       string   // given for the target: tried first
	identityFiles  []string // IdentityFile
	keysNamed      bool     // there is an IdentityFile, be it "none": the usual ones are not tried
	identitiesOnly bool
	certificates   []string // CertificateFile
	agent          string   // the socket of IdentityAgent, or noAgent; empty: the usual one

	trust // what makes its host key known

	algorithms    map[string][]string // by keyword; those that ssh_config changes
	hostKeysFixed bool                // HostKeyAlgorithms gives an order, too
	unused        []string            // keywords that decide about a login for ssh(1), with their place, and have no effect here
}

// noAgent is IdentityAgent none.
const noAgent = "none"

func (h hop) addr() string { return net.JoinHostPort(h.host, strconv.Itoa(h.port)) }

// login is how the user would name the hop to ssh-copy-id.
func (h hop) login() string {
	if h.port == 22 {
		return h.user + "@" + h.host
	}
	return fmt.Sprintf("-p %d %s@%s", h.port, h.user, h.host)
}

// hop fills in what ssh_config and the defaults say about host.
func (c *sshConfig) hop(name, host, login string, port int) (hop, *settings, error) {
	s, err := c.lookup(host, login)
	if err != nil {
		return hop{}, nil, err
	}
	h := hop{name: name, original: host, port: port, user: firstOf(login, s.get("user"), defaultUser), network: "tcp"}
	if h.host, err = hostName(host, s); err != nil {
		return hop{}, nil, err
	}
	// Names are the same in upper and lower case; of an address there is one
	// way to write it that counts.
	if ip, err := netip.ParseAddr(h.host); err == nil {
		h.host = ip.String()
	} else {
		h.host = lower(h.host)
	}
	if v := s.get("port"); h.port == 0 && v != "" {
		h.port, _ = parsePort(v) // read before
	} else if h.port == 0 {
		h.port = 22
	}
	for _, set := range []func(*hop, *settings, string) error{(*hop).setReach, (*hop).setHostKeys, (*hop).setKeys, (*hop).setAlgorithms} {
		if err := set(&h, s, c.home); err != nil {
			return hop{}, nil, err
		}
	}
	return h, s, nil
}

// setReach is about the connection.
func (h *hop) setReach(s *settings, _ string) error {
	if v := s.get("refuseconnection"); v != "" {
		return s.wrong("refuseconnection", errors.New(printable(v)))
	}
	switch lower(s.get("addressfamily")) {
	case "inet":
		h.network = "tcp4"
	case "inet6":
		h.network = "tcp6"
	}
	h.bind = s.get("bindaddress")
	if v := s.get("connecttimeout"); v != "none" {
		h.timeout, _ = parseDuration(v) // read before
	}
	_, err := netip.ParseAddr(h.host)
	if v := lower(s.get("canonicalizehostname")); err != nil && v != "" && v != "no" && v != "false" && s.said("canonicaldomains") {
		most := 1
		if v := s.get("canonicalizemaxdots"); v != "" {
			most, _ = strconv.Atoi(v)
		}
		if !strings.HasSuffix(h.host, ".") && strings.Count(h.host, ".") <= most {
			e := s.wrong("canonicalizehostname", fmt.Errorf("%s may have another name, which is not looked for here", h.host)).(*Error)
			e.Hint = "give its full name or address as ssh.host in hosts.toml, or as HostName"
			return e
		}
	}
	h.note(s, "bindinterface", "connectionattempts")
	return nil
}

// setKeys is about who logs in.
func (h *hop) setKeys(s *settings, home string) error {
	expand := h.tokens(home)
	for key, files := range map[string]*[]string{"identityfile": &h.identityFiles, "certificatefile": &h.certificates} {
		for _, f := range s.lists[key] {
			if strings.EqualFold(f, "none") {
				continue
			}
			path, err := expand.path(f)
			if err != nil {
				return &Error{Op: fmt.Sprintf("use %s %s", key, f), Kind: Settings, Err: err}
			}
			*files = append(*files, path)
		}
	}
	h.keysNamed = len(s.lists["identityfile"]) > 0
	h.identitiesOnly = s.yes("identitiesonly")
	switch v := s.get("identityagent"); {
	case v == "" || v == "SSH_AUTH_SOCK":
	case v == noAgent:
		h.agent = noAgent
	case v[0] == '$' && !strings.HasPrefix(v, "${"):
		h.agent = firstOf(os.Getenv(v[1:]), noAgent)
	default:
		path, err := expand.path(v)
		if err != nil {
			return s.wrong("identityagent", err)
		}
		h.agent = path
	}
	if v := lower(s.get("pubkeyauthentication")); v == "no" || v == "false" {
		return s.wrong("pubkeyauthentication", errors.New("without public keys nobody can log in here"))
	}
	if v := s.get("preferredauthentications"); v != "" && !matchExactly(v, "publickey") {
		return s.wrong("preferredauthentications", errors.New("publickey is not in it, and lvsdeploy has no other method"))
	}
	h.note(s, "pkcs11provider", "securitykeyprovider", "gssapiauthentication", "hostbasedauthentication")
	return nil
}

// setHostKeys is about who it is that answers.
func (h *hop) setHostKeys(s *settings, home string) error {
	h.alias = lower(s.get("hostkeyalias")) // the tokens may name it
	tokens := h.tokens(home)
	var wrong error
	h.trust = s.trust(func(key, name string) string {
		path, err := name, error(nil)
		switch key {
		case "userknownhostsfile":
			path, err = tokens.path(name)
		case "revokedhostkeys": // older ssh(1) would find no such file, and refuse all keys
			path, err = expandHome(name, home)
		}
		if err != nil && wrong == nil {
			wrong = s.wrong(key, err)
		}
		return path
	})
	return wrong
}

// setAlgorithms is about what is offered.
func (h *hop) setAlgorithms(s *settings, _ string) error {
	for key, n := range negotiables() {
		said := s.get(key)
		if said == "" {
			continue
		}
		list := n.choose(said)
		if len(list) == 0 {
			return s.wrong(key, fmt.Errorf("none of %s can be used here; there are %s", printable(said), strings.Join(n.all, ",")))
		}
		if h.algorithms == nil {
			h.algorithms = make(map[string][]string)
		}
		h.algorithms[key] = list
		h.hostKeysFixed = h.hostKeysFixed || key == "hostkeyalgorithms" && said[0] != '+' && said[0] != '-'
	}
	return nil
}

// note remembers keywords that have an effect for ssh(1) and none here.
func (h *hop) note(s *settings, keys ...string) {
	for _, key := range keys {
		switch v := lower(s.get(key)); v {
		case "", "no", "false", "none", "internal":
		default:
			h.unused = append(h.unused, fmt.Sprintf("%s (%s)", key, s.first[key].where))
		}
	}
}
