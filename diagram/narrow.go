package diagram

import "github.com/lvsdeploy/lvsdeploy/inventory"

// narrow: everything in one column, the networks on its left.
func (l *layout) narrow() {
	const edge, stub, width = 10, 34, 340
	p := l.p
	p.width = width
	lanes := 2
	if l.mode == inventory.DR {
		lanes = 3
	}
	x := edge + bandWidth(lanes) + stub
	w := width - x - edge

	y := l.top()
	place := func(b box) box {
		b.x, b.y = x, y
		y = b.bottom() + webGap
		p.boxes = append(p.boxes, b)
		return b
	}
	caption := func(c class, text string) {
		for _, part := range wrap(text, c.font(), w, 2) {
			p.labels = append(p.labels, label{c, point{x, y + 12}, "start", part})
			y += c.height()
		}
		y += 8
	}
	if l.mode == inventory.DR {
		caption(classNet, "LAN "+l.c.Network.String())
	} else {
		caption(classNet, "clients "+clientSide(l.c, l.mode).String())
	}
	client := place(l.clientBox(w))
	director := newBox(kindDirector, w, directorLines(l.c, l.mode))
	if l.mode != inventory.DR { // two ways on each side of it
		director.h = max(director.h, 5*portGap+12)
	}
	director = place(director)
	if l.mode != inventory.DR {
		y += 4
		caption(classNet, "LAN "+l.c.Network.String())
	}
	caption(classRole, l.realServers())
	webs := l.webs(x, y, w)
	p.boxes = append(p.boxes, webs...)
	y = webs[len(webs)-1].bottom() + webGap
	var storage []box
	if l.c.NFS != nil {
		y += 8
		storage = []box{place(newBox(kindStorage, w, storageLines(l.c)))}
	}

	in, out := ports(webs)
	at := func(b box, y int) []point { return []point{{b.x, y}} }
	replied, ask := client.middle()-portGap/2, client.middle()+portGap/2
	// The lane nearest to the boxes is the one that crosses none.
	near, far := lanes-1, 0
	lan := band{x: edge, w: bandWidth(lanes)}
	ys := ysOf(in, out)
	for _, s := range storage {
		ys = append(ys, s.middle())
	}
	if l.mode == inventory.DR {
		asked, pass := director.middle()-portGap/2, director.middle()+portGap/2
		lan.span(append(ys, replied)...)
		p.bands = append(p.bands, lan)
		l.way(way{1, wireRequest, lan.lane(near), at(client, ask), at(director, asked)})
		l.way(way{2, wireRequest, lan.lane(1), at(director, pass), in})
		l.way(way{3, wireAnswer, lan.lane(far), out, at(client, replied)})
	} else {
		asked, reply := director.y+20, director.y+20+portGap
		back, pass := director.bottom()-20-portGap, director.bottom()-20
		wan := band{x: edge, w: bandWidth(lanes)}
		wan.span(replied, reply)
		lan.span(append(ys, back)...)
		p.bands = append(p.bands, wan, lan)
		l.way(way{1, wireRequest, wan.lane(near), at(client, ask), at(director, asked)})
		l.way(way{2, wireRequest, lan.lane(near), at(director, pass), in})
		l.way(way{3, wireAnswer, lan.lane(far), out, at(director, back)})
		l.way(way{4, wireAnswer, wan.lane(far), at(director, reply), at(client, replied)})
	}
	for _, s := range storage {
		l.link(point{s.x, s.middle()}, lan)
	}
	l.legend(y - webGap)
}
