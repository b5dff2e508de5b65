package tasks

import (
	"fmt"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// VirtualService is a service of the IPVS table with its real servers.
type VirtualService struct {
	Protocol    string // tcp or udp
	Address     string // VIP:port
	Scheduler   string
	Persistence time.Duration
	Servers     []RealServer
}

// RealServer is a destination of a virtual service.
type RealServer struct {
	Address string // RIP:port
	Method  Method
	Weight  int
}

// Method is the packet-forwarding method, as ipvsadm(8) spells its option.
type Method string

// The methods in use.
const (
	Masquerading Method = "-m"
	Gatewaying   Method = "-g"
)

// key is the service as ipvsadm -Sn names it: "-t 12.0.0.1:80".
func (v VirtualService) key() string { return ServiceKey(v.Protocol, v.Address) }

// ServiceKey is how ipvsadm names a service: "-t 12.0.0.1:80".
func ServiceKey(protocol, address string) string {
	if protocol == "udp" {
		return "-u " + address
	}
	return "-t " + address
}

// rules are the lines that ipvsadm -Sn prints for v.
func (v VirtualService) rules() []string {
	service := fmt.Sprintf("-A %s -s %s", v.key(), v.Scheduler)
	if v.Persistence > 0 {
		service += fmt.Sprintf(" -p %d", int(v.Persistence.Seconds()))
	}
	lines := []string{service}
	for _, r := range v.Servers {
		lines = append(lines, fmt.Sprintf("-a %s -r %s %s -w %d", v.key(), r.Address, r.Method, r.Weight))
	}
	return lines
}

// Rules are the lines that ipvsadm -Sn prints for all services.
func Rules(services []VirtualService) string {
	var b strings.Builder
	for _, v := range services {
		for _, line := range v.rules() {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// wanted sets want to the rules, one a line, and live to the table.
func wanted(services []VirtualService) shell.Fragment {
	return shell.Lines(lines("want", Rules(services)), "live=$(ipvsadm -Sn) || return")
}

// lines sets a variable to lines of text, without the last one's end.
func lines(variable, text string) shell.Fragment {
	return shell.F("%s=%s", shell.Fragment(variable), strings.TrimRight(text, "\n"))
}

// missingRules sets missing to what the table lacks of want, as a difference: of
// a rule that is there with other options, the old one too.
const missingRules = shell.Fragment(`missing=
while IFS= read -r rule; do
  among "$rule" "$live" && continue
  # shellcheck disable=SC2086 # a rule is a list of words
  set -- $rule
  old="$1 $2 $3 "
  [ "$1" != -a ] || old="$old-r $5 "
  case $newline$live in
  *"$newline$old"*)
    was=$newline$live
    was=${was#*"$newline$old"}
    missing="$missing-$old${was%%"$newline"*}$newline"
    ;;
  esac
  missing="$missing+$rule$newline"
done <<END
$want
END`)

// extraRules sets extra to the rules of the services known that want does not
// have.
const extraRules = shell.Fragment(`extra=
while IFS= read -r rule; do
  # shellcheck disable=SC2086
  set -- $rule
  [ $# -gt 2 ] || continue
  among "$2 $3" "$known" || continue
  case $1$newline$want in
  "-A$newline"*"$newline-A $2 $3 "* | "-A$newline-A $2 $3 "*) ;;
  "-a$newline"*"$newline-a $2 $3 -r $5 "*) ;;
  *) extra="$extra$rule$newline" ;;
  esac
done <<END
$live
END`)

// known sets known to the services that are ours, gone ones too.
func known(services []VirtualService, gone []string) shell.Fragment {
	keys := append([]string{}, gone...)
	for _, v := range services {
		keys = append(keys, v.key())
	}
	return lines("known", strings.Join(keys, "\n"))
}

// Balance adds what the table lacks and edits what differs, service by
// service, in place. It takes nothing away: established connections stay.
func Balance(services []VirtualService) Task {
	var owns []string
	for _, v := range services {
		owns = append(owns, "service "+v.key())
	}
	return Task{
		Name:   "balance " + list(services),
		Direct: true,
		Check:  shell.Lines(wanted(services), missingRules, `[ -z "$missing" ] || { printf '%s' "$missing"; return 1; }`),
		Apply: shell.Lines(wanted(services), `printf '%s\n' "$want" | while IFS= read -r rule; do
  printf '%s\n' "$live" | grep -qxF -e "$rule" && continue
  # shellcheck disable=SC2086 # a rule is a list of words
  set -- $rule
  case $1 in
  -A) printf '%s\n' "$live" | grep -q -e "^-A $2 $3 " && op=-E || op=-A ;;
  -a) printf '%s\n' "$live" | grep -q -e "^-a $2 $3 -r $5 " && op=-e || op=-a ;;
  esac
  shift
  ipvsadm "$op" "$@"
done`),
		Needs: command("ipvsadm"),
		Owns:  owns,
		Files: []File{{Path: "/ipvsadm.rules", Mode: "0644", Content: Rules(services)}},
		Hint:  "ipvsadm -Ln shows the table; a scheduler that the kernel lacks needs its module, ip_vs_NAME",
	}
}

// Drain takes away real servers that are no longer wanted, and services of
// ours (gone, as ServiceKey names them) that are no longer in the inventory.
// A server first gets weight 0 and keeps its connections until none is active
// or patience ends.
func Drain(services []VirtualService, gone []string, patience time.Duration) Task {
	extra := shell.Lines("command -v ipvsadm >/dev/null 2>&1 || return 0 # no table, nothing in it",
		wanted(services), known(services, gone), extraRules)
	name := "drain and remove what is no longer in " + list(services)
	if len(services) == 0 {
		name = "drain and remove " + strings.Join(gone, ", ")
	}
	return Task{
		Name:   name,
		Direct: true,
		Check:  shell.Lines(extra, `[ -z "$extra" ] || { printf '%s' "$extra" | sed 's/^/-/'; return 1; }`),
		Apply: shell.Lines(extra, shell.F(`servers=$(printf '%%s\n' "$extra" | grep -e '^-a' || :)
gone=$(printf '%%s\n' "$extra" | grep -e '^-A' || :)
printf '%%s\n' "$servers" | while read -r op proto vip dash rip method rest; do
  [ -z "$op" ] || ipvsadm -e "$proto" "$vip" "$dash" "$rip" "$method" -w 0
done
# a connection that has just closed may still wait for its last packets: two
# quiet looks in a row, a second apart
quiet=0 waited=0
while [ $quiet -lt 2 ] && [ $waited -lt %s ]; do
  sleep 1
  waited=$((waited + 1))
  active=$(printf '%%s\n' "$servers" | while read -r op proto vip dash rip rest; do
    [ -z "$op" ] || ipvsadm -Ln "$proto" "$vip" | awk -v rip="$rip" '$1 == "->" && $2 == rip { print $5 }'
  done | awk '{ n += $1 } END { print n + 0 }')
  if [ "$active" -eq 0 ]; then quiet=$((quiet + 1)); else quiet=0; fi
done
printf '%%s\n' "$servers" | while read -r op proto vip dash rip rest; do
  [ -z "$op" ] || ipvsadm -d "$proto" "$vip" "$dash" "$rip"
done
printf '%%s\n' "$gone" | while read -r op proto vip rest; do
  [ -z "$op" ] || ipvsadm -D "$proto" "$vip"
done`, int(patience.Seconds()))),
	}
}

// SaveTable keeps the live table where the boot reads it. It holds services
// of others as well: a reboot must not lose them. In a dry run the table is not
// yet what Balance and Drain make of it: that it will be saved anew is known all
// the same.
func SaveTable(file string, services []VirtualService, gone []string) Task {
	live := shell.Fragment("live=$(ipvsadm -Sn) || return")
	if len(services)+len(gone) > 0 { // dirty: of a dry run that has found something to change
		live = shell.Lines(`if [ -n "${dirty-}" ]; then`, wanted(services), known(services, gone), missingRules, extraRules,
			`[ -z "$missing$extra" ] || { echo 'the table, as it will be'; return 1; }`, "fi", live)
	}
	return Task{
		Name:   "save the table in " + file,
		Direct: true,
		Check: shell.Lines(live, shell.F(`same %s >/dev/null 2>&1 <<END && return
$live
END
saved=$(grep -e '^-' %s 2>/dev/null | sort) || saved=
live=$(printf '%%s\n' "$live" | sort)
[ "$saved" = "$live" ] || { printf '%%s\n' "$saved" | sed 's/^/-/'; printf '%%s\n' "$live" | sed 's/^/+/'; return 1; }`, file, file)),
		Apply: shell.F("live=$(ipvsadm -Sn)\nprintf '%%s\\n' \"$live\" | put %s 0644", file),
		Needs: command("ipvsadm"),
		Owns:  []string{"file " + file},
	}
}

// SavedForOthers saves the table anew when the cluster has left it, if another
// one of the host has its services there; else the file goes.
func SavedForOthers(file string) Task {
	t := SaveTable(file, nil, nil)
	return Task{
		Name:   "save the table of the other clusters in " + file,
		Direct: true,
		Check:  shell.Lines(shell.F("shared %s || return 0\ncommand -v ipvsadm >/dev/null 2>&1 || return 0", "file "+file), t.Check),
		Apply:  t.Apply,
	}
}

func list(services []VirtualService) string {
	var names []string
	for _, v := range services {
		names = append(names, v.Address+"/"+v.Protocol)
	}
	return strings.Join(names, ", ")
}
