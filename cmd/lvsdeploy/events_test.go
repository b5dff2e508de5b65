package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// events is what --json writes, held against the contract while it is read.
type events struct {
	tasks []taskEvent
	last  summaryEvent
}

type taskEvent struct {
	Event  string  `json:"event"`
	Host   *string `json:"host"`
	Stage  *string `json:"stage"`
	Task   *string `json:"task"`
	Status *string `json:"status"`
	TookMS *int64  `json:"took_ms"`
	Detail string  `json:"detail"`
}

type summaryEvent struct {
	Event string                `json:"event"`
	Exit  *int                  `json:"exit"`
	Hosts map[string]countEvent `json:"hosts"`
}

type countEvent struct {
	OK          *int   `json:"ok"`
	Changed     *int   `json:"changed"`
	Failed      *int   `json:"failed"`
	WouldChange *int   `json:"would-change"`
	Pending     *int   `json:"pending"`
	Skipped     *int   `json:"skipped"`
	Unknown     *int   `json:"unknown"`
	TookMS      *int64 `json:"took_ms"`
	Error       string `json:"error"`
	Hint        string `json:"hint"`
}

var statuses = []string{"ok", "changed", "would-change", "pending", "failed", "skipped", "unknown"}

// readEvents reads a whole stream: every line one object of a known kind, with
// all its fields and no others, the last one the summary, whose counts are
// those of the tasks before it.
func readEvents(text string) (e events, err error) {
	if !strings.HasSuffix(text, "\n") {
		return e, fmt.Errorf("the stream does not end with a whole line: %q", text)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		if i == len(lines)-1 {
			if err := strict(line, &e.last); err != nil {
				return e, err
			}
			return e, e.checkLast()
		}
		var t taskEvent
		if err := strict(line, &t); err != nil {
			return e, err
		}
		if t.Event != "task" || t.Host == nil || t.Stage == nil || t.Task == nil || t.Status == nil || t.TookMS == nil ||
			*t.Host == "" || *t.Stage == "" || *t.Task == "" || *t.TookMS < 0 || !slices.Contains(statuses, *t.Status) {
			return e, fmt.Errorf("not a whole task event: %s", line)
		}
		e.tasks = append(e.tasks, t)
	}
	return e, nil
}

func strict(line string, into any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(line)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %s", err, line)
	}
	if d.More() {
		return fmt.Errorf("more than one object: %s", line)
	}
	return nil
}

func (e events) checkLast() error {
	if e.last.Event != "summary" || e.last.Exit == nil || e.last.Hosts == nil {
		return fmt.Errorf("the last object is no summary: %+v", e.last)
	}
	for name, c := range e.last.Hosts {
		for status, n := range map[string]*int{"ok": c.OK, "changed": c.Changed, "failed": c.Failed, "would-change": c.WouldChange,
			"pending": c.Pending, "skipped": c.Skipped, "unknown": c.Unknown} {
			seen := 0
			for _, t := range e.tasks {
				if *t.Host == name && *t.Status == status {
					seen++
				}
			}
			if n == nil || *n != seen {
				return fmt.Errorf("the summary counts %v tasks of %s as %s, there were %d", n, name, status, seen)
			}
		}
		if c.TookMS == nil {
			return fmt.Errorf("the summary does not say how long %s took", name)
		}
	}
	return nil
}

// with lists "HOST: TASK" of those that ended with one of these statuses, sorted.
func (e events) with(statuses ...string) []string {
	var names []string
	for _, t := range e.tasks {
		if slices.Contains(statuses, *t.Status) {
			names = append(names, *t.Host+": "+*t.Task)
		}
	}
	slices.Sort(names)
	return names
}
