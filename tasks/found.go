package tasks

import "fmt"

// Found is what others have on a host that may be in a deployment's way. What
// is not said to be known always is asked where the cluster's own is not in
// place yet.
type Found struct {
	Masked      []string     // units; always
	ReadOnly    []string     // of what a deployment writes; always
	Links       []Link       // on the way to directories to mount on or to export; always
	Exports     []FileLine   // lines of export files that are not ours; always
	Mounts      []FileSystem // mounted on the way to those directories, or below one to mount on
	Fstab       []FileSystem // the lines for a directory to mount on, or below it
	MountUnits  []Link       // unit files that mount on such a directory
	Hidden      []string     // some files in it
	Listeners   []Listener   // on TCP ports that are wanted
	Sockets     []Link       // socket units, by what they listen on, where systemd is a listener
	Web         []string     // web servers that are installed; always
	NoProtocols bool         // there is no /etc/protocols, or no /etc/services; always
	Docker      bool         // it runs, and has rules of its own for what is forwarded; always
	TableOwner  string       // who else sets up what the kernel balances; always
	Filter      []string     // rules of iptables, as it lists them
}

// Link is something at one place that stands for another.
type Link struct{ At, Real, Path string }

// FileLine is a line of a file.
type FileLine struct{ File, Line string }

// FileSystem is a mount, or a line of fstab.
type FileSystem struct{ Source, Type, Options, Dir string }

func (f FileSystem) String() string { return fmt.Sprintf("%s (%s)", f.Source, f.Type) }

// Listener is a program that listens on a TCP port.
type Listener struct {
	At      string // address and port, as ss prints them
	Port    uint16
	Program string // empty: the kernel
	PID     int
}

// Resolved is where a directory really is, if a link leads there.
func (f Found) Resolved(dir string) string {
	for _, l := range f.Links {
		if l.Path == dir && l.At != dir {
			return l.Real
		}
	}
	return dir
}
