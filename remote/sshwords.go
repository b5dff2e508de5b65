package remote

import (
	"errors"
	"strings"
)

// Lines of ssh_config are taken apart as OpenSSH's readconf.c does it: the
// keyword, then arguments by the rules of a shell, but for those keywords that
// have rules of their own.

const configBlanks = " \t\r\n"

var errQuotes = errors.New("a quotation mark is not closed")

// nextWord is strdelim of OpenSSH: it takes the first word off s, which may be
// in double quotes, and the = behind it.
func nextWord(s string) (word, rest string, err error) {
	i := strings.IndexAny(s, configBlanks+`"=`)
	if i < 0 {
		return s, "", nil
	}
	if s[i] == '"' {
		before, quoted := s[:i], s[i+1:]
		end := strings.IndexByte(quoted, '"')
		if end < 0 {
			return "", "", errQuotes
		}
		return before + quoted[:end], strings.TrimLeft(quoted[end+1:], configBlanks), nil
	}
	word, rest = s[:i], strings.TrimLeft(s[i+1:], configBlanks)
	if s[i] != '=' && strings.HasPrefix(rest, "=") { // only one of them
		rest = strings.TrimLeft(rest[1:], configBlanks)
	}
	return word, rest, nil
}

// splitArguments is argv_split of OpenSSH: words, 'quoted', "quoted" or with
// a \ before what would end them; a # that begins a word begins a comment.
func splitArguments(s string) ([]string, error) {
	var words []string
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		if s[i] == '#' {
			break
		}
		word, n, err := oneArgument(s[i:])
		if err != nil {
			return nil, err
		}
		words = append(words, word)
		i += n
	}
	return words, nil
}

// oneArgument returns the argument that s begins with, and how long it is in s.
func oneArgument(s string) (word string, n int, err error) {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && (strings.IndexByte(`'"\`, s[i+1]) >= 0 || quote == 0 && s[i+1] == ' '):
			i++
			b.WriteByte(s[i])
		case c == '\\':
			b.WriteByte(c)
		case quote == 0 && (c == ' ' || c == '\t'):
			return b.String(), i, nil
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", 0, errQuotes
	}
	return b.String(), len(s), nil
}

// splitConfig takes a line apart: the keyword in lower case, what follows it,
// and that again as arguments. No keyword: the line says nothing.
func splitConfig(line string) (key, rest string, args []string, err error) {
	line, _, _ = strings.Cut(line, "\x00") // a string ends there in C
	if line != "" {                        // the first byte stays, as a form feed would show
		line = line[:1] + strings.TrimRight(line[1:], configBlanks+"\f")
	}
	key, rest, err = nextWord(line)
	if err == nil && key == "" { // of the blanks before it
		key, rest, err = nextWord(rest)
	}
	if err != nil || key == "" || key[0] == '#' {
		return "", "", nil, err
	}
	key = lower(key)
	if rest == "" {
		return key, "", nil, errors.New(key + " has no value")
	}
	args, err = splitArguments(rest)
	return key, rest, args, err
}
