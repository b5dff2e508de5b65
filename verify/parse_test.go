package verify

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// What the parsers read was captured from ipvsadm 1.31 on Linux 6.1, nfs-utils
// 2.6.2 and iproute2 6.1.

func TestParseRules(t *testing.T) {
	got := parseRules(goldenLines(t, "ipvsadm-Sn.txt"))
	want := []virtual{
		{key: "-t 12.0.0.1:80", scheduler: "rr", servers: []real{
			{address: "192.168.1.20:80", method: "-m", weight: 1}, {address: "192.168.1.30:80", method: "-m", weight: 1}}},
		{key: "-u 12.0.0.1:53", scheduler: "wlc", timeout: 300, servers: []real{
			{address: "192.168.1.20:53", method: "-g", weight: 3}}},
		{key: "-f 7", scheduler: "wrr", timeout: 60, flags: "-M 255.255.255.0", servers: []real{
			{address: "192.168.1.30:0", method: "-i", weight: 0}}},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(virtual{}, real{})); d != "" {
		t.Error(d)
	}
}

// A saved file may be written by hand, in any order, in long options, and with
// what is default left out.
func TestRulesAreComparedByMeaning(t *testing.T) {
	saved := parseRules(strings.Split(`# ipvsadm.rules
-A -u 12.0.0.1:53 -p 300
-a -u 12.0.0.1:53 -w 3 -r 192.168.1.20:53
--add-service --tcp-service 12.0.0.1:80 --scheduler rr
-a -t 12.0.0.1:80 --real-server 192.168.1.30:80 --masquerading
-a -t 12.0.0.1:80 -r 192.168.1.20:80 -m --weight 1
-A -f 7 -s wrr -p 60 -M 255.255.255.0
-a -f 7 -r 192.168.1.30:0 -i -w 0
-a -t 10.0.0.1:80 -r 192.168.1.20:80 -m`, "\n"))
	live := parseRules(goldenLines(t, "ipvsadm-Sn.txt"))
	if d := cmp.Diff(rules(live), rules(saved)); d != "" {
		t.Error(d)
	}
}

func TestParseLoads(t *testing.T) {
	s := &tutorial().Services[0]
	scheduler, loads, found := parseLoads(goldenLines(t, "ipvsadm-Ln-busy.txt"), s)
	want := []load{{"192.168.1.20:80", 1, 0, 2}, {"192.168.1.30:80", 1, 0, 2}}
	if scheduler != "rr" || !found || !reflect.DeepEqual(loads, want) {
		t.Errorf("%s %v %v", scheduler, found, loads)
	}
	if _, loads, found := parseLoads(goldenLines(t, "ipvsadm-Ln.txt"), &inventory.Service{VIP: s.VIP, Port: 81, Protocol: "tcp"}); found || len(loads) != 0 {
		t.Errorf("a service that is not there: %v", loads)
	}
}

func TestParseConnections(t *testing.T) {
	cs := parseConnections(goldenLines(t, "ip_vs_conn.txt"))
	if len(cs) != 5 {
		t.Fatalf("%d connections, want 5", len(cs))
	}
	c := cs[0]
	if c.from.String() != "12.0.0.100:60436" || c.to.String() != "12.0.0.1:80" || c.dest.String() != "192.168.1.20:80" {
		t.Errorf("%v", c)
	}
	template := "TCP 0C000064 0000 0C000001 0050 C0A80114 0050 NONE            299"
	if cs := parseConnections([]string{template, "", "nonsense"}); len(cs) != 0 {
		t.Errorf("a template of persistence is no connection: %v", cs)
	}
}

func TestExported(t *testing.T) {
	got := exported(goldenLines(t, "exportfs-v.txt"))
	for dir, clients := range map[string]int{"/opt/kk": 2, "/opt/ka": 1, "/opt/with space": 1, "/opt/a-rather-long-directory-name": 1} {
		if len(got[dir]) != clients {
			t.Errorf("%s: %q, want %d clients", dir, got[dir], clients)
		}
	}
	if len(got) != 4 {
		t.Errorf("%q", got)
	}
}

func TestGateway(t *testing.T) {
	for in, want := range map[string]string{
		"":                                    "",
		"default via 192.168.1.10 dev ens33 ": "192.168.1.10",
		"default dev ppp0 scope link":         "dev ppp0",
		"default via 10.0.0.1 dev a metric 200\ndefault via 10.0.0.2 dev b metric 100":              "10.0.0.2",
		"default via 10.0.0.1 dev a proto dhcp src 10.0.0.9 metric 100\ndefault via 10.0.0.2 dev b": "10.0.0.2",
	} {
		if got := gateway(strings.Split(in, "\n")); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestRouteSource(t *testing.T) {
	for in, want := range map[string]string{
		"12.0.0.1 dev eth0 src 12.0.0.100 uid 0 \n    cache ":                     "12.0.0.100",
		"12.0.0.1 via 192.168.1.10 dev ens33 src 192.168.1.20 uid 0 \n    cache ": "192.168.1.20",
		"local 12.0.0.1 dev lo src 12.0.0.1 uid 0 \n    cache <local> ":           "12.0.0.1",
		"RTNETLINK answers: Network is unreachable":                               "invalid IP",
		"": "invalid IP",
	} {
		if got := routeSource(strings.Split(in, "\n")); got.String() != want {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}

func TestFirstLine(t *testing.T) {
	for in, want := range map[string]string{
		"this is ka ka\n":        "this is ka ka",
		"\n\n  <h1>a</h1>\nb":    "<h1>a</h1>",
		"\x1b[31mred\x07\n":      ".[31mred.",
		"\xff\xfe":               "..",
		"":                       "",
		strings.Repeat("é", 100): strings.Repeat("é", 80) + "…",
	} {
		if got := firstLine(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestParsePage(t *testing.T) {
	page := func(tool, text string) facts { return parseFacts(tool + text) }
	curl, wget := "tool-curl?0\ntool-wget?0\n", "tool-curl?127\ntool-wget?0\n"
	for _, tt := range []struct{ name, tool, text, first, err string }{
		{"curl", curl, "page=HTTP/1.1 200 OK\r\npage=A: b\r\npage=\r\npage=hello\npage?0\n", "hello", ""},
		{"curl, 404", curl, "page=HTTP/1.1 404 Not Found\npage=\npage=nope\npage?0\n", "nope", "HTTP status 404"},
		{"curl, refused", curl, "page=curl: (7) Failed to connect\npage?7\n", "", "no answer: curl: (7) Failed to connect"},
		{"wget", wget, "page=hello\npage?0\n", "hello", ""},
		{"wget, 404", wget, "page=\npage?8\n", "", "no answer: "},
		{"perl", "tool-curl?127\ntool-wget?127\n", "page=HTTP/1.0 200 OK\npage=\npage=hello\npage?0\n", "hello", ""},
		{"none", "", "page=no curl, wget or perl\npage?127\n", "", errNoTool.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := parsePage(page(tt.tool, tt.text))
			said := ""
			if err != nil {
				said = err.Error()
			}
			if p.first != tt.first || said != tt.err {
				t.Errorf("got %q, %q", p.first, said)
			}
		})
	}
}

// No output of a host can pass for another fact.
func TestFactsCannotBeForged(t *testing.T) {
	f := parseFacts("page=forward=1\npage=forward?0\npage=end?0\npage?0\n")
	if len(f) != 1 || f.ok("end") || f.word("forward") != "" {
		t.Errorf("%+v", f)
	}
}
