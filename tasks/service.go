package tasks

import "github.com/lvsdeploy/lvsdeploy/shell"

func unitNeed(p Platform, unit string) Need {
	return Need{
		Met: shell.F("[ -e /lib/systemd/system/%s ] || systemctl cat %s >/dev/null 2>&1 || [ -x /etc/init.d/%s ]",
			unit+".service", unit+".service", unit),
		Why:       "the unit " + unit + " is not installed",
		ByPackage: p.packageStarts,
	}
}

// Service enables unit and starts it. key is the handler that a start makes
// needless, because the service reads its files when it starts.
func Service(p Platform, unit, key string) Task {
	return Task{
		Name:   "enable and start " + unit,
		Direct: true,
		Check: shell.F(`wrong=
enabled %s || wrong="$wrong not enabled"
systemctl is-active --quiet %s || wrong="$wrong not running"
[ -z "$wrong" ] || { printf '%%s:%%s\n' %s "$wrong"; return 1; }`, unit, unit, unit),
		Apply:   shell.F("remember_unit %s\nsystemctl enable --quiet %s\nsystemctl start %s", unit, unit, unit),
		Needs:   unitNeed(p, unit),
		Settles: key,
		Owns:    []string{"daemon " + unit},
		Hint:    "systemctl status " + unit + " and journalctl -u " + unit + " say more",
	}
}

// EnableOnly has unit start at boot and leaves it alone now: starting or
// stopping ipvsadm's unit would replace the live table.
func EnableOnly(p Platform, unit string) Task {
	return Task{
		Name:   "enable " + unit + " at boot",
		Direct: true,
		Check:  shell.F("enabled %s || { echo 'not enabled'; return 1; }", unit),
		Apply:  shell.F("remember_unit %s\nsystemctl enable --quiet %s", unit, unit),
		Needs:  unitNeed(p, unit),
		Owns:   []string{"boot " + unit},
	}
}

// unitWas sets boot and now to what unit was before the first run, and is and
// does to what it is. Nothing is known: nothing is to be done.
func unitWas(unit string) shell.Fragment {
	return shell.F(`[ -e "$state/live/"%s ] || exit 0
read -r boot now <"$state/live/"%s
is=disabled does=inactive
! systemctl is-enabled --quiet %s 2>/dev/null || is=enabled
! systemctl is-active --quiet %s || does=active`, "unit."+unit, "unit."+unit, unit, unit)
}

// daemonGone has a service of the system enabled and running as it was before
// the first run.
func daemonGone(unit string) Task {
	return Task{
		Name:  "leave " + unit + " as it was",
		Check: shell.Lines(unitWas(unit), `[ "$is $does" = "$boot $now" ] || { echo "it is $is and $does; it was $boot and $now"; exit 1; }`),
		// a socket would start it again
		Apply: shell.Lines(unitWas(unit), bootAsItWas(unit), shell.F(`if [ "$now" = active ]; then
  systemctl start %s
else
  systemctl stop %s 2>/dev/null || :
  systemctl stop %s
fi`, unit, unit+".socket", unit)),
		Settles: unit,
	}
}

// bootGone has a unit enabled as it was before the first run; whether it runs
// is not touched.
func bootGone(unit string) Task {
	return Task{
		Name:  "have " + unit + " at boot as it was",
		Check: shell.Lines(unitWas(unit), `[ "$is" = "$boot" ] || { echo "it is $is; it was $boot"; exit 1; }`),
		Apply: shell.Lines(unitWas(unit), bootAsItWas(unit)),
	}
}

func bootAsItWas(unit string) shell.Fragment {
	return shell.F(`if [ "$boot" = enabled ]; then
  systemctl enable --quiet %s
else
  systemctl disable --quiet %s
fi`, unit, unit)
}

// Restart is the handler that restarts unit when a file that it reads has
// changed under it.
func Restart(unit string) Task {
	return Handler(unit, Task{
		Name:  "restart " + unit,
		Check: "exit 1",
		Apply: shell.F("systemctl restart %s", unit),
		Hint:  "systemctl status " + unit + " and journalctl -u " + unit + " say more",
	})
}

// Unit writes a systemd service of our own and enables it. It is not started:
// what it does at boot has been done live by other tasks.
func Unit(name, content string) Task {
	t := Put("keep it across reboots: "+name, File{Path: "/etc/systemd/system/" + name, Mode: "0644", Content: content})
	t.Check = shell.Lines(t.Check, shell.F(`[ -e %s ] || systemctl is-enabled --quiet %s 2>/dev/null || { echo 'not enabled'; return 1; }`,
		"/etc/systemd/system/multi-user.target.wants/"+name, name))
	t.Apply = shell.Lines(t.Apply, "systemctl daemon-reload", shell.F("systemctl enable --quiet %s", name))
	t.Owns = []string{"unit " + name}
	return t
}
