// Package diagram draws a cluster as an SVG: who is there, on which network,
// and the way that packets take in the cluster's mode. It knows the inventory
// only and contacts nobody; the same inventory gives the same bytes. It may
// import inventory.
package diagram

import (
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// Options says how to draw. The zero value is usable.
type Options struct {
	Mode   inventory.Mode // empty: the cluster's
	Narrow bool           // one column, for phones
	// Inline leaves out the XML namespace and the background, for an SVG that
	// is part of a page.
	Inline bool
	// ID goes before the ids in the picture: two on one page need two. Letters
	// only; empty: "lvs".
	ID string
	// Failed are hosts to mark, by name: a cross, and the class "failed", which
	// the page has to give a look.
	Failed []string
}

// SVG draws the cluster.
func SVG(c *inventory.Cluster, o Options) string {
	if o.Mode == "" {
		o.Mode = c.Mode
	}
	if o.ID == "" {
		o.ID = "lvs"
	}
	p := draw(c, o)
	for i := range p.boxes {
		p.boxes[i].failed = slices.ContainsFunc(p.boxes[i].lines, func(l line) bool {
			return l.class == className && slices.Contains(o.Failed, l.whole)
		})
	}
	var b strings.Builder
	p.write(&b, o)
	return b.String()
}

// picture is a drawing in pixels, before it becomes text. What it holds can
// be measured: the tests do.
type picture struct {
	width, height int
	title, about  string // for those who do not see it
	bands         []band
	boxes         []box
	wires         []wire
	badges        []badge
	labels        []label
}

// draw lays the cluster out.
func draw(c *inventory.Cluster, o Options) *picture {
	p := &picture{title: titleOf(c, o.Mode), about: about(c, o.Mode)}
	l := layout{c: c, mode: o.Mode, p: p}
	switch {
	case o.Narrow:
		l.narrow()
	case o.Mode == inventory.DR:
		l.wideDR()
	default:
		l.wideNAT()
	}
	return p
}

// The kinds of boxes.
const (
	kindClient   = "client"
	kindDirector = "director"
	kindWeb      = "web"
	kindStorage  = "storage"
)

// box is a machine.
type box struct {
	kind       string
	anybody    bool // no machine of the inventory
	failed     bool // something is wrong with it
	x, y, w, h int
	lines      []line
}

const (
	padX = 12 // between a box's edge and its text
	padY = 9
)

func (b box) right() int  { return b.x + b.w }
func (b box) bottom() int { return b.y + b.h }
func (b box) middle() int { return b.y + b.h/2 }

// newBox is a box w wide and as high as its lines.
func newBox(kind string, w int, lines []line) box {
	b := box{kind: kind, w: w, h: 2 * padY}
	for _, l := range lines {
		for _, text := range wrap(l.text, l.class.font(), w-2*padX-l.class.extra(), l.class.most()) {
			b.lines = append(b.lines, line{l.class, text, l.text})
			b.h += l.class.height()
		}
	}
	return b
}

// clientBox is the client, or whoever asks.
func (l *layout) clientBox(w int) box {
	b := newBox(kindClient, w, clientLines(l.c, l.mode))
	b.anybody = l.c.Client == nil
	return b
}

// band is a network: a strip in which packets travel.
type band struct{ x, y, w, h int }

// wire is a part of a way: straight pieces from point to point.
type wire struct {
	class  string // request, answer, link
	points []point
	arrow  bool // at the last point
}

type point struct{ x, y int }

// badge is a step's number on its way.
type badge struct {
	class string
	n     int
	at    point // its centre
}

const badgeRadius = 9

// label is a line of text outside the boxes.
type label struct {
	class  class
	at     point // on the baseline
	anchor string
	text   string
}
