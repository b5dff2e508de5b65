package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// Error is one thing wrong with an inventory.
type Error struct {
	File string
	Line int // from 1; 0: the file as a whole
	Col  int // from 1, in characters
	Msg  string
	Hint string // what to do about it; empty: nothing is known
}

// Error gives the message with its position, and below it the hint.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Col)
	}
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString("\n    hint: " + e.Hint)
	}
	return b.String()
}

// Errors is everything wrong with an inventory, in the order of the file.
type Errors []*Error

// Error gives one message after the other, each on lines of its own.
func (e Errors) Error() string {
	var b strings.Builder
	for i, err := range e {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

// sorted returns the errors in the order of the file, each once.
func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Msg, b.Msg))
	})
	return slices.CompactFunc(e, func(a, b *Error) bool { return *a == *b })
}

// quote shows a value of the inventory in a message: on one line, and not all
// of it when it is long.
func quote(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// nearest returns the known word that was probably meant, or nothing when
// none is near enough to be worth offering.
func nearest(word string, known []string) string {
	word = strings.ToLower(word)
	best, least := "", 0
	for _, k := range known {
		d := levenshtein.Distance(word, strings.ToLower(k), nil)
		if swapped(word, k) || len(word) >= 3 && strings.HasPrefix(k, word) {
			d = min(d, 1) // two letters in the wrong order, or an abbreviation
		}
		if d > max(1, max(len(word), len(k))/3) || d >= len(k) {
			continue
		}
		if best == "" || d < least {
			best, least = k, d
		}
	}
	return best
}

// swapped tells whether a is b with two neighbouring letters exchanged.
func swapped(a, b string) bool {
	for i := 1; len(a) == len(b) && i < len(a); i++ {
		if a[i-1] != b[i-1] {
			return a[:i-1]+a[i:i+1]+a[i-1:i]+a[i+1:] == b
		}
	}
	return false
}

// didYouMean is the hint for a word that is none of the known ones; what says
// how the known ones are introduced when none is near.
func didYouMean(word string, known []string, what string) string {
	if n := nearest(word, known); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return what + " " + strings.Join(known, ", ")
}
