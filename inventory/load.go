package inventory

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// tooLarge is more than any inventory has: thousands of hosts fit.
const tooLarge = 1 << 20

// Load reads the inventory at path. A mode other than "" overrides the one
// that the file names. What is wrong with the file comes back as Errors, all
// of it at once.
func Load(path string, mode Mode) (*Cluster, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		e := &Error{File: path, Msg: fmt.Sprintf("cannot read %s: %v", path, cause(err))}
		if errors.Is(err, os.ErrNotExist) {
			e.Hint = "lvsdeploy init nat > hosts.toml writes one to begin with; -i FILE names another"
		}
		return nil, Errors{e}
	}
	return Parse(path, data, mode)
}

// cause leaves out the path of a file error, which the message has already.
func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Parse reads an inventory from memory. The name is for messages, and its
// directory is where relative paths start from.
func Parse(name string, data []byte, mode Mode) (*Cluster, error) {
	if mode != "" && mode != NAT && mode != DR {
		return nil, Errors{{File: name, Msg: fmt.Sprintf("cannot deploy in mode %s", quote(string(mode))), Hint: modeHint(string(mode))}}
	}
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, Errors{{File: name, Msg: fmt.Sprintf("cannot find the directory of %s: %v", name, err)}}
	}

	src := strings.TrimPrefix(string(data), "\ufeff")
	r := &reader{file: name, src: src}
	vals := r.decode()
	if len(r.errs) > 0 {
		return nil, r.errs
	}
	d := &draft{reader: r, c: &Cluster{File: name, Dir: dir}}
	d.read(r.open("", vals, positions(src), 0), mode)
	d.check()
	if len(r.errs) > 0 {
		return nil, r.errs.sorted()
	}
	return d.c, nil
}

// decode reads the source as TOML; one error at most.
func (r *reader) decode() (vals map[string]any) {
	if len(r.src) > tooLarge {
		r.fail(0, fmt.Sprintf("an inventory has at most %d bytes", tooLarge), "read a file of %d bytes", len(r.src))
		return nil
	}
	if strings.HasPrefix(r.src, "\xff\xfe") || strings.HasPrefix(r.src, "\xfe\xff") || strings.Contains(r.src[:min(6, len(r.src))], "\x00") {
		r.fail(0, "save the file as UTF-8", "read this as TOML: it is UTF-16")
		return nil
	}
	if at := tooDeep(r.src); at >= 0 {
		r.fail(at, "an inventory nests three tables at most", "read tables and lists as deep as this")
		return nil
	}
	defer func() {
		// The decoder panics where it finds a fault of its own.
		if bug := recover(); bug != nil {
			r.fail(0, "", "read this as TOML: %s", visible(strings.TrimSpace(fmt.Sprint(bug))))
		}
	}()
	_, err := toml.Decode(r.src, &vals)
	var pe toml.ParseError
	switch {
	case errors.As(err, &pe):
		r.syntax(pe)
	case err != nil:
		r.fail(0, "", "read this as TOML: %s", visible(err.Error()))
	}
	return vals
}

// syntax puts the decoder's words into ours.
func (r *reader) syntax(pe toml.ParseError) {
	at := pe.Position.Start
	msg, hint := strings.TrimSuffix(visible(pe.Message), " instead"), ""
	switch {
	case secret(lastPart(pe.LastKey)):
		msg, hint = "the value of "+quote(pe.LastKey)+" is not valid", secretHint
	case strings.HasSuffix(msg, "has already been defined.") || strings.HasSuffix(msg, "was already created as a hash."):
		key := keyIn(msg)
		hint = "keep one of the two"
		switch key {
		case "director", "service", "web", "nfs.export":
			hint = fmt.Sprintf("there may be several: write [[%s]], with double brackets, every time", key)
		}
		r.fail(at, hint, "define %s twice", quote(key))
		return
	case strings.Contains(msg, "cannot be used as an array"):
		key := keyIn(msg)
		hint = fmt.Sprintf("write [[%s]], with double brackets, every time, and [%s.ssh] after the [[%s]] it belongs to", key, key, key)
		r.fail(at, hint, "use both [%s] and [[%s]]", key, key)
		return
	default:
		hint = syntaxHint(msg)
	}
	r.fail(at, hint, "read this as TOML: %s", strings.TrimSuffix(lowerFirst(msg), "."))
}

// syntaxHint finds the hint for a complaint of the decoder by its words.
func syntaxHint(msg string) string {
	const quotes = "text and addresses stand between quotes"
	for _, h := range []struct{ words, hint string }{
		{"strings cannot contain newlines", "close the quotes on the line that opens them"},
		{"leading zeroes", "write it without the zero in front"},
		{`expected value but found '\n'`, "write a value after the ="},
		{"to end table name", "a table's name stands between brackets: [client], [[web]]"},
		{"table array name delimiter", "a list of tables has double brackets on both sides: [[web]]"},
		{"expected '.' or '='", "a line is key = value, a [table] or a # comment"},
		{"hexadecimal digits", `write a backslash twice, or the text in single quotes: 'C:\www'`},
		{"escape", `write a backslash twice, or the text in single quotes: 'C:\www'`},
		{"UTF-8", "save the file as UTF-8"},
		{"expected value", quotes},
		{"nvalid float", quotes},
		{"nvalid integer", quotes},
		{"nvalid datetime", quotes},
		{"expected a digit", quotes},
		{"top-level item to end", quotes},
	} {
		if strings.Contains(msg, h.words) {
			return h.hint
		}
	}
	return ""
}

// keyIn takes the key out of "Key 'a.b' was …".
func keyIn(msg string) string {
	if _, rest, ok := strings.Cut(msg, "'"); ok {
		key, _, _ := strings.Cut(rest, "' ")
		return key
	}
	return msg
}

// visible escapes the control characters that the decoder's words can hold.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) || r == utf8.RuneError {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func lowerFirst(s string) string {
	if strings.HasPrefix(s, "Invalid") || strings.HasPrefix(s, "Key") || strings.HasPrefix(s, "Escaped") {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

func lastPart(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

func modeHint(mode string) string {
	if strings.EqualFold(mode, "tun") {
		return "tunnelling is not there yet: use nat or dr"
	}
	return didYouMean(mode, []string{string(NAT), string(DR)}, "it is one of")
}
