package remote

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/bound"
)

// Statuses of the bootstrap.
const (
	cutShort   = 74 // the script did not arrive as it was sent
	otherShell = 75 // it was read by a shell that did not come from us
)

// startError is why a program was not started.
type startError struct {
	text  string
	again bool // another way to start it may do
}

func (e *startError) Error() string { return e.text }

func (p *Process) startError(text, hint string) error {
	user := strings.NewReplacer("USER", p.conn.user)
	return &Error{Host: p.conn.name, Op: "start a program on " + p.conn.name, Kind: Refused,
		Err: &startError{text: user.Replace(text)}, Hint: user.Replace(hint)}
}

// begin hands over the script, the sudo password before it if that is asked
// for, and waits until the host has both.
func (p *Process) begin(input, password string) error {
	// With a password to give, sudo must be done with its input before the
	// script is sent: a mark of its own says so.
	wanted, sent, answered := 1, input == "", 0
	if p.ready() {
		wanted = 2
	}
	late := make(chan struct{})
	patience := bound.NewSilence(p.conn.link.stage, func() bool { close(late); return true })
	defer patience.End()
	for {
		over := false
		select {
		case <-p.ended:
			over = true // asked before the marks: a short program may have ended well
		default:
		}
		p.mu.Lock()
		marks, prompts, noise := p.marks, p.prompts, string(p.noise)
		p.mu.Unlock()
		if marks >= wanted {
			return nil
		}
		if over {
			return p.notStarted(false)
		}
		if err := p.turnedAway(noise); err != nil { // what said so may sleep before it ends
			return err
		}
		if !sent && (wanted == 1 || marks == 1) {
			sent = true
			p.send([]byte(input))
		}
		if prompts > answered {
			if answered > 0 {
				return p.sudoRefused()
			}
			answered = prompts
			p.send([]byte(password + "\n"))
		}
		select {
		case <-p.event:
		case <-p.ended:
		case <-p.ctx.Done():
			return p.conn.canceled("start a program on "+p.conn.name, p.ctx)
		case <-late:
			return p.notAnswered(wanted)
		}
	}
}

const (
	startHint = "bash reads ~/.bashrc for every command, zsh ~/.zshenv, csh ~/.cshrc, fish its config.fish: what starts a shell there, asks, " +
		"waits or redirects belongs behind: case $- in *i*) ;; *) return;; esac"
	seeHint = "`ssh USER@… echo ok` must print ok, and nothing else"
)

// rootLogin is what a cloud's image says in place of running anything for root.
var rootLogin = regexp.MustCompile(`(?i)please log ?in as the user "?([a-z_][a-z0-9_.-]*)"? rather than`)

// turnedAway explains what a host says that runs nothing for this login.
func (p *Process) turnedAway(said string) error {
	if m := rootLogin.FindStringSubmatch(said); m != nil {
		return p.startError("it wants another user to log in: "+printable(m[0])+" the user "+p.conn.user,
			fmt.Sprintf(`user = %q and become = true in [ssh] of the inventory`, m[1]))
	}
	if p.stray != "" && strings.Contains(said, p.stray) {
		return p.startError("a start-up file of USER's shell starts another shell there, which read what was sent", startHint)
	}
	return nil
}

// loginSays are messages of sshd, PAM and login shells and what they mean.
var loginSays = [...]struct{ says, means, hint string }{
	{"password has expired", "the password of user USER has expired", "set another one there: passwd USER (or, for a login by keys only: chage -M -1 USER)"},
	{"required to change your password", "the password of user USER has expired", "set another one there: passwd USER (or, for a login by keys only: chage -M -1 USER)"},
	{"account has expired", "the account of user USER has expired", "look at it with: chage -l USER"},
	{"account is currently not available", "user USER has no login shell there", "give it one (chsh -s /bin/sh USER), or name another as ssh.user"},
	{"allows sftp connections only", "sshd lets user USER copy files only", "look for ForceCommand internal-sftp in its sshd_config"},
	{"restricted", "user USER has a restricted shell there", "give it another one (chsh -s /bin/sh USER), or name another user as ssh.user"},
	{"not permitted to log in", "users may not log in there now", "is it starting, or going down? look at /run/nologin and /etc/nologin"},
	{"must be run from a terminal", "a start-up file of USER's shell starts what needs a terminal", startHint},
	{"not a terminal", "a start-up file of USER's shell starts what needs a terminal", startHint},
	{"connected to a terminal", "a start-up file of USER's shell starts what needs a terminal", startHint},
	{"head: not found", "it has no head(1)", "install coreutils there"},
	{"head: command not found", "it has no head(1)", "install coreutils there"},
}

// harmless are lines that say nothing about why a program did not start.
var harmless = [...]string{"Could not chdir to home directory", "setlocale:", "cannot change locale", "unable to resolve host", "tput: ", "stty: ", "mesg: ", "X11 forwarding"}

// said is what came before the program, without words of ours.
func (p *Process) said() (stdout, stderr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clean := func(b []byte) string {
		var lines []string
		for line := range strings.Lines(strings.NewReplacer(p.shell, "", p.stray, "", p.mark, "").Replace(string(b))) {
			keep := true
			for _, h := range harmless {
				keep = keep && !strings.Contains(line, h)
			}
			if keep {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	return clean(p.noise), clean(p.stderr)
}

// reached reports whether the shell got as far as sudo.
func (p *Process) reached() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.marks > 0 || strings.Contains(string(p.noise), p.shell)
}

// notStarted explains why the program's shell ended, or the channel was
// closed, before it had the program. With asked, it ended when it was told that
// no more input comes.
func (p *Process) notStarted(asked bool) error {
	if err := p.verdict(); err != nil {
		return err
	}
	p.mu.Lock()
	exit := *p.exit
	raw := string(p.noise)
	p.mu.Unlock()
	if err := p.turnedAway(raw); err != nil {
		return err
	}
	stdout, stderr := p.said()
	if p.conn.become && p.reached() {
		if err := p.sudoSaid(stderr); err != nil {
			return err
		}
	}
	for _, s := range loginSays {
		if text := stderr + stdout; strings.Contains(text, s.says) {
			return p.startError(strings.ReplaceAll(s.means, "USER", p.conn.user)+": "+lineWith(text, s.says), s.hint)
		}
	}
	why := firstOf(lastLine(stderr), lastLine(stdout))
	switch {
	case exit.Code == cutShort && asked:
		return p.startError("a start-up file of USER's shell reads the input of commands"+printed(stdout, stderr), startHint)
	case exit.Code == cutShort && why == "":
		return p.startError("a start-up file of USER's shell takes the input of commands away", startHint)
	case asked:
		return p.startError("a start-up file of USER's shell starts another shell, reads the input of commands, or sends what they print elsewhere"+printed(stdout, stderr), startHint)
	case exit.Code == 254 && why != "": // sshd's own, without PAM
		return p.startError("users may not log in there now: "+why, "look at /etc/nologin there")
	case exit.Code == 0 && exit.Signal == "":
		return p.startError("the shell of user USER ended before the program began, or what it prints goes elsewhere"+printed(stdout, stderr),
			"does a start-up file exit, exec or redirect? "+startHint)
	case why == "":
		return p.startError(fmt.Sprintf("the login shell of user USER ended at once (%s)", exit.how()),
			"is it /bin/false? `getent passwd USER` says; "+seeHint)
	}
	err := p.startError(why, "what is the login shell of user USER there? `getent passwd USER` says; "+seeHint)
	var start *startError
	if errors.As(err, &start) {
		start.again = true
	}
	return err
}

// printed is what a start-up file said, for a message.
func printed(stdout, stderr string) string {
	line := firstOf(lastLine(stdout), lastLine(stderr))
	if line == "" {
		return ""
	}
	return fmt.Sprintf("; it printed %q", line)
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return printable(line)
		}
	}
	return ""
}

// notAnswered explains why nothing came of the program at all. What reads the
// input in place of the program ends, or goes on, when the input does: that
// tells it from what sleeps.
func (p *Process) notAnswered(wanted int) error {
	stage := p.conn.link.stage
	if p.conn.become && p.reached() {
		_, stderr := p.said()
		if why := lastLine(stderr); why != "" {
			return p.sudoError("sudo asks for something else: "+why, "", false)
		}
		return p.sudoError(fmt.Sprintf("sudo does not answer for %v", stage),
			"does it ask a directory server, or resolve the host's own name? a larger --timeout waits longer", false)
	}
	p.send(nil)
	wait := time.NewTimer(min(stage/4, time.Second))
	defer wait.Stop()
	for waiting := true; waiting; {
		p.mu.Lock()
		marks := p.marks
		p.mu.Unlock()
		if marks >= wanted { // of a program that is an argument
			stdout, stderr := p.said()
			return p.startError("a start-up file of USER's shell reads the input of commands"+printed(stdout, stderr), startHint)
		}
		select {
		case <-p.ended:
			return p.notStarted(true)
		case <-p.event:
		case <-wait.C:
			waiting = false
		}
	}
	stdout, stderr := p.said()
	return p.startError(fmt.Sprintf("no answer in time (%v): a start-up file of USER's shell does not end, or the host hangs%s", stage, printed(stdout, stderr)),
		startHint+"; a host that is just slow needs a larger --timeout")
}
