package remote

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// target is how a test names server.
func target(name string, s *sshtest.Server) Target {
	return Target{Name: name, Host: "127.0.0.1", Port: s.Port()}
}

// TestMain keeps the developer's own agent out of the tests, and has many of
// them at a time, whatever the machine has of processors: they mostly wait.
func TestMain(m *testing.M) {
	if to := os.Getenv(proxyTo); to != "" {
		os.Exit(proxy(to))
	}
	if err := errors.Join(os.Unsetenv("SSH_AUTH_SOCK"), flag.Set("test.parallel", "8")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// dialOne connects to one server and fails the test if that fails.
func dialOne(t *testing.T, cfg Config, tg Target) *Conn {
	t.Helper()
	r := DialAll(t.Context(), cfg, []Target{tg})[tg.Name]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	t.Cleanup(func() { _ = r.Conn.Close() })
	return r.Conn
}

// wantError fails the test unless err is an *Error of this kind whose message,
// hint included, contains all of texts. It returns the error.
func wantError(t *testing.T, err error, kind Kind, texts ...string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a *remote.Error of kind %v", err, kind)
	}
	if e.Kind != kind {
		t.Errorf("kind is %v, want %v: %v", e.Kind, kind, e)
	}
	for _, text := range texts {
		if !strings.Contains(e.Error()+"\n"+e.Hint, text) {
			t.Errorf("%q\nhint %q\nlacks %q", e.Error(), e.Hint, text)
		}
	}
	return e
}

func TestProgram(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("# padding that makes this script a large one\n", 20000)
	tests := []struct {
		name, script, stdin string
		stdout, stderr      string
		code                int
		signal              string
	}{
		{name: "output", script: "echo hello", stdout: "hello\n"},
		{name: "empty", script: ""},
		{name: "no newline at the end", script: "printf x", stdout: "x"},
		{name: "status", script: "echo why >&2; exit 7", stderr: "why\n", code: 7},
		{name: "signal", script: "kill -KILL $$", code: 255, signal: "KILL"},
		{name: "quotes", script: `echo 'it'"'"'s' "$((1+1))" \\ '$(x)' "a  b"`, stdout: "it's 2 \\ $(x) a  b\n"},
		{name: "stdin after the script", script: "read a; read b; echo \"$b $a\"", stdin: "one\ntwo\n", stdout: "two one\n"},
		{name: "large", script: big + "read a; echo \"$a\"\n" + big, stdin: "word\n", stdout: "word\n"},
		{name: "trailing backslash", script: "echo a \\", stdout: "a\n"},
		{name: "utf-8", script: "echo 负载均衡", stdout: "负载均衡\n"},
	}
	for _, busybox := range []bool{false, true} {
		opts := sshtest.Options{}
		name := "sh"
		if busybox {
			name = "busybox"
			// Its head reads ahead of what it was asked for.
			dir := t.TempDir()
			script := "#!/bin/sh\nexec busybox head \"$@\"\n"
			if err := os.WriteFile(dir+"/head", []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			opts.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		}
		s := sshtest.New(t, opts)
		c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
		for i := range 2 * len(tests) {
			tt, how, start := tests[i/2], "program", c.Program
			if i%2 == 1 {
				how, start = "command", c.Command
			}
			t.Run(name+"/"+how+"/"+tt.name, func(t *testing.T) {
				p, err := start(t.Context(), tt.script)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(p.Stdin, tt.stdin); err != nil && tt.stdin != "" {
					t.Fatal(err)
				}
				if err := p.Stdin.Close(); err != nil {
					t.Fatal(err)
				}
				out, err := io.ReadAll(p.Stdout)
				if err != nil {
					t.Fatal(err)
				}
				if string(out) != tt.stdout {
					t.Errorf("stdout %q, want %q", out, tt.stdout)
				}
				err = p.Wait()
				var exit *ExitError
				switch {
				case tt.code == 0 && err != nil:
					t.Errorf("Wait: %v", err)
				case tt.code != 0 && !errors.As(err, &exit):
					t.Errorf("Wait: %v, want an ExitError", err)
				case tt.code != 0 && (exit.Code != tt.code || exit.Signal != tt.signal):
					t.Errorf("code %d signal %q, want %d %q", exit.Code, exit.Signal, tt.code, tt.signal)
				}
				if p.Stderr() != tt.stderr {
					t.Errorf("stderr %q, want %q", p.Stderr(), tt.stderr)
				}
			})
		}
	}
}

// A command is one line that every login shell passes on as it is.
func TestLoginShells(t *testing.T) {
	t.Parallel()
	script := `
ours='it'"'"'s' # no words of ours are left to it
[ ! -e /nowhere ] && [ $# != 1 ] && IFS=, && printf '%s\n' "$ours ` + "`echo ticks`" + ` ~ 100% {a,b} [x]* \$HOME" $((6*7)) "$@"
cat <<'END'
  <two>	& "tab"; !(x) | \a 负载

END
# done`
	const says = "MARKit's ticks ~ 100% {a,b} [x]* $HOME\n42\n  <two>\t& \"tab\"; !(x) | \\a 负载\n\n"
	line := argument(script, "MARK")
	if !anyShell(script) || strings.Contains(line, "\n") {
		t.Fatalf("the command line is %s", line)
	}
	for _, sh := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}, {"tcsh"}} {
		out, err := exec.Command(sh[0], append(sh[1:], "-c", line)...).CombinedOutput()
		if string(out) != says || err != nil {
			t.Errorf("%s: %v, says %q\nwant %q", sh, err, out, says)
		}
	}
	for _, script := range []string{"echo !!", "awk '$1 !~ /x/'", "echo '!'", "true !", `echo \\`, `echo it\'s`, "echo \\\n1", `echo \`} {
		if anyShell(script) {
			t.Errorf("%q is no argument for all shells", script)
		}
	}
}

// Where a command is refused, the script goes the other way.
func TestCommand(t *testing.T) {
	t.Parallel()
	refused := false
	s := sshtest.New(t, sshtest.Options{Exec: func(ctx context.Context, cmd string, stdin io.Reader, stdout, stderr io.Writer) int {
		if len(cmd) > 1024 {
			refused = true
			fmt.Fprintln(stderr, "Word too long.")
			return 1
		}
		sh := exec.CommandContext(ctx, "sh", "-c", cmd)
		sh.Stdin, sh.Stdout, sh.Stderr = stdin, stdout, stderr
		_ = sh.Run()
		return sh.ProcessState.ExitCode()
	}})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	p, err := c.Command(t.Context(), strings.Repeat("# a long script\n", 100)+"read -r word; echo \"got $word\"")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(p.Stdin, "it\n"); err != nil {
		t.Fatal(err)
	}
	_ = p.Stdin.Close()
	if out, err := io.ReadAll(p.Stdout); string(out) != "got it\n" || !refused {
		t.Errorf("output %q, %v; refused: %v", out, err, refused)
	}
}

// Barrier words are written while the program runs.
func TestProgramTalks(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	p, err := c.Program(t.Context(), "for i in 1 2 3; do echo ready $i; read w; echo got $w; done")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(p.Stdout)
	for i := 1; i <= 3; i++ {
		for _, want := range []string{fmt.Sprint("ready ", i), fmt.Sprint("got go", i)} {
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("line %q, want %q", lines.Text(), want)
			}
			if want[0] == 'r' {
				fmt.Fprintf(p.Stdin, "go%d\n", i)
			}
		}
	}
	if lines.Scan() {
		t.Errorf("a line too many: %q", lines.Text())
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
}

// What is cut short must not run: the script's first line would.
func TestProgramCutShortIsNotRun(t *testing.T) {
	t.Parallel()
	for _, keep := range []int{0, 1, 10, 30} {
		var input string
		s := sshtest.New(t, sshtest.Options{Exec: func(_ context.Context, cmd string, stdin io.Reader, stdout, _ io.Writer) int {
			all := make([]byte, len("echo one\necho two\n#")+26)
			_, _ = io.ReadFull(stdin, all)
			input = string(all[:keep])
			return runShell(t, cmd, input, stdout)
		}})
		c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
		out, err := c.Output(t.Context(), "echo one\necho two")
		if len(out) > 0 || err == nil {
			t.Errorf("%d bytes: output %q, error %v", keep, out, err)
		}
	}
}

func TestProgramLost(t *testing.T) {
	t.Parallel()
	for _, verdict := range []sshtest.Verdict{sshtest.CutBefore, sshtest.CutAfter} {
		s := sshtest.New(t, sshtest.Options{OnStdout: func(line string) sshtest.Verdict {
			if strings.HasSuffix(line, "two") {
				return verdict
			}
			return sshtest.Pass
		}})
		c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
		p, err := c.Program(t.Context(), "echo one; echo two; read wait; echo three > three")
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(p.Stdout)
		wantError(t, err, Lost, "web1")
		want := map[sshtest.Verdict]string{sshtest.CutBefore: "one\n", sshtest.CutAfter: "one\ntwo\n"}[verdict]
		if string(out) != want {
			t.Errorf("output %q, want %q", out, want)
		}
		wantError(t, p.Wait(), Lost)
		_, err = io.WriteString(p.Stdin, "x")
		wantError(t, err, Lost)
		wantError(t, c.Ping(t.Context()), Lost)
		_, err = c.Output(t.Context(), "true")
		wantError(t, err, Lost)
	}
}

func TestProgramCanceled(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	ctx, cancel := context.WithCancel(t.Context())
	p, err := c.Program(ctx, "echo on; sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	time.AfterFunc(50*time.Millisecond, cancel)
	out, err := io.ReadAll(p.Stdout)
	wantError(t, err, Canceled)
	if string(out) != "on\n" || time.Since(begin) > 2*time.Second {
		t.Errorf("output %q after %v", out, time.Since(begin))
	}
	wantError(t, p.Wait(), Canceled)
	if err := c.Ping(t.Context()); err != nil {
		t.Errorf("the connection is gone too: %v", err)
	}
}

// A program may be over before its start was noticed: no matter.
func TestProgramShort(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{Exec: func(_ context.Context, cmd string, _ io.Reader, stdout, _ io.Writer) int {
		// The mark and the end of the program arrive together.
		_, mark, _ := strings.Cut(cmd, "printf %s ")
		mark, _, _ = strings.Cut(mark, ";")
		_, _ = io.WriteString(stdout, strings.ReplaceAll(mark, `""`, ""))
		return 0
	}})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	for range 300 {
		if _, err := c.Output(t.Context(), "true"); err != nil {
			t.Fatal(err)
		}
	}
}

// A program may leave something running that keeps its output open.
func TestProgramLeavesDaemon(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	begin := time.Now()
	out, err := c.Output(t.Context(), "sleep 60 & echo started")
	if err != nil || string(out) != "started\n" {
		t.Errorf("output %q, error %v", out, err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestProgramNoise(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{Exec: func(_ context.Context, cmd string, stdin io.Reader, stdout, stderr io.Writer) int {
		fmt.Fprint(stdout, "Welcome! from somebody's .bashrc\n")
		return runShellReader(t, cmd, stdin, stdout)
	}})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	out, err := c.Output(t.Context(), "echo mine")
	if err != nil || string(out) != "mine\n" {
		t.Errorf("output %q, error %v", out, err)
	}
}

func TestProgramNotStarted(t *testing.T) {
	t.Parallel()
	refuse := func(text string, code int) sshtest.Exec {
		return func(_ context.Context, _ string, _ io.Reader, stdout, _ io.Writer) int {
			_, _ = io.WriteString(stdout, text)
			return code
		}
	}
	tests := []struct {
		name string
		opts sshtest.Options
		want string
	}{
		{"nologin", sshtest.Options{Exec: refuse("This account is currently not available.\n", 1)}, "cannot start a program on web1: user root has no login shell there: This account is currently not available."},
		{"silent", sshtest.Options{Exec: refuse("", 3)}, "exit status 3"},
		{"control characters", sshtest.Options{Exec: refuse("\x1b[2Jgo\x07ne\n", 1)}, "[2Jgo ne"},
		{"no answer", sshtest.Options{NoExec: true}, "no answer in time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sshtest.New(t, tt.opts)
			c := dialOne(t, Config{Home: sshtest.Home(t, s), Timeout: 200 * time.Millisecond}, target("web1", s))
			_, err := c.Program(t.Context(), "true")
			wantError(t, err, Refused, tt.want)
		})
	}
}

func TestMaxSessions(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{MaxSessions: 1})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	p, err := c.Program(t.Context(), "read x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Program(t.Context(), "true")
	wantError(t, err, Refused, "MaxSessions")
	_ = p.Stdin.Close()
	var exit *ExitError
	if err := p.Wait(); !errors.As(err, &exit) {
		t.Error(err)
	}
}
