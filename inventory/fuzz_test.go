package inventory

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzLoad: whatever the file holds, loading does not panic; errors stand
// inside the file and are fit for a terminal; a cluster that loads holds what
// the other packages rely on; and every value of it was found in the source.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for i, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range archive.Files {
			if part.Name == "hosts.toml" {
				f.Add(part.Data, byte(i%3))
			}
		}
	}
	f.Add([]byte(Sample(NAT)), byte(0))
	f.Add([]byte(Sample(DR)), byte(0))
	f.Add([]byte("a.\"b\\u0063\".'d' = [1, [2, '''x''''], {e = 1, f.g = \"\"\"\\\"\"\"\"}, # ]\n]\n[a . h]\n[[i.j]]\n[i.j.k]\n[[i.j]]\n\"\" = 2026-01-01 01:02:03"), byte(0))

	f.Fuzz(func(t *testing.T, data []byte, choice byte) {
		mode := []Mode{"", NAT, DR}[choice%3]
		c, err := Parse("hosts.toml", data, mode)
		if err != nil {
			checkErrors(t, strings.TrimPrefix(string(data), "\ufeff"), err)
		} else {
			checkCluster(t, c, mode)
		}
		r := &reader{file: "hosts.toml", src: strings.TrimPrefix(string(data), "\ufeff")}
		if vals := r.decode(); len(r.errs) == 0 {
			checkPositions(t, r.src, "", vals, positions(r.src))
		}
	})
}

func checkErrors(t *testing.T, src string, err error) {
	t.Helper()
	var errs Errors
	if !errors.As(err, &errs) || len(errs) == 0 {
		t.Fatalf("not Errors: %v", err)
	}
	lines := strings.Split(src, "\n")
	for i, e := range errs {
		if e.Line < 1 || e.Line > len(lines) {
			t.Fatalf("line %d of %d: %v", e.Line, len(lines), e)
		}
		if e.Col < 1 || e.Col > 1+utf8.RuneCountInString(lines[e.Line-1]) {
			t.Fatalf("column %d of %q: %v", e.Col, lines[e.Line-1], e)
		}
		if !strings.HasPrefix(e.Msg, "cannot ") || !printable(e.Msg) || !printable(e.Hint) {
			t.Fatalf("not fit to print: %q", e.Error())
		}
		if i > 0 && (errs[i-1].Line > e.Line || *errs[i-1] == *e) {
			t.Fatalf("out of order or twice: %v", errs)
		}
	}
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// checkCluster holds a loaded cluster against what is promised of it.
func checkCluster(t *testing.T, c *Cluster, mode Mode) {
	t.Helper()
	eachString(reflect.ValueOf(c), func(s string) {
		if !printable(s) {
			t.Fatalf("%q in a loaded cluster", s)
		}
	})
	if mode != "" && c.Mode != mode || c.Mode != NAT && c.Mode != DR {
		t.Fatalf("mode %q, asked for %q", c.Mode, mode)
	}
	if !c.Network.IsValid() || c.Network != c.Network.Masked() || !plain(c.Name, lower+digits+"-") {
		t.Fatalf("network %v, name %q", c.Network, c.Name)
	}
	names, addrs := map[string]bool{"": true, "local": true}, map[any]bool{}
	hosts := c.Hosts()
	if c.Client != nil {
		hosts = append(hosts, c.Client.Host)
	}
	for i, h := range hosts {
		client := c.Client != nil && i == len(hosts)-1
		if names[h.Name] || addrs[h.Address] || h.Name[0] == '-' || len(h.Interface) > 15 {
			t.Fatalf("host %+v", h)
		}
		names[h.Name], addrs[h.Address] = true, true
		if inside := c.Network.Contains(h.Address); !client && !inside || client && inside && c.Mode == NAT {
			t.Fatalf("host %+v and network %v", h, c.Network)
		}
		if edge(c.Network, h.Address) != "" || !h.Address.Is4() || h.SSH.Port < 0 || h.SSH.Port > 65535 {
			t.Fatalf("host %+v", h)
		}
	}
	if c.Mode == NAT && (c.Director.WANInterface == "" || !c.Director.WANAddress.IsValid() || c.Director.WANAddress.Overlaps(c.Network)) {
		t.Fatalf("director %+v", c.Director)
	}
	if len(c.Services) == 0 || len(c.Webs) == 0 {
		t.Fatal("nothing to serve, or nobody to serve it")
	}
	keys := map[string]bool{}
	for _, s := range c.Services {
		own := s.VIP == c.Director.WANAddress.Addr() || s.VIP == c.Director.Address
		if keys[s.Key()] || len(c.WebsOf(s)) == 0 || len(c.WebsOf(s)) != len(s.Webs) || s.Port == 0 || indexOf(schedulers(), s.Scheduler) < 0 ||
			c.Mode == NAT && !own || c.Mode == DR && (!c.Network.Contains(s.VIP) || addrs[s.VIP] || edge(c.Network, s.VIP) != "") {
			t.Fatalf("service %+v", s)
		}
		keys[s.Key()] = true
		for _, w := range c.WebsOf(s) {
			if port := RealPort(s, w); port == 0 || c.Mode == DR && port != s.Port {
				t.Fatalf("service %+v, web %+v", s, w)
			}
		}
	}
	for _, w := range c.Webs {
		given := 0
		for _, s := range []string{w.Mount, w.Index, w.Site} {
			if s != "" {
				given++
			}
		}
		_, exported := c.Export(w.Mount)
		if given != 1 || w.Mount != "" && !exported || w.Weight < 0 || w.Weight > 65535 || len(c.ServicesOf(w)) == 0 {
			t.Fatalf("web %+v", w)
		}
		if w.Site != "" && !filepath.IsAbs(w.Site) {
			t.Fatalf("web %+v", w)
		}
	}
}

// eachString calls f with every string that v holds.
func eachString(v reflect.Value, f func(string)) {
	switch v.Kind() {
	case reflect.String:
		f(v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			eachString(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachString(v.Index(i), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachString(v.Field(i), f)
			}
		}
	}
}

// checkPositions walks the decoded values and the found positions together:
// every value must have been found, at a place that begins like one of its
// type.
func checkPositions(t *testing.T, src, path string, v any, n *node) {
	t.Helper()
	if n == nil {
		t.Fatalf("%s: not found in\n%s", path, src)
	}
	begins := func(chars string) {
		t.Helper()
		if n.value >= len(src) || strings.IndexByte(chars, src[n.value]) < 0 {
			t.Fatalf("%s: %T found at %d, not beginning with any of %s in\n%s", path, v, n.value, chars, src)
		}
	}
	list := func(size int, elem func(int) any) {
		t.Helper()
		begins("[")
		if len(n.elems) != size {
			t.Fatalf("%s: %d elements found of %d in\n%s", path, len(n.elems), size, src)
		}
		for i, e := range n.elems {
			checkPositions(t, src, path+"[]", elem(i), e)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for key, sub := range v {
			c := n.keys[key]
			checkPositions(t, src, path+"."+key, sub, c)
			if s := (&scanner{src: src, pos: c.key}); src[c.key] != '[' {
				if p := s.parts(); len(p) == 0 || p[0].key != key || p[0].at != c.key {
					t.Fatalf("%s: the key %q found at %d as %v in\n%s", path, key, c.key, p, src)
				}
			}
		}
	case []any:
		list(len(v), func(i int) any { return v[i] })
	case []map[string]any:
		list(len(v), func(i int) any { return v[i] })
	case string:
		begins(`"'`)
	case bool:
		begins("tf")
	case int64, float64:
		begins("+-0123456789.in")
	default:
		begins("0123456789")
	}
}

// TestNesting: what would cost the decoder the square of its depth in memory
// is refused before it is decoded.
func TestNesting(t *testing.T) {
	for _, src := range []string{
		"a = " + strings.Repeat("[", 1000), "a = " + strings.Repeat("{a=", 1000), "a = " + strings.Repeat("[{a=", 1000),
		strings.Repeat("a.", 1000) + "a = 1", "[" + strings.Repeat("a.", 1000) + "a]", "a = {" + strings.Repeat("a . ", 1000) + "a = 1}",
	} {
		_, err := Parse("hosts.toml", []byte(src), "")
		if err == nil || !strings.Contains(err.Error(), "cannot read tables and lists as deep as this") {
			t.Errorf("%.20s…: %v", src, err)
		}
	}
	deep := Sample(NAT) + `index = "` + strings.Repeat("[.", 1000) + `" # ` + strings.Repeat("[.", 1000)
	if _, err := Parse("hosts.toml", []byte(deep), ""); err == nil || strings.Contains(err.Error(), "deep") {
		t.Errorf("brackets in a string: %v", err)
	}
	if _, err := Parse("hosts.toml", make([]byte, tooLarge+1), ""); err == nil {
		t.Error("too large: loaded")
	}
}
