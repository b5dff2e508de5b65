package diagram

import (
	"strings"
	"unicode"
)

// class is what a line of text is, and so how it looks; the style sheet has
// the same names.
type class string

const (
	classTitle class = "title"
	classSub   class = "sub"
	classRole  class = "role"
	className  class = "name"
	classText  class = "text"
	classNote  class = "note"
	classVIP   class = "vip"
	classNet   class = "net"
)

// line is a line of text in a box.
type line struct {
	class class
	text  string
	whole string // what it was before it was broken or cut
}

// font is a size in pixels and a weight.
type font struct {
	size float64
	bold bool
}

func (c class) font() font {
	switch c {
	case classTitle:
		return font{18, true}
	case className:
		return font{14, true}
	case classRole, classNote:
		return font{11.5, false}
	case classVIP:
		return font{12, true}
	case classNet:
		return font{12, true}
	}
	return font{12.5, false}
}

// height is from one baseline to the next.
func (c class) height() int {
	switch c {
	case classTitle:
		return 24
	case classVIP:
		return 23
	case className:
		return 19
	case classRole:
		return 15
	}
	return 17
}

// extra is what a line needs besides its text: a VIP has a frame.
func (c class) extra() int {
	if c == classVIP {
		return 14
	}
	return 0
}

// most is how many lines one text may take.
func (c class) most() int {
	switch c {
	case className:
		return 5 // 63 characters
	case classNote:
		return 3
	}
	return 4
}

// measure estimates how wide a text gets. The reader's font is not known, so
// the widths are those of DejaVu Sans, the widest of the usual ones.
func measure(s string, f font) float64 {
	em := 0.0
	for _, r := range s {
		em += advance(r)
	}
	if f.bold {
		em *= 1.12
	}
	return em * f.size
}

// advance is the width of a character in ems.
func advance(r rune) float64 {
	switch {
	case strings.ContainsRune("ijl.,:;'|! ()[]", r):
		return 0.39
	case strings.ContainsRune("ftr-/·I", r):
		return 0.42
	case strings.ContainsRune("mM@%", r):
		return 1.0
	case strings.ContainsRune("wW", r):
		return 0.99
	case r >= 'A' && r <= 'Z':
		return 0.79
	case r == '→' || r == '…':
		return 1.0
	case r < 0x250:
		return 0.64
	}
	return 1.05 // an em square, as of Chinese
}

// wrap breaks a text into lines that fit: between words, else after the
// punctuation of names and paths, else anywhere. What is left over after the
// last allowed line is cut out of that line's middle, for the ends of paths
// and names tell most.
func wrap(s string, f font, width, most int) []string {
	var lines []string
	rest := []rune(printable(s))
	for len(rest) > 0 {
		n := fits(rest, f, width)
		switch {
		case n == len(rest):
			lines, rest = append(lines, string(rest)), nil
		case len(lines) == most-1:
			lines, rest = append(lines, elide(rest, f, width)), nil
		default:
			n = breakAt(rest, n)
			lines = append(lines, strings.TrimRight(string(rest[:n]), " "))
			rest = []rune(strings.TrimLeft(string(rest[n:]), " "))
		}
	}
	return lines
}

// fits is how many characters fit into width; at least one.
func fits(rs []rune, f font, width int) int {
	w := 0.0
	for n, r := range rs {
		if w += measure(string(r), f); w > float64(width) {
			return max(1, n)
		}
	}
	return len(rs)
}

// breakAt finds where to break a line of at most n characters.
func breakAt(rs []rune, n int) int {
	if rs[n] == ' ' {
		return n
	}
	for i := n; i > 1; i-- {
		if rs[i-1] == ' ' {
			return i
		}
	}
	for i := n; i > n/2; i-- {
		if strings.ContainsRune(".-/_,:", rs[i-1]) {
			return i
		}
	}
	return n
}

// elide cuts the middle out.
func elide(rs []rune, f font, width int) string {
	for keep := min(len(rs)-1, fits(rs, f, width)); keep > 1; keep-- {
		head := keep / 2
		s := string(rs[:head]) + "…" + string(rs[len(rs)-keep+head:])
		if measure(s, f) <= float64(width) {
			return s
		}
	}
	return "…"
}

// printable replaces what would not show as itself: control characters,
// bidirectional overrides, stray bytes.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
