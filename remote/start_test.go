package remote

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// A login shell that reads a start-up file for every command: bash does so
// when sshd starts it, and with BASH_ENV in any case.
func TestStartUpFiles(t *testing.T) {
	t.Parallel()
	const (
		other    = "a start-up file of root's shell starts another shell there, which read what was sent"
		reads    = "a start-up file of root's shell reads the input of commands"
		either   = "a start-up file of root's shell starts another shell, reads the input of commands, or sends what they print elsewhere"
		goesOn   = "no answer in time (2.5s): a start-up file of root's shell does not end, or the host hangs"
		ended    = "the shell of user root ended before the program began, or what it prints goes elsewhere"
		terminal = "a start-up file of root's shell starts what needs a terminal: "
	)
	tests := []struct {
		name, rc, script string
		program, command string // the error of a program that is sent, and of one that is an argument; empty: it works
	}{
		{name: "nothing"},
		{name: "prints", rc: "echo Welcome; echo hello >&2; stty -a; tput bold"},
		{name: "prints without an end", rc: "printf '\\033]0;title\\007> '"},
		{name: "traces", rc: "set -x"},
		{name: "traces where it prints", rc: "exec 2>&1; set -x"},
		{name: "keeps a copy", rc: "exec > >(tee -a log)"},
		{name: "interactive shells only", rc: "case $- in *i*) ;; *) return;; esac; exec sleep 300"},
		{name: "leaves something running", rc: "sleep 5 >/dev/null 2>&1 </dev/null &"},
		{name: "exec bash", rc: "unset BASH_ENV; echo hello; exec bash", program: other, command: either + `; it printed "hello"`},
		{name: "bash", rc: "unset BASH_ENV; bash", program: other, command: reads},
		{name: "dash", rc: "exec dash", program: other, command: either},
		{name: "busybox", rc: "exec busybox sh", program: other, command: either},
		{name: "csh", rc: "exec csh -f", program: "p0: Undefined variable", command: either},
		{name: "asks", rc: "read -p 'which environment? ' x", program: reads, command: reads},
		{name: "asks and prints", rc: "echo which environment?; read x", program: reads + `; it printed "which environment?"`, command: reads},
		{name: "reads all", rc: "cat >/dev/null", program: reads, command: reads},
		{name: "shows all", rc: "cat", program: reads, command: reads},
		{name: "takes the input away", rc: "exec </dev/null", program: "takes the input of commands away"},
		{name: "takes the output away", rc: "exec >/dev/null", program: ended, command: ended},
		{name: "takes the output of what reads away", rc: "exec >/dev/null", script: "read x; echo it", program: either, command: either},
		{name: "takes all output away", rc: "exec >log 2>&1", program: ended, command: ended},
		{name: "ends", rc: "exit 0", program: ended, command: ended},
		{name: "fails", rc: "exit 3", program: "the login shell of user root ended at once (exit status 3)", command: "exit status 3"},
		{name: "screen", rc: "echo 'Must be connected to a terminal.'; exit 1", program: terminal + "Must be connected to a terminal.", command: terminal},
		{name: "tmux", rc: "echo 'open terminal failed: not a terminal' >&2; exit 1", program: terminal + "open terminal failed", command: terminal},
		{name: "sleeps", rc: "sleep 300", program: goesOn, command: goesOn},
		{name: "sleeps and says why", rc: "echo 'waiting for the agent'; exec sleep 300", program: goesOn + `; it printed "waiting for the agent"`, command: goesOn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			rc := filepath.Join(dir, "rc")
			if err := os.WriteFile(rc, []byte("[ \"$RC_WAS_READ\" ] && return\nexport RC_WAS_READ=1\n"+tt.rc+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			s := sshtest.New(t, sshtest.Options{Dir: dir, Shell: "bash", Env: []string{"BASH_ENV=" + rc}})
			c := dialOne(t, Config{Home: sshtest.Home(t, s), Timeout: time.Second}, target("web1", s))
			for _, way := range []struct {
				name, want string
				public     bool
			}{{"sent", tt.program, false}, {"argument", tt.command, true}} {
				began := time.Now()
				p, err := c.start(t.Context(), firstOf(tt.script, "echo it; touch ran"), "", way.public)
				took := time.Since(began)
				if way.want == "" {
					if err != nil {
						t.Errorf("%s: %v", way.name, err)
						continue
					}
					_ = p.Stdin.Close()
					if out, err := c.answer(p); string(out) != "it\n" || err != nil {
						t.Errorf("%s: output %q, %v", way.name, out, err)
					}
					continue
				}
				e := wantError(t, err, Refused, way.want, "")
				var no *startError
				if !errors.As(e, &no) || e.Hint == "" {
					t.Errorf("%s: %v has no hint", way.name, e)
				}
				if strings.Contains(e.Error(), "p0=") {
					t.Errorf("%s: %v", way.name, e)
				}
				if took > 20*time.Second { // 2.5 s, and half a second, on an idle machine
					t.Errorf("%s: it took %v", way.name, took)
				}
				if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil && tt.name != "takes the output away" && tt.name != "takes all output away" && !(way.public && strings.HasPrefix(way.want, reads)) {
					t.Errorf("%s: it ran all the same", way.name)
				}
			}
		})
	}
}

// What sshd, PAM and login shells print in place of running anything, and how
// they end; what is in the comments prints it on a real host.
func TestTurnedAway(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, user string
		script     string // that stands in for it
		want, hint string
	}{
		{name: "cloud image", user: "root", script: `echo 'Please login as the user "ubuntu" rather than the user "root".';echo;exec sleep 300`, // cloud-init
			want: `it wants another user to log in: Please login as the user "ubuntu" rather than the user root`, hint: `user = "ubuntu" and become = true`},
		{name: "cloud image of another maker", user: "root", script: `echo 'Please login as the user "ec2-user" rather than the user "root".';exec sleep 300`,
			hint: `user = "ec2-user" and become = true`},
		{name: "without quotes", user: "root", script: `echo Please log in as the user admin rather than root.; exit 1`, hint: `user = "admin" and become = true`},
		{name: "password expired, sshd without a terminal", user: "ops", script: `echo 'WARNING: Your password has expired.'; echo 'Password change required but no TTY available.'; exit 1`,
			want: "the password of user ops has expired", hint: "chage -M -1 ops"},
		{name: "password expired, PAM", user: "ops", script: `echo 'You are required to change your password immediately (administrator enforced).' >&2; exit 1`,
			want: "the password of user ops has expired", hint: "passwd ops"},
		{name: "nologin", user: "ops", script: "echo This account is currently not available.; exit 1", want: "user ops has no login shell there: This account", hint: "chsh -s /bin/sh ops"},
		{name: "false", user: "ops", script: "exit 1", want: "the login shell of user ops ended at once (exit status 1)", hint: "getent passwd ops"},
		{name: "false, and no home", user: "ops", script: "echo 'Could not chdir to home directory /home/ops: No such file or directory' >&2; exit 1",
			want: "the login shell of user ops ended at once (exit status 1)", hint: "getent passwd ops"},
		{name: "etc nologin", user: "ops", script: "echo 'back at noon'; exit 254", want: "users may not log in there now: back at noon", hint: "/etc/nologin"},
		{name: "booting", user: "ops", script: `echo '"System is booting up. Unprivileged users are not permitted to log in yet. Please come back later. For technical details, see pam_nologin(8)."' >&2; exit 254`,
			want: "users may not log in there now", hint: "/run/nologin"},
		{name: "files only", user: "ops", script: "echo This service allows sftp connections only.; exit 1", want: "sshd lets user ops copy files only", hint: "internal-sftp"},
		{name: "restricted", user: "ops", script: "echo 'rbash: line 1: exec: restricted' >&2; exit 126", want: "user ops has a restricted shell there", hint: "chsh"},
		{name: "something else", user: "git", script: "echo 'hello ops, this is gitolite3' >&2; exit 1", want: "hello ops, this is gitolite3", hint: "getent passwd git"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := sshtest.New(t, sshtest.Options{Exec: func(ctx context.Context, _ string, _ io.Reader, stdout, stderr io.Writer) int {
				c := exec.CommandContext(ctx, "sh", "-c", tt.script)
				c.Stdout, c.Stderr, c.WaitDelay = stdout, stderr, time.Second
				_ = c.Run()
				return c.ProcessState.ExitCode()
			}})
			tg := target("web1", s)
			tg.User = tt.user
			c := dialOne(t, Config{Home: sshtest.Home(t, s), Timeout: time.Minute}, tg)
			for _, become := range []bool{false, true} {
				c.become = become
				for name, start := range map[string]func(context.Context, string) (*Process, error){"sent": c.Program, "argument": c.Command} {
					began := time.Now()
					_, err := start(t.Context(), "true")
					wantError(t, err, Refused, tt.want, tt.hint)
					if took := time.Since(began); took > 30*time.Second {
						t.Errorf("%s: it took %v", name, took)
					}
				}
			}
		})
	}
}
