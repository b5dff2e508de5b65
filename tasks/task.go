// Package tasks holds what can be done to a host, as values: a Task says in
// shell how to see whether it is in place and how to put it there. Adding a
// task is one constructor here and one case in tasks_test.go. The package
// imports only shell and templates.
package tasks

import "github.com/lvsdeploy/lvsdeploy/shell"

// Task is one thing that is to be so on a host.
type Task struct {
	Name string // "set net.ipv4.ip_forward = 1"

	// Check exits 0 when it is so, 1 when it is not, with the difference on
	// stdout, and with anything else when it cannot tell.
	Check shell.Fragment

	// Direct says that Check may be tried in the program's own shell first,
	// without a process of its own; only "in place" is believed then. Such a
	// Check does not exit but return, does not lean on set -e, sets no variable
	// of the engine's prelude, and is quick also when it is not in place.
	Direct bool

	// Apply makes it so. Empty: the task is a proof, it changes nothing and
	// fails when it is not so.
	Apply shell.Fragment

	// Needs is what must be there before Check can know. In a real run an
	// unmet need fails the task; in a dry run it makes it pending.
	Needs Need

	// Undo marks a task that may cut the workstation off: an address, a route,
	// a firewall. Run before Apply, it prints the shell commands that bring the
	// live state back to what it is then; files are brought back by themselves.
	// ":" where there is nothing live to undo.
	Undo shell.Fragment

	Notify  string // key of a handler to run once, later, if this changed
	Settles string // key of a handler that is no longer owed once this has changed
	Owns    []string
	Files   []File // what Apply writes, for render
	Hint    string // what to do when it fails

	handler string
}

// Need is a precondition of a task's Check.
type Need struct {
	Met shell.Fragment // true: met; it must not exit
	Why string         // "ipvsadm is not installed"

	// ByPackage says that on this platform the package whose absence leaves
	// the need unmet does the task's work itself when it is installed: a
	// dry run then expects no change from the task.
	ByPackage bool
}

// File is a file as it will be on the host.
type File struct {
	Path    string
	Mode    string // octal, for a new file; an existing one keeps its own
	Content string
}

// IsProof reports whether the task only proves something.
func (t Task) IsProof() bool { return t.Apply == "" }

// Handler makes t run when something that notifies key has changed, in this
// run or in one that broke off.
func Handler(key string, t Task) Task {
	t.handler = key
	return t
}

// Key is the handler's key; empty for a task that is none.
func (t Task) Key() string { return t.handler }

// Proof is a task that changes nothing: check must exit 0.
func Proof(name string, check shell.Fragment, hint string) Task {
	return Task{Name: name, Check: check, Hint: hint}
}

// command is the need for a program in PATH.
func command(name string) Need {
	return Need{Met: shell.F("command -v %s >/dev/null 2>&1", name), Why: name + " is not installed"}
}
