package tasks

import (
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Sysctl sets a kernel parameter now; the file that keeps it is a task of its
// own, because one file holds many. A key that begins with - may be unknown to
// the kernel, as in sysctl.d(5).
func Sysctl(key, value string) Task {
	key, optional := strings.CutPrefix(key, "-")
	file := sysctlFile(key)
	remember := shell.F("remember_live %s \"$(cat %s)\"", "sysctl."+key, file)
	if other := setsAlong[key]; other != "" {
		remember = shell.Lines(remember, shell.F("remember_live %s \"$(cat %s)\"", "sysctl."+other, sysctlFile(other)))
	}
	missing := shell.Fragment("echo 'the kernel has no such parameter'; return 1")
	if optional {
		missing = "return 0"
	}
	return Task{
		Name:   "set " + key + " = " + value,
		Direct: true,
		Check: shell.F(`[ -e %s ] || { %s; }
# not by read: the kernel ends these files after the first read, and dash
# reads a byte at a time
now=$(cat %s)
[ "$now" = %s ] || { echo "it is $now"; return 1; }`, file, missing, file, value),
		Apply: shell.Lines(remember, shell.F("echo %s >%s", value, file)),
		Owns:  []string{"sysctl " + key},
	}
}

func sysctlFile(key string) string { return "/proc/sys/" + strings.ReplaceAll(key, ".", "/") }

// setsAlong are parameters that the kernel sets along with another.
var setsAlong = map[string]string{"net.ipv4.ip_forward": "net.ipv4.conf.all.accept_redirects"}

// sysctlGone gives a parameter the value that it had before the first run.
func sysctlGone(key string) Task {
	file := sysctlFile(key)
	along := shell.Fragment("")
	if other := setsAlong[key]; other != "" {
		along = shell.F(`[ ! -e "$state/live/"%s ] || cat "$state/live/"%s >%s`, "sysctl."+other, "sysctl."+other, sysctlFile(other))
	}
	return Task{
		Name: "set " + key + " as it was",
		Check: shell.F(`[ -e %s ] && [ -e "$state/live/"%s ] || exit 0
was=$(cat "$state/live/"%s)
now=$(cat %s)
[ "$now" = "$was" ] || { echo "it is $now and was $was"; exit 1; }`, file, "sysctl."+key, "sysctl."+key, file),
		Apply: shell.Lines(shell.F(`cat "$state/live/"%s >%s`, "sysctl."+key, file), along),
	}
}

// Module loads a kernel module.
func Module(name string) Task {
	return Task{
		Name:   "load kernel module " + name,
		Direct: true,
		Check:  shell.F("[ -d /sys/module/%s ] || { echo 'not loaded'; return 1; }", name),
		Apply:  shell.F("modprobe %s", name),
		Owns:   []string{"module " + name},
		Hint:   "does the kernel have " + name + "? modinfo " + name + " tells; containers have no modules of their own",
	}
}

// ipvsGone unloads IPVS with its schedulers, unless the table serves somebody
// else; ours are the services, as ServiceKey names them, that are not.
func ipvsGone(ours []string) Task {
	return Task{
		Name: "unload kernel module ip_vs",
		Check: shell.Lines("[ -d /sys/module/ip_vs ] || exit 0", lines("ours", strings.Join(ours, "\n")), `others=
! command -v ipvsadm >/dev/null 2>&1 || others=$(ipvsadm -Sn | awk '$1 == "-A" { print $2, $3 }' | grep -vxF -e "$ours") || others=
[ -n "$others" ] || { echo 'still loaded'; exit 1; }`),
		Apply: `for module in /sys/module/ip_vs_*; do
  [ ! -d "$module" ] || modprobe -r "${module##*/}"
done
modprobe -r ip_vs`,
	}
}
