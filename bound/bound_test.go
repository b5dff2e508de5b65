package bound

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Silence runs out after its time, not while something is heard, and not while
// it is paused; and it begins anew where that is wanted.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over, again := 0, true
		s := NewSilence(8*time.Second, func() bool {
			over++
			again = !again
			return again
		})
		began := time.Now()
		for range 30 {
			time.Sleep(6 * time.Second)
			s.Heard()
		}
		s.Pause()
		time.Sleep(time.Minute)
		if s.Resume(); over != 0 {
			t.Fatalf("ran out %d times in %v", over, time.Since(began))
		}
		time.Sleep(7900 * time.Millisecond)
		if over != 0 {
			t.Error("ran out too early")
		}
		if time.Sleep(200 * time.Millisecond); over != 1 {
			t.Errorf("ran out %d times, want 1", over)
		}
		if time.Sleep(time.Minute); over != 2 {
			t.Errorf("ran out %d times, want 2: once more, and no more", over)
		}
		if !s.End() {
			t.Error("it does not know that it ran out")
		}
	})
}

// Ended or nil, it never runs out.
func TestSilenceEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSilence(time.Second, func() bool { t.Error("ran out"); return true })
		if s.End() {
			t.Error("ran out at once")
		}
		s.Resume()
		time.Sleep(time.Minute)
		var none *Silence
		none.Heard()
		none.Pause()
		none.Resume()
		none.End()
	})
}

// endless is a reader that repeats a text for ever.
type endless string

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e[i%len(e)]
	}
	return len(p), nil
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", Line)
	for _, c := range []struct {
		name string
		in   io.Reader
		want string // what the last error says
	}{
		{"lines", strings.NewReader("a\nb\nc"), "EOF"},
		{"a long line", strings.NewReader(long[:Line-1] + "\nb\n"), "EOF"},
		{"too long a line", strings.NewReader("a\n" + long + "\n"), "it sent a line of more than 64 kB in facts"},
		{"no line at all", endless("x"), "it sent a line of more than 64 kB in facts"},
		{"binary", endless("\x00\xff\n\r"), "it sent more than 131072 lines of facts"},
		{"empty lines", endless("\n"), "it sent more than 131072 lines of facts"},
		{"too much", io.MultiReader(strings.NewReader("a\n"), endless(long[:1023]+"\n")), "it sent more than 4 MB of facts"},
	} {
		l := NewLines(c.in, "facts", Facts)
		var err error
		for err == nil {
			_, err = l.Next()
		}
		if err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		if bounded := errors.As(err, new(*Error)); bounded == (c.want == "EOF") {
			t.Errorf("%s: %T", c.name, err)
		}
	}
	l := NewLines(strings.NewReader("one\ntwo\nthree"), "facts", Facts)
	first, _ := l.Next()
	second, err := NewLines(l, "more", 100).Next()
	if rest, _ := io.ReadAll(l); first != "one\n" || second != "two\n" || err != nil || string(rest) != "three" {
		t.Errorf("read %q, %q, %v, %q", first, second, err, rest)
	}
}

func TestAll(t *testing.T) {
	if out, err := All(strings.NewReader("abc"), "an answer", 3); string(out) != "abc" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := All(endless("x"), "an answer", Answer); len(out) > 0 || err == nil || err.Error() != "it sent more than 4 MB of an answer" {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func TestStage(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{100 * time.Millisecond: 2500 * time.Millisecond, 2 * time.Second: 4 * time.Second, 10 * time.Second: 20 * time.Second} {
		if got := Stage(timeout); got != want {
			t.Errorf("with --timeout %v a stage may last %v, want %v", timeout, got, want)
		}
	}
}
