package tasks

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Address gives an interface an address now, and brings it up. Other
// addresses on it stay.
func Address(dev string, address netip.Prefix) Task {
	return Task{
		Name:   "add " + address.String() + " to " + dev,
		Direct: true,
		Check: shell.F(`now=$(ip -4 addr show dev %s)
case $now in *%s*) ;; *) ip -o -4 addr show dev %s | awk '{ print "it has " $4 } END { if (!NR) print "it has no address" }'; return 1 ;; esac
case $now in *,UP*) ;; *) echo 'it is down'; return 1 ;; esac`, dev, " inet "+address.String()+" ", dev),
		Apply: shell.F(`ip -o -4 addr show dev %s | awk -v want=%s '$4 == want { found = 1 } END { exit !found }' || ip addr add %s dev %s
case $(ip -o link show dev %s) in *,UP*) ;; *) remember_live %s down ;; esac
ip link set dev %s up`, dev, address, address, dev, dev, "link."+dev, dev),
		Undo: shell.F(`ip -o -4 addr show dev %s | awk -v want=%s '$4 == want { found = 1 } END { exit !found }' || echo %s
case $(ip -o link show dev %s) in *,UP*) ;; *) echo %s ;; esac`,
			dev, address, string(shell.F("ip addr del %s dev %s", address, dev)), dev, string(shell.F("ip link set dev %s down", dev))),
		Owns: []string{"address " + dev + " " + address.String()},
		Hint: "ip addr show dev " + dev + " shows what it has",
	}
}

// addressGone takes an address of an earlier run away.
func addressGone(dev, address string) Task {
	return Task{
		Name:  "remove " + address + " from " + dev,
		Check: shell.F(`! ip -o -4 addr show dev %s 2>/dev/null | awk -v gone=%s '$4 == gone { found = 1 } END { exit !found }' || { echo 'still there'; exit 1; }`, dev, address),
		Apply: shell.F(`drop_address %s %s
[ ! -e "$state/live/"%s ] || as_addresses -4 <"$state/live/"%s | put_back address
[ ! -e "$state/live/"%s ] || [ -n "$(ip -o -4 addr show dev %s)" ] || ip link set dev %s down`, dev, address, wideName(dev, address), wideName(dev, address), "link."+dev, dev, dev),
		// with label and broadcast, as it was
		Undo: shell.Lines(shell.F("ip -o -4 addr show dev %s | awk -v gone=%s '$4 == gone' | as_addresses -4", dev, address),
			echo(shell.F("ip link set dev %s up", dev))),
	}
}

// wideName is where the address is remembered that stood in an address's place,
// with another mask.
func wideName(dev, address string) string {
	bare, _, _ := strings.Cut(address, "/")
	return "wide." + dev + "." + bare
}

// DefaultRoute makes gateway the way out, now.
func DefaultRoute(dev string, gateway netip.Addr) Task {
	return Task{
		Name:   "route by default through " + gateway.String(),
		Direct: true,
		// The kernel lists the route it prefers first; ours has no metric.
		Check: shell.F(`now=$(ip -4 route show default)
case "$now " in %s[[:space:]]*) ;; *) echo "now: ${now:-no default route}"; return 1 ;; esac`, "default via "+gateway.String()+" dev "+dev),
		Apply: shell.F(`remember_live default-route "$(ip -4 route show default)"
ip route replace default via %s dev %s`, gateway, dev),
		// what was there is back before ours goes: else nobody could reach the host
		// if that is refused
		Undo: shell.F(`was=$(ip -4 route show default)
printf '%%s\n' "$was" | as_routes -4
if [ -z "$was" ]; then echo %s; else echo %s; fi`, string(routeGo("default", dev, gateway)),
			string(shell.F("ip -4 route show default | grep -v %s | grep -q default && ip -4 route show default | grep -v ' metric ' | grep -q %s && %s",
				routePattern(dev, gateway), routePattern(dev, gateway), routeGo("default", dev, gateway)))),
		Owns: []string{"default-route " + dev + " " + gateway.String()},
		Hint: "ip route shows the routes; the gateway has to be on a network of " + dev,
	}
}

// routePattern finds a default route in what ip shows.
func routePattern(dev string, gateway netip.Addr) string {
	return "^default via " + strings.ReplaceAll(gateway.String(), ".", "[.]") + " dev " + regexp.QuoteMeta(dev) + "\\( \\|$\\)"
}

func routeGo(to, dev string, gateway netip.Addr) shell.Fragment {
	return shell.F("ip route del %s via %s dev %s", to, gateway, dev)
}

// defaultRouteGone takes our default route away and puts back what it stood in
// the place of: those of no metric, and the others too if there is none now. One
// that is refused does not keep the others from coming back; if none is left,
// ours stays.
func defaultRouteGone(dev, gateway string) Task {
	via, _ := netip.ParseAddr(gateway)
	pattern := routePattern(dev, via)
	return Task{
		Name:  "route by default as before",
		Check: shell.F("! ip -4 route show default | grep -q %s || { echo 'still there'; exit 1; }", pattern),
		Apply: shell.F(`was=$(cat "$state/live/default-route" 2>/dev/null) || was=
others() { ip -4 route show default | grep -v %s | grep -q default; }
printf '%%s\n' "$was" | as_routes -4 displaced | put_back route
others || printf '%%s\n' "$was" | as_routes -4 | put_back route
if [ -n "$was" ] && ! others; then
  echo "the default route stays as it is: without it there would be none"
  exit 1
fi
! ip -4 route show default | grep -q %s || %s`, pattern, pattern, routeGo("default", dev, via)),
		Undo: echo(shell.F("ip route replace default via %s dev %s", gateway, dev)),
		Hint: "set the default route that the host is to have, and tear down again",
	}
}

// routeGone takes a route of an earlier run away.
func routeGone(dev, to string) Task {
	return Task{
		Name:  "remove the route to " + to + " from " + dev,
		Check: shell.F("[ -z \"$(ip -4 route show %s dev %s)\" ] || { echo 'still there'; exit 1; }", to, dev),
		Apply: shell.F("ip route del %s dev %s", to, dev),
		Undo:  echo(shell.F("ip route replace %s dev %s", to, dev)),
	}
}

// echo prints a command: for Undo.
func echo(command shell.Fragment) shell.Fragment { return shell.F("echo %s", string(command)) }

// risky marks a task whose files decide how the host is reached after a boot.
// It changes what somebody else's tools read, and they may do more than they
// were asked to: if an address, a route or a name server is gone afterwards, all
// of it is taken back.
func risky(t Task) Task {
	if t.Undo == "" {
		t.Undo = ":"
	}
	t.Apply = shell.Lines("had=$(network_now)\n(", t.Apply, ")\nnothing_lost \"$had\"")
	return t
}
