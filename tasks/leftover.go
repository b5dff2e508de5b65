package tasks

import "strings"

// Leftover is the task that takes away what an entry of the manifest names,
// once no task of a plan owns it any more. It knows every kind of entry that
// Task.Owns may hold; false for one that needs nothing done here.
func Leftover(entry string) (Task, bool) {
	kind, name, _ := strings.Cut(entry, " ")
	switch kind {
	case "file", "page":
		return Removed(name), true
	case "unit":
		return RemovedUnit(name), true
	case "fstab":
		return Unmounted(name), true
	case "snat":
		return snatGone(strings.Fields(name)), true
	case "address":
		dev, address, _ := strings.Cut(name, " ")
		return addressGone(dev, address), true
	}
	// "service" leaves the table by Drain; a "setting" stays: nobody knows
	// what else has come to rely on it
	return Task{}, false
}
