package diagram

// The three shapes: both modes side by side from left to right, and one
// column for narrow screens.

// wideNAT: client, the clients' network, director with the storage below,
// LAN, real servers.
func (l *layout) wideNAT() {
	const clientW, directorW, webW, wanGap, lanGap = 178, 226, 232, 150, 154
	p := l.p
	p.width = 2*margin + clientW + wanGap + directorW + lanGap + webW
	directorX := margin + clientW + wanGap
	webX := directorX + directorW + lanGap

	client := l.clientBox(clientW)
	director := newBox(kindDirector, directorW, directorLines(l.c, l.mode))
	left := []box{director}
	if l.c.NFS != nil {
		left = append(left, newBox(kindStorage, directorW, storageLines(l.c)))
	}
	y := l.top()
	y += 36 // room for the networks' names
	webs := l.webs(webX, y, webW)
	leftH, webH := stack(rowGap, left...), stack(webGap, webs...)
	move(webs, lower(leftH, webH))
	l.p.labels = append(l.p.labels, label{classRole, point{webX, webs[0].y - 9}, "start", l.realServers()})
	at := y + lower(webH, leftH) + max(0, (client.h-director.h)/2)
	for i := range left {
		left[i].x, left[i].y = directorX, at
		at += left[i].h + rowGap
	}
	director = left[0]
	client.x, client.y = margin, director.middle()-client.h/2
	bottom := max(left[len(left)-1].bottom(), webs[len(webs)-1].bottom(), client.bottom())

	mid := director.middle()
	wan := band{x: margin + clientW + (wanGap-bandWidth(2))/2, w: bandWidth(2)}
	ask, reply := mid-portGap/2, mid+portGap/2
	wan.span(ask-20, reply+20)
	lan := band{x: directorX + directorW + (lanGap-bandWidth(2))/2, w: bandWidth(2)}
	in, out := ports(webs)
	back := apart(reply, in)
	ys := append(ysOf(in, out), ask, back)
	if len(left) > 1 {
		ys = append(ys, left[1].middle())
	}
	lan.span(ys...)
	p.bands = append(p.bands, wan, lan)
	l.header(classNet, wan.x+wan.w/2, wan.y-24, "clients", clientSide(l.c, l.mode).String())
	l.header(classNet, lan.x+lan.w/2, lan.y-24, "LAN", l.c.Network.String())

	p.boxes = append(append([]box{client}, left...), webs...)
	for _, s := range left[1:] {
		l.link(point{s.right(), s.middle()}, lan)
	}
	l.way(way{1, wireRequest, wan.lane(0), []point{{client.right(), ask}}, []point{{director.x, ask}}})
	l.way(way{2, wireRequest, lan.lane(0), []point{{director.right(), ask}}, in})
	l.way(way{3, wireAnswer, lan.lane(1), out, []point{{director.right(), back}}})
	l.way(way{4, wireAnswer, wan.lane(1), []point{{director.x, reply}}, []point{{client.right(), reply}}})
	l.legend(bottom)
}

// wideDR: client, director and storage on one side of the LAN, the real
// servers on the other.
func (l *layout) wideDR() {
	const leftW, webW, gap = 250, 250, 220
	p := l.p
	p.width = 2*margin + leftW + gap + webW
	webX := margin + leftW + gap

	left := []box{
		l.clientBox(leftW),
		newBox(kindDirector, leftW, directorLines(l.c, l.mode)),
	}
	if l.c.NFS != nil {
		left = append(left, newBox(kindStorage, leftW, storageLines(l.c)))
	}
	y := l.top()
	y += 36 // room for the networks' names
	webs := l.webs(webX, y, webW)
	leftH, webH := stack(rowGap, left...), stack(webGap, webs...)
	move(webs, lower(leftH, webH))
	l.p.labels = append(l.p.labels, label{classRole, point{webX, webs[0].y - 9}, "start", l.realServers()})
	at := y + lower(webH, leftH)
	for i := range left {
		left[i].x, left[i].y = margin, at
		at += left[i].h + rowGap
	}
	client, director := left[0], left[1]
	bottom := max(left[len(left)-1].bottom(), webs[len(webs)-1].bottom())

	lan := band{x: margin + leftW + (gap-bandWidth(3))/2, w: bandWidth(3)}
	in, out := ports(webs)
	replied, ask := apart(client.middle()-portGap/2, in), client.middle()+portGap/2
	asked, pass := director.middle()-portGap/2, director.middle()+portGap/2
	ys := append(ysOf(in, out), replied, pass)
	if len(left) > 2 {
		ys = append(ys, left[2].middle())
	}
	lan.span(ys...)
	p.bands = append(p.bands, lan)
	l.header(classNet, lan.x+lan.w/2, lan.y-24, "LAN", l.c.Network.String())

	p.boxes = append(left, webs...)
	for _, s := range left[2:] {
		l.link(point{s.right(), s.middle()}, lan)
	}
	l.way(way{1, wireRequest, lan.lane(0), []point{{client.right(), ask}}, []point{{director.right(), asked}}})
	l.way(way{2, wireRequest, lan.lane(1), []point{{director.right(), pass}}, in})
	l.way(way{3, wireAnswer, lan.lane(2), out, []point{{client.right(), replied}}})
	l.legend(bottom)
}
