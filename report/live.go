package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// The live lines. They are drawn below everything else, and erased by going
// up as many rows as they take: rows, not lines, because a terminal that was
// made narrower since has wrapped them.

// erase takes the live lines off the screen.
func (r *Reporter) erase() {
	if len(r.drawn) == 0 {
		return
	}
	_, _ = io.WriteString(r.o.Err, r.up()+"\x1b[J")
	r.drawn = nil
}

// up moves the cursor to the first row of the live lines.
func (r *Reporter) up() string {
	columns, _ := r.o.Size()
	rows := 0
	for _, n := range r.drawn {
		rows += max(1, (n+columns-1)/max(1, columns))
	}
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r", rows)
}

// draw puts the live lines on the screen, over the earlier ones.
func (r *Reporter) draw() {
	columns, rows := r.o.Size()
	lines := r.liveLines(columns, rows, r.o.Now())
	var b strings.Builder
	b.WriteString(r.up())
	r.drawn = r.drawn[:0]
	for _, line := range lines {
		b.WriteString(line.text + "\x1b[K\n")
		r.drawn = append(r.drawn, line.width)
	}
	b.WriteString("\x1b[J")
	if len(lines) > 0 || b.Len() > len("\x1b[J") {
		_, _ = io.WriteString(r.o.Err, b.String())
	}
}

type liveLine struct {
	text  string // with colours
	width int    // in columns
}

// liveLines is a line per host, as many as there is room for: half of the
// screen, so that what has happened stays readable above.
func (r *Reporter) liveLines(columns, rows int, now time.Time) []liveLine {
	room := max(1, rows/2, min(rows-1, 8))
	shown, rest := r.hosts, ""
	if len(shown) > room {
		shown, rest = r.busiest(room - 1)
	}
	names, stages := 0, 0
	for _, h := range shown {
		names = max(names, r.width.of(clean(h.name)))
		stages = max(stages, r.width.of(h.stage))
	}
	names, stages = min(names, columns/3, 24), min(stages, 16)
	if columns < 60 {
		stages = 0
	}
	var lines []liveLine
	for _, h := range shown {
		name := r.width.pad(r.width.fit(clean(h.name), names), names)
		line := name + "  "
		if stages > 0 {
			line += r.width.pad(r.width.fit(h.stage, stages), stages) + "  "
		}
		what, clock := h.doing, ticking(now.Sub(h.since))
		if what == "" || len(h.out) > 0 {
			clock = ""
		}
		if what == "" {
			what = h.countsText()
		}
		// One column stays free: some terminals wrap when the last is filled.
		space := columns - 1 - r.width.of(line)
		if clock != "" {
			space -= len(clock) + 2
		}
		line += r.width.fit(what, space)
		if clock != "" {
			line += "  " + clock
		}
		line = r.width.fit(line, columns-1)
		n := r.width.of(line)
		if strings.HasPrefix(line, name) {
			line = r.style.bold.Sprint(name) + line[len(name):]
		}
		if len(h.out) > 0 {
			line = r.style.bad.Sprint(line)
		}
		lines = append(lines, liveLine{line, n})
	}
	if rest != "" {
		rest = r.width.fit(rest, columns-1)
		lines = append(lines, liveLine{r.style.faint.Sprint(rest), r.width.of(rest)})
	}
	return lines
}

// busiest picks n hosts to show, those with something to do first, and sums
// up the others in a line. The order stays, so that lines do not jump about.
func (r *Reporter) busiest(n int) (shown []*host, rest string) {
	picked := map[*host]bool{}
	for _, busy := range []bool{true, false} {
		for _, h := range r.hosts {
			if len(picked) < n && h.busy() == busy {
				picked[h] = true
			}
		}
	}
	var working, waiting, out int
	for _, h := range r.hosts {
		switch {
		case picked[h]:
			shown = append(shown, h)
		case len(h.out) > 0:
			out++
		case h.busy():
			working++
		default:
			waiting++
		}
	}
	rest = fmt.Sprintf("and %d more: %d working, %d waiting", working+waiting+out, working, waiting)
	if out > 0 {
		rest += fmt.Sprintf(", %d out of the run", out)
	}
	return shown, rest
}

// busy reports whether a host does something now.
func (h *host) busy() bool {
	return len(h.out) == 0 && h.doing != "" && !strings.HasPrefix(h.doing, "waiting")
}

// countsText is what a host has done so far.
func (h *host) countsText() string {
	var parts []string
	for _, c := range columnsOf(h.counts) {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	return strings.Join(parts, ", ")
}

// heartbeat is the plain line that says what is going on: hosts that do the
// same thing share an entry.
func (r *Reporter) heartbeat(now time.Time) string {
	type group struct {
		doing string
		since time.Time
		hosts []string
	}
	var groups []*group
	for _, h := range r.hosts {
		if len(h.out) > 0 || h.doing == "" {
			continue
		}
		var g *group
		for _, have := range groups {
			if have.doing == h.doing {
				g = have
			}
		}
		if g == nil {
			g = &group{doing: h.doing, since: h.since}
			groups = append(groups, g)
		}
		if h.since.Before(g.since) {
			g.since = h.since
		}
		g.hosts = append(g.hosts, clean(h.name))
	}
	var parts []string
	for _, g := range groups {
		parts = append(parts, fmt.Sprintf("%s: %s %s", few(g.hosts, 5), g.doing, ticking(now.Sub(g.since))))
	}
	total := ticking(now.Sub(r.started))
	if len(parts) == 0 {
		return r.style.faint.Sprintf("... %s", total)
	}
	if n := len(parts); n > 8 {
		parts = append(parts[:8], fmt.Sprintf("%d more", n-8))
	}
	return r.style.faint.Sprintf("... %s  %s", total, strings.Join(parts, "; "))
}

// few names at most n of the hosts.
func few(hosts []string, n int) string {
	if len(hosts) <= n {
		return strings.Join(hosts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(hosts[:n], ", "), len(hosts)-n)
}
