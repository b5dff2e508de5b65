package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/lvsdeploy/lvsdeploy/bound"
	"github.com/lvsdeploy/lvsdeploy/shell"
)

const (
	stderrKept   = 64 << 10 // bytes of stderr that are kept: the last ones
	noiseKept    = 4 << 10  // of what a login script prints before the program starts
	lingerAfter  = 3 * time.Second
	lostPatience = time.Second
)

// Process is a program that runs on a host.
type Process struct {
	// Stdin is what the program reads after its own text. Close it to let the
	// program see end of file. A write does not wait for the host to read.
	Stdin io.WriteCloser
	// Stdout is what the program writes. A read fails with an *Error of Kind
	// Lost when the connection breaks, of Kind Canceled when the context ends;
	// it ends with io.EOF only when the program has ended. A program that is
	// bound.Unread ahead of the reader loses its connection.
	Stdout io.Reader

	conn     *Conn
	ctx      context.Context
	ch       ssh.Channel
	in       *inbox
	out      outbox
	mark     string // printed once the shell has the program, see bootstrap
	ask      string // sudo's prompt
	stray    string // printed by a shell that is not ours, see bootstrap
	shell    string // printed by the shell that calls sudo
	password bool   // there is one to give to sudo
	event    chan struct{}
	ended    chan struct{} // closed when the channel and all its streams are over

	mu      sync.Mutex
	marks   int
	prompts int
	noise   []byte // stdout before the first mark
	stderr  []byte
	exit    *ExitError // nil: no status yet
	clean   bool       // exit status 0
	heard   time.Time  // when the last output came
}

// Program starts script, POSIX sh text of any size, with /bin/sh, as root if
// the target says Become, as the login user otherwise. The text travels over
// standard input, where a fixed bootstrap reads exactly its bytes; what is
// written to Process.Stdin comes after it. Neither the script nor any secret
// is in an argument list, and an incomplete script is not run.
//
// Program returns when the host has the whole script. It costs two round
// trips; with a sudo password, four.
//
// When ctx ends, the channel is closed: the program sees the end of its
// input, and SIGPIPE when it writes.
func (c *Conn) Program(ctx context.Context, script string) (*Process, error) {
	password := c.secret.known()
	p, err := c.start(ctx, script, password, false)
	var sudo *sudoError
	if errors.As(err, &sudo) && sudo.wantsPassword && password == "" {
		if password, _ = c.secret.get(); password != "" {
			return c.start(ctx, script, password, false)
		}
		err = c.mayOnly(ctx, err)
	}
	return p, err
}

// Command is Program for a script that everybody may read: it is an argument of
// the shell's. That saves a round trip, since a channel takes no input before
// something runs on it. Where sudo is needed, which writes what it is asked to
// run into a log, and for scripts that are long or no text for any login shell, it
// is the same as Program.
func (c *Conn) Command(ctx context.Context, script string) (*Process, error) {
	if c.become || len(script) > longestCommand || !anyShell(script) {
		return c.Program(ctx, script)
	}
	p, err := c.start(ctx, script, "", true)
	var no *startError
	if errors.As(err, &no) && no.again { // csh takes no long words
		return c.Program(ctx, script)
	}
	return p, err
}

// longestCommand is safe: Linux takes 128 KiB of arguments.
const longestCommand = 24 << 10

// argument is a command line that runs script. The login shell may be any (sh,
// csh, fish), and csh takes no newline between quotes: each line is a word, and
// sh joins them again with the newline of its own IFS, which takes it no
// process; with -f it does not look for files of such names.
func argument(script, mark string) string {
	return `exec /bin/sh -c 'printf %s ` + apart(mark) + `; set -f; was=$IFS; IFS=${IFS#??}; eval "set +f;set --;IFS=\$was;$*"' sh ` +
		strings.ReplaceAll(shell.Quote(script), "\n", "' '")
}

// anyShell reports whether script has nothing that a login shell changes even
// between quotes: a ! of csh's history, a backslash that fish takes for an
// escape. It is asked for every host: a regular expression would take as long
// as all else that is done to ask.
func anyShell(script string) bool {
	for i := range len(script) {
		next := byte('\n') // a word ends with the line
		if i+1 < len(script) {
			next = script[i+1]
		}
		switch script[i] {
		case '!':
			if strings.IndexByte(" \t=(", next) < 0 {
				return false
			}
		case '\\':
			if strings.IndexByte("\\'\n", next) >= 0 {
				return false
			}
		}
	}
	return true
}

// Output runs script to its end and returns what it wrote to standard output.
// A non-zero exit is an *ExitError, with the output beside it.
func (c *Conn) Output(ctx context.Context, script string) ([]byte, error) {
	p, err := c.Program(ctx, script)
	if err != nil {
		return nil, err
	}
	_ = p.Stdin.Close()
	out, readErr := c.answer(p)
	if err := p.Wait(); err != nil {
		return out, err
	}
	return out, readErr
}

// answer reads what a program tells, to its end.
func (c *Conn) answer(p *Process) ([]byte, error) {
	defer c.link.within("it was asked something")()
	out, err := bound.All(p.Stdout, "an answer", bound.Answer)
	var beyond *bound.Error
	if errors.As(err, &beyond) {
		p.Stop(beyond)
	}
	return out, err
}

// Stop ends the whole connection to the program's host, for a reason.
func (p *Process) Stop(why error) { p.conn.link.end(why) }

// Stage is how long a stage of a program on this host may last.
func (p *Process) Stage() time.Duration { return p.conn.link.stage }

// bootstrap is the only program text that is ever in an argument list. The
// script's first and last line say that all of it has arrived, so that one that
// a broken connection cut short, or something else read a line of, is not run.
// Nothing may follow the script before the mark is out: busybox's head reads
// ahead. The first line ends any other shell that reads it: one that a start-up
// file began in place of ours.
func (p *Process) bootstrap(script string) (command, input string) {
	tail := nonce()
	input = fmt.Sprintf("[ \"$p0\" = %s ] || { echo %s; exit %d; }\n%s\n#%s", tail, apart(p.stray), otherShell, script, tail)
	return fmt.Sprintf(`p0=%s; p=$(head -c %d); case "$p" in "["*"#%s") printf %%s %s; eval "$p";; *) exit %d;; esac`,
		tail, len(input), tail, apart(p.mark), cutShort), input
}

// apart writes a word of ours so that it is one only for the shell that is to
// say it, and not for what prints commands or input (set -x, cat).
func apart(word string) string { return word[:len(word)/2] + `""` + word[len(word)/2:] }

// start starts script, from an argument if it is public.
func (c *Conn) start(ctx context.Context, script, password string, public bool) (*Process, error) {
	op := "start a program on " + c.name
	if strings.IndexByte(script, 0) >= 0 {
		return nil, &Error{Host: c.name, Op: op, Kind: Settings, Err: errors.New("it contains a NUL byte")}
	}
	opened := c.link.within("a session was opened")
	defer opened()
	ch, reqs, err := c.link.open(ctx, "session", nil)
	if err != nil {
		return nil, c.openError(ctx, op, err)
	}
	in := newInbox()
	p := &Process{
		Stdout: in, conn: c, ctx: ctx, ch: ch, in: in,
		mark: nonce(), ask: nonce(), stray: nonce(), shell: nonce(), password: password != "", event: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	p.Stdin = programInput{p}
	var command, input string
	if public {
		command = argument(script, p.mark)
	} else {
		var boot string
		boot, input = p.bootstrap(script)
		command = "exec /bin/sh -c '" + boot + "'"
		if c.become {
			command = sudoCommand(boot, p, password != "")
		}
	}
	// Without a reply, the program can follow at once: a round trip less. That
	// it runs is known by its mark.
	if _, err := ch.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{command})); err != nil {
		_ = ch.Close()
		c.link.dead(lostPatience)
		return nil, c.link.lost(c.name)
	}
	opened()
	p.pump(reqs)
	stop := context.AfterFunc(ctx, func() { p.abort(c.canceled("go on with "+c.name, ctx)) })
	if !c.link.spawn(func() { <-p.ended; stop() }) {
		stop()
	}
	if err := p.begin(input, password); err != nil {
		p.abort(err)
		return nil, err
	}
	return p, nil
}
