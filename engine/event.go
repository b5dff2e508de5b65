package engine

import "time"

// Status is how a task ended.
type Status string

// The statuses of the event stream.
const (
	OK          Status = "ok"
	Changed     Status = "changed"
	WouldChange Status = "would-change"
	Pending     Status = "pending" // --check: cannot know before an earlier task has run
	Failed      Status = "failed"
	Skipped     Status = "skipped"
	Unknown     Status = "unknown" // the connection ended before the host said
)

// Kind says what an Event is about.
type Kind string

// The kinds. Only KindTask and KindSummary are part of the --json contract;
// the rest is progress for people.
const (
	KindHost    Kind = "host"    // what a host is doing outside of tasks: Detail ("connecting", "reading facts", "waiting for director")
	KindStart   Kind = "start"   // a task begins
	KindTask    Kind = "task"    // a task ended
	KindError   Kind = "error"   // a host is out of the run: Err, Hint
	KindSummary Kind = "summary" // last
)

// Event is one thing that happened during a run.
type Event struct {
	Kind   Kind
	Host   string
	Stage  string
	Task   string
	Status Status
	Took   time.Duration
	Detail string // a failed task's output, or why it was skipped
	Diff   string // what the check found different; only with --diff
	Hint   string // what to do next
	Err    error  // KindError
	Exit   int    // KindSummary: the exit code of the run
	Hosts  map[string]Counts
}

// Counts is a host's line in the summary.
type Counts struct {
	OK, Changed, WouldChange, Pending, Failed, Skipped, Unknown int
	Took                                                        time.Duration
}

// Sink takes events in order; it is never called by two goroutines at once.
type Sink func(Event)
