package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// session is what every command that reaches hosts works with.
type session struct {
	cluster *inventory.Cluster
	config  remote.Config
	report  *report.Reporter
	limit   []string // names; nil: all
	verbose int
	viewer  *viewer // -vv: shows the programs; else nil
}

// open reads the inventory and the flags, and starts the report; close ends
// it. Nothing is contacted: all that can be wrong here exits 2. A mode other
// than "" overrides the inventory's.
func open(c *cli.Context, std streams, mode inventory.Mode) (*session, error) {
	if err := noArgs(c); err != nil {
		return nil, err
	}
	if err := checkConnectFlags(c); err != nil {
		return nil, err
	}
	cluster, err := inventory.Load(c.String("inventory"), mode)
	if err != nil {
		return nil, err
	}
	limit, err := limited(c, cluster)
	if err != nil {
		return nil, err
	}
	s := &session{cluster: cluster, limit: limit, verbose: c.Count("verbose")}
	tty := newTerminal(c.Context, std)
	password, err := becomePassword(c, std, tty)
	if err != nil {
		return nil, err
	}
	shown := reportOptions(c, std)
	for _, h := range s.hosts(true) {
		shown.Hosts = append(shown.Hosts, h.Name)
	}
	s.report = report.New(shown)
	if s.verbose > 1 {
		s.viewer = &viewer{to: std.Err(), report: s.report}
	}
	s.config = remote.Config{
		AcceptNew:      c.Bool("accept-new"),
		Timeout:        c.Duration("timeout"),
		TimeoutGiven:   c.IsSet("timeout"),
		Forks:          c.Int("forks"),
		BecomePassword: password,
		Progress: func(host, doing string) {
			s.report.Event(engine.Event{Kind: engine.KindHost, Host: host, Detail: doing})
		},
		Warn: s.report.Warn,
	}
	if tty != nil {
		tty.pause = s.report.Pause
		s.config.Terminal = tty
	}
	return s, nil
}

// close ends the report and gives the command's end as an error.
func (s *session) close(ctx context.Context) error {
	if ctx.Err() != nil {
		s.report.Note(report.Interrupted)
	}
	s.report.Close()
	return exit(s.report.Exit())
}

// shown is a host whose programs -vv shows.
func (s *session) shown(h engine.Host, name, what string) engine.Host {
	if s.viewer == nil {
		return h
	}
	return s.viewer.watch(name, what, h)
}

// hosts are those that the session is about, in the inventory's order, and
// the client if asked for.
func (s *session) hosts(client bool) []inventory.Host {
	var hosts []inventory.Host
	for _, h := range s.cluster.Hosts() {
		if s.limit == nil || slices.Contains(s.limit, h.Name) {
			hosts = append(hosts, h)
		}
	}
	if client && s.cluster.Client != nil {
		hosts = append(hosts, s.cluster.Client.Host)
	}
	return hosts
}

// conns are connections on their way.
type conns struct {
	all  map[string]chan remote.Result
	done chan struct{} // closed after the last result
}

// reach connects to the hosts at once, and does not wait for them. What it
// returns must be hung up.
func (s *session) reach(ctx context.Context, hosts []inventory.Host) *conns {
	c := &conns{all: map[string]chan remote.Result{}, done: make(chan struct{})}
	var targets []remote.Target
	for _, h := range hosts {
		targets = append(targets, target(h))
		c.all[h.Name] = make(chan remote.Result, 1)
	}
	go func() {
		defer close(c.done)
		remote.DialEach(ctx, s.config, targets, func(name string, r remote.Result) { c.all[name] <- r })
	}()
	return c
}

// wait returns a host's connection once it is there or has failed.
func (c *conns) wait(host string) (*remote.Conn, error) {
	r := <-c.all[host]
	c.all[host] <- r // for hangUp
	return r.Conn, r.Err
}

// hangUp closes all connections, those too that nobody has waited for.
func (c *conns) hangUp() {
	<-c.done
	for _, result := range c.all {
		if r := <-result; r.Conn != nil {
			_ = r.Conn.Close() // there is nothing left to lose
		}
	}
}

// lost reports that a host is out of the run.
func (s *session) lost(host string, err error) {
	s.report.Event(engine.Event{
		Kind: engine.KindError, Host: host, Err: err, Hint: hintFor(err), Exit: int(exitCode(err)),
	})
}

// target says how a host of the inventory is reached.
func target(h inventory.Host) remote.Target {
	t := remote.Target{
		Name: h.Name, Host: h.SSH.Host, Port: h.SSH.Port, User: h.SSH.User,
		Identity: h.SSH.Identity, Jump: h.SSH.Jump, Become: h.SSH.Become,
	}
	if t.Host == "" {
		t.Host = h.Address.String()
	}
	return t
}

// reportOptions looks at where the output goes.
func reportOptions(c *cli.Context, std streams) report.Options {
	dumb := os.Getenv("TERM") == "dumb"
	out, err := takesEscapes(std.out) && !dumb, takesEscapes(std.err) && !dumb
	// Live lines know where the cursor is only if they write all that is on the
	// screen: with one of the two in a pipe (| tee run.log, 2>log) somebody else
	// writes there as well.
	live := out && err && !runByRobot()
	return report.Options{
		Out: std.Out(), Err: std.Err(),
		TTY: live,
		Size: func() (int, int) {
			columns, rows, err := term.GetSize(int(std.err.Fd()))
			if err != nil || columns <= 0 || rows <= 0 {
				return 80, 24
			}
			return columns, rows
		},
		// https://no-color.org: set and not empty.
		Color:   out && os.Getenv("NO_COLOR") == "" && !c.Bool("no-color"),
		ASCII:   !utf8Locale(),
		JSON:    c.Bool("json"),
		Diff:    c.Bool("diff"),
		Check:   c.Bool("check"),
		Verbose: c.Count("verbose"),
	}
}

// runByRobot follows what continuous integration services have in common: their
// logs may pretend to be terminals, and keep every redrawn line.
func runByRobot() bool {
	ci := strings.ToLower(os.Getenv("CI"))
	return ci != "" && ci != "false" && ci != "0"
}

// utf8Locale follows locale(7): the first variable that is set decides.
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// becomePassword finds sudo's password: asked for, from a file, or from the
// environment; empty if it is nowhere.
func becomePassword(c *cli.Context, std streams, tty *terminal) (string, error) {
	switch {
	case c.Bool("ask-become-pass"):
		if tty == nil {
			return "", usagef("use --become-password-file FILE, or - for standard input", "cannot ask for the password of sudo: there is no terminal")
		}
		return tty.Secret("password of sudo: ")
	case c.IsSet("become-password-file"):
		return passwordFrom(c.String("become-password-file"), std.in)
	}
	return passwordLine(os.Getenv(becomePasswordEnv)), nil
}

// passwordFrom reads the first line of a file that others cannot read.
func passwordFrom(path string, stdin io.Reader) (string, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			var pe *os.PathError
			if errors.As(err, &pe) {
				err = pe.Err
			}
			return "", usagef("", "cannot read the password file %s: %v", path, err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return "", usagef("", "cannot read the password file %s: %v", path, err)
		}
		if perm := info.Mode().Perm(); info.Mode().IsRegular() && perm&0o007 != 0 && runtime.GOOS != "windows" { // Windows has no such bits
			return "", usagef("chmod 600 "+path, "cannot use the password file %s: everybody may read it (mode %04o)", path, perm)
		}
		in = f
	}
	text, err := bufio.NewReaderSize(in, longestPassword).ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return "", usagef("", "cannot read the password from %s: %v", path, err)
	}
	line := passwordLine(string(text))
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", usagef("its first line is the password", "cannot use the password from %s: its first line is longer than %d bytes", path, longestPassword)
	case strings.HasPrefix(line, "\xff\xfe"), strings.HasPrefix(line, "\xfe\xff"):
		return "", usagef("iconv -f UTF-16 -t UTF-8 converts it", "cannot use the password from %s: it is written in UTF-16", path)
	case strings.Contains(line, "\x00"):
		return "", usagef("its first line is the password", "cannot use the password from %s: there is a NUL byte in it", path)
	case line == "":
		return "", usagef("its first line is the password", "cannot use the password from %s: it is empty", path)
	}
	return line, nil
}

const longestPassword = 4096

// passwordLine is a line without what editors, and Windows, put around it: a
// mark of UTF-8 before, line ends behind. Blanks are of the password.
func passwordLine(s string) string {
	return strings.TrimRight(strings.TrimPrefix(s, "\ufeff"), "\r\n")
}
