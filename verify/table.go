package verify

import (
	"fmt"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// virtual is a virtual service as `ipvsadm -Sn` writes it.
type virtual struct {
	key       string // "-t 12.0.0.1:80"
	scheduler string
	timeout   int    // persistence, seconds; 0: none
	flags     string // all else, as written
	servers   []real
}

// real is a real server of a virtual service.
type real struct {
	address string // 192.168.1.20:80
	method  string // -m, -g or -i
	weight  int
	flags   string
}

// methodOf is the option of ipvsadm for a mode's forwarding method.
func methodOf(m inventory.Mode) string {
	switch m {
	case inventory.NAT:
		return "-m"
	case inventory.DR:
		return "-g"
	}
	return ""
}

// methodName says an option of ipvsadm in words.
func methodName(option string) string {
	switch option {
	case "-m":
		return "masquerading (-m)"
	case "-g":
		return "gatewaying (-g)"
	case "-i":
		return "tunneling (-i)"
	}
	return option
}

// parseRules reads the output of `ipvsadm -Sn`, or a file it was saved to.
// Comments and what is no rule are passed over.
func parseRules(lines []string) []virtual {
	var table []virtual
	at := map[string]int{}
	for _, line := range lines {
		w := strings.Fields(line)
		if len(w) < 3 {
			continue
		}
		key := shortOption(w[1]) + " " + w[2]
		switch shortOption(w[0]) {
		case "-A":
			v := virtual{key: key, scheduler: "wlc"} // ipvsadm's own default
			v.flags = options(w[3:], map[string]func(string){
				"-s": func(s string) { v.scheduler = s },
				"-p": func(s string) {
					v.timeout = 300 // likewise
					if n, err := strconv.Atoi(s); err == nil {
						v.timeout = n
					}
				},
			}, nil)
			if _, twice := at[key]; !twice {
				at[key] = len(table)
				table = append(table, v)
			}
		case "-a":
			i, ok := at[key]
			if !ok {
				continue
			}
			s := real{method: "-g", weight: 1} // likewise
			method := func(m string) func() { return func() { s.method = m } }
			s.flags = options(w[3:], map[string]func(string){
				"-r": func(a string) { s.address = a },
				"-w": func(n string) { s.weight, _ = strconv.Atoi(n) },
			}, map[string]func(){"-m": method("-m"), "-g": method("-g"), "-i": method("-i")})
			// The default of a tunnel is written by new ipvsadms only.
			s.flags = strings.TrimSpace(strings.ReplaceAll(s.flags, "--tun-type ipip", ""))
			table[i].servers = append(table[i].servers, s)
		}
	}
	return table
}

// options walks the words after a rule's address, hands the known ones over
// and returns the others.
func options(words []string, valued map[string]func(string), plain map[string]func()) string {
	var rest []string
	for i := 0; i < len(words); i++ {
		w := shortOption(words[i])
		if f, ok := plain[w]; ok {
			f()
			continue
		}
		if f, ok := valued[w]; ok {
			value := ""
			if i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
				i++
				value = words[i]
			}
			f(value)
			continue
		}
		rest = append(rest, words[i])
	}
	return strings.Join(rest, " ")
}

// shortOption turns the long spellings a person may use in a saved file into
// the ones that ipvsadm writes.
func shortOption(o string) string {
	switch o {
	case "--add-service":
		return "-A"
	case "--add-server":
		return "-a"
	case "--tcp-service":
		return "-t"
	case "--udp-service":
		return "-u"
	case "--fwmark-service":
		return "-f"
	case "--scheduler":
		return "-s"
	case "--persistent":
		return "-p"
	case "--real-server":
		return "-r"
	case "--weight":
		return "-w"
	case "--masquerading":
		return "-m"
	case "--gatewaying":
		return "-g"
	case "--ipip":
		return "-i"
	}
	return o
}

// wanted is the table that the inventory asks for.
func wanted(c *inventory.Cluster, mode inventory.Mode) []virtual {
	var table []virtual
	for i := range c.Services {
		s := &c.Services[i]
		v := virtual{key: serviceKey(s), scheduler: s.Scheduler, timeout: int(s.Persistence / time.Second)}
		for _, w := range websOf(c, s) {
			v.servers = append(v.servers, real{
				address: realAddr(w, s).String(), method: methodOf(mode), weight: w.Weight})
		}
		table = append(table, v)
	}
	return table
}

func serviceKey(s *inventory.Service) string {
	option := "-t "
	if s.Protocol == "udp" {
		option = "-u "
	}
	return option + s.Endpoint().String()
}

// websOf returns the real servers of a service, in its order.
func websOf(c *inventory.Cluster, s *inventory.Service) []*inventory.Web {
	var webs []*inventory.Web
	for _, w := range c.WebsOf(*s) {
		webs = append(webs, &w)
	}
	return webs
}

// realAddr is where a web serves a service.
func realAddr(w *inventory.Web, s *inventory.Service) netip.AddrPort {
	return netip.AddrPortFrom(w.Address, inventory.RealPort(*s, *w))
}

// rules writes a table one rule a line and sorted, so that two of them can be
// compared whatever order they were in.
func rules(table []virtual) []string {
	var out []string
	for _, v := range table {
		line := "-A " + v.key + " -s " + v.scheduler
		if v.timeout > 0 {
			line += fmt.Sprintf(" -p %d", v.timeout)
		}
		out = append(out, strings.TrimSpace(line+" "+v.flags))
		for _, s := range v.servers {
			out = append(out, strings.TrimSpace(fmt.Sprintf("-a %s -r %s %s -w %d %s", v.key, s.address, s.method, s.weight, s.flags)))
		}
	}
	sort.Strings(out)
	return out
}

// missing returns what is in a and not in b; both sorted or not.
func missing(a, b []string) []string {
	in := map[string]bool{}
	for _, s := range b {
		in[s] = true
	}
	var out []string
	for _, s := range a {
		if !in[s] {
			out = append(out, s)
		}
	}
	return out
}

// load is what the director's table says of a real server right now.
type load struct {
	address          string
	weight           int
	active, inactive int
}

// parseLoads reads `ipvsadm -Ln` for one service. These counts are exact at
// once; those of --stats are brought up to date by the kernel every two
// seconds only, too late to tell one request from the next.
func parseLoads(lines []string, s *inventory.Service) (scheduler string, loads []load, found bool) {
	proto := strings.ToUpper(s.Protocol)
	inside := false
	for _, line := range lines {
		w := strings.Fields(line)
		switch {
		case len(w) >= 3 && (w[0] == "TCP" || w[0] == "UDP" || w[0] == "SCTP" || w[0] == "FWM"):
			inside = w[0] == proto && w[1] == s.Endpoint().String()
			if inside {
				scheduler, found = w[2], true
			}
		case inside && len(w) >= 6 && w[0] == "->":
			l := load{address: w[1]}
			l.weight, _ = strconv.Atoi(w[3])
			l.active, _ = strconv.Atoi(w[4])
			l.inactive, _ = strconv.Atoi(w[5])
			loads = append(loads, l)
		}
	}
	return scheduler, loads, found
}
