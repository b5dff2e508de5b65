package tasks

import "github.com/lvsdeploy/lvsdeploy/shell"

// NoFirewall stops a firewall's service and keeps it from starting again.
func NoFirewall(unit string) Task {
	return Task{
		Name: "stop and disable " + unit,
		Check: shell.F(`if systemctl is-active --quiet %s; then echo 'it runs'; exit 1; fi
if systemctl is-enabled --quiet %s 2>/dev/null; then echo 'it is enabled'; exit 1; fi`, unit, unit),
		Apply: shell.F("systemctl disable --quiet %s\nsystemctl stop %s", unit, unit),
		Undo:  echo(shell.F("systemctl enable --quiet %s; systemctl start %s", unit, unit)),
	}
}

// SELinuxBoolean sets a boolean now and for every boot.
func SELinuxBoolean(name string) Task {
	return Task{
		Name: "allow " + name + " in SELinux",
		Check: shell.F(`now=$(getsebool %s) || exit 2
case $now in *' --> on') ;; *) echo "$now"; exit 1 ;; esac`, name),
		Apply: shell.F("setsebool -P %s on", name),
		Needs: command("getsebool"),
	}
}

// SELinuxPermissive has SELinux only report, now and after a boot.
func SELinuxPermissive() Task {
	t := Setting("/etc/selinux/config", "SELINUX", "permissive")
	t.Name = "set SELinux permissive"
	t.Check = shell.Lines("[ \"$(getenforce)\" != Enforcing ] || { echo 'enforcing'; exit 1; }", t.Check)
	t.Apply = shell.Lines("setenforce 0", t.Apply)
	return t
}
