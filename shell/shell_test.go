package shell

import (
	"encoding/hex"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"testing/quick"
)

// shells are the ones a host may call /bin/sh.
var shells = [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "sh"}}

func run(t *testing.T, sh []string, program string) string {
	t.Helper()
	cmd := exec.Command(sh[0], append(append([]string{}, sh[1:]...), "-c", program)...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s\nprogram:\n%s", sh, err, out, program)
	}
	return string(out)
}

var nasty = []string{
	"", " ", "'", "''", `"`, "`id`", "$(id)", "$HOME", "${x:-y}", "a b", "a\nb", "\n", "\\", `\n`, "-n", "--", "-rf /",
	"; reboot", "&& reboot", "| reboot", "> /tmp/x", "*", "?", "[a]", "~", "~root", "#x", "!x", "{a,b}", "=x", "a=b",
	"\t", "\r\n", "é", "日本", "\x7f", "\x1b[2J", "END", "EOF\nEND\nx", "'\"'\"'", "$'\\n'", "%s", "%%", "\xff\xfe",
}

func TestQuoteReadsBack(t *testing.T) {
	for _, sh := range shells {
		for _, s := range nasty {
			if got := run(t, sh, "printf %s "+Quote(s)); got != s {
				t.Errorf("%v: %q came back as %q", sh, s, got)
			}
		}
	}
}

func TestQuoteProperty(t *testing.T) {
	check := func(words []string) bool {
		if len(words) > 20 {
			words = words[:20]
		}
		var want strings.Builder
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "\x00", "")
			want.WriteString(words[i] + "|")
		}
		return run(t, shells[0], string(F("set -- %v; for w; do printf '%%s|' \"$w\"; done", words))) == want.String()
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 60}); err != nil {
		t.Error(err)
	}
}

func TestHeredocReadsBack(t *testing.T) {
	for _, sh := range shells {
		for _, s := range nasty {
			want := s
			if want != "" && !strings.HasSuffix(want, "\n") {
				want += "\n"
			}
			if got := run(t, sh, string(Heredoc("cat", s))); got != want {
				t.Errorf("%v: %q came back as %q", sh, want, got)
			}
		}
	}
}

func TestF(t *testing.T) {
	got := F("ip addr add %s dev %s # %s %% %s", netip.MustParsePrefix("12.0.0.1/24"), "it's", 5, Fragment("a b"))
	if want := Fragment(`ip addr add 12.0.0.1/24 dev 'it'\''s' # 5 % a b`); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, bad := range []func(){
		func() { F("%s") }, func() { F("x", "y") }, func() { F("%d", 1) }, func() { F("%s", 1.5) }, func() { F("%") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a mistaken format was let through")
				}
			}()
			bad()
		}()
	}
}

func TestComment(t *testing.T) {
	for _, sh := range shells {
		for _, s := range append(nasty, "x\necho ran", "x\recho ran", "x\\\necho ran") {
			if got := run(t, sh, string(Comment(s))+"\nprintf done"); got != "done" {
				t.Errorf("%v: the comment %q printed %q", sh, s, got)
			}
		}
	}
}

// TestSystemd takes the escapes apart again as systemd.service(5) and
// systemd.syntax(7) say that systemd does.
func TestSystemd(t *testing.T) {
	for _, s := range nasty {
		word := Systemd(Fragment(s))
		if strings.ContainsAny(word, "'\n\t\r\x7f") {
			t.Errorf("%q does not stay between its quotes: %q", s, word)
		}
		var got strings.Builder
		for i := 0; i < len(word); i++ {
			got.WriteByte(word[i])
			switch {
			case word[i] == '\\' && i+3 < len(word) && word[i+1] == 'x':
				c, err := hex.DecodeString(word[i+2 : i+4])
				if err != nil {
					t.Fatalf("%q: %v", word, err)
				}
				head := strings.TrimSuffix(got.String(), `\`)
				got.Reset()
				got.WriteString(head + string(c))
				i += 3
			case word[i] == '%' || word[i] == '$':
				if i++; i == len(word) || word[i] != word[i-1] {
					t.Fatalf("%q has a single %c", word, word[i-1])
				}
			}
		}
		if got.String() != s {
			t.Errorf("%q came back as %q", s, got.String())
		}
	}
}
