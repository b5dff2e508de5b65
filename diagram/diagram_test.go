package diagram

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

var update = flag.Bool("update", false, "write the golden files, and the pictures in docs, anew")

func sample(t *testing.T, mode inventory.Mode) *inventory.Cluster {
	t.Helper()
	c, err := inventory.Parse("hosts.toml", []byte(inventory.Sample(mode)), "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (go test ./diagram -update writes it anew): %s", file, d)
	}
}

// The pictures of the README are what the tool draws of the samples.
func TestDocs(t *testing.T) {
	golden(t, "../docs/nat.svg", SVG(sample(t, inventory.NAT), Options{}))
	golden(t, "../docs/dr.svg", SVG(sample(t, inventory.DR), Options{}))
}

func TestGolden(t *testing.T) {
	golden(t, "testdata/nat-narrow.svg", SVG(sample(t, inventory.NAT), Options{Narrow: true}))
	golden(t, "testdata/dr-narrow.svg", SVG(sample(t, inventory.DR), Options{Narrow: true}))
	large := generated(rand.New(rand.NewPCG(1, 12)), inventory.NAT, 12)
	golden(t, "testdata/nat-12.svg", SVG(large, Options{}))
	large = generated(rand.New(rand.NewPCG(2, 12)), inventory.DR, 12)
	golden(t, "testdata/dr-12.svg", SVG(large, Options{}))
}

// The words that somebody looks for are there, in each mode.
func TestWords(t *testing.T) {
	for mode, words := range map[inventory.Mode][]string{
		inventory.NAT: {"masquerading (ipvsadm -m)", "12.0.0.1/24 · ens37", "192.168.1.10 · ens33", ">VIP 12.0.0.1<", "port 80/tcp · rr",
			"192.168.1.20:80 · ens33", "exports /opt/kk", "12.0.0.100", ">192.168.1.0/24<", ">12.0.0.0/24<", "through the director"},
		inventory.DR: {"direct routing (ipvsadm -g)", "192.168.1.40 · ens33", ">VIP 192.168.1.48<", ">VIP 192.168.1.48 on lo<",
			"192.168.1.30:80 · ens33", "192.168.1.100", ">192.168.1.0/24<", "answers the client itself"},
	} {
		svg := SVG(sample(t, mode), Options{})
		for _, w := range words {
			if !strings.Contains(svg, w) {
				t.Errorf("%s: no %q", mode, w)
			}
		}
	}
	c := sample(t, inventory.NAT)
	if SVG(c, Options{}) != SVG(c, Options{Mode: inventory.NAT}) {
		t.Error("the inventory's mode is not the default")
	}
	c.Client = nil
	if svg := SVG(c, Options{}); !strings.Contains(svg, "anybody") {
		t.Error("without a client nobody asks")
	}
}

// generated is an inventory as wild as the validation lets through.
func generated(r *rand.Rand, mode inventory.Mode, webs int) *inventory.Cluster {
	const chars = "abcdefghimwlt0123456789.-"
	word := func(most int) string {
		n := 1 + r.IntN(most)
		if r.IntN(3) > 0 {
			n = min(n, 8)
		}
		b := []byte("w")
		for range n - 1 {
			b = append(b, chars[r.IntN(len(chars))])
		}
		return string(b)
	}
	host := func(last byte) inventory.Host {
		h := inventory.Host{Name: fmt.Sprint(last, word(60)), Address: netip.AddrFrom4([4]byte{192, 168, 100, last})}
		if r.IntN(2) == 0 {
			h.Interface = word(15)
		}
		return h
	}
	c := &inventory.Cluster{Name: word(63), Mode: mode, Network: netip.MustParsePrefix("192.168.100.0/24"), Director: inventory.Director{Host: host(1)}}
	c.Director.WANInterface, c.Director.WANAddress = word(15), netip.MustParsePrefix("212.212.212.212/28")
	if r.IntN(2) == 0 {
		c.NFS = &inventory.NFS{Host: host(2)}
		for range 1 + r.IntN(5) {
			c.NFS.Exports = append(c.NFS.Exports, inventory.Export{Path: "/" + word(1000)})
		}
	}
	if r.IntN(2) == 0 {
		c.Client = &inventory.Client{Host: host(3)}
	}
	for i := range webs {
		w := inventory.Web{Host: host(byte(10 + i)), Weight: r.IntN(3)}
		if mode == inventory.NAT && r.IntN(3) == 0 {
			w.Port = uint16(1 + r.IntN(65535))
		}
		if c.NFS != nil {
			w.Mount = c.NFS.Exports[r.IntN(len(c.NFS.Exports))].Path
		}
		c.Webs = append(c.Webs, w)
	}
	for i := range 1 + r.IntN(5) {
		s := inventory.Service{VIP: c.Director.WANAddress.Addr(), Port: uint16(65535 - i), Protocol: "tcp", Scheduler: "wlc",
			Persistence: time.Duration(r.IntN(3)) * 90 * time.Minute}
		if mode == inventory.DR {
			s.VIP = netip.AddrFrom4([4]byte{192, 168, 100, byte(200 + r.IntN(3))})
		}
		for _, w := range c.Webs {
			if i == 0 || r.IntN(3) > 0 {
				s.Webs = append(s.Webs, w.Name)
			}
		}
		c.Services = append(c.Services, s)
	}
	return c
}

// Nothing runs into anything else, in any shape, whatever the inventory.
func TestLayout(t *testing.T) {
	n := 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 0))
		for _, mode := range []inventory.Mode{inventory.NAT, inventory.DR} {
			c := generated(r, mode, 1+int(seed)%14)
			for _, narrow := range []bool{false, true} {
				o := Options{Mode: mode, Narrow: narrow}
				name := fmt.Sprintf("seed %d, %s, narrow %v", seed, mode, narrow)
				checkLayout(t, name, draw(c, o))
				checkXML(t, name, SVG(c, o))
				if n++; t.Failed() {
					t.Fatalf("the inventory is %+v", c)
				}
			}
		}
	}
	if n != 600 {
		t.Errorf("%d pictures", n)
	}
}

type area struct {
	x1, y1, x2, y2 float64
	what           string
}

func (a area) meets(b area) bool {
	return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2
}

func (a area) within(b area) bool {
	return a.x1 >= b.x1 && a.y1 >= b.y1 && a.x2 <= b.x2 && a.y2 <= b.y2
}

func checkLayout(t *testing.T, name string, p *picture) {
	t.Helper()
	all := area{0, 0, float64(p.width), float64(p.height), "picture"}
	var solid []area // what must not meet
	for _, b := range p.boxes {
		a := area{float64(b.x), float64(b.y), float64(b.right()), float64(b.bottom()), "box " + b.lines[0].text}
		solid = append(solid, a)
		height := 2 * padY
		for _, l := range b.lines {
			height += l.class.height()
			if w := measure(l.text, l.class.font()) + float64(l.class.extra()); w > float64(b.w-2*padX)+1 {
				t.Errorf("%s: %q is %.0f wide in a box of %d", name, l.text, w, b.w)
			}
		}
		if height > b.h {
			t.Errorf("%s: %d of lines in a box %d high", name, height, b.h)
		}
	}
	for _, l := range p.labels {
		w, x := measure(l.text, l.class.font()), float64(l.at.x)
		if l.anchor == "middle" {
			x -= w / 2
		}
		solid = append(solid, area{x, float64(l.at.y) - l.class.font().size, x + w, float64(l.at.y) + 3, "label " + l.text})
	}
	for _, g := range p.badges {
		x, y := float64(g.at.x), float64(g.at.y)
		solid = append(solid, area{x - badgeRadius, y - badgeRadius, x + badgeRadius, y + badgeRadius, fmt.Sprint("badge ", g.n)})
	}
	for i, a := range solid {
		if !a.within(all) {
			t.Errorf("%s: %s is outside: %+v", name, a.what, a)
		}
		for _, b := range solid[:i] {
			if a.meets(b) {
				t.Errorf("%s: %s meets %s: %+v %+v", name, a.what, b.what, a, b)
			}
		}
	}
	for i, w := range p.wires {
		for _, v := range p.wires[:i] {
			if w.class != v.class && w.alongside(v) {
				t.Errorf("%s: a %s hides a %s: %+v %+v", name, w.class, v.class, w, v)
			}
		}
		from, to := w.points[0], w.points[len(w.points)-1]
		a := area{float64(min(from.x, to.x)) + 1, float64(min(from.y, to.y)) - .5, float64(max(from.x, to.x)) - 1, float64(max(from.y, to.y)) + .5, w.class}
		if from.x == to.x {
			a.x1, a.x2 = float64(from.x)-.5, float64(from.x)+.5
		}
		if !a.within(all) {
			t.Errorf("%s: a wire is outside: %+v", name, w)
		}
		for _, s := range solid {
			if a.meets(s) && !strings.HasPrefix(s.what, "badge") {
				t.Errorf("%s: %s runs through %s: %+v", name, w.class, s.what, w)
			}
		}
	}
}

// alongside tells whether two level wires share a stretch.
func (w wire) alongside(v wire) bool {
	a, b, c, d := w.points[0], w.points[1], v.points[0], v.points[1]
	return a.y == b.y && c.y == d.y && max(a.y-c.y, c.y-a.y) < 4 &&
		min(a.x, b.x) < max(c.x, d.x) && min(c.x, d.x) < max(a.x, b.x)
}

// checkXML demands well-formed XML, one title and description, and ids that
// are there.
func checkXML(t *testing.T, name, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	counts := map[string]int{}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			counts[e.Name.Local]++
			for _, a := range e.Attr {
				if a.Name.Local == "id" {
					counts["#"+a.Value]++
				}
			}
		}
	}
	if counts["svg"] != 1 || counts["desc"] != 1 || counts["#lvs-title"] != 1 || counts["#lvs-desc"] != 1 || counts["script"]+counts["image"] > 0 {
		t.Errorf("%s: %v", name, counts)
	}
}

// Whatever stands in the inventory stays text.
func TestHostile(t *testing.T) {
	const evil = "</text></svg><script>alert(1)</script>\"'&amp;]]>\x00\x1b[2J\xff\u202e\n"
	c := sample(t, inventory.NAT)
	c.Name, c.Director.Name, c.Director.Interface, c.Director.WANInterface = evil, evil, evil, evil
	c.Webs[0].Name, c.Webs[0].Mount, c.Webs[0].Interface = evil, evil, evil
	c.NFS.Name, c.NFS.Exports[0].Path, c.Client.Name = evil, evil, evil
	c.Services[0].Webs[0], c.Services[0].Scheduler, c.Services[0].Protocol = evil, evil, evil
	for _, o := range []Options{{}, {Mode: inventory.DR}, {Narrow: true}, {Inline: true}} {
		svg := SVG(c, o)
		checkXML(t, "hostile", svg)
		checkLayout(t, "hostile", draw(c, Options{Mode: inventory.NAT, Narrow: o.Narrow}))
		for _, bad := range []string{"<script", "\x00", "\x1b", "\u202e"} {
			if strings.Contains(svg, bad) {
				t.Errorf("the picture has %q", bad)
			}
		}
	}
}

func TestWrap(t *testing.T) {
	f := classText.font()
	for _, c := range []struct {
		in          string
		width, most int
		want        []string
	}{
		{"short", 200, 3, []string{"short"}},
		{"192.168.1.20:80 · ens33", 130, 3, []string{"192.168.1.20:80 ·", "ens33"}},
		{"aaaaaaaaaaaaaaaaaaaa", 82, 9, []string{"aaaaaaaaaa", "aaaaaaaaaa"}},
		{"web-1.example.com", 90, 9, []string{"web-1.", "example.", "com"}},
		{"/a/very/long/path/to/the/thing", 90, 1, []string{"/a/ve…/thing"}},
		{"", 90, 1, nil},
	} {
		if d := cmp.Diff(c.want, wrap(c.in, f, c.width, c.most)); d != "" {
			t.Errorf("%q: %s", c.in, d)
		}
	}
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if strings.Contains(path, ".") && path != "github.com/lvsdeploy/lvsdeploy/inventory" {
			t.Errorf("diagram must not import %s: it draws what the inventory says, and nothing else", path)
		}
	}
}
