package engine

import (
	"net/netip"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// parseBoot takes one line of what the network's own files say; false: it is
// about something else.
func parseBoot(f *tasks.Facts, key, rest string) bool {
	if key == "boot" {
		f.Boot = &tasks.Boot{Networks: map[string]string{}, Stanzas: map[string][]string{}}
		return true
	}
	b := f.Boot
	if b == nil {
		return false
	}
	first, second, _ := strings.Cut(rest, " ")
	switch key {
	case "rule":
		f.Rules = append(f.Rules, rest)
	case "way":
		if a, err := netip.ParseAddr(first); err == nil {
			if f.Ways == nil {
				f.Ways = map[netip.Addr]string{}
			}
			f.Ways[a] = second
		}
	case "theirs":
		b.Theirs = append(b.Theirs, rest)
	case "bootfile":
		b.Files = append(b.Files, tasks.BootFile{Path: rest})
	case "bootline":
		if n := len(b.Files); n > 0 {
			b.Files[n-1].Lines = append(b.Files[n-1].Lines, rest)
		}
	case "ifsource":
		b.Sources = append(b.Sources, strings.TrimSpace(rest))
	case "ifauto":
		b.Auto = append(b.Auto, strings.Fields(rest)...)
	case "iface":
		b.Ifaces = append(b.Ifaces, tasks.Iface{Name: first, File: second})
	case "ifquery":
		b.Stanzas[first] = append(b.Stanzas[first], second)
	case "netfile":
		b.Networks[first] = second
	case "profile":
		// UUID:FILE:DEVICE:AUTOCONNECT, in which a colon of a name is \:
		w := strings.Split(strings.ReplaceAll(rest, `\:`, "\x00"), ":")
		for i := range w {
			w[i] = strings.ReplaceAll(w[i], "\x00", ":")
		}
		if len(w) == 4 {
			b.Profiles = append(b.Profiles, tasks.Profile{UUID: w[0], File: w[1], Dev: w[2], Auto: w[3] == "yes"})
		}
	default:
		return false
	}
	return true
}
