package fakehost

import (
	"fmt"
	"strings"
)

const stateDir = "/var/lib/fakehost/"

func (h *Host) lines(name string) []string {
	text, err := h.ReadFile(stateDir + name)
	if err != nil {
		return []string{fmt.Sprintf("cannot read: %v", err)} // in a test's comparison this is seen; a silent nil would not be
	}
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// Mutations is every call of a stub that was to change something, in order, as "systemctl enable httpd".
// A call that found nothing to do is among them: a program that looks before it acts does not make it.
func (h *Host) Mutations() []string { return h.lines("log") }

// Violations is what no deployment may ever do: clearing the table of ipvsadm, removing a service or server that has
// active connections.
func (h *Host) Violations() []string { return h.lines("violations") }

// ForgetMutations empties the log, between two runs.
func (h *Host) ForgetMutations() error { return h.WriteFile(stateDir+"log", nil, 0o644) }

// Real is the counters of one real server behind a virtual service.
type Real struct {
	Service  string // "tcp 12.0.0.1:80"
	Server   string // "192.168.1.20:80"
	Active   int    // ActiveConn
	Inactive int    // InActConn
	Conns    int    // connections scheduled since the last zeroing
}

// SetConnections sets what ipvsadm -Ln, --stats and --rate say of the real servers, all others being 0.
func (h *Host) SetConnections(reals ...Real) error {
	var b strings.Builder
	for _, r := range reals {
		fmt.Fprintln(&b, r.Service, r.Server, r.Active, r.Inactive, r.Conns)
	}
	return h.WriteFile(stateDir+"ipvs.conns", []byte(b.String()), 0o644)
}

// SetRemoteExports makes an NFS server that is no fake host known to this one: showmount -e lists the exports, by
// directory, and mounting one gives a directory with an index.html of the given text.
func (h *Host) SetRemoteExports(server string, exports map[string]string) error {
	dir := stateDir + "remote/" + server + "/"
	var b strings.Builder
	for path, text := range exports {
		fmt.Fprintln(&b, path, "*", "rw")
		if err := h.WriteFile(dir+"tree"+path+"/index.html", []byte(text), 0o644); err != nil {
			return err
		}
	}
	return h.WriteFile(dir+"exports", []byte(b.String()), 0o644)
}
