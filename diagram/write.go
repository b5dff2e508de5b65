package diagram

import (
	_ "embed" // the style sheet
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

//go:embed style.css
var style string

// Style is the style sheet of an Inline picture: once for a whole page.
func Style() string { return style }

// escape is the only way for text into the picture.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(printable(s))) // a Builder takes everything
	return b.String()
}

func (p *picture) write(b *strings.Builder, o Options) {
	put := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	namespace := ""
	if !o.Inline {
		namespace = ` xmlns="http://www.w3.org/2000/svg"`
	}
	put(`<svg%s class="lvsdeploy" role="img" aria-labelledby="%s-title %s-desc" width="%d" height="%d" viewBox="0 0 %d %d">`,
		namespace, o.ID, o.ID, p.width, p.height, p.width, p.height)
	put(`<title id="%s-title">%s</title>`, o.ID, escape(p.title))
	put(`<desc id="%s-desc">%s</desc>`, o.ID, escape(p.about))
	if !o.Inline {
		put("<style>\n%s</style>", style)
		put(`<rect class="back" width="%d" height="%d" rx="10"/>`, p.width, p.height)
	}
	for _, n := range p.bands {
		put(`<rect class="band" x="%d" y="%d" width="%d" height="%d" rx="8"/>`, n.x, n.y, n.w, n.h)
	}
	for _, w := range p.wires {
		put(`%s`, w.text())
	}
	for _, box := range p.boxes {
		box.write(put)
	}
	for _, g := range p.badges {
		put(`<circle class="badge %s" cx="%d" cy="%d" r="%d"/>`, g.class, g.at.x, g.at.y, badgeRadius)
		put(`<text class="number" x="%d" y="%d" text-anchor="middle">%d</text>`, g.at.x, g.at.y+4, g.n)
	}
	for _, t := range p.labels {
		put(`<text class="%s" x="%d" y="%d" text-anchor="%s">%s</text>`, t.class, t.at.x, t.at.y, t.anchor, escape(t.text))
	}
	put(`</svg>`)
}

// text draws a wire up to its arrow, and the arrow up to the wire's end.
func (w wire) text() string {
	from, to := w.points[0], w.points[len(w.points)-1]
	const long, wide = 9, 5
	dir := 1
	if to.x < from.x {
		dir = -1
	}
	end := to
	if w.arrow {
		end.x -= dir * long
	}
	s := fmt.Sprintf(`<path class="wire %s" d="M%d %dL%d %d"/>`, w.class, from.x, from.y, end.x, end.y)
	if w.arrow {
		s += fmt.Sprintf("\n"+`<path class="head %s" d="M%d %dl%d %dv%dz"/>`, w.class, to.x, to.y, -dir*long, -wide, 2*wide)
	}
	return s
}

func (b box) write(put func(string, ...any)) {
	class := "box " + b.kind
	if b.anybody {
		class += " anybody"
	}
	if b.failed {
		class += " failed"
	}
	put(`<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="7"/>`, class, b.x, b.y, b.w, b.h)
	if b.failed { // not by colour alone
		put(`<text class="cross" x="%d" y="%d" text-anchor="end">✗<title>a check of this host failed</title></text>`, b.x+b.w-padX/2, b.y+padY+11)
	}
	y := b.y + padY
	for _, l := range b.lines {
		x, baseline, anchor := b.x+padX, y+l.class.height()-4, ""
		if l.class == classVIP {
			w := pillWidth(l.text)
			put(`<rect class="pill" x="%d" y="%d" width="%d" height="19" rx="9.5"/>`, x, y+1, w)
			x, baseline, anchor = x+w/2, y+15, ` text-anchor="middle"`
		}
		tip := ""
		if strings.Contains(l.text, "…") { // the whole of what was cut
			tip = "<title>" + escape(l.whole) + "</title>"
		}
		put(`<text class="%s" x="%d" y="%d"%s>%s%s</text>`, l.class, x, baseline, anchor, tip, escape(l.text))
		y += l.class.height()
	}
}

func pillWidth(text string) int {
	return int(math.Ceil(measure(text, classVIP.font()))) + classVIP.extra()
}
