package tasks

import "github.com/lvsdeploy/lvsdeploy/shell"

func unitNeed(p Platform, unit string) Need {
	return Need{
		Met:       shell.F("systemctl cat %s >/dev/null 2>&1 || [ -x /etc/init.d/%s ]", unit+".service", unit),
		Why:       "the unit " + unit + " is not installed",
		ByPackage: p.packageStarts,
	}
}

// Service enables unit and starts it. key is the handler that a start makes
// needless, because the service reads its files when it starts.
func Service(p Platform, unit, key string) Task {
	return Task{
		Name: "enable and start " + unit,
		Check: shell.F(`wrong=
systemctl is-enabled --quiet %s 2>/dev/null || wrong="$wrong not enabled"
systemctl is-active --quiet %s || wrong="$wrong not running"
[ -z "$wrong" ] || { printf '%%s:%%s\n' %s "$wrong"; exit 1; }`, unit, unit, unit),
		Apply:   shell.F("systemctl enable --quiet %s\nsystemctl start %s", unit, unit),
		Needs:   unitNeed(p, unit),
		Settles: key,
		Hint:    "systemctl status " + unit + " and journalctl -u " + unit + " say more",
	}
}

// EnableOnly has unit start at boot and leaves it alone now: starting or
// stopping ipvsadm's unit would replace the live table.
func EnableOnly(p Platform, unit string) Task {
	return Task{
		Name:  "enable " + unit + " at boot",
		Check: shell.F("systemctl is-enabled --quiet %s 2>/dev/null || { echo 'not enabled'; exit 1; }", unit),
		Apply: shell.F("systemctl enable --quiet %s", unit),
		Needs: unitNeed(p, unit),
	}
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
	t.Check = shell.Lines(t.Check, shell.F("systemctl is-enabled --quiet %s 2>/dev/null || { echo 'not enabled'; exit 1; }", name))
	t.Apply = shell.Lines(t.Apply, "systemctl daemon-reload", shell.F("systemctl enable --quiet %s", name))
	t.Owns = []string{"unit " + name}
	return t
}
