package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// agreed asks the operator before something is taken away, with what will be
// gone in one line.
func (s *session) agreed(tty *terminal) error {
	tty.pause = s.report.Pause
	yes, err := tty.Confirm(s.loss())
	if err == nil && !yes || errors.Is(err, io.EOF) {
		err = usagef("", "not confirmed: nothing was done")
	}
	return err
}

// loss is what a teardown of the session's hosts takes away.
func (s *session) loss() string {
	var names []string
	for _, h := range s.hosts(false) {
		names = append(names, h.Name)
	}
	text := "everything that lvsdeploy put on " + few(names, 6) + " for " + s.cluster.Name + " will be gone"
	if s.limit == nil || slices.Contains(s.limit, s.cluster.Director.Name) {
		var services []string
		for _, v := range s.cluster.Services {
			services = append(services, service(v))
		}
		text += ", and " + few(services, 3) + " with it"
	}
	return text + ". Go on?"
}

func service(v inventory.Service) string {
	if v.Protocol == "udp" {
		return v.Endpoint().String() + "/udp"
	}
	return v.Endpoint().String()
}

// few names at most n of several things.
func few(names []string, n int) string {
	if more := len(names) - n; more > 0 {
		return strings.Join(names[:n], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
