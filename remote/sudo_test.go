package remote

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

const sudoPassword = "geheim's $(touch hacked) 密码"

// stubSudo behaves as sudo(8) does with the flags that are used: it reads the
// password byte by byte and asks again after a wrong one. $SUDO says what kind
// of machine it is on.
const stubSudo = `#!/bin/bash
echo "$*" >>"$HOME/argv"
mode= prompt= list=
while :; do
	case $1 in
	-n) mode=n; shift ;;
	-S) mode=S; shift ;;
	-k) shift ;;
	-l) shift; list=1 ;;
	-p) prompt=$2; shift 2 ;;
	-u) shift 2 ;;
	*) break ;;
	esac
done
if [ "$list" ]; then
	[ "$SUDO_LIST" ] || { echo "sudo: a password is required" >&2; exit 1; }
	printf 'Matching Defaults entries for ops on web1:\n    env_reset\n\nUser ops may run the following commands on web1:\n%s\n' "$SUDO_LIST"
	exit 0
fi
case $SUDO in
noexec) d=$(mktemp -d); : >"$d/head"; PATH=$d exec "$@" ;; # the shell runs, and nothing that it would start
nopasswd) exec env STUB_ROOT=1 "$@" ;;
nosudoers) echo "ops is not in the sudoers file." >&2; exit 1 ;;
tty) echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1 ;;
denied) echo "Sorry, user ops is not allowed to execute '/bin/sh' as root on web1." >&2; exit 1 ;;
otp) printf 'Verification code: ' >&2; read -r code; exit 1 ;;
locked) echo "sudo: account validation failure, is your account locked?" >&2; echo "sudo: a password is required" >&2; exit 1 ;;
expired) echo "sudo: Account or password is expired, reset your password and try again" >&2
	echo "Current password: " >&2; echo "sudo: a password is required" >&2; exit 1 ;;
gone) echo "sudo: Account expired or PAM config lacks an \"account\" section for sudo, contact your system administrator" >&2; exit 1 ;;
syntax) echo "/etc/sudoers:3:8: syntax error" >&2; echo "sudo: no valid sudoers sources found, quitting" >&2; exit 1 ;;
slow) sleep 300 ;;
rs) echo "sudo: interactive authentication is required" >&2; exit 1 ;;
nosuid) echo "sudo: effective uid is not 0, is /usr/bin/sudo on a file system with the 'nosuid' option set or an NFS file system without root privileges?" >&2; exit 1 ;;
broken) echo "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set" >&2; exit 1 ;;
esac
if [ $mode = n ]; then echo "sudo: a password is required" >&2; exit 1; fi
echo "We trust you have received the usual lecture" >&2
for try in 1 2 3; do
	printf '%s' "${prompt:0:7}" >&2; sleep 0.02; printf '%s' "${prompt:7}" >&2
	IFS= read -r given || { echo "sudo: no password was provided" >&2; exit 1; }
	echo "$given" >>"$HOME/given"
	if [ "$given" = "$PASSWORD" ]; then echo >&2; exec env STUB_ROOT=1 "$@"; fi
	echo "Sorry, try again." >&2
done
echo "sudo: 3 incorrect password attempts" >&2
exit 1
`

// sudoLists are what sudo -n -l of sudo 1.9.13 prints below "may run the
// following commands on".
var sudoLists = map[string]string{
	"others":    "    (root) NOPASSWD: /usr/bin/systemctl restart apache2, /usr/sbin/ipvsadm -L*",
	"wrapped":   "    (root) NOPASSWD: /usr/bin/systemctl restart apache2,\n        /usr/sbin/ipvsadm -L*",
	"otheruser": "    (www-data) NOPASSWD: ALL",
	"alltoo":    "    (ALL : ALL) ALL\n    (root) NOPASSWD: /usr/sbin/ipvsadm",
	"shell":     "    (root) NOPASSWD: /usr/sbin/ipvsadm\n    (root) PASSWD: /bin/sh",
}

// sudoServer is a host with the stub; id says that the login is not root.
func sudoServer(t *testing.T, kind string) *sshtest.Server {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"sudo": stubSudo,
		"id":   "#!/bin/sh\nif [ \"$STUB_ROOT\" ] || [ \"$SUDO\" = root ]; then echo 0; else echo 1000; fi\n",
	} {
		if name == "sudo" && kind == "none" {
			continue
		}
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := bin + ":" + os.Getenv("PATH")
	if kind == "none" { // even where the machine of the test has a sudo
		for _, tool := range []string{"sh", "head", "env"} {
			if err := os.Symlink("/bin/"+tool, filepath.Join(bin, tool)); err != nil {
				t.Fatal(err)
			}
		}
		path = bin
	}
	return sshtest.New(t, sshtest.Options{User: "ops", Dir: dir,
		Env: []string{"PATH=" + path, "SUDO=" + kind, "SUDO_LIST=" + sudoLists[kind], "PASSWORD=" + sudoPassword}})
}

func TestSudo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, kind, password string
		asked                string // typed at a terminal; empty: there is none
		want                 string // empty: it works
		hint                 string
	}{
		{name: "password", password: sudoPassword},
		{name: "password not wanted", kind: "nopasswd", password: sudoPassword},
		{name: "no password, none wanted", kind: "nopasswd"},
		{name: "root already", kind: "root", password: sudoPassword},
		{name: "asked at the terminal", asked: sudoPassword},
		{name: "asked, wrong", asked: "nonsense", want: "cannot become root on web1: sudo refused the password"},
		{name: "wrong", password: "nonsense", want: "cannot become root on web1: sudo refused the password", hint: "user ops"},
		{name: "none known", want: "cannot become root on web1: sudo wants a password", hint: "-K or --become-password-file"},
		{name: "not in sudoers", kind: "nosudoers", password: "x", want: "user ops may not use sudo", hint: "group sudo or wheel"},
		{name: "requiretty", kind: "tty", password: "x", want: "works on a terminal only", hint: "Defaults:ops !requiretty"},
		{name: "denied", kind: "denied", want: "does not let user ops run /bin/sh as root", hint: "ops ALL=(root) /bin/sh"},
		{name: "no sudo", kind: "none", want: "there is no sudo", hint: "install sudo"},
		{name: "not setuid", kind: "broken", want: "sudo does not work there"},
		{name: "other commands only", kind: "others", want: "sudo lets user ops run other commands, and not /bin/sh as root: /usr/bin/systemctl restart apache2, /usr/sbin/ipvsadm -L*", hint: "ops ALL=(root) /bin/sh"},
		{name: "other commands, two lines", kind: "wrapped", want: "not /bin/sh as root: /usr/bin/systemctl restart apache2, /usr/sbin/ipvsadm -L*", hint: "ops ALL=(root) /bin/sh"},
		{name: "as another user only", kind: "otheruser", want: "not /bin/sh as root: (www-data) ALL", hint: "ops ALL=(root) /bin/sh"},
		{name: "others without a password, all with one", kind: "alltoo", want: "sudo wants a password", hint: "-K or --become-password-file"},
		{name: "the shell with a password", kind: "shell", want: "sudo wants a password", hint: "-K or --become-password-file"},
		{name: "all with a password, which is given", kind: "alltoo", password: sudoPassword},
		{name: "nothing but the shell runs", kind: "noexec", want: "that may start no other program (NOEXEC)", hint: "EXEC: /bin/sh"},
		{name: "nothing but the shell runs, with a password", kind: "noexec", password: "x", want: "that may start no other program (NOEXEC)", hint: "EXEC: /bin/sh"},
		{name: "account locked", kind: "locked", want: "the account is locked or expired", hint: "chage -l ops"},
		{name: "account locked, with a password", kind: "locked", password: "x", want: "the account is locked or expired", hint: "chage -l ops"},
		{name: "password expired", kind: "expired", password: "x", want: "the password of user ops has expired", hint: "passwd ops"},
		{name: "account expired", kind: "gone", password: "x", want: "the account of user ops has expired", hint: "chage -l ops"},
		{name: "sudoers broken", kind: "syntax", want: "sudo cannot read its configuration", hint: "visudo -c"},
		{name: "sudo-rs", kind: "rs", want: "sudo wants a password", hint: "-K"},
		{name: "nosuid", kind: "nosuid", want: "sudo does not work there", hint: "nosuid"},
		{name: "slow", kind: "slow", want: "sudo does not answer for 2.5s", hint: "--timeout"},
		{name: "something else is asked", kind: "otp", password: "x", want: "sudo asks for something else: Verification code:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sudoServer(t, tt.kind)
			cfg := Config{Home: sshtest.Home(t, s), BecomePassword: tt.password}
			if tt.kind == "otp" || tt.kind == "slow" {
				cfg.Timeout = 200 * time.Millisecond
			}
			terminal := &fakeTerminal{secrets: map[string]string{"sudo password": tt.asked}}
			if tt.asked != "" {
				cfg.Terminal = terminal
			}
			tg := target("web1", s)
			tg.User, tg.Become = "ops", true
			c := dialOne(t, cfg, tg)
			for range 2 { // the second program asks nobody again
				p, err := c.Program(t.Context(), "id -u; read a; echo \"[$a]\"; cat")
				if tt.want != "" {
					e := wantError(t, err, Sudo, tt.want, tt.hint)
					if text := e.Error() + e.Hint; strings.Contains(text, "geheim") || strings.Contains(text, "nonsense") {
						t.Errorf("the password is in the error: %s", text)
					}
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(p.Stdin, "first\nrest")
				_ = p.Stdin.Close()
				out, err := io.ReadAll(p.Stdout)
				if string(out) != "0\n[first]\nrest" || err != nil {
					t.Errorf("output %q, %v", out, err)
				}
				if err := p.Wait(); err != nil {
					t.Error(err)
				}
				if strings.Contains(p.Stderr(), "geheim") || strings.Contains(p.Stderr(), p.ask) {
					t.Errorf("stderr %q", p.Stderr())
				}
			}
			if len(terminal.questions) > 1 {
				t.Errorf("asked %q", terminal.questions)
			}
			argv, _ := os.ReadFile(filepath.Join(s.Dir(), "argv"))
			if strings.Contains(string(argv), "geheim") || (tt.kind == "root") != (len(argv) == 0) && tt.kind != "none" {
				t.Errorf("sudo was called with %q", argv)
			}
			given, _ := os.ReadFile(filepath.Join(s.Dir(), "given"))
			if n := strings.Count(string(given), "\n"); n > 2 || (tt.want != "" && n > 1) {
				t.Errorf("passwords tried: %q", given)
			}
			if _, err := os.Stat(filepath.Join(s.Dir(), "hacked")); err == nil {
				t.Error("the password was run")
			}
		})
	}
}

func TestNoSudoWithoutBecome(t *testing.T) {
	t.Parallel()
	s := sudoServer(t, "")
	tg := target("web1", s)
	tg.User = "ops"
	c := dialOne(t, Config{Home: sshtest.Home(t, s), BecomePassword: sudoPassword}, tg)
	out, err := c.Output(t.Context(), "id -u")
	if string(out) != "1000\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}
