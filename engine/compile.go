// Package engine compiles a host's tasks into one POSIX-sh program, runs the
// programs over connections, stage by stage, and turns what they say into
// events. It imports tasks, shell and remote.
package engine

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// The parts of every program that are not tasks.
var (
	//go:embed prelude/common.sh
	commonPrelude string
	//go:embed prelude/check.sh
	checkPrelude string
	//go:embed prelude/apply.sh
	applyPrelude string
	//go:embed prelude/state.sh
	statePrelude string
	//go:embed prelude/arm.sh
	armPrelude string
	//go:embed prelude/revert.sh
	revertScript string
)

// stateBelow is where a host remembers its clusters.
const stateBelow = "/var/lib/lvsdeploy"

// Heading is what a program says of itself.
type Heading struct {
	Cluster string
	Host    string // "web1 (192.168.1.20)"
	Mode    string
	Who     string // who runs it, for the lock
	Nonce   string // marks the program's events

	// Patience is how long a change that may cut the workstation off waits for
	// its confirmation; 0: DefaultConfirmTimeout.
	Patience time.Duration
}

// step is one task of a compiled program, at the number the program uses.
type step struct {
	stage int
	task  tasks.Task
}

// Program is one host's whole list of tasks as a shell program.
type Program struct {
	Text  string
	steps []step
}

// Compile makes the program of one host from its part of the plan. With check
// it holds no Apply text, nor any function that changes something.
func Compile(plan tasks.Plan, host string, head Heading, check bool) Program {
	var p Program
	var body strings.Builder
	body.Grow(8 << 10)
	var owns []string
	var stages []int
	for n, stage := range plan {
		i := slices.IndexFunc(stage.Hosts, func(h tasks.HostPlan) bool { return h.Host == host })
		if i < 0 {
			continue
		}
		stages = append(stages, n)
		fmt.Fprintf(&body, "\n%s\nstage_%d() {\n", shell.Comment("== stage: "+stage.Name), n)
		if len(stage.After) > 0 {
			fmt.Fprintf(&body, "barrier %d %s\n", n, shell.Quote("until every host is through with: "+strings.Join(stage.After, ", ")))
		}
		list := slices.Concat(stage.Hosts[i].Tasks, stage.Hosts[i].Handlers)
		for i, t := range list {
			writeTask(&body, len(p.steps), t, check)
			p.steps = append(p.steps, step{n, t})
			owns = append(owns, t.Owns...)
			if !check && t.Undo != "" && (i+1 == len(list) || list[i+1].Undo == "") {
				// not later: what follows may take longer than the revert waits
				body.WriteString("\nconfirm\n")
			}
		}
		fmt.Fprintf(&body, "passed %d\n}\n", n)
	}

	functions := needed(body.String(), check)
	size := body.Len() + len(commonPrelude) + max(len(checkPrelude), len(applyPrelude)+len(statePrelude)+len(armPrelude)+len(revertFunction())) + 2<<10
	for _, f := range functions {
		size += len(f.Text)
	}
	var b strings.Builder
	b.Grow(size)
	fmt.Fprintf(&b, "#!/bin/sh\n%s\n", shell.Comment(fmt.Sprintf("lvsdeploy %s, cluster %s: what is done on %s", head.Mode, head.Cluster, head.Host)))
	if check {
		b.WriteString("# A dry run: it looks, and holds nothing that could change anything.\n")
	} else {
		b.WriteString("# By hand: run it as root with sh; Enter passes a barrier.\n")
	}
	fmt.Fprintf(&b, "nonce=%s\nstate=%s\n", shell.Quote(head.Nonce), shell.Quote(stateBelow+"/"+head.Cluster))
	b.WriteString(commonPrelude)
	if check {
		b.WriteString(checkPrelude)
	} else {
		fmt.Fprintf(&b, "run=%s\nwho=%s\n", shell.Quote("/run/lvsdeploy/"+head.Cluster), shell.Quote(head.Who))
		if head.Patience == 0 {
			head.Patience = DefaultConfirmTimeout
		}
		fmt.Fprintf(&b, "patience=%d\n", max(1, int(head.Patience.Seconds())))
		b.WriteString(applyPrelude)
		b.WriteString(statePrelude)
		b.WriteString(armPrelude)
		b.WriteString(revertFunction())
	}
	for _, f := range functions {
		b.WriteString("\n")
		b.WriteString(string(f.Text))
		b.WriteString("\n")
	}
	b.WriteString(body.String())
	// in braces: a program that is cut short on its way does nothing
	b.WriteString("\n# == now\n{\n")
	if !check {
		b.WriteString("begin\n")
	}
	if len(stages) > 0 {
		b.WriteString("until through; do\n")
		for _, n := range stages {
			fmt.Fprintf(&b, "  at %d && stage_%d\n", n, n)
		}
		b.WriteString("done\n")
	}
	if !check {
		slices.Sort(owns)
		fmt.Fprintf(&b, "\n# == what is ours on this host from now on\nall_wanted() {\n%s\n}\nremember\n", shell.Heredoc(`"$1"`, strings.Join(slices.Compact(owns), "\n")))
	}
	b.WriteString("event end\n}\n")
	p.Text = b.String()
	return p
}

// revertFunction writes the script that takes changes back. It stays on the
// host by itself: what it calls of the library is in it.
var revertFunction = sync.OnceValue(func() string {
	heading, rest, _ := strings.Cut(revertScript, "\ncd ")
	script := heading + "\nnewline='\n'\n"
	for _, f := range neededBy(revertScript, true) {
		script += "\n" + string(f.Text) + "\n"
	}
	var b strings.Builder
	function(&b, "revert", "script", shell.Heredoc("cat", script+"\ncd "+rest))
	return b.String()
})

// needed lists the library functions that a program uses.
func needed(body string, check bool) []tasks.Function {
	if !check {
		body += "\ntidy " // the prelude
	}
	return neededBy(body, !check)
}

// neededBy lists the library functions that text uses, with those that they
// use themselves.
func neededBy(text string, changes bool) []tasks.Function {
	use := commands(text)
	// a function may call those before it
	for i, f := range slices.Backward(tasks.Library) {
		use[i] = (use[i] || slices.ContainsFunc(callers()[i], func(caller int) bool { return use[caller] })) && (changes || !f.Changes)
	}
	var found []tasks.Function
	for i, f := range tasks.Library {
		if use[i] {
			found = append(found, f)
		}
	}
	return found
}

// callers lists, for each library function, those that call it.
var callers = sync.OnceValue(func() [][]int {
	of := make([][]int, len(tasks.Library))
	for j, later := range tasks.Library {
		for i, called := range commands(string(later.Text)) {
			if called && i < j {
				of[i] = append(of[i], j)
			}
		}
	}
	return of
})

// places are the library functions' places in it, by name.
var places = sync.OnceValue(func() map[string]int {
	at := make(map[string]int, len(tasks.Library))
	for i, f := range tasks.Library {
		at[f.Name] = i
	}
	return at
})

// commands tells which library functions text calls. Every program is looked
// through for them, in one pass: anything else would take longer than all else
// that is done for a host.
func commands(text string) []bool {
	called, at := make([]bool, len(tasks.Library)), places()
	start := 0 // of the word; -1: it is none
	for i := range len(text) {
		switch c := text[i]; {
		case c == ' ' || c == '\n' || c == '|' || c == '(' || c == ';':
			if c == ' ' && start >= 0 && start < i {
				if n, known := at[text[start:i]]; known {
					called[n] = true
				}
			}
			start = i + 1
		case c != '_' && (c < 'a' || c > 'z'):
			start = -1
		}
	}
	return called
}

func writeTask(b *strings.Builder, n int, t tasks.Task, check bool) {
	fmt.Fprintf(b, "\n%s\n", shell.Comment(t.Name))
	if t.Needs.Met != "" {
		function(b, "needs", n, t.Needs.Met)
	}
	if t.Key() == "" {
		function(b, "check", n, t.Check)
	}
	if !t.IsProof() && !check {
		function(b, "apply", n, t.Apply)
		if t.Undo != "" {
			function(b, "undo", n, t.Undo)
		}
	}
	say := func(key, value string) {
		if value != "" {
			fmt.Fprintf(b, "%s=%s\n", key, shell.Quote(value))
		}
	}
	if t.Needs.Met != "" {
		say("needs", t.Needs.Why)
		if t.Needs.ByPackage && check {
			say("by_package", "yes")
		}
	}
	if t.Direct {
		say("direct", "yes")
	}
	say("notify", t.Notify)
	say("settles", t.Settles)
	if !check {
		say("owns", strings.Join(t.Owns, "\n"))
		if t.Undo != "" {
			say("undo", "yes")
		}
	}
	switch {
	case t.Key() != "":
		fmt.Fprintf(b, "handler %d %s %s\n", n, shell.Quote(t.Name), shell.Quote(t.Key()))
	case t.IsProof():
		fmt.Fprintf(b, "proof %d %s\n", n, shell.Quote(t.Name))
	default:
		fmt.Fprintf(b, "task %d %s\n", n, shell.Quote(t.Name))
	}
}

// function writes kind_of: undo_3, revert_script.
func function(b *strings.Builder, kind string, of any, body shell.Fragment) {
	fmt.Fprintf(b, "%s_%v() {\n%s\n}\n", kind, of, body)
}
