package report

import (
	"cmp"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/lvsdeploy/lvsdeploy/diagram"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/verify"
)

//go:embed html.tmpl
var pageText string

//go:embed html.css
var pageStyle string

// Page is what a page about a run of verify is made of.
type Page struct {
	Cluster *inventory.Cluster
	Result  *verify.Result
	At      time.Time // when the run began
	Version string    // of lvsdeploy; may be empty
}

// mostListed is how many answers of one service are listed in turn; of more,
// those that failed come first.
const mostListed = 500

// WriteHTML writes one self-contained page: no script, nothing from elsewhere.
func WriteHTML(w io.Writer, p Page) error {
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	return t.Execute(w, pageOf(p))
}

// The page's values: everything is ready to be shown, so that the template
// has no logic but loops.
type page struct {
	OK         bool
	Headline   string
	Hint       []string
	Lines      []serviceHead
	Style      template.CSS
	Title      string
	Facts      [][2]string
	Wide       template.HTML
	Narrow     template.HTML
	Services   []pageService
	Verdict    string
	Failed, In []pageCheck
}

type serviceHead struct {
	OK   bool
	Text string
}

type pageService struct {
	VIP, Scheduler, From string
	Servers              []pageShare
	Remarks              []string
	Min, Median, Max     string
	Answers              []pageAnswer
	More                 int // that are not listed
}

type pageShare struct {
	Name, About string // about: address and weight
	Answers     int
	Expected    string // empty: the scheduler promises no number
	Failed      int
	Bad         bool
	Width, Mark float64 // per cent of the widest
}

type pageAnswer struct {
	N      int
	Server string
	Text   string
	Took   string
	Bad    bool
}

type pageCheck struct {
	Host, Name, Detail string
	Hint               []string
	Cause              bool
}

func pageOf(p Page) page {
	res := p.Result
	mode := cmp.Or(res.Mode, p.Cluster.Mode)
	var failed []string
	for _, c := range res.Checks {
		if !c.OK && !slices.Contains(failed, c.Host) {
			failed = append(failed, c.Host)
		}
	}
	out := page{
		OK: res.OK, Headline: "The cluster works", Title: clean(p.Cluster.Name) + ": the cluster works",
		Style: template.CSS(pageStyle + diagram.Style()), // both are ours
		// The drawing escapes what it is given.
		Wide:   template.HTML(diagram.SVG(p.Cluster, diagram.Options{Mode: mode, Inline: true, ID: "wide", Failed: failed})),
		Narrow: template.HTML(diagram.SVG(p.Cluster, diagram.Options{Mode: mode, Inline: true, ID: "narrow", Narrow: true, Failed: failed})),
	}
	if !res.OK {
		out.Headline = "The cluster is wrong"
		out.Title = clean(p.Cluster.Name) + ": the cluster is wrong"
		if res.Unasked {
			out.Title = clean(p.Cluster.Name) + ": no request was sent"
		}
		if res.Cause != nil {
			out.Headline = join(": ", clean(res.Cause.Host), checkText(*res.Cause))
			out.Hint = cleanLines(res.Cause.Hint)
		}
	}
	requests, from := 0, []string{}
	for _, s := range res.Services {
		out.Lines = append(out.Lines, serviceHead{s.Failed == 0 && s.Problem == "" && s.Requests > 0, clean(serviceLine(s))})
		out.Services = append(out.Services, pageServiceOf(s))
		requests += s.Requests
		if f := clean(s.From); !slices.Contains(from, f) {
			from = append(from, f)
		}
	}
	out.Facts = [][2]string{
		{"cluster", clean(p.Cluster.Name)},
		{"mode", clean(string(mode))},
		{"inventory", clean(p.Cluster.File)},
		{"when", p.At.Format("2006-01-02 15:04:05 -07:00")},
		{"requests", plural(requests, "request") + " from " + and(from)},
	}
	if p.Version != "" {
		out.Facts = append(out.Facts, [2]string{"lvsdeploy", clean(p.Version)})
	}
	for _, c := range res.Checks {
		pc := pageCheck{Host: clean(c.Host), Name: clean(c.Name), Detail: clean(c.Detail)}
		if c.OK {
			out.In = append(out.In, pc)
			continue
		}
		pc.Hint = cleanLines(c.Hint)
		pc.Cause = res.Cause != nil && *res.Cause == c
		out.Failed = append(out.Failed, pc)
	}
	slices.SortStableFunc(out.Failed, func(a, b pageCheck) int { // the cause comes first
		switch {
		case a.Cause == b.Cause:
			return 0
		case a.Cause:
			return -1
		}
		return 1
	})
	out.Verdict = plural(len(res.Checks), "check") + ", all in place"
	if n := len(out.Failed); n > 0 {
		out.Verdict = plural(len(res.Checks), "check") + fmt.Sprintf(", %d failed", n)
	}
	return out
}

func join(sep, a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + sep + b
}

func pageServiceOf(s verify.ServiceResult) pageService {
	out := pageService{VIP: s.VIP, Scheduler: clean(s.Scheduler), From: clean(s.From)}
	if s.Protocol != "" && s.Protocol != "tcp" {
		out.VIP += "/" + s.Protocol
	}
	out.VIP = clean(out.VIP)
	for _, text := range []string{s.Problem, s.Promise, s.Note} {
		out.Remarks = append(out.Remarks, cleanLines(text)...)
	}
	most := 1
	for _, server := range s.Servers {
		most = max(most, server.Answers, server.Expected)
	}
	for _, server := range s.Servers {
		out.Servers = append(out.Servers, pageShareOf(server, most))
	}
	var took []time.Duration
	for _, a := range s.Answers {
		if a.Err == nil {
			took = append(took, a.Took)
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		out.Min, out.Median, out.Max = milliseconds(took[0]), milliseconds(median(took)), milliseconds(took[len(took)-1])
	}
	listed := listed(s.Answers)
	out.More = len(s.Answers) - len(listed)
	for _, a := range listed {
		out.Answers = append(out.Answers, pageAnswerOf(a))
	}
	return out
}

// median is the middle of sorted durations, the mean of the two middle ones
// where there are two.
func median(sorted []time.Duration) time.Duration {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return sorted[n/2-1] + (sorted[n/2]-sorted[n/2-1])/2
}

// listed are the answers to show, in turn: of too many, the failed ones stay
// longest.
func listed(answers []verify.Answer) []verify.Answer {
	if len(answers) <= mostListed {
		return answers
	}
	failed := 0
	for _, a := range answers {
		if a.Err != nil {
			failed++
		}
	}
	good := max(0, mostListed-failed)
	var out []verify.Answer
	for _, a := range answers {
		if len(out) == mostListed {
			break
		}
		if a.Err == nil {
			if good == 0 {
				continue
			}
			good--
		}
		out = append(out, a)
	}
	return out
}

func pageShareOf(s verify.Share, most int) pageShare {
	out := pageShare{
		Name: clean(s.Name), About: join(", ", clean(s.Address), fmt.Sprintf("weight %d", s.Weight)), Answers: s.Answers, Failed: s.Failed,
		Bad:   s.Failed > 0 || s.Answers == 0 && s.Weight > 0,
		Width: 100 * float64(s.Answers) / float64(most),
		Mark:  -1,
	}
	if s.Expected >= 0 {
		out.Expected = fmt.Sprint(s.Expected)
		out.Mark = 100 * float64(s.Expected) / float64(most)
	}
	return out
}

func pageAnswerOf(a verify.Answer) pageAnswer {
	out := pageAnswer{N: a.N, Server: cmp.Or(clean(a.Server), "?"), Text: clean(a.Body), Took: milliseconds(a.Took)}
	switch {
	case a.Err != nil:
		out.Bad, out.Text, out.Took = true, clean(a.Err.Error()), ""
	case a.Status != 200:
		out.Bad, out.Text = true, join("  ", fmt.Sprint(a.Status), out.Text)
	}
	return out
}
