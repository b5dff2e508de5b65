package tasks

import (
	"slices"
	"strings"
)

// Leftover is the task that takes away what an entry of the manifest names,
// once no task of a plan owns it any more. It knows every kind of entry that
// Task.Owns may hold; false for one that needs nothing done here.
func Leftover(entry string) (Task, bool) {
	kind, name, _ := strings.Cut(entry, " ")
	first, second, _ := strings.Cut(name, " ")
	switch kind {
	case "address":
		return addressGone(first, second), true
	case "route":
		return routeGone(first, second), true
	case "default-route":
		return defaultRouteGone(first, second), true
	case "snat":
		return snatGone(strings.Fields(name)), true
	case "fstab":
		return Unmounted(name), true
	case "unit":
		return RemovedUnit(name), true
	case "file", "page":
		return Removed(name), true
	case "block":
		return blockGone(first, second), true
	case "setting":
		return settingGone(first, second), true
	case "sysctl":
		return sysctlGone(name), true
	}
	return Task{}, false // "service" leaves the table by Drain
}

// SortLeftovers puts manifest entries into the order in which they are to be
// taken away: an address before the ARP settings that keep quiet about it,
// live state before the files that keep it.
func SortLeftovers(entries []string) []string {
	order := []string{"address", "route", "default-route", "snat", "fstab", "unit", "file", "page", "block", "setting", "sysctl"}
	rank := func(entry string) int {
		kind, _, _ := strings.Cut(entry, " ")
		return slices.Index(order, kind)
	}
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b string) int { return rank(a) - rank(b) })
	return sorted
}
