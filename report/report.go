package report

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/fatih/color"

	"github.com/lvsdeploy/lvsdeploy/engine"
)

// The rules of this user interface. Results (finished tasks, the summary,
// verify's findings, JSON) go to Out; progress and diagnostics go to Err. No
// capitals and no final period in what we say ourselves. The host comes first
// in every line, so that a run of many can be read with grep.

// Options says where a Reporter writes and how.
type Options struct {
	Out, Err io.Writer
	TTY      bool                       // Err is a terminal: a live line per host
	Size     func() (columns, rows int) // of that terminal; nil: 80 by 24
	Color    bool
	ASCII    bool // no block characters, for locales that are not UTF-8
	JSON     bool // one object a line on Out, and nothing else there
	Verbose  int  // 1: also tasks that were ok, and whole outputs
	Diff     bool // what the checks found different
	Check    bool // a dry run: what the hosts have to do is shown host by host
	// Hosts are the hosts of the run, in the order in which they are shown.
	// Those that are heard of besides come after them.
	Hosts []string
	Now   func() time.Time
}

const (
	redraw    = 100 * time.Millisecond // on a terminal
	heartbeat = 4 * time.Second        // without one: under the promised 5, with room for a slow machine
)

// Reporter shows a run. Its methods may be called by several goroutines.
type Reporter struct {
	o       Options
	style   style
	width   widths
	started time.Time

	mu      sync.Mutex
	hosts   []*host // those heard of, in the order of Options.Hosts
	byName  map[string]*host
	places  map[string]int // of Options.Hosts
	widest  int            // columns of the widest of their names
	failed  []failure
	skipped []engine.Event // in a row, on one host for one reason: one line in the end
	worst   Exit
	tasks   bool      // a task has ended
	summed  bool      // the summary is out
	spoke   time.Time // when something was last written
	said    bool      // a line was printed
	drawn   []int     // columns of each live line that is on the screen
	paused  int
	closed  bool
	stop    chan struct{}
	stopped chan struct{}
}

// host is what is known of one host.
type host struct {
	name   string
	stage  string
	doing  string // empty: between tasks
	since  time.Time
	counts engine.Counts
	out    []trouble // why it is out of the run; empty: it is not
	held   []string  // lines of a dry run that wait for the hosts before it
	told   *trouble  // why it could not be looked at; only for JSON
}

// trouble is why a host is out of the run, and what to do about it.
type trouble struct {
	err  error
	hint string
}

// failure is a task that failed, or whose end is not known.
type failure struct {
	engine.Event
}

// style holds the colours of one Reporter. The color package's own switch is
// global and is left alone.
type style struct {
	good, bad, change, would, faint, bold *color.Color
}

func newStyle(on bool) style {
	pick := func(a ...color.Attribute) *color.Color {
		c := color.New(a...)
		if on {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	return style{
		good: pick(color.FgGreen), bad: pick(color.FgRed), change: pick(color.FgYellow),
		would: pick(color.FgCyan), faint: pick(color.Faint), bold: pick(color.Bold),
	}
}

func (s style) of(status engine.Status) *color.Color {
	switch status {
	case engine.OK:
		return s.good
	case engine.Changed:
		return s.change
	case engine.WouldChange:
		return s.would
	case engine.Failed, engine.Unknown:
		return s.bad
	}
	return s.faint
}

// New starts a Reporter. Close ends it.
func New(o Options) *Reporter {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Size == nil {
		o.Size = func() (int, int) { return 80, 24 }
	}
	now := o.Now()
	r := &Reporter{
		o: o, style: newStyle(o.Color), width: newWidths(), started: now, spoke: now,
		byName: map[string]*host{}, places: map[string]int{}, stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	for at, name := range o.Hosts {
		r.places[name] = at
		r.widest = max(r.widest, r.width.of(clean(name)))
	}
	go r.run()
	return r
}

// run redraws the live lines, or writes the heartbeat, until Close.
func (r *Reporter) run() {
	defer close(r.stopped)
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-tick.C:
			r.mu.Lock()
			r.progress()
			r.mu.Unlock()
		}
	}
}

func (r *Reporter) progress() {
	if r.paused > 0 || r.closed || r.summed {
		return
	}
	if r.o.TTY {
		r.draw()
		return
	}
	if now := r.o.Now(); now.Sub(r.spoke) >= heartbeat {
		if line := r.heartbeat(now); line != "" {
			r.print(r.o.Err, line)
		}
	}
}

// Close takes the live lines off the screen and, if the run broke off before
// its summary, writes one from what was seen.
func (r *Reporter) Close() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.tellSkipped()
	if !r.summed && (r.tasks || len(r.failed) > 0 || r.anyError()) {
		r.summary(engine.Event{Kind: engine.KindSummary})
	}
	r.closed = true
	r.erase()
	r.mu.Unlock()
	close(r.stop)
	<-r.stopped
}

// Pause takes the live lines off the screen, for a question to the user; the
// returned function brings them back.
func (r *Reporter) Pause() (resume func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.erase()
	r.paused++
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.paused--
	})
}

// Exit is the exit code of what was reported so far. A host that was lost
// after its tasks had begun (unknown) counts as unreachable, not as a failed
// task: nothing is known to be wrong with it, and running again is the remedy.
func (r *Reporter) Exit() Exit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.worst
}

// Event takes the next event of a run; it is an engine.Sink.
func (r *Reporter) Event(e engine.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := len(r.skipped) - 1; last >= 0 && (e.Status != engine.Skipped || e.Host != r.skipped[last].Host || e.Detail != r.skipped[last].Detail) {
		r.tellSkipped()
	}
	if e.Kind == engine.KindSummary {
		if !r.summed {
			r.summary(e)
		}
		return
	}
	h := r.host(e.Host)
	switch e.Kind {
	case engine.KindHost:
		h.set(e.Stage, e.Detail, r.o.Now())
	case engine.KindStart:
		h.set(e.Stage, e.Task, r.o.Now())
	case engine.KindTask:
		r.task(h, e)
	case engine.KindError:
		r.lost(h, e)
	}
}

func (h *host) set(stage, doing string, now time.Time) {
	doing = clean(doing)
	if stage != "" {
		h.stage = clean(stage)
	}
	if h.doing != doing {
		h.doing, h.since = doing, now
	}
}

func (r *Reporter) host(name string) *host {
	if h := r.byName[name]; h != nil {
		return h
	}
	h := &host{name: name, since: r.o.Now()}
	at := len(r.hosts)
	if place, ok := r.places[name]; ok {
		for at > 0 && r.place(r.hosts[at-1].name) > place {
			at--
		}
	}
	r.hosts = slices.Insert(r.hosts, at, h)
	r.byName[name] = h
	r.widest = max(r.widest, r.width.of(clean(name)))
	return h
}

// place is where a host stands among those of the run; after them, if it is
// none of them.
func (r *Reporter) place(name string) int {
	if at, ok := r.places[name]; ok {
		return at
	}
	return len(r.places)
}

func (r *Reporter) anyError() bool {
	for _, h := range r.hosts {
		if len(h.out) > 0 {
			return true
		}
	}
	return false
}

// task records and shows the end of one task.
func (r *Reporter) task(h *host, e engine.Event) {
	r.tasks = true
	h.set(e.Stage, "", r.o.Now())
	h.counts.Took += e.Took
	c := &h.counts
	switch e.Status {
	case engine.OK:
		c.OK++
	case engine.Changed:
		c.Changed++
	case engine.WouldChange:
		c.WouldChange++
		r.worst = Worst(r.worst, WouldChange)
	case engine.Pending:
		c.Pending++
		r.worst = Worst(r.worst, WouldChange)
	case engine.Skipped:
		c.Skipped++
	case engine.Failed:
		c.Failed++
		r.worst = Worst(r.worst, TaskFailed)
		r.failed = append(r.failed, failure{e})
	case engine.Unknown:
		c.Unknown++
		r.worst = Worst(r.worst, Unreachable)
		r.failed = append(r.failed, failure{e})
	}
	if r.o.JSON {
		r.jsonTask(e)
		return
	}
	switch {
	case e.Status == engine.Skipped && r.o.Verbose == 0:
		r.skipped = append(r.skipped, e)
	case e.Status != engine.OK || r.o.Verbose > 0:
		r.show(h, r.taskLine(e)...)
	}
}

// show prints lines of a host, or, in a dry run, keeps them until the summary:
// hosts work at once, and nobody can review what they say in turns.
func (r *Reporter) show(h *host, lines ...string) {
	if r.o.Check {
		h.held = append(h.held, lines...)
		return
	}
	r.print(r.o.Out, lines...)
}

// tellSkipped shows what was skipped in a row.
func (r *Reporter) tellSkipped() {
	n := len(r.skipped)
	if n == 0 {
		return
	}
	e := r.skipped[0]
	if n > 1 {
		e.Task = fmt.Sprintf("%s, and %d more", e.Task, n-1)
	}
	r.skipped = nil
	r.show(r.host(e.Host), r.taskLine(e)...)
}

// lost records that a host is out of the run. The event may bring an exit
// code of its own (a lock held by somebody else is no lost connection).
func (r *Reporter) lost(h *host, e engine.Event) {
	t := trouble{e.Err, e.Hint}
	if t.err == nil {
		t.err = fmt.Errorf("cannot go on: %s", e.Detail)
	}
	if t.hint == "" {
		t.hint = hintOf(t.err)
	}
	first := len(h.out) == 0
	h.out = append(h.out, t)
	h.set(e.Stage, "out of the run", r.o.Now())
	code := Exit(e.Exit)
	if code == Done {
		code = Unreachable
	}
	r.worst = Worst(r.worst, code)
	if r.o.JSON { // there is no object for it but the summary; people want to know now
		r.print(r.o.Err, r.errorBlock(h, t)...)
		return
	}
	if !first {
		return // the summary has them all
	}
	line := r.hostName(h.name) + "  " + r.style.bad.Sprint("out of the run") + r.style.faint.Sprint("  after "+took(r.o.Now().Sub(r.started)))
	if why := cleanLines(t.err.Error()); len(why) > 0 {
		line += "  " + why[0]
	}
	r.show(h, line)
}

// print writes whole lines, taking care that the live lines stay below them.
func (r *Reporter) print(w io.Writer, lines ...string) {
	if len(lines) == 0 {
		return
	}
	r.erase()
	text := ""
	for _, line := range lines {
		text += line + "\n"
	}
	// A reader that went away (| head) must not stop a deployment.
	_, _ = io.WriteString(w, text)
	r.spoke, r.said = r.o.Now(), true
	if r.o.TTY && r.paused == 0 && !r.closed && !r.summed {
		r.draw()
	}
}
