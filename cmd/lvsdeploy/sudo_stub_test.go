package main

import "testing"

// sudoPassword is what the stub wants when the file /etc/sudo-password holds it.
const sudoPassword = "geheim's $(touch /hacked) 密码"

// A login that is not root, on a machine where there is no other: id says so
// until sudo has been through, which checks the password as sudo(8) does with
// the flags in use. It reads byte by byte, asks on stderr, and notes its
// arguments. Without a file /etc/sudo-password it wants none (NOPASSWD).
const (
	stubID = `#!/.fakehost/bin/sh
if [ "$*" = -u ] && [ -z "${SUDO_USER-}" ]; then echo 1000; else exec /usr/bin/id "$@"; fi
`
	stubSudo = `#!/.fakehost/bin/bash
printf '%s\n' "$*" >>/var/log/sudo
mode= prompt=
while :; do
	case $1 in
	-n) mode=n; shift ;;
	-S) mode=S; shift ;;
	-k) shift ;;
	-p) prompt=$2; shift 2 ;;
	-u) shift 2 ;;
	*) break ;;
	esac
done
if [ -e /etc/sudo-password ]; then
	[ "$mode" = S ] || { echo "sudo: a password is required" >&2; exit 1; }
	for try in 1 2 3 4; do
		[ $try -lt 4 ] || { echo "sudo: 3 incorrect password attempts" >&2; exit 1; }
		printf '%s' "$prompt" >&2
		IFS= read -r given || { echo "sudo: no password was provided" >&2; exit 1; }
		[ "$given" = "$(cat /etc/sudo-password)" ] && break
		echo "Sorry, try again." >&2
	done
fi
exec env SUDO_USER=ops "$@"
`
)

// stubSudo puts both stubs in place.
func (m *machine) stubSudo(t testing.TB) {
	t.Helper()
	for path, text := range map[string]string{"/usr/local/sbin/id": stubID, "/usr/local/bin/sudo": stubSudo} {
		if err := m.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
