package engine

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// parseFound takes a line about what may be in the way of a deployment; false:
// the line is not about that.
func parseFound(f *tasks.Facts, key, rest string) bool {
	w := strings.Fields(rest)
	switch key {
	case "masked":
		f.Masked = append(f.Masked, rest)
	case "readonly":
		f.ReadOnly = append(f.ReadOnly, rest)
	case "link":
		if len(w) == 3 {
			f.Links = append(f.Links, tasks.Link{At: w[0], Real: w[1], Path: w[2]})
		}
	case "export":
		file, line, _ := strings.Cut(rest, " ")
		f.Exports = append(f.Exports, tasks.FileLine{File: file, Line: line})
	case "fstab":
		if len(w) == 4 {
			f.Fstab = append(f.Fstab, tasks.FileSystem{Source: w[0], Type: w[1], Options: w[2], Dir: w[3]})
		}
	case "mount":
		if len(w) == 4 {
			f.Mounts = append(f.Mounts, tasks.FileSystem{Type: w[0], Source: w[1], Options: w[2], Dir: w[3]})
		}
	case "mountunit":
		if len(w) == 2 {
			f.MountUnits = append(f.MountUnits, tasks.Link{At: w[0], Path: w[1]})
		}
	case "hidden":
		f.Hidden = append(f.Hidden, rest)
	case "LISTEN":
		if len(w) > 3 {
			parseListener(f, w[2], rest)
		}
	case "socket":
		if len(w) > 1 {
			f.Sockets = append(f.Sockets, tasks.Link{At: w[1], Path: w[0]})
		}
	case "web":
		f.Web = append(f.Web, rest)
	case "noprotocols":
		f.NoProtocols = true
	case "docker":
		f.Docker = true
	case "table":
		f.TableOwner = rest
	case "filter":
		f.Filter = append(f.Filter, rest)
	default:
		return false
	}
	return true
}

var listener = regexp.MustCompile(`users:\(\("([^"]*)",pid=(\d+)`)

// parseListener takes one line of `ss -ltnp` with its first word cut off.
func parseListener(f *tasks.Facts, at, line string) {
	i := strings.LastIndexByte(at, ':')
	port, err := strconv.ParseUint(at[i+1:], 10, 16)
	if err != nil {
		return
	}
	l := tasks.Listener{At: at, Port: uint16(port)}
	if m := listener.FindStringSubmatch(line); m != nil {
		l.Program = m[1]
		l.PID, _ = strconv.Atoi(m[2])
	}
	f.Listeners = append(f.Listeners, l)
}
