package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// clean makes one printable line of text that came from a host: escape
// sequences go, and what else a terminal might obey (control characters,
// bidirectional overrides, stray bytes) is spelled out. A host must not be
// able to move the cursor, set the title or fake another host's line.
func clean(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := escapeLen(s[i:]); n > 0 {
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteString("    ")
		case unicode.Is(unicode.Zs, r), r == '\n', r == '\r':
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

// cleanLines splits text from a host into printable lines, without the empty
// ones around it. Of a line that was redrawn with carriage returns (progress
// bars) the last state stays, as on a screen.
func cleanLines(s string) []string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var lines []string
	for line := range strings.SplitSeq(strings.Trim(s, "\r\n"), "\n") {
		line = strings.TrimRight(line, "\r")
		if i := strings.LastIndexByte(line, '\r'); i >= 0 {
			line = line[i+1:]
		}
		lines = append(lines, strings.TrimRight(clean(line), " "))
	}
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	return lines
}

// escapeLen is the length of the terminal escape sequence (ECMA-48) that s
// starts with; 0 for none. A sequence that does not end takes only its
// introducer with it, so that it cannot hide the text behind it.
func escapeLen(s string) int {
	if len(s) < 2 || s[0] != 0x1b {
		return 0
	}
	switch s[1] {
	case '[': // CSI: parameters, then one final byte
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 || s[i] > 0x7e {
				break
			}
		}
		return 2
	case ']', 'P', 'X', '^', '_': // OSC, DCS, SOS, PM, APC: a string, up to BEL or ST
		for i := 2; i < len(s) && s[i] != '\n'; i++ {
			if s[i] == 0x07 {
				return i + 1
			}
			if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
		}
		return 2
	}
	if s[1] >= 0x20 && s[1] <= 0x7e {
		return 2
	}
	return 0
}

// widths measures text in terminal columns. It is a value of its own because
// the library's shared one depends on the environment.
type widths struct{ c *runewidth.Condition }

func newWidths() widths {
	return widths{&runewidth.Condition{StrictEmojiNeutral: true}}
}

func (w widths) of(s string) int { return w.c.StringWidth(s) }

// fit cuts s to at most n columns.
func (w widths) fit(s string, n int) string {
	if n <= 0 {
		return ""
	}
	if w.of(s) <= n {
		return s
	}
	if n < 4 {
		return w.c.Truncate(s, n, "")
	}
	return w.c.Truncate(s, n, "...")
}

// pad fills s with spaces up to n columns.
func (w widths) pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-w.of(s)))
}

// took writes a duration for people: 0.8s, 12.3s, 2m05s.
func took(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return minutes(d)
}

// ticking is took without tenths, for durations that still grow.
func ticking(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%ds", int(max(0, d).Seconds()))
	}
	return minutes(d)
}

func minutes(d time.Duration) string {
	d = d.Round(time.Second)
	if d < time.Hour {
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// plural counts things: 1 host, 2 hosts.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
