//go:build lab

package tests

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// snapshotScript prints what a machine is, a line a fact. It must not change
// anything itself: iptables, ipvsadm and ss load modules, so that the first two
// are asked only where these are loaded, and the third is not. What every login or request writes is left out.
const snapshotScript = `
set -u
export LC_ALL=C
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \
	-o -path /var/log/journal -o -path /var/log/wtmp -o -path /var/log/btmp -o -path /var/log/lastlog \
	-o -path /var/log/apache2/access.log -o -path /var/lib/sudo -o -path /var/lib/systemd/timers \
	-o -path /var/lib/systemd/random-seed -o -name .sudo_as_admin_successful \) -prune \
	-o -printf 'file %p %M %U:%G size %s links to "%l" mtime %T@ ctime %C@\n' | sed '/^file [^ ]* d/s/ size [0-9]*//'
# A file's ctime moves with its content; what may be configured is read as well.
find /etc /var/lib /var/spool /opt /root /home /usr/local /boot -xdev -type f \
	! -path '/var/lib/sudo/*' ! -path '/var/lib/systemd/*' -print0 | xargs -0r sha256sum | sed 's/^/sum /'
ip -o addr | sed 's/^[0-9]*: /addr /'
ip -o -4 route | sed 's/^/route /'
sysctl -a 2>/dev/null | grep -E '^net\.ipv4\.(ip_forward|vs\.|conf\.[^.]*\.(rp_filter|send_redirects|accept_redirects|arp_ignore|arp_announce|forwarding) )' | sed 's/^/sysctl /'
lsmod | awk 'NR > 1 { print "module " $1 }' | sort
[ ! -e /proc/net/ip_tables_names ] || iptables-legacy-save | grep -v '^#' | sed 's/\[[0-9]*:[0-9]*\]//; s/^/iptables /'
[ ! -d /sys/module/ip_vs ] || ! command -v ipvsadm >/dev/null || ipvsadm -Sn | sed 's/^/ipvs /'
# systemd gives a slow machine 25 s to answer, and then says nothing
for try in 1 2 3 4 5 6; do
	units=$(systemctl list-unit-files --no-legend --no-pager) && [ -n "$units" ] && break
	sleep 5
done
[ -n "$units" ] || exit 1
printf '%s\n' "$units" | awk '{ print "unit " $1, $2 }'
systemctl list-units --no-legend --no-pager --plain --state=active,failed --type=service,socket,automount,mount,path |
	awk '$1 !~ /^(user@|user-runtime-dir@|run-user|ssh@|session-|systemd-timedated|systemd-hostnamed)/ { print "active " $1, $3 }'
command -v exportfs >/dev/null && exportfs -v | tr -s ' \t' ' ' | sed 's/^/export /'
findmnt -rn -o TARGET,SOURCE,FSTYPE | grep -v '^/run/user\|^/run/credentials' | sed 's/^/mount /'
awk 'FNR > 1 && ($4 == "0A" || $4 == "07") { print "listen " FILENAME, $2 }' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6
ls -A /tmp /var/tmp /run/lvsdeploy /run/lvsdeploy/* 2>/dev/null | grep -v '^systemd-private' | sed 's/^/temporary /'
echo end
`

// snapshot is one machine's facts.
type snapshot []string

var hosts = []string{"director", "web1", "web2", "nfs"} // those of the inventory

// snapshots takes all hosts' at once.
func (b *bench) snapshots(t *testing.T, of ...string) map[string]snapshot {
	t.Helper()
	b.said.say("taking down everything that is on %s", strings.Join(of, ", "))
	var mu sync.Mutex
	var all sync.WaitGroup
	taken := map[string]snapshot{}
	for _, h := range of {
		all.Go(func() {
			out, err := b.try(h, snapshotScript)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || !strings.HasSuffix(out, "\nend\n") || strings.Count(out, "\n") < 5000 {
				t.Errorf("cannot take %s's snapshot: %v, %d lines", h, err, strings.Count(out, "\n"))
				return
			}
			lines := strings.Split(out, "\n")
			slices.Sort(lines)
			taken[h] = lines
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return taken
}

// same complains about every fact that differs, in those kinds that are asked
// for ("file", "sum"; none: all).
func same(t *testing.T, before, after map[string]snapshot, kinds ...string) {
	t.Helper()
	facts := 0
	for _, h := range hosts {
		var lost, new []string
		had := map[string]bool{}
		has := map[string]bool{}
		for _, l := range after[h] {
			has[l] = true
		}
		for _, l := range before[h] {
			had[l] = true
			if kind, _, _ := strings.Cut(l, " "); !has[l] && (len(kinds) == 0 || slices.Contains(kinds, kind)) {
				lost = append(lost, "-"+l)
			}
		}
		for _, l := range after[h] {
			kind, _, _ := strings.Cut(l, " ")
			if len(kinds) > 0 && !slices.Contains(kinds, kind) {
				continue
			}
			if facts++; !had[l] {
				new = append(new, "+"+l)
			}
		}
		if len(lost)+len(new) > 0 {
			t.Errorf("%s is not what it was: %d facts gone, %d new\n%s", h, len(lost), len(new),
				strings.Join(append(lost[:min(len(lost), 15)], new[:min(len(new), 15)]...), "\n"))
		}
	}
	if facts < 1000 {
		t.Errorf("only %d facts were compared", facts)
	}
}

// timeless drops the times of files, logs, what a service makes anew at every
// start, and the mark by which sudo remembers that it has greeted somebody: for
// states that were reached on different ways.
func timeless(all map[string]snapshot) map[string]snapshot {
	plain := map[string]snapshot{}
	for h, lines := range all {
		for _, l := range lines {
			if strings.HasPrefix(l, "file /var/log/") || strings.HasPrefix(l, "file /var/tmp/systemd-private-") ||
				strings.Contains(l, "/.sudo_as_admin_successful ") {
				continue
			}
			if strings.HasPrefix(l, "file ") {
				l, _, _ = strings.Cut(l, " mtime ")
			}
			plain[h] = append(plain[h], l)
		}
	}
	return plain
}

func count(all map[string]snapshot) string {
	n := 0
	for _, s := range all {
		n += len(s)
	}
	return fmt.Sprintf("%d facts of %d machines", n, len(all))
}
