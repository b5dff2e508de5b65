package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lvsdeploy/lvsdeploy/engine"
)

// The objects of --json. Field names and their order are a contract with the
// programs that read them: add at the end, never rename.

type taskObject struct {
	Event  string `json:"event"` // task
	Host   string `json:"host"`
	Stage  string `json:"stage"`
	Task   string `json:"task"`
	Status string `json:"status"`
	TookMS int64  `json:"took_ms"`
	Detail string `json:"detail,omitempty"`
}

type summaryObject struct {
	Event string                 `json:"event"` // summary
	Exit  int                    `json:"exit"`
	Hosts map[string]countObject `json:"hosts"`
}

// countObject counts by status, each under its own name.
type countObject struct {
	OK          int    `json:"ok"`
	Changed     int    `json:"changed"`
	Failed      int    `json:"failed"`
	WouldChange int    `json:"would-change"`
	Pending     int    `json:"pending"`
	Skipped     int    `json:"skipped"`
	Unknown     int    `json:"unknown"`
	TookMS      int64  `json:"took_ms"`
	Error       string `json:"error,omitempty"` // why the host is out of the run
	Hint        string `json:"hint,omitempty"`
}

func (r *Reporter) jsonTask(e engine.Event) {
	detail := e.Detail
	if detail == "" && r.o.Diff {
		detail = e.Diff
	}
	if e.Hint != "" { // the contract has no field for it
		if detail != "" {
			detail += "\n"
		}
		detail += "hint: " + e.Hint
	}
	r.object(taskObject{"task", e.Host, e.Stage, e.Task, string(e.Status), e.Took.Milliseconds(), detail})
}

func (r *Reporter) jsonSummary() {
	s := summaryObject{"summary", int(r.worst), map[string]countObject{}}
	for _, h := range r.counted() {
		c := h.counts
		o := countObject{
			OK: c.OK, Changed: c.Changed, Failed: c.Failed, WouldChange: c.WouldChange,
			Pending: c.Pending, Skipped: c.Skipped, Unknown: c.Unknown, TookMS: c.Took.Milliseconds(),
		}
		told := h.out
		if h.told != nil {
			told = append(told, *h.told)
		}
		for i, t := range told {
			if i > 0 {
				o.Error += "\n"
			}
			o.Error += t.err.Error()
			if o.Hint == "" {
				o.Hint = t.hint
			}
		}
		s.Hosts[h.name] = o
	}
	r.object(s)
}

// object writes v as one line of JSON.
func (r *Reporter) object(v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// Strings and numbers only: it cannot fail unless a type above is changed.
		panic(fmt.Sprintf("report: %v", err))
	}
	r.erase()
	_, _ = io.WriteString(r.o.Out, printable(b.String()))
	r.spoke = r.o.Now()
}

// printable writes as \u escapes what encoding/json leaves alone though a
// terminal may obey it (C1 controls, DEL, bidirectional overrides).
func printable(line string) string {
	var b []byte
	for _, r := range line {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, hi, lo)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return string(b)
}

// hintOf finds the hint that an error brings with it, however deep.
func hintOf(err error) string {
	var with interface{ Hint() string }
	if errors.As(err, &with) {
		return with.Hint()
	}
	return ""
}
