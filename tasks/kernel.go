package tasks

import (
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Sysctl sets a kernel parameter now; the file that keeps it is a task of its
// own, because one file holds many.
func Sysctl(key, value string) Task {
	file := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
	return Task{
		Name: "set " + key + " = " + value,
		Check: shell.F(`[ -e %s ] || { echo "the kernel has no such parameter"; exit 1; }
# not by read: the kernel ends these files after the first read, and dash
# reads a byte at a time
now=$(cat %s)
[ "$now" = %s ] || { echo "it is $now"; exit 1; }`, file, file, value),
		Apply: shell.F("remember_live %s \"$(cat %s)\"\necho %s >%s", "sysctl."+key, file, value, file),
		Owns:  []string{"sysctl " + key},
	}
}

// sysctlGone gives a parameter the value that it had before the first run.
func sysctlGone(key string) Task {
	file := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
	return Task{
		Name: "set " + key + " as it was",
		Check: shell.F(`[ -e %s ] && [ -e "$state/live/"%s ] || exit 0
was=$(cat "$state/live/"%s)
now=$(cat %s)
[ "$now" = "$was" ] || { echo "it is $now and was $was"; exit 1; }`, file, "sysctl."+key, "sysctl."+key, file),
		Apply: shell.F(`cat "$state/live/"%s >%s`, "sysctl."+key, file),
	}
}

// Module loads a kernel module.
func Module(name string) Task {
	return Task{
		Name:  "load kernel module " + name,
		Check: shell.F("[ -d /sys/module/%s ] || { echo 'not loaded'; exit 1; }", name),
		Apply: shell.F("modprobe %s", name),
		Hint:  "does the kernel have " + name + "? modinfo " + name + " tells; containers have no modules of their own",
	}
}
