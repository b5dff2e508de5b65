// Package shell is the only door from Go values to POSIX shell text. It
// imports nothing else of this module.
package shell

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// Fragment is shell text that is safe to put into a program as it stands.
type Fragment string

// Quote makes s one word that every POSIX shell reads back as s. A NUL byte
// cannot exist in a shell word and is dropped.
func Quote(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	if s != "" && strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// unsafe reports whether r could mean anything to a shell, in any position. A
// word of safe characters needs no quotes and stays easy to read.
func unsafe(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_./:,+@%", r)
}

// F formats shell text. Every %s takes the next argument: a Fragment as it
// stands, anything else quoted as one word; %v takes strings joined as
// separate quoted words. No other verb exists. Arguments of another type, or
// of the wrong number, are a mistake of the programmer and panic.
func F(format string, args ...any) Fragment {
	var b strings.Builder
	next := 0
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' {
			b.WriteByte(c)
			continue
		}
		i++
		if i == len(format) {
			panic("shell.F: format ends in %")
		}
		if format[i] == '%' {
			b.WriteByte('%')
			continue
		}
		if next == len(args) {
			panic(fmt.Sprintf("shell.F: too few arguments for %q", format))
		}
		switch format[i] {
		case 's':
			b.WriteString(word(args[next]))
		case 'v':
			words := args[next].([]string)
			for j, w := range words {
				if j > 0 {
					b.WriteByte(' ')
				}
				b.WriteString(Quote(w))
			}
		default:
			panic(fmt.Sprintf("shell.F: unknown verb %%%c", format[i]))
		}
		next++
	}
	if next != len(args) {
		panic(fmt.Sprintf("shell.F: too many arguments for %q", format))
	}
	return Fragment(b.String())
}

func word(v any) string {
	switch v := v.(type) {
	case Fragment:
		return string(v)
	case string:
		return Quote(v)
	case int:
		return strconv.Itoa(v)
	case uint16:
		return strconv.Itoa(int(v))
	case netip.Addr:
		return Quote(v.String())
	case netip.Prefix:
		return Quote(v.String())
	}
	panic(fmt.Sprintf("shell.F: cannot quote a %T", v))
}

// Heredoc feeds text to a command's standard input. The text arrives as it
// is, with a final newline added where it lacks one. What is in after follows
// the command: "|| return 1".
func Heredoc(command Fragment, text string, after ...Fragment) Fragment {
	text = strings.ReplaceAll(text, "\x00", "")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	mark := "END"
	for n := 1; strings.Contains("\n"+text, "\n"+mark+"\n"); n++ {
		mark = "END" + strconv.Itoa(n)
	}
	then := ""
	for _, a := range after {
		then += " " + string(a)
	}
	return Fragment(fmt.Sprintf("%s <<'%s'%s\n%s%s", command, mark, then, text, mark))
}

// Comment makes text a comment of one line, whatever is in it.
func Comment(text string) Fragment {
	return Fragment("# " + strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text))
}

// Systemd is f as it can stand between single quotes in a command line of a
// systemd unit (systemd.service(5), COMMAND LINES): systemd knows escapes,
// %-specifiers and $-variables there.
func Systemd(f Fragment) string {
	var b strings.Builder
	for _, c := range []byte(f) {
		switch {
		case c == '%' || c == '$':
			b.WriteByte(c)
			b.WriteByte(c)
		case c == '\'' || c == '\\' || c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Lines joins fragments, one below the other, leaving out empty ones.
func Lines(fragments ...Fragment) Fragment {
	var kept []string
	for _, f := range fragments {
		if f != "" {
			kept = append(kept, string(f))
		}
	}
	return Fragment(strings.Join(kept, "\n"))
}
