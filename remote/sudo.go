package remote

import (
	"context"
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
// Without one, sudo must not ask (-n). A word before sudo says that the shell
// got as far: what does not answer then is sudo.
func sudoCommand(boot string, p *Process, password bool) string {
	flags := "-n"
	if password {
		flags = "-S -k -p " + apart(p.ask)
		boot = fmt.Sprintf(`printf %%s %s; %s`, apart(p.mark), boot)
	}
	return `exec /bin/sh -c 'printf %s ` + apart(p.shell) + `; if [ "$(id -u)" = 0 ]; then exec /bin/sh -c "$1"; fi; LC_ALL=C exec sudo ` +
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

// sudoSays are messages of sudo and sudo-rs (in the C locale) and what they mean.
var sudoSays = [...]struct{ says, means, hint string }{
	{"a terminal is required", wantsPassword, givePassword},
	{"no tty present", wantsPassword, givePassword},
	{"interactive authentication is required", wantsPassword, givePassword},
	{"must have a tty", "sudo there works on a terminal only", "take requiretty out of its sudoers: Defaults:USER !requiretty"},
	{"not in the sudoers file", "user USER may not use sudo", "add USER to group sudo or wheel, or log in as root"},
	{"may not run sudo", "user USER may not use sudo", "add USER to group sudo or wheel, or log in as root"},
	{"is not allowed to", "sudo does not let user USER run /bin/sh as root", allowShell},
	{"afraid I can't do that", "sudo does not let user USER run /bin/sh as root", allowShell},
	{"incorrect password attempt", "sudo refused the password", "is it the password of user USER on that host?"},
	{"incorrect authentication attempt", "sudo refused the password", "is it the password of user USER on that host?"},
	{"no password was provided", "sudo refused the password", "is it the password of user USER on that host?"},
	{"sudo: not found", "there is no sudo", "install sudo there, or log in as root"},
	{"sudo: No such file", "there is no sudo", "install sudo there, or log in as root"},
	{"setuid", "sudo does not work there", "sudo must belong to root and be setuid"},
	{"effective uid is not 0", "sudo does not work there", "sudo must be setuid, on a file system that is not mounted with nosuid"},
	{"no new privileges", "sudo does not work there", "sshd or its unit sets NoNewPrivileges"},
	{"account validation failure", "sudo says the account is locked or expired", lookAtAccount},
	{"ccount or password is expired", "sudo says the password of user USER has expired", "set another one there: passwd USER (or, for no end: chage -M -1 USER)"},
	{"assword expired", "sudo says the password of user USER has expired", "set another one there: passwd USER (or, for no end: chage -M -1 USER)"},
	{"ccount expired", "sudo says the account of user USER has expired", lookAtAccount},
	{"no valid sudoers sources", "sudo cannot read its configuration", "visudo -c, as root, says why"},
	{"you do not exist in the", "sudo there does not know user USER", "is the directory server reachable that USER comes from? getent passwd USER"},
	{"account management error", "sudo there cannot look at the account of user USER", "is the directory server reachable that USER comes from? getent passwd USER"},
	{"a password is required", wantsPassword, givePassword}, // the last: sudo says it after some of the others
}

const (
	wantsPassword = "sudo wants a password"
	givePassword  = "give it with -K or --become-password-file"
	allowShell    = "allow it in sudoers: USER ALL=(root) /bin/sh"
	lookAtAccount = "look at it with: chage -l USER"
)

// sudoSaid explains what sudo wrote in place of running anything; nil where it
// wrote nothing.
func (p *Process) sudoSaid(stderr string) error {
	user := strings.NewReplacer("USER", p.conn.user)
	for _, s := range sudoSays {
		if strings.Contains(stderr, s.says) {
			return p.sudoError(user.Replace(s.means), user.Replace(s.hint), s.means == wantsPassword)
		}
	}
	// With NOEXEC, sudo's shell runs, and whatever it starts does not.
	if strings.Contains(stderr, "head: Permission denied") || strings.Contains(stderr, "head: Operation not permitted") {
		return p.sudoError("sudo lets user "+p.conn.user+" run /bin/sh, and that may start no other program (NOEXEC)",
			user.Replace("in sudoers: USER ALL=(root) EXEC: /bin/sh, and no Defaults noexec for it"), false)
	}
	if strings.Contains(stderr, "sudo") {
		return p.sudoError(lastLine(stderr), "", false)
	}
	return nil
}

// mayOnly explains that sudo asks for a password since what is to be run is not
// among the commands that the user may run without one, or with one. sudo tells
// them where one of them needs none. It returns err where that is not so.
func (c *Conn) mayOnly(ctx context.Context, err error) error {
	p, e := c.start(ctx, "LC_ALL=C exec sudo -n -l 2>/dev/null </dev/null", "", true)
	if e != nil {
		return err
	}
	_ = p.Stdin.Close()
	listed, e := c.answer(p)
	if e != nil || p.Wait() != nil {
		return err
	}
	commands, all := sudoList(string(listed))
	if all || len(commands) == 0 {
		return err
	}
	return p.sudoError(fmt.Sprintf("sudo lets user %s run other commands, and not /bin/sh as root: %s", c.user, shorten(strings.Join(commands, ", "), 200)),
		strings.ReplaceAll(allowShell, "USER", c.user), false)
}

// sudoList reads the list of `sudo -l`: what may be run, and whether a shell of
// root's is among it.
func sudoList(text string) (commands []string, all bool) {
	_, list, found := strings.Cut(text, "may run the following commands")
	if !found {
		return nil, false
	}
	var entries []string
	for line := range strings.Lines(list) {
		switch line := strings.TrimRight(line, "\n"); {
		case strings.HasPrefix(line, "    ("):
			entries = append(entries, strings.TrimSpace(line))
		case strings.HasPrefix(line, "        ") && len(entries) > 0: // a long one is wrapped
			entries[len(entries)-1] += " " + strings.TrimSpace(line)
		}
	}
	for _, e := range entries {
		who, what, _ := strings.Cut(strings.TrimPrefix(e, "("), ")")
		who, _, _ = strings.Cut(who, ":")
		asRoot := false
		for _, w := range strings.Split(who, ",") {
			w = strings.TrimSpace(w)
			asRoot = asRoot || w == "root" || w == "ALL" || w == "#0"
		}
		for _, cmd := range strings.Split(what, ", ") {
			cmd = strings.TrimSpace(cmd)
			for { // NOPASSWD: SETENV: …
				tag, rest, is := strings.Cut(cmd, ": ")
				if !is || strings.ToUpper(tag) != tag || strings.ContainsAny(tag, "/ ") {
					break
				}
				cmd = strings.TrimSpace(rest)
			}
			first, _, _ := strings.Cut(cmd, " ")
			if !asRoot {
				commands = append(commands, printable("("+who+") "+cmd))
				continue
			}
			if first == "ALL" || first == "/bin/sh" || first == "/usr/bin/sh" || first == "/bin/" || first == "/usr/bin/" || strings.HasSuffix(first, "/*") {
				all = true
			}
			commands = append(commands, printable(cmd))
		}
	}
	return commands, all
}

func shorten(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
