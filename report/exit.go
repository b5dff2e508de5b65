// Package report shows people and programs what a run does: a live line per
// host on a terminal, plain lines elsewhere, JSON on request, a summary and
// the exit code. It reads engine events and verify results, writes to the
// writers it is given, and imports neither the command line nor SSH.
package report

// Exit is an exit code of lvsdeploy. Scripts depend on the numbers.
type Exit int

// The exit codes.
const (
	Done        Exit = 0   // done, nothing failed
	TaskFailed  Exit = 1   // a task failed
	Usage       Exit = 2   // wrong usage or inventory, nothing was contacted
	WouldChange Exit = 3   // --check found changes to make
	Unreachable Exit = 4   // a host unreachable, not authenticated, its key refused, or lost on the way
	Unhealthy   Exit = 5   // verify found the cluster wrong
	RolledBack  Exit = 6   // a change was rolled back
	Interrupted Exit = 130 // 128 + SIGINT, as shells count
)

// rank orders the codes from bad to good. Among those that a finished run can
// have it is 6, 1, 4, 5, 3. An interrupt stands above the failures that it
// brings about itself (tasks cut short, hosts hung up on), but a rollback is
// still the more important news.
func rank() []Exit {
	return []Exit{RolledBack, Interrupted, Usage, TaskFailed, Unreachable, Unhealthy, WouldChange, Done}
}

// Worst is the code to end with when several things happened; Done for none.
// A code that is not one of ours is never hidden by one that is.
func Worst(codes ...Exit) Exit {
	worst, at := Done, len(rank())
	for _, code := range codes {
		place := -1
		for i, known := range rank() {
			if code == known {
				place = i
			}
		}
		if place < at {
			worst, at = code, place
		}
	}
	return worst
}
