package filter_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/filter"
)

// TestDrops: which rule drops a client's packet, or a real server's answer.
func TestDrops(t *testing.T) {
	client := filter.Packet{In: "ens37", Dst: netip.MustParseAddr("12.0.0.1"), Protocol: "tcp", DstPort: 80, State: "NEW"}
	answer := filter.Packet{In: "ens33", Out: "ens37", Src: netip.MustParseAddr("192.168.1.20"), Protocol: "tcp", SrcPort: 80, State: "INVALID"}
	const docker = `-P INPUT ACCEPT
-P FORWARD DROP
-N DOCKER
-N DOCKER-USER
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-USER -j RETURN
`
	for _, c := range []struct{ name, rules, in, out string }{
		{"nothing", "-P INPUT ACCEPT\n-P FORWARD ACCEPT", "", ""},
		{"no rules known", "", "", ""},
		{"docker", docker, "", "-P FORWARD DROP"},
		{"docker, with ours", docker + "-A FORWARD -s 192.168.1.0/24 -i ens33 -o ens37 -j ACCEPT", "", ""},
		{"docker, with a rule of somebody's in its chain", strings.Replace(docker, "-A DOCKER-USER", "-A DOCKER-USER -i ens33 -j ACCEPT\n-A DOCKER-USER", 1), "", ""},
		{"the port dropped", "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 80 -j DROP", "-A INPUT -p tcp -m tcp --dport 80 -j DROP", ""},
		{"rejected", "-A INPUT -p tcp -m multiport --dports 22,80:90 -j REJECT --reject-with tcp-reset", "-A INPUT -p tcp -m multiport --dports 22,80:90 -j REJECT --reject-with tcp-reset", ""},
		{"another port", "-A INPUT -p tcp -m tcp --dport 8080 -j DROP", "", ""},
		{"another protocol", "-A INPUT -p udp -m udp --dport 80 -j DROP", "", ""},
		{"accepted before", "-A INPUT -d 12.0.0.1/32 -j ACCEPT\n-A INPUT -j DROP", "", ""},
		{"the rest rejected", "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited",
			"-A INPUT -j REJECT --reject-with icmp-host-prohibited", ""},
		{"all but", "-A INPUT ! -d 12.0.0.1/32 -j DROP", "", ""},
		{"all but another", "-A INPUT ! -d 12.0.0.2/32 -j DROP", "-A INPUT ! -d 12.0.0.2/32 -j DROP", ""},
		{"a policy", "-P INPUT DROP\n-A INPUT -i ens33 -j ACCEPT", "-P INPUT DROP", ""},
		{"one of all cards", "-P INPUT DROP\n-A INPUT -i ens+ -j ACCEPT", "", ""},
		{"a chain of one's own", "-N mine\n-A INPUT -j mine\n-A mine -p tcp -m tcp --dport 80 -m comment --comment \"no web here\" -j DROP", "-A mine -p tcp -m tcp --dport 80 -m comment --comment \"no web here\" -j DROP", ""},
		{"returned", "-N mine\n-A INPUT -j mine\n-A mine -p tcp -j RETURN\n-A mine -j DROP", "", ""},
		{"only too many", "-A INPUT -p tcp -m hashlimit --hashlimit-above 10/sec -j DROP", "", ""},
		{"it cannot be told", "-P INPUT DROP\n-A INPUT -m set --match-set friends src -j ACCEPT", "", ""},
		{"only some clients", "-P INPUT DROP\n-A INPUT -s 10.0.0.0/8 -p tcp -j ACCEPT", "", ""},
		{"not known to conntrack", "-P FORWARD ACCEPT\n-A FORWARD -m conntrack --ctstate INVALID -j DROP", "", "-A FORWARD -m conntrack --ctstate INVALID -j DROP"},
		{"a chain that leads to itself", "-N a\n-A INPUT -j a\n-A a -j a", "", ""},
	} {
		r := filter.Parse(strings.Split(c.rules, "\n"))
		if got := r.Drops("INPUT", client); got != c.in {
			t.Errorf("%s: INPUT drops by %q, want %q", c.name, got, c.in)
		}
		if got := r.Drops("FORWARD", answer); got != c.out {
			t.Errorf("%s: FORWARD drops by %q, want %q", c.name, got, c.out)
		}
	}
}
