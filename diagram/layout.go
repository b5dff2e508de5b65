package diagram

import (
	"fmt"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// The classes of wires.
const (
	wireRequest = "request"
	wireAnswer  = "answer"
	wireLink    = "link"
)

// layout places one cluster. Every network is a vertical band; the ways of
// the packets are lanes in it, with a branch to each machine.
type layout struct {
	c    *inventory.Cluster
	mode inventory.Mode
	p    *picture
}

const (
	margin   = 20
	webGap   = 14 // between real servers
	rowGap   = 30 // between other machines
	lanePad  = 13 // between a band's edge and its first lane
	laneGap  = 18
	portGap  = 26 // between the two ways at one side of a machine
	beyond   = 14 // how far a band goes on behind its last branch
	legendAt = 26 // between the last machine and the legend
)

// bandWidth is the width of a band of n lanes.
func bandWidth(lanes int) int { return 2*lanePad + (lanes-1)*laneGap }

// lane is the middle of the n-th lane, from 0.
func (b band) lane(n int) int { return b.x + lanePad + n*laneGap }

// top writes the title and gives the y below it.
func (l *layout) top() int {
	y := margin
	room := l.p.width - 2*margin
	for _, text := range wrap(l.p.title, classTitle.font(), room, 3) {
		l.p.labels = append(l.p.labels, label{classTitle, point{margin, y + 18}, "start", text})
		y += classTitle.height()
	}
	for _, text := range wrap("forwarding method: "+method(l.mode), classSub.font(), room, 2) {
		l.p.labels = append(l.p.labels, label{classSub, point{margin, y + 12}, "start", text})
		y += classSub.height()
	}
	return y + 10
}

// legend writes the steps below everything and sets the picture's height.
func (l *layout) legend(y int) {
	y += legendAt
	for i, s := range steps(l.c, l.mode) {
		l.p.badges = append(l.p.badges, badge{s.class, i + 1, point{margin + badgeRadius, y + 8}})
		x := margin + 2*badgeRadius + 9
		for _, text := range wrap(s.text, classSub.font(), l.p.width-margin-x, 9) {
			l.p.labels = append(l.p.labels, label{classSub, point{x, y + 12}, "start", text})
			y += classSub.height()
		}
		y += 9
	}
	l.p.height = y + margin - 9
}

// header names a column or a network, with its middle at x.
func (l *layout) header(c class, x, y int, texts ...string) {
	for _, text := range texts {
		l.p.labels = append(l.p.labels, label{c, point{x, y}, "middle", text})
		y += 15
	}
}

func (l *layout) realServers() string {
	if n := len(l.c.Webs); n != 1 {
		return fmt.Sprintf("%d real servers", n)
	}
	return "1 real server"
}

// webs makes the boxes of the real servers, one below the other.
func (l *layout) webs(x, y, w int) []box {
	var boxes []box
	contents := [][]line{}
	for _, web := range l.c.Webs {
		contents = append(contents, webLines(l.c, l.mode, web))
	}
	if len(contents) == 0 { // no inventory that was loaded is like that
		contents = append(contents, []line{{classNote, "the inventory names no real server", ""}})
	}
	for _, lines := range contents {
		b := newBox(kindWeb, w, lines)
		b.h = max(b.h, portGap+28)
		b.x, b.y = x, y
		y = b.bottom() + webGap
		boxes = append(boxes, b)
	}
	return boxes
}

// stack is how high boxes are with a gap between them.
func stack(gap int, boxes ...box) int {
	h := -gap
	for _, b := range boxes {
		h += b.h + gap
	}
	return h
}

// lower is how far the shorter of two columns goes down to stand before the
// middle of the other: not so far that the reader has to look for it.
func lower(tall, short int) int { return min(max(0, (tall-short)/2), 140) }

// move puts boxes lower.
func move(boxes []box, by int) {
	for i := range boxes {
		boxes[i].y += by
	}
}

// way draws one step: from a machine's port along a lane to one port or
// several, or from several to one.
type way struct {
	step  int
	class string
	lane  int // x
	from  []point
	to    []point
}

// draw adds the wires and the badge. A branch ends at the edge of a box, on
// whichever side of the lane it is.
func (l *layout) way(w way) {
	first := w.from[0]
	top, bottom := first.y, first.y
	for _, p := range append(w.from[1:len(w.from):len(w.from)], w.to...) {
		top, bottom = min(top, p.y), max(bottom, p.y)
	}
	if top != bottom {
		l.p.wires = append(l.p.wires, wire{w.class, []point{{w.lane, top}, {w.lane, bottom}}, false})
	}
	for _, p := range w.from {
		l.p.wires = append(l.p.wires, wire{w.class, []point{p, {w.lane, p.y}}, false})
	}
	for _, p := range w.to {
		l.p.wires = append(l.p.wires, wire{w.class, []point{{w.lane, p.y}, p}, true})
	}
	by := badgeRadius + 5
	if w.lane < first.x {
		by = -by
	}
	l.p.badges = append(l.p.badges, badge{w.class, w.step, point{first.x + by, first.y}})
}

// ports are the two places at one side of each web: requests come in above,
// answers leave below.
func ports(webs []box) (in, out []point) {
	for _, b := range webs {
		in = append(in, point{b.x, b.middle() - portGap/2})
		out = append(out, point{b.x, b.middle() + portGap/2})
	}
	return in, out
}

// link ties a machine that is on no packet's way to its network.
func (l *layout) link(from point, b band) {
	x := b.x
	if from.x > b.x {
		x = b.x + b.w
	}
	l.p.wires = append(l.p.wires, wire{wireLink, []point{from, {x, from.y}}, false})
}

// span makes a band as long as its branches need.
func (b *band) span(ys ...int) {
	top, bottom := ys[0], ys[0]
	for _, y := range ys {
		top, bottom = min(top, y), max(bottom, y)
	}
	b.y, b.h = top-beyond, bottom-top+2*beyond
}

// apart moves y away from the branches to others, which it would hide: those
// are much farther from one another.
func apart(y int, others []point) int {
	const least = 6
	for _, p := range others {
		switch d := y - p.y; {
		case d >= 0 && d < least:
			return p.y + least
		case d < 0 && d > -least:
			return p.y - least
		}
	}
	return y
}

func ysOf(points ...[]point) []int {
	var ys []int
	for _, list := range points {
		for _, p := range list {
			ys = append(ys, p.y)
		}
	}
	return ys
}
