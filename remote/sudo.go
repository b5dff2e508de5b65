package remote

import (
	"errors"
	"fmt"
	"strings"
)

// sudoCommand runs boot as root. A login that is root already needs no sudo.
// Everything in it is fixed text or random letters; the quotes are such that
// sh, csh and fish as login shells take them alike.
//
// With a password, sudo asks for it with a prompt of ours (-p) on stderr and
// reads it from stdin (-S), whatever it has cached (-k), so that it is known
// whether a password is wanted. A mark then says that sudo has read its last.
// Without one, sudo must not ask (-n).
func sudoCommand(boot, mark, prompt string, password bool) string {
	flags := "-n"
	if password {
		flags = "-S -k -p " + prompt
		boot = fmt.Sprintf(`printf %%s %s; %s`, mark, boot)
	}
	return `exec /bin/sh -c 'if [ "$(id -u)" = 0 ]; then exec /bin/sh -c "$1"; fi; LC_ALL=C exec sudo ` +
		flags + ` -u root /bin/sh -c "$1"' sh '` + boot + `'`
}

// ready reports whether sudo announces that it is done with its input.
func (p *Process) ready() bool { return p.conn.become && p.password }

// sudoError is why a login did not become root.
type sudoError struct {
	text          string
	wantsPassword bool
}

func (e *sudoError) Error() string { return e.text }

func (p *Process) sudoError(text, hint string, wantsPassword bool) error {
	return &Error{Host: p.conn.name, Op: "become root on " + p.conn.name, Kind: Sudo,
		Err: &sudoError{text: text, wantsPassword: wantsPassword}, Hint: hint}
}

func (p *Process) sudoRefused() error {
	return p.sudoError("sudo refused the password", "is it the password of user "+p.conn.user+" on that host?", false)
}

// sudoSays are messages of sudo (in the C locale) and what they mean.
var sudoSays = [...]struct{ says, means, hint string }{
	{"a password is required", "sudo wants a password", "give it with -K or --become-password-file"},
	{"a terminal is required", "sudo wants a password", "give it with -K or --become-password-file"},
	{"must have a tty", "sudo there works on a terminal only", "take requiretty out of its sudoers: Defaults:USER !requiretty"},
	{"not in the sudoers file", "user USER may not use sudo", "add USER to group sudo or wheel, or log in as root"},
	{"may not run sudo", "user USER may not use sudo", "add USER to group sudo or wheel, or log in as root"},
	{"is not allowed to", "sudo does not let user USER run /bin/sh as root", "allow it in sudoers: USER ALL=(root) /bin/sh"},
	{"incorrect password attempt", "sudo refused the password", "is it the password of user USER on that host?"},
	{"no password was provided", "sudo refused the password", "is it the password of user USER on that host?"},
	{"sudo: not found", "there is no sudo", "install sudo there, or log in as root"},
	{"sudo: No such file", "there is no sudo", "install sudo there, or log in as root"},
	{"setuid", "sudo does not work there", "sudo must belong to root and be setuid"},
	{"no new privileges", "sudo does not work there", "sshd or its unit sets NoNewPrivileges"},
	{"account validation failure", "sudo says the account is locked or expired", "look at it with: chage -l USER"},
	{"account or password is expired", "sudo says the account or its password is expired", "look at it with: chage -l USER"},
}

// notStarted explains why the program's shell ended, or the channel was
// closed, before it had the program.
func (p *Process) notStarted(op string) error {
	if err := p.verdict(); err != nil {
		return err
	}
	p.mu.Lock()
	stderr, noise, exit := string(p.stderr), string(p.noise), p.exit
	p.mu.Unlock()
	if p.conn.become {
		user := strings.NewReplacer("USER", p.conn.user)
		for _, s := range sudoSays {
			if strings.Contains(stderr, s.says) {
				return p.sudoError(user.Replace(s.means), user.Replace(s.hint), s.means == "sudo wants a password")
			}
		}
		if strings.Contains(stderr, "sudo") {
			return p.sudoError(lastLine(stderr), "", false)
		}
	}
	why := firstOf(lastLine(stderr), lastLine(noise))
	if why == "" {
		why = exit.Error()
	}
	return &Error{Host: p.conn.name, Op: op, Kind: Refused, Err: errors.New(why),
		Hint: "does user " + p.conn.user + " have a login shell there? try: ssh " + p.conn.user + "@… true"}
}

// notAnswered explains why nothing came of the program at all.
func (p *Process) notAnswered(op string) error {
	p.mu.Lock()
	stderr, noise := lastLine(string(p.stderr)), lastLine(string(p.noise))
	p.mu.Unlock()
	if p.conn.become {
		why := "sudo does not answer"
		if stderr != "" {
			why = "sudo asks for something else: " + stderr
		}
		return p.sudoError(why, "", false)
	}
	if said := firstOf(stderr, noise); said != "" {
		return &Error{Host: p.conn.name, Op: op, Kind: Refused, Err: errors.New("it says: " + said)}
	}
	return &Error{Host: p.conn.name, Op: op, Kind: Refused, Err: errNoAnswer}
}
