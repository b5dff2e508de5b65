package remote

import "testing"

// FuzzParseKRL holds that no list, however damaged, ends the program.
func FuzzParseKRL(f *testing.F) {
	header := "\x00\x00\x00\x01" + string(make([]byte, 3*8+2*4))
	f.Add([]byte(header + "\x02\x00\x00\x00\x05\x00\x00\x00\x01k"))
	f.Add([]byte(header + "\x01\x00\x00\x00\x19\x00\x00\x00\x00\x00\x00\x00\x00\x22\x00\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x01\x81"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := parseKRL(text)
		if (l == nil) == (err == nil) {
			t.Fatalf("list %v, error %v", l, err)
		}
		if l == nil {
			return
		}
		for _, c := range l.certs {
			for _, s := range c.serials {
				s.hold(0)
				s.hold(^uint64(0))
			}
		}
	})
}
