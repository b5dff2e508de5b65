package tasks

import (
	"net/netip"
	"strconv"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// VIP is a virtual service's address as it stands on one host: always a /32,
// under a label of its own. On a real server it is on lo, with a host route,
// and nobody may learn of it by ARP.
type VIP struct {
	Address netip.Addr
	Dev     string // lo, or the interface on the director
	N       int    // which label: ens33:0, ens33:1 …
}

func (v VIP) label() string { return v.Dev + ":" + strconv.Itoa(v.N) }

// Live adds the address now.
func (v VIP) Live() Task {
	vip := netip.PrefixFrom(v.Address, 32)
	return Task{
		Name:   "add VIP " + v.Address.String() + " to " + v.label(),
		Direct: true,
		Check: shell.F(`now=$(ip -o -4 addr show dev %s)
case $now in
*%s*%s*) ;; # twice: with another mask too
*%s*) return ;;
esac
now=$(printf '%%s\n' "$now" | awk -v vip=%s '{ split($4, a, "/") } a[1] == vip { print $4 }')
echo "it has ${now:-no such address}"
return 1`, v.Dev, " inet "+v.Address.String()+"/", " inet "+v.Address.String()+"/", " inet "+vip.String()+" ", v.Address),
		// one with a wide mask makes the host take the whole network for its own
		Apply: shell.F(`ip -o -4 addr show dev %s | awk -v vip=%s '{ split($4, a, "/") } a[1] == vip { print $4 }' | while read -r wide; do
  ip addr del "$wide" dev %s
done
ip addr add %s dev %s label %s`, v.Dev, v.Address, v.Dev, vip.String(), v.Dev, v.label()),
		Undo: shell.F(`ip -o -4 addr show dev %s | awk -v vip=%s -v dev=%s '{ split($4, a, "/") } a[1] == vip { print "ip addr add " $4 " dev " dev }'
echo %s`, v.Dev, v.Address, v.Dev, string(shell.F("ip addr del %s dev %s", vip.String(), v.Dev))),
		Owns: []string{"address " + v.Dev + " " + vip.String()},
		Hint: "ip addr show dev " + v.Dev + " shows what it has",
	}
}

// Route is the host route of a VIP on lo, now.
func (v VIP) Route() Task {
	return Task{
		Name:   "route " + v.Address.String() + " to " + v.Dev,
		Direct: true,
		Check:  shell.F(`[ -n "$(ip -4 route show %s/32 dev %s)" ] || { echo 'no such route'; return 1; }`, v.Address, v.Dev),
		Apply:  v.routeCommand(),
		Undo:   echo(shell.F("ip route del %s dev %s", v.Address.String()+"/32", v.Dev)),
		Owns:   []string{"route " + v.Dev + " " + v.Address.String() + "/32"},
	}
}

func (v VIP) routeCommand() shell.Fragment {
	return shell.F("ip route replace %s dev %s", v.Address.String()+"/32", v.Dev)
}

// Keep has address and route set at boot.
func (v VIP) Keep(n Network, cluster string) []Task {
	list := backendOf(n).vip(cluster, v)
	for i := range list {
		list[i] = risky(list[i])
	}
	return list
}

func (v VIP) onReal() bool { return v.Dev == "lo" }

func ifcfgVIP(cluster string, v VIP) []Task {
	list := []Task{Write(File{Path: ifcfgDir + v.label(), Mode: "0644", Content: templates.Render("ifcfg-alias", map[string]string{
		"Cluster": cluster, "Device": v.Dev, "Label": v.label(), "Address": v.Address.String(),
	})})}
	if v.onReal() {
		list = append(list, Block(File{Path: "/etc/rc.d/rc.local", Mode: "0755", Content: templates.Render("rc.local", map[string]string{
			"Route": string(v.routeCommand()),
		})}, cluster+" "+v.Address.String()))
	}
	return list
}

func interfacesVIP(cluster string, v VIP) []Task {
	route := ""
	if v.onReal() {
		route = string(v.routeCommand())
	}
	return []Task{Write(File{Path: interfacesDir + "lvsdeploy-" + cluster + "-" + v.Dev + "-" + strconv.Itoa(v.N), Mode: "0644",
		Content: templates.Render("interfaces-alias", map[string]string{
			"Cluster": cluster, "Device": v.Dev, "Label": v.label(), "Address": v.Address.String(), "Route": route,
		})})}
}

func unitVIP(cluster string, v VIP) []Task {
	return []Task{networkUnit(cluster, "vip-"+strconv.Itoa(v.N), v.Dev, "VIP "+v.Address.String(), "", v.setCommand())}
}

// setCommand sets address and route, whether they are there or not.
func (v VIP) setCommand() shell.Fragment {
	set := shell.F("ip addr replace %s dev %s label %s", v.Address.String()+"/32", v.Dev, v.label())
	if v.onReal() {
		set = shell.F("%s && %s", set, v.routeCommand())
	}
	return set
}
