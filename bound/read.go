package bound

import (
	"bufio"
	"fmt"
	"io"
)

// Lines reads lines, of which none may be longer than Line, and all together
// not longer than a total, nor many more than a total of lines that say
// something: what a line costs here is more than its bytes.
type Lines struct {
	in    *bufio.Reader
	what  string
	most  int
	left  int // bytes
	lines int // left
	part  []byte
}

const shortLine = 32

// NewLines reads from r; what names it in errors.
func NewLines(r io.Reader, what string, most int) *Lines {
	if l, ours := r.(*Lines); ours {
		l.Expect(what, most)
		return l
	}
	l := &Lines{in: bufio.NewReader(r)}
	l.Expect(what, most)
	return l
}

// Expect begins another part of the same stream, with a total of its own.
func (l *Lines) Expect(what string, most int) {
	l.what, l.most, l.left, l.lines = what, most, most, most/shortLine
}

// Read implements io.Reader, without bounds.
func (l *Lines) Read(p []byte) (int, error) { return l.in.Read(p) }

// Next returns the next line with its end; the last may have none, and comes
// with the error. Beyond a bound the error is an *Error.
func (l *Lines) Next() (string, error) {
	if l.lines--; l.lines < 0 {
		return "", &Error{fmt.Sprintf("it sent more than %d lines of %s", l.most/shortLine, l.what), strange}
	}
	l.part = l.part[:0]
	for {
		chunk, err := l.in.ReadSlice('\n')
		if l.left -= len(chunk); l.left < 0 {
			return "", TooMuch(l.most, l.what)
		}
		if err == nil && len(l.part) == 0 {
			return string(chunk), nil
		}
		if l.part = append(l.part, chunk...); len(l.part) > Line {
			l.part = nil
			return "", TooLong(l.what)
		}
		if err != bufio.ErrBufferFull {
			return string(l.part), err
		}
	}
}

// Buffered is how much can be read without waiting.
func (l *Lines) Buffered() int { return l.in.Buffered() }

// All reads r to its end, which is at most so far away.
func All(r io.Reader, what string, most int) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if len(out) > most {
		return nil, TooMuch(most, what)
	}
	return out, err
}

// Tell tells s of each byte that is read from r.
func Tell(r io.Reader, s *Silence) io.Reader { return told{r, s} }

type told struct {
	io.Reader
	s *Silence
}

func (t told) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if n > 0 {
		t.s.Heard()
	}
	return n, err
}

// Discard reads r to its end, at most so much of it.
func Discard(r io.Reader, most int) { _, _ = io.CopyN(io.Discard, r, int64(most)) }
