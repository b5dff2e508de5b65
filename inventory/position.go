package inventory

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// The TOML decoder keeps the positions of its keys to itself, so they are
// found by walking over the source once more. The source is known to be valid
// by then: the walk only has to find where things begin and end, and where it
// is ever at a loss, the position of the surrounding table is used.

// node is where one key, table or array element stands in the source.
type node struct {
	key   int // byte offset of the key; of the bracket for a table's header
	value int // byte offset of the value; of the header for a table
	keys  map[string]*node
	elems []*node
}

// child returns the node below n for a key, made at offset at if there is none.
func (n *node) child(key string, at int) *node {
	if n.keys == nil {
		n.keys = map[string]*node{}
	}
	c, ok := n.keys[key]
	if !ok {
		c = &node{key: at, value: at}
		n.keys[key] = c
	}
	return c
}

// last is the table that keys below n go to: the newest one of a list.
func (n *node) last() *node {
	if len(n.elems) > 0 {
		return n.elems[len(n.elems)-1]
	}
	return n
}

// positions walks over a valid TOML document.
func positions(src string) *node {
	s := &scanner{src: src}
	root := &node{}
	table := root
	for {
		s.skip(" \t\r\n")
		switch {
		case s.pos >= len(src):
			return root
		case src[s.pos] == '[':
			table = s.header(root)
		default:
			s.keyValue(table)
		}
	}
}

// tooDeep finds where brackets, or the parts of a key, nest deeper than any
// inventory needs; -1 if nowhere. The decoder's memory grows with the square
// of that depth, so it is looked at before. Up to its first mistake a source
// that is not valid is read here as the decoder reads it.
func tooDeep(src string) int {
	const most = 64
	s := &scanner{src: src}
	depth, dots := 0, 0
	for s.pos < len(src) {
		switch src[s.pos] {
		case '"', '\'':
			s.text()
			continue
		case '#':
			s.until("\n")
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '.':
			dots++
		case '\n', ',':
			dots = 0
		}
		if depth > most || dots > most {
			return s.pos
		}
		s.pos++
	}
	return -1
}

type scanner struct {
	src string
	pos int
}

type part struct {
	key string
	at  int
}

// peek is the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

func (s *scanner) has(prefix string) bool { return strings.HasPrefix(s.src[s.pos:], prefix) }

// skip goes past the given characters and past comments.
func (s *scanner) skip(chars string) {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '#':
			s.until("\n")
		case strings.IndexByte(chars, c) >= 0:
			s.pos++
		default:
			return
		}
	}
}

// until goes to the first of the given characters, or to the end.
func (s *scanner) until(chars string) {
	if i := strings.IndexAny(s.src[s.pos:], chars); i >= 0 {
		s.pos += i
	} else {
		s.pos = len(s.src)
	}
}

// header reads [a.b] or [[a.b]] and returns the table that it opens.
func (s *scanner) header(root *node) *node {
	at, list := s.pos, s.has("[[")
	s.pos++
	if list {
		s.pos++
	}
	table := root
	parts := s.parts()
	for i, p := range parts {
		if i == len(parts)-1 && list {
			n := table.child(p.key, at)
			n.elems = append(n.elems, &node{key: at, value: at})
			table = n.last()
			break
		}
		if _, known := table.keys[p.key]; known && i == len(parts)-1 {
			// [a] after [a.b]: from here on this is where a stands.
			n := table.keys[p.key]
			n.key, n.value = at, at
		}
		table = table.child(p.key, at).last()
	}
	s.until("\n")
	return table
}

// keyValue reads a.b = value below table.
func (s *scanner) keyValue(table *node) {
	start := s.pos
	for _, p := range s.parts() {
		table = table.child(p.key, p.at)
	}
	s.skip(" \t=")
	s.value(table)
	if s.pos == start { // not TOML: whatever it is, go past it
		s.pos++
	}
}

// parts reads a key, dotted or not, up to what follows it.
func (s *scanner) parts() []part {
	var parts []part
	for {
		for s.peek() == ' ' || s.peek() == '\t' || s.peek() == '.' {
			s.pos++
		}
		at := s.pos
		switch s.peek() {
		case '"', '\'':
			s.text()
			parts = append(parts, part{unquote(s.src[at:s.pos]), at})
		default:
			for s.pos < len(s.src) && strings.IndexByte(" \t\r\n.=[]{},#\"'", s.src[s.pos]) < 0 {
				s.pos++
			}
			if s.pos == at {
				return parts
			}
			parts = append(parts, part{s.src[at:s.pos], at})
		}
	}
}

// value reads one value into n.
func (s *scanner) value(n *node) {
	n.value = s.pos
	switch s.peek() {
	case '"', '\'':
		s.text()
	case '[':
		s.list(']', func() {
			e := &node{key: s.pos}
			n.elems = append(n.elems, e)
			s.value(e)
		})
	case '{':
		s.list('}', func() { s.keyValue(n) })
	default:
		s.until(",]}#\r\n")
	}
}

// list reads what stands between brackets, one item at a time.
func (s *scanner) list(end byte, item func()) {
	s.pos++
	for {
		s.skip(" \t\r\n,")
		if s.pos >= len(s.src) {
			return
		}
		if s.src[s.pos] == end {
			s.pos++
			return
		}
		before := s.pos
		item()
		if s.pos == before {
			s.pos++
		}
	}
}

// text goes past a string of any of the four kinds.
func (s *scanner) text() {
	quote := s.src[s.pos : s.pos+1]
	escapes := quote == `"`
	long := s.has(strings.Repeat(quote, 3))
	if long {
		quote = strings.Repeat(quote, 3)
	}
	s.pos += len(quote)
	for s.pos < len(s.src) {
		switch {
		case !long && s.src[s.pos] == '\n':
			return // not TOML
		case escapes && s.src[s.pos] == '\\':
			s.pos = min(s.pos+2, len(s.src))
		case s.has(quote):
			s.pos += len(quote)
			// Up to two more quotes belong to a long string's own text.
			for i := 0; long && i < 2 && s.has(quote[:1]); i++ {
				s.pos++
			}
			return
		default:
			s.pos++
		}
	}
}

// unquote gives the text of a quoted key, as the decoder reads it.
func unquote(key string) string {
	if !strings.Contains(key, `\`) || key[0] == '\'' {
		return strings.Trim(key, key[:1])
	}
	var v struct{ K string }
	if _, err := toml.Decode("K = "+key, &v); err != nil {
		return key
	}
	return v.K
}
