package tasks

import "github.com/lvsdeploy/lvsdeploy/shell"

// NoFirewall stops a firewall's service and keeps it from starting again.
func NoFirewall(unit string) Task {
	return Task{
		Name:   "stop and disable " + unit,
		Direct: true,
		Check: shell.F(`if systemctl is-active --quiet %s; then echo 'it runs'; return 1; fi
if systemctl is-enabled --quiet %s 2>/dev/null; then echo 'it is enabled'; return 1; fi`, unit, unit),
		Apply: shell.F("remember_unit %s\nsystemctl disable --quiet %s\nsystemctl stop %s", unit, unit, unit),
		// at a boot, others that it comes after may be waiting for the revert
		Undo: echo(shell.F("systemctl enable --quiet %s; systemctl start --no-block %s", unit, unit)),
		Owns: []string{"firewall " + unit},
	}
}

// firewallBack has a firewall that was stopped run again.
func firewallBack(unit string) Task {
	t := daemonGone(unit)
	t.Settles = ""
	t.Undo = echo(shell.F("systemctl disable --quiet %s; systemctl stop --no-block %s", unit, unit))
	return t
}

// SELinuxBoolean sets a boolean now and for every boot.
func SELinuxBoolean(name string) Task {
	return Task{
		Name:   "allow " + name + " in SELinux",
		Direct: true,
		Check: shell.F(`now=$(getsebool %s) || return 2
case $now in *' --> on') ;; *) echo "$now"; return 1 ;; esac`, name),
		Apply: shell.F("remember_live %s off\nsetsebool -P %s on", "sebool."+name, name),
		Needs: command("getsebool"),
		Owns:  []string{"sebool " + name},
	}
}

// seBooleanGone puts a boolean back.
func seBooleanGone(name string) Task {
	return Task{
		Name: "no longer allow " + name + " in SELinux",
		Check: shell.F(`now=$(getsebool %s 2>/dev/null) || exit 0 # no SELinux any more
case $now in *' --> off') ;; *) echo "$now"; exit 1 ;; esac`, name),
		Apply: shell.F("setsebool -P %s off", name),
	}
}

// SELinuxPermissive has SELinux only report, now and after a boot.
func SELinuxPermissive() Task {
	t := Setting("/etc/selinux/config", "SELINUX", "permissive")
	t.Name = "set SELinux permissive"
	t.Check = shell.Lines("[ \"$(getenforce)\" != Enforcing ] || { echo 'enforcing'; return 1; }", t.Check)
	t.Apply = shell.Lines(`remember_live selinux "$(getenforce)"`, "setenforce 0", t.Apply)
	t.Owns = append(t.Owns, "selinux permissive")
	return t
}

// seLinuxEnforcing has SELinux enforce again what it enforced before.
func seLinuxEnforcing() Task {
	return Task{
		Name:  "have SELinux enforce again",
		Check: `[ "$(cat "$state/live/selinux" 2>/dev/null)" != Enforcing ] || [ "$(getenforce 2>/dev/null)" != Permissive ] || { echo "it is $(getenforce)"; exit 1; }`,
		Apply: "setenforce 1",
	}
}
