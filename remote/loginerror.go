package remote

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// explain turns what x/crypto/ssh says about a failed handshake into an Error.
func (a *attempt) explain(err error, conn *watched, stalled bool) error {
	if a.keyErr != nil {
		return a.keyErr
	}
	if stalled {
		return a.silence(conn.greeting())
	}
	var none *ssh.AlgorithmNegotiationError
	if errors.As(err, &none) {
		return a.noCommon(none)
	}
	if a.verified {
		a.refused = true
		a.next, a.more = a.login.resume(err, strings.Contains(conn.greeting(), "OpenSSH"))
		return a.authError(err)
	}
	greeting := conn.greeting()
	if greeting != "" && !strings.HasPrefix(greeting, "SSH-") && !strings.Contains(greeting, "MaxStartups") {
		return a.fail(Unreachable, fmt.Errorf("it says %q", greeting), "is it SSH that listens on this port?")
	}
	if dropped(err) {
		a.early = true
		err = errors.New("the connection was closed before SSH began")
		return a.fail(Unreachable, err, "is it SSH that listens there? sshd's MaxStartups, or a firewall, may drop new connections: try a lower --forks")
	}
	return a.fail(Unreachable, errors.New(handshakeText(err)), "is it SSH that listens there?")
}

func handshakeText(err error) string {
	text := strings.TrimPrefix(err.Error(), "ssh: handshake failed: ")
	return printable(strings.TrimPrefix(text, "ssh: "))
}

// silence says where a host fell silent.
func (a *attempt) silence(greeting string) error {
	longer := "--timeout gives it longer"
	switch {
	case a.login.signing.Load():
		return a.fail(Auth, fmt.Errorf("the agent did not sign within %v", a.timeout),
			"does it wait for a touch or a confirmation? "+longer)
	case a.login.accepted.Load():
		return a.fail(Unreachable, fmt.Errorf("the key is accepted for user %s, and the login is not over after %v", a.hop.user, a.timeout),
			longer+"; PAM, a directory service or DNS may be slow there")
	case a.verified:
		return a.fail(Unreachable, fmt.Errorf("sshd does not answer about the login of user %s within %v", a.hop.user, a.timeout),
			longer+"; PAM, AuthorizedKeysCommand or DNS (UseDNS) may be slow there")
	case strings.HasPrefix(greeting, "SSH-"):
		return a.fail(Unreachable, fmt.Errorf("%w: it began SSH (%s), and fell silent", errNoAnswer, greeting),
			longer+"; a path that loses large packets (MTU) looks like this too")
	}
	return a.fail(Unreachable, errNoAnswer, reachHint(errNoAnswer))
}

// noCommon is about a host that has no algorithm that is offered.
func (a *attempt) noCommon(e *ssh.AlgorithmNegotiationError) error {
	keyword := sshdKeyword(e)
	hint := "SHA-1 and what is older are not used: " + keyword + " in its sshd_config says what it offers"
	for _, theirs := range e.RequestedAlgorithms {
		if slices.Contains(negotiables()[lower(keyword)].all, theirs) {
			hint += fmt.Sprintf("; for this host, ~/.ssh/config may ask for it: %s +%s", keyword, theirs)
			break
		}
	}
	return a.fail(Unreachable, nothingCommon(e), hint)
}

// authError says why nobody could log in.
func (a *attempt) authError(err error) error {
	l := a.login
	l.mu.Lock()
	defer l.mu.Unlock()
	user := a.hop.user
	said := ""
	if l.banner != "" {
		said = ": " + shortened(l.banner)
	}
	var prompt *Error
	switch {
	case len(l.partial) > 0:
		return a.fail(Auth, fmt.Errorf("the key is accepted for user %s, and sshd wants more than that: %s", user, printable(strings.Join(l.methods, ", "))),
			"a second factor cannot be given here; AuthenticationMethods publickey, for this user, lets a key suffice"+a.unused(""))
	case errors.As(l.signErr, &prompt): // of a key's passphrase
		return a.settingsError(a.name, prompt)
	case l.accepted.Load():
		return a.fail(Auth, fmt.Errorf("the key is accepted for user %s, and the login is refused%s", user, said),
			a.accountHint())
	case l.signErr != nil:
		return a.fail(Auth, fmt.Errorf("a key is accepted for user %s, and could not be used: %s", user, printable(l.signErr.Error())),
			"ssh-add -l shows what the agent holds; does it wait for a confirmation, or is it locked?")
	case l.answered && !slices.Contains(l.methods, "publickey"):
		return a.fail(Auth, fmt.Errorf("sshd takes no keys from user %s, only: %s", user, printable(strings.Join(l.methods, ", "))),
			"PubkeyAuthentication yes in its sshd_config"+a.unused(""))
	case len(l.keys) == 0:
		return a.fail(Auth, fmt.Errorf("no key to log in with%s", a.noted()),
			"make one with ssh-keygen, put it there with ssh-copy-id "+a.hop.login()+", or name one as ssh.identity"+a.unused(""))
	}
	text := err.Error()
	if !strings.Contains(text, "unable to authenticate") && !strings.Contains(text, "disconnect") && !errors.Is(err, errHungUp) && !dropped(err) {
		return a.fail(Auth, errors.New(handshakeText(err)), "")
	}
	return a.fail(Auth, fmt.Errorf("none of our keys is accepted for user %s%s", user, a.noted()),
		"ssh-copy-id "+a.hop.login()+" puts your key there; ssh.user and ssh.identity say who logs in, and with which key"+a.unused(""))
}

// accountHint is for a login that sshd refuses after it has taken the key.
func (a *attempt) accountHint() string {
	user := a.hop.user
	said := strings.ToLower(a.login.banner)
	switch {
	case strings.Contains(said, "password"):
		return "let " + user + " set a password there, or: chage -d -1 " + user
	case strings.Contains(said, "expire"):
		return "look at it there with: chage -l " + user
	case strings.Contains(said, "going down"), strings.Contains(said, "boot"), strings.Contains(said, "nologin"):
		return "/run/nologin or /etc/nologin is there: the system starts or stops, or its administrator put it there"
	}
	return "the account may be expired (chage -l " + user + "), or shut out by PAM (pam_access, /etc/nologin); the log of sshd there says it"
}

// noted are the keys that were not offered, and why.
func (a *attempt) noted() string {
	if len(a.notes) == 0 {
		return ""
	}
	return "; " + strings.Join(a.notes, "; ")
}

// unused names what ssh(1) would do and is not done here, where it may matter.
func (a *attempt) unused(also string) string {
	var some []string
	for _, u := range a.hop.unused {
		method := ""
		switch {
		case strings.HasPrefix(u, "gssapi"):
			method = "gssapi-with-mic"
		case strings.HasPrefix(u, "hostbased"):
			method = "hostbased"
		}
		if method == "" || slices.Contains(a.login.methods, method) {
			some = append(some, u)
		}
	}
	if len(some) > 0 {
		also = strings.TrimPrefix(also+"; of ssh_config these have no effect here: "+strings.Join(some, ", "), "; ")
	}
	if also == "" {
		return ""
	}
	return "; " + also
}

// shortened is the last that a host says in many lines, on one.
func shortened(s string) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	if len(s) > 300 {
		s = "…" + strings.ToValidUTF8(s[len(s)-300:], "")
	}
	return s
}
