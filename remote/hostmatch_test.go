package remote

import (
	"strings"
	"testing"
	"time"
)

func TestMatchList(t *testing.T) {
	t.Parallel()
	tests := []struct {
		list, name string
		want       bool
	}{
		{"web1", "web1", true},
		{"WEB1", "web1", true},
		{"web1", "web10", false},
		{"web10", "web1", false},
		{"web*", "web", true},
		{"*web*", "web", true},
		{"w*b*1", "wxbbx1", true},
		{"w*b*1", "wxbbx12", false},
		{"web?", "web", false},
		{"web?", "web1", true},
		{"?", "", false},
		{"*", "", true},
		{"**?*", "", false},
		{"**?*", "x", true},
		{"", "", false},
		{",", "", true},
		{"!", "web1", false},
		{"!,web1", "web1", true},
		{"a,!web1,*", "web1", false},
		{"*,!web1", "web1", false},
		{"*,!WEB?", "web1", false},
		{"!web2", "web1", false},
		{"[*]:22", "[web1]:22", true},
		{"[*]:22", "[web1]:2222", false},
		{"\xff*", "\xffx", true},
		{"Ä", "ä", false}, // ASCII only, as in OpenSSH
		{"[a-z]", "b", false},
		{"web1," + strings.Repeat("a", 1022), "web1", true},
		{"web1," + strings.Repeat("a", 1023), "web1", false},
		{"!web1," + strings.Repeat("a", 1023), "web1", false},
	}
	for _, tt := range tests {
		if got := matchList(tt.list, tt.name); got != tt.want {
			t.Errorf("%.40q matches %q: %v, want %v", tt.list, tt.name, got, tt.want)
		}
	}
}

// A line of many * takes no time.
func TestMatchPatternQuick(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	if matchPattern(strings.Repeat("*a", 500)+"b", strings.Repeat("a", 1000)) {
		t.Error("it matches")
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

// FuzzMatchPattern holds the quick way against the plain one, which is
// OpenSSH's.
func FuzzMatchPattern(f *testing.F) {
	f.Add("*a?b*", "xaybz")
	f.Fuzz(func(t *testing.T, p, s string) {
		if len(p) > 12 || len(s) > 20 {
			return
		}
		if got, want := matchPattern(p, s), wildcard(p, s); got != want {
			t.Errorf("%q matches %q: %v, want %v", p, s, got, want)
		}
	})
}

// wildcard is the plain way.
func wildcard(p, s string) bool {
	for p != "" {
		if p[0] == '*' {
			for i := 0; i <= len(s); i++ {
				if wildcard(p[1:], s[i:]) {
					return true
				}
			}
			return false
		}
		if s == "" || (p[0] != '?' && p[0] != s[0]) {
			return false
		}
		p, s = p[1:], s[1:]
	}
	return s == ""
}
