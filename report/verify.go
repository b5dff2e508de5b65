package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/verify"
)

// many is how many answers are listed in turn without -v.
const many = 40

// Missed says that a host could not be looked at, and why. Verify shows it with
// what it has found; programs read it in the summary.
func (r *Reporter) Missed(host string, err error, hint string, code Exit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.host(host).told = &trouble{err, hint}
	r.worst = Worst(r.worst, code)
}

// Note counts an exit code that no event tells of, as when a run was
// interrupted.
func (r *Reporter) Note(code Exit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.worst = Worst(r.worst, code)
}

// Verify shows what verify found, and is the end of its report. The first
// line is the cause of what is wrong, or that nothing is.
func (r *Reporter) Verify(res *verify.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.erase()
	switch {
	case res.Unasked:
		r.worst = Worst(r.worst, Unreachable)
	case !res.OK:
		r.worst = Worst(r.worst, Unhealthy)
	}
	r.summed = true
	if r.o.JSON {
		r.jsonVerify(res)
		return
	}
	var verdict []string
	if res.Cause != nil {
		verdict = append(verdict, r.style.bad.Sprintf("%s: %s", clean(res.Cause.Host), checkText(*res.Cause)))
		verdict = append(verdict, r.hint(res.Cause.Hint)...)
	}
	for _, s := range res.Services {
		if line := serviceLine(s); s.Failed > 0 || s.Problem != "" || s.Requests == 0 {
			verdict = append(verdict, r.style.bad.Sprint(line))
		} else {
			verdict = append(verdict, r.style.good.Sprint(line))
		}
	}
	lines := slices.Clone(verdict)
	for _, s := range res.Services {
		lines = append(lines, r.answers(s)...)
	}
	for _, s := range res.Services {
		lines = append(lines, r.shares(s)...)
	}
	lines = append(lines, r.checks(res)...)
	if _, rows := r.o.Size(); r.o.TTY && len(lines) >= rows { // the first lines are out of sight
		lines = append(append(lines, ""), verdict...)
	}
	r.print(r.o.Out, lines...)
}

// checkText is what a check found; its name, when it found no words.
func checkText(c verify.Check) string {
	if text := clean(c.Detail); text != "" {
		return text
	}
	return clean(c.Name)
}

// serviceLine is one service in a line:
// 12.0.0.1:80 answers: 20 requests, 10 and 10, none failed.
func serviceLine(s verify.ServiceResult) string {
	vip := s.VIP
	if s.Protocol != "" && s.Protocol != "tcp" {
		vip += "/" + s.Protocol
	}
	if s.Requests == 0 {
		if s.Problem != "" {
			return vip + ": " + clean(s.Problem)
		}
		return vip + ": no request was sent"
	}
	if s.Failed == s.Requests {
		return fmt.Sprintf("%s does not answer: %s, all failed", vip, plural(s.Requests, "request"))
	}
	failed := "none failed"
	if s.Failed > 0 {
		failed = fmt.Sprintf("%d failed", s.Failed)
	}
	var each []string
	for _, server := range s.Servers {
		each = append(each, fmt.Sprint(server.Answers))
	}
	if s.Unattributed > 0 {
		each = append(each, fmt.Sprintf("%d by servers not known", s.Unattributed))
	}
	line := fmt.Sprintf("%s answers: %s, %s, %s", vip, plural(s.Requests, "request"), and(each), failed)
	if s.Problem != "" && s.Failed == 0 {
		line += ", but " + clean(s.Problem)
	}
	return line
}

// and joins words as a sentence does: 10, 10 and 10.
func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// answers lists a service's answers in turn. Of many only the failed ones and
// the first stay.
func (r *Reporter) answers(s verify.ServiceResult) []string {
	if len(s.Answers) == 0 {
		return nil
	}
	columns := 0
	for _, a := range s.Answers {
		columns = max(columns, r.width.of(clean(a.Server)))
	}
	var lines []string
	left := 0
	for i, a := range s.Answers {
		if i >= many && a.Err == nil && r.o.Verbose == 0 {
			left++
			continue
		}
		server := clean(a.Server)
		if server == "" {
			server = "?"
		}
		line := fmt.Sprintf("%4d  %s  ", a.N, r.width.pad(server, columns))
		if a.Err != nil {
			line += r.style.bad.Sprint(clean(a.Err.Error()))
		} else {
			body := r.width.fit(clean(a.Body), 48)
			if a.Status != 200 {
				body = r.style.bad.Sprintf("%d  ", a.Status) + body
			}
			line += body + "  " + r.style.faint.Sprint(milliseconds(a.Took))
		}
		lines = append(lines, line)
	}
	if left > 0 {
		lines = append(lines, r.style.faint.Sprintf("      and %d more; -v shows them", left))
	}
	return append([]string{"", r.style.bold.Sprintf("%s, asked from %s", s.VIP, clean(s.From))}, lines...)
}

func milliseconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// shares draws who served how much as bars.
func (r *Reporter) shares(s verify.ServiceResult) []string {
	if len(s.Servers) == 0 || s.Requests == 0 {
		return nil
	}
	columns, _ := r.o.Size()
	names, most, room := 0, 1, 0
	var notes []string
	for _, server := range s.Servers {
		names = max(names, r.width.of(clean(server.Name)))
		most = max(most, server.Answers, server.Expected)
		note := fmt.Sprint(server.Answers)
		if server.Expected >= 0 {
			note += fmt.Sprintf(" (expected %d)", server.Expected)
		}
		if server.Failed > 0 {
			note += fmt.Sprintf(", %d failed", server.Failed)
		}
		notes = append(notes, note)
		room = max(room, len(note))
	}
	width := max(4, min(40, columns-names-room-7))
	lines := []string{"", r.style.bold.Sprintf("%s, shares by %s", s.VIP, clean(s.Scheduler))}
	for i, server := range s.Servers {
		paint := r.style.good
		if server.Failed > 0 || (server.Answers == 0 && server.Weight > 0) {
			paint = r.style.bad
		}
		b := r.bar(server.Answers, most, width)
		lines = append(lines, "  "+r.width.pad(clean(server.Name), names)+"  "+
			paint.Sprint(b)+strings.Repeat(" ", width-r.width.of(b))+"  "+notes[i])
	}
	for _, text := range []string{s.Promise, s.Note} {
		for _, line := range cleanLines(text) {
			lines = append(lines, "  "+r.style.faint.Sprint(line))
		}
	}
	return lines
}

// bar draws n of most in width columns: eighths of a block (U+2588 to U+258F),
// or where those cannot be shown, number signs.
func (r *Reporter) bar(n, most, width int) string {
	if r.o.ASCII {
		return strings.Repeat("#", (n*width+most/2)/most)
	}
	eighths := (n*width*8 + most/2) / most
	b := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		b += string(rune('█' + 8 - rest))
	}
	return b
}

// checks lists what was looked at: what is wrong, and all of it with -v.
func (r *Reporter) checks(res *verify.Result) []string {
	failed := 0
	for _, c := range res.Checks {
		if !c.OK {
			failed++
		}
	}
	verdict := r.style.good.Sprintf("%s, all in place", plural(len(res.Checks), "check"))
	if failed > 0 {
		verdict = r.style.bad.Sprintf("%s, %d failed", plural(len(res.Checks), "check"), failed)
	}
	lines := []string{"", verdict}
	hosts, names := 0, 0
	for _, c := range res.Checks {
		hosts, names = max(hosts, r.width.of(clean(c.Host))), max(names, r.width.of(clean(c.Name)))
	}
	for _, c := range res.Checks {
		if c.OK && r.o.Verbose == 0 {
			continue
		}
		status, paint := "ok    ", r.style.good
		if !c.OK {
			status, paint = "failed", r.style.bad
		}
		line := "  " + r.width.pad(clean(c.Host), hosts) + "  " + paint.Sprint(status) + "  " + r.width.pad(clean(c.Name), names)
		if c.Detail != "" {
			line += "  " + clean(c.Detail)
		}
		lines = append(lines, strings.TrimRight(line, " "))
		if !c.OK && (res.Cause == nil || *res.Cause != c) { // the cause's hint is at the top
			lines = append(lines, r.hint(c.Hint)...)
		}
	}
	return lines
}

type verifyObject struct {
	Event     string                 `json:"event"` // verify
	VIP       string                 `json:"vip"`
	Requests  int                    `json:"requests"`
	Failed    int                    `json:"failed"`
	Scheduler string                 `json:"scheduler"`
	Servers   map[string]shareObject `json:"servers"`
}

type shareObject struct {
	Answers  int  `json:"answers"`
	Expected *int `json:"expected"` // null: the scheduler promises no number
}

type checkObject struct {
	Event  string `json:"event"` // check
	Host   string `json:"host"`
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
}

func (r *Reporter) jsonVerify(res *verify.Result) {
	for _, s := range res.Services {
		o := verifyObject{"verify", s.VIP, s.Requests, s.Failed, s.Scheduler, map[string]shareObject{}}
		for _, server := range s.Servers {
			share := shareObject{Answers: server.Answers}
			if server.Expected >= 0 {
				share.Expected = &server.Expected
			}
			o.Servers[server.Name] = share
		}
		r.object(o)
	}
	for _, c := range res.Checks {
		status := "ok"
		if !c.OK {
			status = "failed"
		}
		r.object(checkObject{"check", c.Host, c.Name, status, c.Detail, c.Hint})
	}
	r.jsonSummary()
}
