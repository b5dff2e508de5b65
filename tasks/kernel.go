package tasks

import (
	"path"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Sysctl sets a kernel parameter now; the file that keeps it is a task of its
// own, because one file holds many. A key that begins with - may be unknown to
// the kernel, as in sysctl.d(5).
func Sysctl(key, value string) Task {
	key, optional := strings.CutPrefix(key, "-")
	file := sysctlFile(key)
	remember := shell.F("remember_live %s \"$(cat %s)\"", sysctlName(key), file)
	if other := setsAlong[key]; other != "" {
		remember = shell.Lines(remember, shell.F("remember_live %s \"$(cat %s)\"", sysctlName(other), sysctlFile(other)))
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

// ConfKey is a parameter of one interface. In a key a slash stands for the dot
// of an interface's name (sysctl.d(5)): net.ipv4.conf.ens33/100.arp_ignore.
func ConfKey(dev, name string) string {
	return "net.ipv4.conf." + strings.ReplaceAll(dev, ".", "/") + "." + name
}

func sysctlFile(key string) string {
	return "/proc/sys/" + strings.NewReplacer(".", "/", "/", ".").Replace(key)
}

// sysctlName is where a parameter's original is remembered.
func sysctlName(key string) string { return "sysctl." + strings.ReplaceAll(key, "/", "_") }

// setsAlong are parameters that the kernel sets along with another.
var setsAlong = map[string]string{"net.ipv4.ip_forward": "net.ipv4.conf.all.accept_redirects"}

// KeptSysctls proves that no file which is read after ours at boot says something
// else of the settings, which are "key = value" as in the file. systemd-sysctl
// goes by the files' names, whatever their directory; ufw has a file of its own.
func KeptSysctls(file string, settings []string) Task {
	var wanted []string
	for _, s := range settings {
		key, value, _ := strings.Cut(strings.TrimPrefix(s, "-"), " = ")
		wanted = append(wanted, strings.TrimPrefix(sysctlFile(key), "/proc/sys/")+"="+value)
	}
	own := path.Base(file)
	t := Proof("see that no other file sets these parameters at boot", shell.F(`set --
for other in /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf /etc/ufw/ufw.conf /etc/ufw/sysctl.conf; do
  name=${other##*/}
  case $name in
  %s | '*.conf' | [0-8]* | 9[0-8]* | 99-[!z]*) ;;
  *) # not one that a file of the same name hides
    if [ -f "$other" ] && case $other in
    /etc/*) ;;
    *) [ ! -e "/etc/sysctl.d/$name" ] && { [ "$other" = "/run/sysctl.d/$name" ] || [ ! -e "/run/sysctl.d/$name" ]; } ;;
    esac; then set -- "$@" "$other"; fi
    ;;
  esac
done
[ $# -gt 0 ] || return 0
says=$(awk -v own=%s -v wanted=%s '
  BEGIN { n = split(wanted, w, " "); for (i = 1; i <= n; i++) { split(w[i], pair, "="); want[pair[1]] = pair[2] } }
  FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    rank = FILENAME ~ /^\/etc\/ufw\// ? "~" name : name
  }
  FILENAME == "/etc/ufw/ufw.conf" { if (/^[ \t]*ENABLED=["\047]?yes/) ufw = 1; next }
  rank <= own || (FILENAME ~ /^\/etc\/ufw\// && !ufw) || !/=/ || /^[ \t]*[#;]/ { next }
  {
    key = value = $0
    sub(/=.*/, "", key); sub(/^[^=]*=[ \t]*/, "", value); sub(/[ \t\r]*$/, "", value)
    gsub(/^[ \t]*-?[ \t]*|[ \t]+$/, "", key)
    shown = key
    if (match(key, /[.\/]/) && substr(key, RSTART, 1) == ".") { gsub(/\//, "\001", key); gsub(/[.]/, "/", key); gsub(/\001/, ".", key) }
    if (key in want && (!(key in last) || rank >= last[key])) {
      last[key] = rank
      says[key] = value == want[key] ? "" : FILENAME ":" FNR " sets " shown " to " value " at boot, not to " want[key]
    }
  }
  END { for (key in says) if (says[key] != "") print says[key] }' "$@") || return 2
[ -z "$says" ] || { echo "$says"; return 1; }`, own, own, strings.Join(wanted, " ")),
		"take the line out of that file, or give it the same value")
	t.Direct = true
	return t
}

// sysctlGone gives a parameter the value that it had before the first run.
func sysctlGone(key string) Task {
	file := sysctlFile(key)
	along := shell.Fragment("")
	if other := setsAlong[key]; other != "" {
		along = shell.F(`[ ! -e "$state/live/"%s ] || cat "$state/live/"%s >%s`, sysctlName(other), sysctlName(other), sysctlFile(other))
	}
	return Task{
		Name: "set " + key + " as it was",
		Check: shell.F(`[ -e %s ] && [ -e "$state/live/"%s ] || exit 0
was=$(cat "$state/live/"%s)
now=$(cat %s)
[ "$now" = "$was" ] || { echo "it is $now and was $was"; exit 1; }`, file, sysctlName(key), sysctlName(key), file),
		Apply: shell.Lines(shell.F(`cat "$state/live/"%s >%s`, sysctlName(key), file), along),
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
