package report

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// screen is a terminal as far as this package uses one. What it does not know
// is an error: an escape sequence that came through from a host shows itself.
type screen struct {
	mu            sync.Mutex
	columns, rows int
	lines         [][]cell // all that was ever shown; the last rows of them are visible
	x, y          int      // cursor; y counts from the first line ever
	errs          []string
}

type cell struct {
	r      rune
	second bool // the right half of a wide character
}

func newScreen(columns, rows int) *screen {
	return &screen{columns: columns, rows: rows, lines: make([][]cell, 1)}
}

func (s *screen) size() (int, int) { return s.columns, s.rows }

func (s *screen) top() int { return max(0, len(s.lines)-s.rows) }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := string(p)
	for text != "" {
		if strings.HasPrefix(text, "\x1b[") {
			end := strings.IndexFunc(text[2:], func(r rune) bool { return r >= 0x40 && r <= 0x7e })
			if end < 0 {
				s.errs = append(s.errs, fmt.Sprintf("cut sequence %q", text))
				break
			}
			s.control(text[2:2+end], text[2+end])
			text = text[3+end:]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		switch {
		case r == '\n':
			s.x = 0 // the terminal driver adds the carriage return
			s.down()
		case r == '\r':
			s.x = 0
		case r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == utf8.RuneError:
			s.errs = append(s.errs, fmt.Sprintf("control character %q", r))
		default:
			s.put(r)
		}
	}
	return len(p), nil
}

func (s *screen) down() {
	s.y++
	if s.y == len(s.lines) {
		s.lines = append(s.lines, nil)
	}
}

func (s *screen) put(r rune) {
	n := newWidths().of(string(r))
	if s.x+n > s.columns {
		s.x = 0
		s.down()
	}
	line := s.lines[s.y]
	for len(line) < s.x+n {
		line = append(line, cell{r: ' '})
	}
	line[s.x] = cell{r: r}
	if n == 2 {
		line[s.x+1] = cell{second: true}
	}
	s.lines[s.y] = line
	s.x += n
}

func (s *screen) control(args string, final byte) {
	n := 1
	if args != "" {
		_, _ = fmt.Sscanf(args, "%d", &n)
	}
	switch final {
	case 'A':
		if s.y-n < s.top() {
			s.errs = append(s.errs, fmt.Sprintf("cursor up by %d leaves the screen", n))
			n = s.y - s.top()
		}
		s.y -= n
	case 'J':
		s.lines = s.lines[:s.y+1]
		fallthrough
	case 'K':
		s.lines[s.y] = s.lines[s.y][:min(s.x, len(s.lines[s.y]))]
	case 'm':
	default:
		s.errs = append(s.errs, fmt.Sprintf("sequence %q%c", args, final))
	}
}

// text is all that is on the screen and above it.
func (s *screen) text(t *testing.T) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.errs {
		t.Error(err)
	}
	var out []string
	for _, line := range s.lines {
		var b strings.Builder
		for _, c := range line {
			if !c.second {
				b.WriteRune(c.r)
			}
		}
		out = append(out, strings.TrimRight(b.String(), " "))
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n") + "\n"
}
