package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"

	"github.com/lvsdeploy/lvsdeploy/engine"
)

// tail is how many lines of a failed task's output are shown without -v: what
// went wrong is nearly always at the end.
const tail = 20

// taskLine is the line of an ended task, and with Diff what differed.
func (r *Reporter) taskLine(e engine.Event) []string {
	status := r.width.pad(string(e.Status), len(engine.WouldChange))
	line := r.hostName(e.Host) + "  " + r.style.of(e.Status).Sprint(status) + "  " + clean(e.Task)
	if e.Took > 0 {
		line += r.style.faint.Sprint("  " + took(e.Took))
	}
	lines := []string{line}
	why := e.Status == engine.Skipped || e.Status == engine.Pending
	bad := e.Status == engine.Failed || e.Status == engine.Unknown // the summary has theirs
	detail := cleanLines(e.Detail)
	switch {
	case why && len(detail) == 1: // many tasks are skipped for one reason: a line each is enough
		lines[0] += r.style.faint.Sprint("  (" + detail[0] + ")")
	case why, r.o.Verbose > 0 && !bad:
		for _, text := range detail {
			lines = append(lines, "    "+text)
		}
	}
	if r.o.Diff {
		for _, text := range cleanLines(e.Diff) {
			paint := r.style.faint
			switch {
			case strings.HasPrefix(text, "+"):
				paint = r.style.good
			case strings.HasPrefix(text, "-"):
				paint = r.style.bad
			}
			lines = append(lines, "    "+paint.Sprint(text))
		}
	}
	return lines
}

// hostName is a host's name, padded as far as the hosts known by now need.
func (r *Reporter) hostName(name string) string {
	return r.style.bold.Sprint(r.width.pad(clean(name), min(r.widest, 24)))
}

type count struct {
	name  string
	n     int
	color func(style) *color.Color
}

// columnsOf lists the counts in the order they are always shown in.
func columnsOf(c engine.Counts) []count {
	return []count{
		{"ok", c.OK, func(s style) *color.Color { return s.good }},
		{"changed", c.Changed, func(s style) *color.Color { return s.change }},
		{"failed", c.Failed, func(s style) *color.Color { return s.bad }},
		{"would-change", c.WouldChange, func(s style) *color.Color { return s.would }},
		{"pending", c.Pending, func(s style) *color.Color { return s.would }},
		{"skipped", c.Skipped, func(s style) *color.Color { return s.faint }},
		{"unknown", c.Unknown, func(s style) *color.Color { return s.bad }},
	}
}

// always is how many of columnsOf are shown even when they are 0 everywhere.
const always = 3

// summary ends the report of a run.
func (r *Reporter) summary(e engine.Event) {
	r.erase()
	r.worst = Worst(r.worst, Exit(e.Exit))
	for _, name := range sortedHosts(e.Hosts) { // the engine's own counts, if it sent them
		r.host(name).counts = e.Hosts[name]
	}
	r.summed = true
	if r.o.JSON {
		r.jsonSummary()
		return
	}
	var lines []string
	for _, h := range r.hosts {
		lines = append(lines, h.held...)
		h.held = nil
	}
	counted := r.tasks || len(e.Hosts) > 0 || r.anyError()
	if counted {
		lines = append(lines, "")
		lines = append(lines, r.table()...)
	}
	interrupted := r.worst == Interrupted
	for _, f := range r.failed {
		if interrupted && f.Status == engine.Unknown {
			continue // why is known, and so is what to do
		}
		lines = append(lines, "")
		lines = append(lines, r.failureBlock(f.Event)...)
	}
	lines = append(lines, r.errorBlocks()...)
	if counted {
		lines = append(lines, "", r.totals())
	}
	switch {
	case interrupted && r.o.Check:
		lines = append(lines, "interrupted: run it again")
	case interrupted:
		lines = append(lines, "interrupted: what was done stays, what is unknown may have been done; run it again to go on from there")
	}
	if len(lines) > 0 && lines[0] == "" && !r.said {
		lines = lines[1:]
	}
	r.print(r.o.Out, lines...)
}

func sortedHosts(m map[string]engine.Counts) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// counted are the hosts that have a line in the summary: not those that were
// only asked something, for the sake of others.
func (r *Reporter) counted() []*host {
	var hosts []*host
	for _, h := range r.hosts {
		_, ours := r.places[h.name]
		if ours || len(r.places) == 0 || len(h.out) > 0 || h.told != nil || h.counts != (engine.Counts{}) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// table is a line per host: web1  ok=11 changed=2 failed=0  12.3s.
func (r *Reporter) table() []string {
	width := make([]int, len(columnsOf(engine.Counts{})))
	for _, h := range r.counted() {
		for i, c := range columnsOf(h.counts) {
			if i < always || c.n > 0 {
				width[i] = max(width[i], len(fmt.Sprint(c.n)))
			}
		}
	}
	var lines []string
	for _, h := range r.counted() {
		line := r.hostName(h.name) + " "
		for i, c := range columnsOf(h.counts) {
			if width[i] == 0 {
				continue
			}
			cell := fmt.Sprintf("%s=%d", c.name, c.n)
			pad := strings.Repeat(" ", width[i]-len(fmt.Sprint(c.n)))
			if c.n > 0 {
				cell = c.color(r.style).Sprint(cell)
			}
			line += " " + cell + pad
		}
		switch {
		case len(h.out) > 0:
			line += "  " + r.style.bad.Sprint("out of the run")
		default:
			line += "  " + took(h.counts.Took)
		}
		lines = append(lines, line)
	}
	return lines
}

// totals is the last line: 5 hosts: 61 ok, 0 changed, 0 failed in 1.2s.
func (r *Reporter) totals() string {
	var sum engine.Counts
	out := 0
	for _, h := range r.counted() {
		c := h.counts
		sum.OK += c.OK
		sum.Changed += c.Changed
		sum.WouldChange += c.WouldChange
		sum.Pending += c.Pending
		sum.Failed += c.Failed
		sum.Skipped += c.Skipped
		sum.Unknown += c.Unknown
		if len(h.out) > 0 {
			out++
		}
	}
	var parts []string
	for i, c := range columnsOf(sum) {
		if i < always || c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	if out > 0 {
		parts = append(parts, plural(out, "host")+" out of the run")
	}
	return fmt.Sprintf("%s: %s in %s", plural(len(r.counted()), "host"), strings.Join(parts, ", "),
		took(r.o.Now().Sub(r.started).Truncate(time.Millisecond)))
}

// failureBlock says which task failed, what was found and what to do.
func (r *Reporter) failureBlock(e engine.Event) []string {
	verdict := "failed"
	if e.Status == engine.Unknown {
		verdict = "not known whether done: the connection was lost"
	}
	at := ""
	if e.Stage != "" {
		at = " (stage " + clean(e.Stage) + ")"
	}
	lines := []string{r.style.bad.Sprintf("%s: %s: %s", clean(e.Host), clean(e.Task), verdict) + at}
	detail := cleanLines(e.Detail)
	if n := len(detail) - tail; n > 0 && r.o.Verbose == 0 {
		lines = append(lines, r.style.faint.Sprintf("    (%s before; -v shows them)", plural(n, "line")))
		detail = detail[n:]
	}
	for _, text := range detail {
		lines = append(lines, "    "+text)
	}
	return append(lines, r.hint(e.Hint)...)
}

// alike is how many hosts may each have a block of their own for one reason.
const alike = 5

// errorBlocks says why hosts are out of the run and what to do. What many hosts
// have in common is said once.
func (r *Reporter) errorBlocks() []string {
	type reason struct{ text, hint string }
	shared := map[reason][]string{}
	of := func(h *host, t trouble) reason {
		return reason{general(h.name, t.err.Error()), general(h.name, t.hint)}
	}
	for _, h := range r.hosts {
		for _, t := range h.out {
			shared[of(h, t)] = append(shared[of(h, t)], clean(h.name))
		}
	}
	var lines []string
	for _, h := range r.hosts {
		for _, t := range h.out {
			names := shared[of(h, t)]
			switch {
			case len(names) <= alike:
				lines = append(lines, "")
				lines = append(lines, r.errorBlock(h, t)...)
			case names[0] == clean(h.name):
				lines = append(lines, "")
				lines = append(lines, r.errorBlock(h, t, "the same for "+plural(len(names)-1, "other host")+": "+strings.Join(names[1:], ", "))...)
			}
		}
	}
	return lines
}

// general is a text without what makes it one host's: its name, and the
// address behind it.
func general(host, text string) string {
	var b strings.Builder
	for {
		at := strings.Index(text, host)
		if host == "" || at < 0 {
			return b.String() + text
		}
		b.WriteString(text[:at] + "HOST")
		text = text[at+len(host):]
		if rest, ok := strings.CutPrefix(text, " ("); ok {
			if _, after, ok := strings.Cut(rest, ")"); ok {
				text = after
			}
		}
	}
}

// errorBlock says why a host is out of the run, and what to do.
func (r *Reporter) errorBlock(h *host, t trouble, more ...string) []string {
	var lines []string
	for i, text := range cleanLines(t.err.Error()) {
		if i == 0 {
			lines = append(lines, r.style.bad.Sprintf("%s: %s", clean(h.name), text))
		} else {
			lines = append(lines, "    "+text)
		}
	}
	for _, text := range more {
		lines = append(lines, "    "+text)
	}
	return append(lines, r.hint(t.hint)...)
}

func (r *Reporter) hint(hint string) []string {
	var lines []string
	for i, text := range cleanLines(hint) {
		if i == 0 {
			text = "hint: " + text
		} else {
			text = "      " + text
		}
		lines = append(lines, "    "+r.style.would.Sprint(text))
	}
	return lines
}
