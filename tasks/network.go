package tasks

import (
	"net/netip"
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
		Apply: shell.F(`ip addr del %s dev %s
[ ! -e "$state/live/"%s ] || [ -n "$(ip -o -4 addr show dev %s)" ] || ip link set dev %s down`, address, dev, "link."+dev, dev, dev),
		Undo: echo(shell.F("ip addr add %s dev %s; ip link set dev %s up", address, dev, dev)),
	}
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
		Undo: shell.Lines(echo(shell.F("ip route del default via %s dev %s", gateway, dev)), `ip -4 route show default | sed 's/^/ip route replace /'`),
		Owns: []string{"default-route " + dev + " " + gateway.String()},
		Hint: "ip route shows the routes; the gateway has to be on a network of " + dev,
	}
}

// defaultRouteGone takes our default route away and puts back the one that
// was there before the first run.
func defaultRouteGone(dev, gateway string) Task {
	return Task{
		Name:  "route by default as before",
		Check: shell.F("! ip -4 route show default | grep -q %s || { echo 'still there'; exit 1; }", "^default via "+strings.ReplaceAll(gateway, ".", "[.]")+" dev "+dev+" "),
		Apply: shell.F(`ip route del default via %s dev %s
[ ! -e "$state/live/default-route" ] || while read -r route; do
  # shellcheck disable=SC2086 # a route is a list of words
  [ -z "$route" ] || ip route replace $route
done <"$state/live/default-route"`, gateway, dev),
		Undo: echo(shell.F("ip route replace default via %s dev %s", gateway, dev)),
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
func risky(t Task) Task {
	if t.Undo == "" {
		t.Undo = ":"
	}
	return t
}
