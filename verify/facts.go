package verify

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// prelude defines fact: it runs a command and prints each line of its output
// as key=line and then its exit status as key?status, so that no output of a
// host can be taken for another fact. soon keeps a dead NFS server from
// hanging us: SIGKILL is the only signal such a process hears.
const prelude = `export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
patience=${patience:-5}
soon() {
	if command -v timeout >/dev/null 2>&1; then timeout -s KILL "$patience" "$@"; else "$@"; fi
}
fact() {
	key=$1
	shift
	out=$("$@" 2>&1 </dev/null)
	status=$?
	printf '%s\n' "$out" | sed "s/^/$key=/"
	printf '%s?%s\n' "$key" "$status"
}
`

// end is the last fact of every script: without it the output was cut off.
const end = "fact end true\n"

// script puts a constant script together with the values it reads as $1, $2 …
func script(text string, args ...string) string {
	var b strings.Builder
	b.WriteString(prelude)
	if len(args) > 0 {
		b.WriteString("set --")
		for _, a := range args {
			b.WriteByte(' ')
			b.WriteString(shell.Quote(a))
		}
		b.WriteByte('\n')
	}
	b.WriteString(text)
	b.WriteString(end)
	return b.String()
}

// facts is what a host said, by key.
type facts map[string]fact

type fact struct {
	lines  []string
	status int
	known  bool // a status was seen
}

func parseFacts(out string) facts {
	f := facts{}
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		i := strings.IndexAny(line, "=?")
		if i < 0 {
			continue
		}
		key, rest := line[:i], line[i+1:]
		v := f[key]
		if line[i] == '=' {
			v.lines = append(v.lines, rest)
		} else if n, err := strconv.Atoi(rest); err == nil {
			v.status, v.known = n, true
		}
		f[key] = v
	}
	return f
}

func (f facts) lines(key string) []string { return f[key].lines }

// ok reports that the command ran and succeeded.
func (f facts) ok(key string) bool { return f[key].known && f[key].status == 0 }

// word is the last line of a command's output: systemctl on Debian writes
// notes about init scripts before the answer.
func (f facts) word(key string) string {
	l := f[key].lines
	if len(l) == 0 {
		return ""
	}
	return strings.TrimSpace(l[len(l)-1])
}

// killed reports that a command had to be ended: 128+9, or timeout(1)'s own 124.
func (f facts) killed(key string) bool { return f[key].status == 137 || f[key].status == 124 }

// said is a command's whole output on one line, for messages.
func (f facts) said(key string) string {
	return firstLine(strings.Join(strings.Fields(strings.Join(f[key].lines, " ")), " "))
}

// patient is a host whose scripts know how long each of their commands may take.
type patient struct {
	Host
	look time.Duration // for a whole script, of which three may hang
}

// Output implements Host.
func (p patient) Output(ctx context.Context, script string) ([]byte, error) {
	each := min(5, max(1, int((p.look/4).Seconds())))
	return p.Host.Output(ctx, fmt.Sprintf("patience=%d\n%s", each, script))
}

// ask runs a script on a host and parses its facts.
func ask(ctx context.Context, h Host, text string) (facts, error) {
	out, err := h.Output(ctx, text)
	if err != nil {
		return nil, err
	}
	f := parseFacts(string(out))
	if !f.ok("end") {
		return nil, fmt.Errorf("cannot read its facts: the output ends early")
	}
	return f, nil
}
