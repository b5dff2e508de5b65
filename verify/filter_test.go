package verify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// TestDropped: where requests failed, the host and the rule that drops them are
// named, and nothing is where they did not.
func TestDropped(t *testing.T) {
	for _, c := range []struct {
		name, host, rules string
		failed            int
		want              string
	}{
		{"all is well", "director", "-P FORWARD DROP", 0, ""},
		{"nothing drops", "director", "-P INPUT ACCEPT", 4, ""},
		{"a rule by hand", "director", "-A INPUT -p tcp -m tcp --dport 80 -j DROP", 4,
			"director: iptables drops requests to 12.0.0.1:80: -A INPUT -p tcp -m tcp --dport 80 -j DROP"},
		{"of the LAN's card", "director", "-A INPUT -i ens33 -p tcp -m tcp --dport 80 -j DROP", 4, ""},
		{"docker", "director", "-P FORWARD DROP\n-A FORWARD -o docker0 -j ACCEPT", 4,
			"director: iptables drops the answers of web1: -P FORWARD DROP\ndirector: iptables drops the answers of web2: -P FORWARD DROP"},
		{"answers of one", "director", "-A FORWARD -s 192.168.1.30/32 -j REJECT", 2,
			"director: iptables drops the answers of web2: -A FORWARD -s 192.168.1.30/32 -j REJECT"},
		{"a web server", "web1", "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", 2,
			"web1: iptables drops requests to 192.168.1.20:80: -P INPUT DROP"},
	} {
		cluster := tutorial()
		s := serviceRun{service: &cluster.Services[0], webs: websOf(cluster, &cluster.Services[0]), result: ServiceResult{Requests: 4, Failed: c.failed}}
		text := ""
		for line := range strings.SplitSeq(c.rules, "\n") {
			text += "filter=" + line + "\n"
		}
		var got []string
		for _, check := range s.dropped(cluster, inventory.NAT, map[string]facts{c.host: parseFacts(text + "filter?0\n")}) {
			got = append(got, fmt.Sprintf("%s: %s", check.Host, check.Detail))
			if check.OK || check.Name != nameFirewall || check.Hint == "" {
				t.Errorf("%s: %+v", c.name, check)
			}
		}
		if text := strings.Join(got, "\n"); text != c.want {
			t.Errorf("%s: got %q, want %q", c.name, text, c.want)
		}
	}
}
