package shell

import (
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
