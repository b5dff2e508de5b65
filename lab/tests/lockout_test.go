//go:build lab

package tests

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLockout makes changes that cut the workstation off from hosts that it
// reaches through a router. Each of them must come back by itself.
func TestLockout(t *testing.T) {
	b := newBench(t, "testdata/routed.toml")
	b.beyondTheRouter(t)
	b.scenario(t, []step{
		{name: "right changes", proves: "confirmed, nothing armed", run: rightChanges},
		{name: "locked out", proves: "3: exit 6, as it was", needs: []string{"right changes"}, run: lockedOut},
		{name: "workstation killed", proves: "3: back without it", needs: []string{"right changes"}, run: workstationKilled},
		{name: "power and reboot", proves: "4: back after a boot", needs: []string{"right changes"}, run: rebootedMeanwhile},
		{name: "right after all", proves: "no revert in the way", needs: []string{"right changes"}, run: rightChanges},
	})
}

// beyondTheRouter puts the workstation behind gate, now, and the hosts' way
// back there, for every boot.
func (b *bench) beyondTheRouter(t *testing.T) {
	t.Helper()
	b.workstation(t, "sh", "-c", `set -e
ip rule del from 192.168.1.1 2>/dev/null || :
ip rule add from 192.168.1.1 lookup 90
ip route replace 192.168.1.0/24 dev lan table 90
# it does not hear on one network what is asked for its address on another
sysctl -qw net.ipv4.conf.all.arp_ignore=1
for host in 10 20 30; do ip route replace 192.168.1.$host via 10.9.0.2 src 10.9.0.1; done`)
	// as from the console of each host, whatever becomes of the way through gate
	b.ssh = []string{"-o", "BindAddress=192.168.1.1"}
	ifupdown := `grep -q gateway /etc/network/interfaces || sed -i '/address 192.168/a\	gateway 192.168.1.254' /etc/network/interfaces
ip route replace default via 192.168.1.254 dev ens33
`
	b.onAll(t, map[string]string{
		"gate":     "sysctl -qw net.ipv4.ip_forward=1",
		"director": ifupdown,
		"web1":     ifupdown + standIn,
		// web2 has nobody who would read a file for its network
		"web2": `cat >/etc/systemd/system/site-route.service <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip route replace default via 192.168.1.254 dev ens33
[Install]
WantedBy=multi-user.target
END
` + standIn + `
systemctl enable --quiet --now site-route.service`,
	})
}

// onAll runs a script on each of some machines, all at once.
func (b *bench) onAll(t *testing.T, scripts map[string]string) {
	t.Helper()
	var all sync.WaitGroup
	for h, script := range scripts {
		all.Go(func() {
			if out, err := b.try(h, script); err != nil {
				t.Errorf("on %s: %v\n%s\n%s", h, err, script, out)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// standIn is a stand-in for firewalld: a unit of that name, without which the
// host's other rules (site-rules) let nobody in from another network. What it
// shares with the real one is what lvsdeploy asks of it: systemctl's is-active,
// stop, disable, enable and start.
const standIn = `for unit in firewalld site-rules; do
	case $unit in
	firewalld) on='-I INPUT' off='-D INPUT' rule='-s 10.9.0.0/24 -p tcp --dport 22 -j ACCEPT' ;;
	site-rules) on='-A INPUT' off='-D INPUT' rule='! -s 192.168.1.0/24 -p tcp --dport 22 -j DROP' ;;
	esac
	cat >/etc/systemd/system/$unit.service <<END
[Unit]
After=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables -w $on $rule
ExecStop=/usr/sbin/iptables -w $off $rule
[Install]
WantedBy=multi-user.target
END
done
systemctl daemon-reload`

// peril is a change that cuts one host off.
type peril struct {
	what string
	host string
	task string // the task that does it, or its companion
	make string // the host, as the run finds it
	live string // true as soon as it is done
	keep string // what the run would also change on that host, and must not any more
}

// wrongAddress: the director's second card gets an address of the workstation's
// own network, and answers go there. The card is down and bare before.
func wrongAddress() peril {
	return peril{
		what: "wrong address", host: "director", task: "10.9.0.77/24",
		make: "ip addr flush dev ens37; ip link set ens37 down; rm -f /etc/network/interfaces.d/lvsdeploy-lab-ens37 /etc/sysctl.d/99-zz-lvsdeploy-lab.conf",
		live: "ip -o addr show dev ens37 | grep -q 10.9.0.77/24",
		keep: "[ ! -e /etc/sysctl.d/99-zz-lvsdeploy-lab.conf ]",
	}
}

// wrongGateway: the director knows no way to the workstation.
func wrongGateway(web string) peril {
	return peril{
		what: "wrong gateway", host: web, task: "192.168.1.10",
		make: "true", // it is calm
		live: "ip -4 route show default | grep -q 'via 192.168.1.10 '",
		keep: "true", // it is the last change
	}
}

// deafFirewall: with the firewall go the rules that let the workstation in.
func deafFirewall(web string) peril {
	return peril{
		what: "firewall that drops SSH", host: web, task: "stop and disable firewalld",
		make: "systemctl enable --quiet --now firewalld.service site-rules.service",
		live: "[ \"$(systemctl is-active firewalld)\" = inactive ]",
		keep: "! ip -4 route show default | grep -q 'via 192.168.1.10 '",
	}
}

// calm is a web without firewall that has its old gateway.
const calm = `systemctl disable --quiet --now firewalld.service site-rules.service
rm -f /etc/network/if-up.d/lvsdeploy-lab-gateway
if [ -e /etc/systemd/system/lvsdeploy-lab-gateway.service ]; then
	systemctl disable --quiet --now lvsdeploy-lab-gateway.service
	rm /etc/systemd/system/lvsdeploy-lab-gateway.service
	systemctl daemon-reload
fi
ip route replace default via 192.168.1.254 dev ens33
`

// On the director: others than itself have a way to the workstation, or none.
const (
	wayBack   = "rm -f /etc/network/if-up.d/site-rule; while ip rule del iif ens33 2>/dev/null; do :; done\n"
	noWayBack = wayBack + `printf '%s\n' '#!/bin/sh' 'ip rule del iif ens33 2>/dev/null' 'ip rule add iif ens33 to 10.9.0.0/24 blackhole' >/etc/network/if-up.d/site-rule
chmod 755 /etc/network/if-up.d/site-rule
/etc/network/if-up.d/site-rule
`
)

// rightChanges are those of the drills, on hosts that stay reachable.
func rightChanges(b *bench, t *testing.T) {
	const guarded = calm + "systemctl enable --quiet --now firewalld.service"
	b.onAll(t, map[string]string{"director": wayBack + wrongAddress().make, "web1": guarded, "web2": guarded})
	o := b.nat(t, 0)
	changed := o.with("changed")
	for _, h := range []string{"web1", "web2"} {
		for _, want := range []string{"stop and disable firewalld", "route by default through 192.168.1.10"} {
			if !slices.Contains(changed, h+": "+want) {
				t.Errorf("it did not have to %s on %s: %v", want, h, changed)
			}
		}
	}
	if !slices.Contains(changed, "director: add 12.0.0.1/24 to ens37") {
		t.Errorf("it did not have to add an address: %v", changed)
	}
	b.onAll(t, map[string]string{"director": unarmed, "web1": unarmed, "web2": unarmed})
	b.healthy(t, "", tenAndTen)
	b.claim(t, "an address, two gateways and two firewalls changed and confirmed through the router in %.1f s", o.took.Seconds())
}

// unarmed is true on a host on which no revert waits.
const unarmed = `armed=$(ls -d /var/lib/lvsdeploy/lab/revert /etc/systemd/system/*-revert.service /etc/systemd/system/*/*-revert.service 2>/dev/null; pgrep -af '[r]evert\.sh'; :)
[ -z "$armed" ] || { echo "still armed: $armed"; exit 1; }
`

// answers says whether a host's SSH server greets through the router.
func (b *bench) answers(ctx context.Context, host string) bool {
	address := map[string]string{"director": "192.168.1.10", "web1": "192.168.1.20", "web2": "192.168.1.30"}[host]
	return b.lab.Command(ctx, "timeout", "4", "bash", "-c", `exec 3<>/dev/tcp/$0/22 && read -r line <&3`, address).Run() == nil
}

// drill runs lvsdeploy into all perils at once, waits until all of them have
// happened, and then does what is to happen meanwhile; boot says that this takes
// the hosts down. It says how the run ended, and how long each host was gone.
func (b *bench) drill(t *testing.T, perils []peril, timeout time.Duration, boot bool, meanwhile func(run *exec.Cmd)) (*outcome, string) {
	t.Helper()
	var of []string
	scripts := map[string]string{"director": noWayBack, "web1": calm, "web2": calm}
	for _, p := range perils {
		scripts[p.host] += p.make
		of = append(of, p.host)
	}
	b.onAll(t, scripts)
	wrong := b.inventory(t, "wrong", `"12.0.0.1/24"`, `"10.9.0.77/24"`)
	before := b.configured(t, of...)

	var mu sync.Mutex
	var changed, back sync.WaitGroup
	var gone []string
	began := make(chan *exec.Cmd, 1)
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	for _, p := range perils {
		changed.Add(1)
		back.Go(func() {
			_, err := b.try(p.host, "n=0; until [ -e /var/lib/lvsdeploy/lab/revert/run ] && "+p.live+"; do n=$((n + 1)); [ $n -lt 500 ] || exit 1; sleep .1; done")
			since := time.Now()
			changed.Done()
			if err != nil {
				t.Errorf("%s on %s did not happen: %v", p.what, p.host, err)
				return
			}
			b.said.say("%s: %s", p.host, p.what)
			if b.answers(ctx, p.host) {
				t.Errorf("%s on %s cuts nobody off", p.what, p.host)
			}
			for !b.answers(ctx, p.host) && ctx.Err() == nil {
				time.Sleep(200 * time.Millisecond)
			}
			took := time.Since(since)
			b.said.say("%s: back after %.0f s", p.host, took.Seconds())
			// with the time to notice, on a busy system; onTime is strict
			if took > timeout+time.Minute {
				t.Errorf("%s took %v to come back", p.host, took)
			}
			mu.Lock()
			defer mu.Unlock()
			gone = append(gone, fmt.Sprintf("%s (%s) %.0f s", p.host, p.what, took.Seconds()))
		})
	}
	go func() {
		cmd := <-began
		changed.Wait()
		meanwhile(cmd)
	}()
	o := b.run(t, call{
		inventory: wrong,
		args:      []string{"nat", "--json", "--confirm-timeout", timeout.String()},
		started:   func(cmd *exec.Cmd) { began <- cmd },
	})
	back.Wait()
	if len(gone) < len(perils) {
		t.Fatalf("the drill did not come about\n%v", o)
	}
	reverted := map[string]string{}
	for _, p := range perils {
		// it answers before it is through with going back
		reverted[p.host] = "n=0; while [ -e /var/lib/lvsdeploy/lab/revert ] && [ $n -lt 100 ]; do n=$((n + 1)); sleep .3; done\n" + unarmed +
			"[ -e /var/lib/lvsdeploy/lab/reverted/reverting ] || { echo 'not reverted'; exit 1; }\n" +
			"! { " + p.live + "; } || { echo 'the change is still there'; exit 1; }\n" +
			p.keep + " || { echo 'touched after it went back'; exit 1; }"
	}
	if !boot {
		for h := range reverted {
			reverted[h] += onTime
		}
	}
	b.onAll(t, reverted)
	if diff := cmp.Diff(before, b.configured(t, of...)); diff != "" {
		t.Errorf("not as it was (-before +after):\n%s", diff)
	}
	slices.Sort(gone)
	return o, strings.Join(gone, ", ")
}

// onTime is true on a host that began to go back at its deadline, by its own
// clock. A renamed file's ctime is when that was.
const onTime = `
cd /var/lib/lvsdeploy/lab/reverted
read -r up rest </proc/uptime
late=$((${up%%.*} - ($(date +%s) - $(stat -c %Z reverting)) - $(cat deadline)))
[ $late -ge -2 ] && [ $late -le 5 ] || { echo "it went back $late s after its deadline"; exit 1; }`

// configured is what is set on hosts, live and in their files.
func (b *bench) configured(t *testing.T, of ...string) map[string][]string {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	found := map[string][]string{}
	for _, h := range of {
		all.Go(func() {
			out, err := b.try(h, `set -e
find /etc /var/www /root /usr/local -printf 'file %p %M %U:%G %l\n' | sort
find /etc /var/www /root /usr/local -type f -print0 | xargs -0r sha256sum | sort
ip -o addr | sed 's/^[0-9]*: //; s/ tentative//'
ip -4 route | sed 's/ onlink//' # which ifupdown says, and ip does not
ip rule
iptables -S; iptables -t nat -S
systemctl list-unit-files --no-legend --no-pager`)
			mu.Lock()
			defer mu.Unlock()
			if found[h] = strings.Split(out, "\n"); err != nil || len(found[h]) < 500 {
				t.Errorf("cannot see what is configured on %s: %v, %d lines", h, err, len(found[h]))
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return found
}

// named demands exit 6, and for each host what happened and what to do.
func named(t *testing.T, o *outcome, perils []peril) {
	t.Helper()
	if o.exit != 6 {
		t.Errorf("exit %d, want 6\n%v", o.exit, o)
	}
	hosts := o.summary().Hosts
	for _, p := range perils {
		want := p.host + " went back to its old settings after "
		h := hosts[p.host]
		if !strings.Contains(h.Error, want) || !strings.Contains(h.Error, p.task) || !strings.Contains(h.Hint, "look at that host's part of the inventory") {
			t.Errorf("%s: error %q, hint %q, want %q and %q", p.host, h.Error, h.Hint, want, p.task)
		}
		if !strings.Contains(o.stderr, want) {
			t.Errorf("nobody who reads is told %q\n%v", want, o)
		}
		if h.Skipped+h.Unknown == 0 {
			t.Errorf("%s has nothing left to do: %+v", p.host, h)
		}
	}
}

func lockedOut(b *bench, t *testing.T) {
	perils := []peril{wrongAddress(), wrongGateway("web1"), deafFirewall("web2")}
	o, gone := b.drill(t, perils, 15*time.Second, false, func(*exec.Cmd) {})
	named(t, o, perils)
	b.claim(t, "out of reach: %s; exit %d after %.1f s", gone, o.exit, o.took.Seconds())
}

func workstationKilled(b *bench, t *testing.T) {
	perils := []peril{wrongAddress(), deafFirewall("web1"), wrongGateway("web2")}
	o, gone := b.drill(t, perils, 15*time.Second, false, func(run *exec.Cmd) { _ = run.Process.Kill() })
	if o.exit != -1 {
		t.Errorf("it was not killed\n%v", o)
	}
	b.claim(t, "killed after %.1f s; out of reach: %s", o.took.Seconds(), gone)
}

// rebootedMeanwhile: director and web1 lose their power, web2 reboots in good
// order, all with the change made and not confirmed.
func rebootedMeanwhile(b *bench, t *testing.T) {
	perils := []peril{wrongAddress(), deafFirewall("web1"), wrongGateway("web2")}
	booted := make(chan error, 1)
	before, err := b.try("web2", "cat /proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	o, gone := b.drill(t, perils, 30*time.Second, true, func(*exec.Cmd) {
		_, err := b.try("web2", "systemctl --no-block reboot")
		b.said.say("the power of director and web1 fails; web2 reboots")
		if err == nil {
			err = b.lab.Kill(b.ctx, "director", "web1")
		}
		if err == nil {
			err = b.lab.Start(b.ctx, "director", "web1")
		}
		booted <- err
	})
	if err := <-booted; err != nil {
		t.Fatal(err)
	}
	if after := b.on(t, "web2", "cat /proc/sys/kernel/random/boot_id"); after == before {
		t.Error("web2 has not rebooted")
	}
	named(t, o, perils)
	b.claim(t, "out of reach: %s; exit %d after %.1f s", gone, o.exit, o.took.Seconds())
}
