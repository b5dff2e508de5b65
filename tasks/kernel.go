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
		Apply: shell.F("echo %s >%s", value, file),
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
