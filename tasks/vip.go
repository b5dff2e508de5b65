package tasks

import (
	"net/netip"
	"strconv"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// VIP is a virtual service's address as it stands on one host: always a /32,
// under a label of its own. On a real server it is on lo, with a host route,
// and nobody may learn of it by ARP.
type VIP struct {
	Address netip.Addr
	Dev     string // lo, or the interface on the director
	N       int    // which of the cluster's
	Label   string // ens33:0; "": by N, "-": none
}

// label is empty where the kernel has no room for one.
func (v VIP) label() string {
	label := v.Label
	if label == "" {
		label = v.Dev + ":" + strconv.Itoa(v.N)
	}
	if label == "-" || !fits(label) {
		return ""
	}
	return label
}

// place is where it is, for people.
func (v VIP) place() string {
	if label := v.label(); label != "" {
		return label
	}
	return v.Dev
}

// labelled is the argument of ip addr.
func (v VIP) labelled() shell.Fragment {
	if label := v.label(); label != "" {
		return shell.F(" label %s", label)
	}
	return ""
}

// Labelled gives VIPs of one interface labels that nobody else has.
func (f Facts) Labelled(all []VIP) []VIP {
	if f.Boot == nil {
		return all
	}
	var taken []string
	for i := range all {
		v := &all[i]
		if v.Label = f.label(v.Dev, v.Address, taken...); v.Label == "" {
			v.Label = "-"
		}
		taken = append(taken, v.Label)
	}
	return all
}

// Live adds the address now.
func (v VIP) Live() Task {
	vip := netip.PrefixFrom(v.Address, 32)
	return Task{
		Name:   "add VIP " + v.Address.String() + " to " + v.place(),
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
		Apply: shell.F(`wide=$(ip -o -4 addr show dev %s | awk -v vip=%s '{ split($4, a, "/") } a[1] == vip')
[ -z "$wide" ] || remember_live %s "$wide"
for address in $(printf '%%s\n' "$wide" | awk '{ print $4 }'); do
  drop_address %s "$address"
done
ip addr add %s dev %s%s`, v.Dev, v.Address, wideName(v.Dev, vip.String()), v.Dev, vip.String(), v.Dev, v.labelled()),
		Undo: shell.F(`ip -o -4 addr show dev %s | awk -v vip=%s '{ split($4, a, "/") } a[1] == vip' | as_addresses -4
echo %s`, v.Dev, v.Address, string(shell.F("ip addr del %s dev %s", vip.String(), v.Dev))),
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

func unitVIP(cluster string, v VIP) []Task {
	return []Task{networkUnit(cluster, "vip-"+strconv.Itoa(v.N), v.Dev, "VIP "+v.Address.String(), "", v.setCommand())}
}

// setCommand sets address and route, whether they are there or not.
func (v VIP) setCommand() shell.Fragment {
	set := shell.F("ip addr replace %s dev %s%s", v.Address.String()+"/32", v.Dev, v.labelled())
	if v.onReal() {
		set = shell.F("%s && %s", set, v.routeCommand())
	}
	return set
}
