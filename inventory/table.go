package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// reader collects what is wrong with one source.
type reader struct {
	file string
	src  string
	errs Errors
}

// fail reports an error at a byte offset of the source.
func (r *reader) fail(at int, hint, format string, args ...any) {
	e := &Error{File: r.file, Msg: "cannot " + fmt.Sprintf(format, args...), Hint: hint}
	e.Line, e.Col = lineCol(r.src, at)
	r.errs = append(r.errs, e)
}

// lineCol turns a byte offset into a line and a column, both from 1; columns
// count characters.
func lineCol(src string, at int) (line, col int) {
	at = max(0, min(at, len(src)))
	for i := 0; i < utf8.UTFMax-1 && at > 0 && at < len(src) && !utf8.RuneStart(src[at]); i++ {
		at-- // the decoder can point into the middle of a character
	}
	before := src[:at]
	start := strings.LastIndexByte(before, '\n') + 1
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[start:])
}

// table is one table of the inventory while it is being read. Its methods
// report what is wrong with a value and then say that there is none, so that
// nothing else complains about the same value.
type table struct {
	*reader
	kind string // as the schema has it: "[[web]]"
	at   int    // of its header
	vals map[string]any
	node *node

	meant []string // keys that unknown ones were taken for
}

// lacks tells whether a key is missing, and not just misspelled.
func (t *table) lacks(key string) bool { return !t.has(key) && !slices.Contains(t.meant, key) }

func (t *table) has(key string) bool {
	if t == nil {
		return false
	}
	_, ok := t.vals[key]
	return ok
}

// pos is where a key's value stands; without the key, the table's header.
func (t *table) pos(key string) int {
	if n := t.node.keys[key]; n != nil {
		return n.value
	}
	return t.at
}

// keyPos is where a key itself stands.
func (t *table) keyPos(key string) int {
	if n := t.node.keys[key]; n != nil {
		return n.key
	}
	return t.at
}

// str reads a string; ok is false when there is none that can be used.
func (t *table) str(key string) (s string, ok bool) {
	if !t.has(key) {
		return "", false
	}
	return t.text("as "+key, key, t.vals[key], t.pos(key))
}

// text is str for one value, which may be an array's element; role is how the
// message puts it.
func (t *table) text(role, key string, v any, at int) (s string, ok bool) {
	s, ok = v.(string)
	if !ok {
		hint := fmt.Sprintf("write %s as text between quotes", key)
		switch v.(type) {
		case int64, float64, bool:
			hint = fmt.Sprintf(`write it between quotes: "%v"`, v)
		}
		t.fail(at, hint, "use %s %s", typeName(v), role)
		return "", false
	}
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			t.fail(at, controlHint(key, r), "use %s in %s", charName(r), key)
			return "", false
		}
	}
	return s, true
}

func charName(r rune) string {
	switch r {
	case '\n':
		return "a newline"
	case '\t':
		return "a tab"
	}
	return fmt.Sprintf("the control character U+%04X", r)
}

func controlHint(key string, r rune) string {
	switch {
	case key == "index":
		return `an index is a single line; publish more than that with site = "./directory"`
	case r == '\n':
		return "keep it on one line"
	}
	return ""
}

// word reads a string that must be one of a few.
func (t *table) word(key, otherwise string, known ...string) (string, bool) {
	if !t.has(key) {
		return otherwise, true
	}
	s, ok := t.str(key)
	if ok && !slices.Contains(known, s) {
		t.fail(t.pos(key), didYouMean(s, known, "it is one of"), "use %s as %s", quote(s), key)
		return "", false
	}
	return s, ok
}

// integer reads a number from least to most.
func (t *table) integer(key string, otherwise, least, most int64) (int64, bool) {
	if !t.has(key) {
		return otherwise, true
	}
	switch v := t.vals[key].(type) {
	case int64:
		if v < least || v > most {
			t.fail(t.pos(key), fmt.Sprintf("it is a number from %d to %d", least, most), "use %d as %s", v, key)
			return 0, false
		}
		return v, true
	case string:
		hint := fmt.Sprintf("write a number from %d to %d, without quotes", least, most)
		if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			hint = fmt.Sprintf("write it without quotes: %s = %d", key, n)
		}
		t.fail(t.pos(key), hint, "use a string as %s", key)
	default:
		t.fail(t.pos(key), fmt.Sprintf("it is a number from %d to %d", least, most), "use %s as %s", typeName(v), key)
	}
	return 0, false
}

func (t *table) boolean(key string, otherwise bool) bool {
	if !t.has(key) {
		return otherwise
	}
	v, ok := t.vals[key].(bool)
	if !ok {
		t.fail(t.pos(key), fmt.Sprintf("write %s = true or %s = false, without quotes", key, key),
			"use %s as %s", typeName(t.vals[key]), key)
	}
	return v
}

// item is an element of a list of strings, and where it stands.
type item struct {
	text string
	at   int
}

// list reads an array of strings, and says whether all of it could be read.
func (t *table) list(key string) (items []item, ok bool) {
	if !t.has(key) {
		return nil, false
	}
	elems, ok := t.vals[key].([]any)
	if !ok {
		hint := fmt.Sprintf("write a list of strings: %s = [\"…\"]", key)
		if s, isText := t.vals[key].(string); isText && len(s) < 60 {
			words := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
			for i, w := range words {
				words[i] = strconv.Quote(w)
			}
			hint = fmt.Sprintf("write it as a list: %s = [%s]", key, strings.Join(words, ", "))
		}
		t.fail(t.pos(key), hint, "use %s as %s", typeName(t.vals[key]), key)
		return nil, false
	}
	for i, e := range elems {
		at := t.pos(key)
		if n := t.node.keys[key]; n != nil && i < len(n.elems) {
			at = n.elems[i].value
		}
		s, good := t.text("in "+key, key, e, at)
		if !good {
			ok = false
			continue
		}
		items = append(items, item{s, at})
	}
	return items, ok
}

// sub reads a table that there is one of; nil when there is none.
func (t *table) sub(key, kind string) *table {
	if !t.has(key) {
		return nil
	}
	at := t.keyPos(key)
	bare := strings.Trim(kind, "[]")
	switch v := t.vals[key].(type) {
	case map[string]any:
		return t.open(kind, v, t.node.keys[key], at)
	case []map[string]any:
		n := t.node.keys[key]
		if n != nil && len(n.elems) > 0 {
			n = n.elems[0]
			at = n.key
		}
		t.fail(at, fmt.Sprintf("there is one only: write [%s], with single brackets", bare), "use [[%s]] as a list", bare)
		if len(v) == 0 {
			return nil
		}
		return t.open(kind, v[0], n, at)
	default:
		t.fail(t.pos(key), fmt.Sprintf("write [%s] on a line of its own, and its keys below", bare),
			"use %s as %s", typeName(v), kind)
		return nil
	}
}

// subs reads a list of tables.
func (t *table) subs(key, kind string) []*table {
	if !t.has(key) {
		return nil
	}
	bare := strings.Trim(kind, "[]")
	n := t.node.keys[key]
	wrong := func(v any) {
		t.fail(t.pos(key), fmt.Sprintf("write %s on a line of its own, and its keys below", kind),
			"use %s as %s", typeName(v), kind)
	}
	var tables []*table
	add := func(i int, v map[string]any) {
		var en *node
		at := t.keyPos(key)
		if n != nil && i < len(n.elems) {
			en = n.elems[i]
			at = en.value
		}
		tables = append(tables, t.open(kind, v, en, at))
	}
	switch v := t.vals[key].(type) {
	case []map[string]any:
		for i, e := range v {
			add(i, e)
		}
	case []any: // web = [{…}, {…}]
		for i, e := range v {
			m, ok := e.(map[string]any)
			if !ok {
				wrong(v)
				return nil
			}
			add(i, m)
		}
	case map[string]any:
		at := t.keyPos(key)
		t.fail(at, fmt.Sprintf("there may be several: write %s, with double brackets", kind), "use [%s] as a single table", bare)
		tables = append(tables, t.open(kind, v, n, at))
	default:
		wrong(v)
	}
	return tables
}

// open wraps a table's values and reports the keys that it should not have.
func (r *reader) open(kind string, vals map[string]any, n *node, at int) *table {
	if n == nil {
		n = &node{key: at, value: at}
	}
	t := &table{reader: r, kind: kind, at: at, vals: vals, node: n}
	known := keysOf(kind)
	for _, key := range slices.Sorted(maps.Keys(vals)) {
		if !slices.Contains(known, key) {
			if n := nearest(key, known); n != "" {
				t.meant = append(t.meant, n)
			}
			t.fail(t.keyPos(key), unknownHint(kind, key), "use %s", describe(kind, key, vals[key]))
		}
	}
	return t
}

// describe names an unknown key in a message.
func describe(kind, key string, v any) string {
	if kind != "" {
		return fmt.Sprintf("the key %s in %s", quote(key), kind)
	}
	switch v.(type) {
	case map[string]any:
		return "a table " + strings.Trim(quote("["+key+"]"), `"`)
	case []map[string]any:
		return "a table " + strings.Trim(quote("[["+key+"]]"), `"`)
	}
	return fmt.Sprintf("the key %s outside of any table", quote(key))
}

// typeName names a TOML value's type as a person would.
func typeName(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "a number"
	case float64:
		return "a fraction"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case []map[string]any:
		return "a list of tables"
	case map[string]any:
		return "a table"
	case time.Time:
		return "a date or time"
	}
	return fmt.Sprintf("a %T", v)
}
