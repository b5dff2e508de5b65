//go:build lab

package tests

import (
	"slices"
	"strings"
	"testing"
)

// The lab's images other than plain Debian have a firewall that lets SSH in and
// nothing else. TestSystems takes a cluster of several images through its life;
// TestImage whole clusters of one image.

const lan = "192.168.1.0/24"

func TestSystems(t *testing.T) {
	b := newBenchOf(t, "mixed", "")
	b.scenario(t, b.systems())
}

func TestImage(t *testing.T) {
	for _, image := range []string{"el", "debian-nm", "debian-netplan"} {
		t.Run(image, func(t *testing.T) {
			b := newBenchOf(t, "nat", image)
			b.scenario(t, b.systems())
		})
	}
}

func (b *bench) systems() []step {
	return []step{
		{name: "closed", proves: "4.2: requests fail before", run: closed},
		{name: "nat", proves: "4.1 4.2: nothing else opened", run: systemsNAT},
		{name: "opened again", proves: "4.2: reload; a rule gone", needs: []string{"nat"}, run: openedAgain},
		{name: "by hand", proves: "4.3: yum, ipvsadm, network", needs: []string{"nat"}, run: byHand},
		{name: "cold start", proves: "4.1 4.2", needs: []string{"nat"}, run: systemsColdStart},
		{name: "dr", proves: "4.1 4.2: of the same machines", needs: []string{"nat"}, run: systemsDR},
		{name: "taken away", proves: "rule sets as before", needs: []string{"nat"}, run: systemsTeardown},
	}
}

// filters are firewalls as these tests speak to them.
var filters = map[string]struct {
	rules, reload string                 // scripts: all that it has, in lines; load it anew
	admit         func(opening) []string // the lines that an opening is
	forward       []string               // the real servers' own connections
	untracked     []string               // the VIP's packets, in DR
	forget        func(opening) string   // a script
}{
	"firewalld": {
		rules:  `for p in '' --permanent; do firewall-cmd $p --list-all-zones; firewall-cmd $p --direct --get-all-rules; firewall-cmd $p --get-policies | tr ' ' '\n'; done`,
		reload: "firewall-cmd --reload",
		admit:  func(o opening) []string { return []string{o.rich(), o.rich()} },
		forward: []string{`rule family="ipv4" source address="192.168.1.0/24" masquerade`, `rule family="ipv4" source address="192.168.1.0/24" masquerade`,
			"lvs-lab", "lvs-lab"},
		untracked: []string{"ipv4 raw PREROUTING 0 -d 192.168.1.48 -p tcp --dport 80 -j CT --notrack", "ipv4 raw PREROUTING 0 -d 192.168.1.48 -p tcp --dport 80 -j CT --notrack"},
		forget:    func(o opening) string { return "firewall-cmd --remove-rich-rule='" + o.rich() + "'" },
	},
	"ufw": {
		rules:   "ufw show added",
		reload:  "ufw reload",
		admit:   func(o opening) []string { return []string{"ufw " + o.words()} },
		forward: []string{"ufw route allow in on ens33 out on ens37 from 192.168.1.0/24"},
		forget:  func(o opening) string { return "ufw delete " + o.words() },
	},
}

// opening is a port that has to be open; from nobody in particular is empty.
type opening struct{ from, to, port string }

func (o opening) rich() string {
	source := ""
	if o.from != "" {
		source = `source address="` + o.from + `" `
	}
	return `rule family="ipv4" ` + source + `destination address="` + o.to + `" port port="` + o.port + `" protocol="tcp" accept`
}

func (o opening) words() string {
	source := ""
	if o.from != "" {
		source = "from " + o.from + " "
	}
	return "allow " + source + "to " + o.to + " port " + o.port + " proto tcp"
}

// filter is the firewall that runs on a machine, or empty.
func (b *bench) filter(host string) string {
	for name := range filters {
		if _, err := b.try(host, "systemctl is-active --quiet "+name); err == nil {
			return name
		}
	}
	return ""
}

// filtering are the machines that have one.
func (b *bench) filtering() []string {
	return slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return b.filter(h) == "" })
}

// closed: what listens on a web's port is out of reach, but for the web itself.
func closed(b *bench, t *testing.T) {
	b.rules = map[string][]string{}
	for _, h := range b.filtering() {
		// what an image says is less than what the firewall itself makes of it
		b.on(t, h, filters[b.filter(h)].reload)
		b.rules[h] = b.ruleSet(t, h)
	}
	if _, filters := b.rules["web1"]; !filters {
		t.Fatal("web1 has no firewall: nothing could be shown")
	}
	const listen = "setsid python3 -m http.server 80 >/dev/null 2>&1 </dev/null & echo $! >/run/listener; for i in 1 2 3 4 5 6 7 8 9 10; do curl -s -o /dev/null http://192.168.1.20/ && exit; sleep 0.5; done; exit 1"
	b.on(t, "web1", listen)
	defer b.on(t, "web1", "kill $(cat /run/listener); rm /run/listener")
	out, err := b.lab.Command(b.ctx, "curl", "-sS", "-o", "/dev/null", "--max-time", "3", "http://192.168.1.20/").CombinedOutput()
	if err == nil {
		t.Fatalf("web1 answers before its firewall is told to let anybody in: %s", out)
	}
	b.claim(t, "port 80 of web1, on which something listens, before the deployment: %s", strings.TrimSpace(string(out)))
}

// ruleSet is all that a machine's firewall has, and what it made of it. A table
// that iptables has looked into stays, empty, and says nothing.
func (b *bench) ruleSet(t *testing.T, host string) []string {
	t.Helper()
	text := b.on(t, host, filters[b.filter(host)].rules+"\n"+`iptables-save | sed '/^#/d; s/ \[[0-9]*:[0-9]*\]$//; /^\*/d; /^COMMIT$/d; /^:[A-Z]* ACCEPT$/d'`)
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(line))
	}
	slices.Sort(lines)
	return lines
}

// opened are the lines that a rule set has more than before; none may be gone.
func opened(t *testing.T, host string, before, after []string) []string {
	t.Helper()
	left := slices.Clone(after)
	for _, line := range before {
		if i := slices.Index(left, line); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else {
			t.Errorf("%s: a line of its rule set is gone: %s", host, line)
		}
	}
	return left
}

// exactly: what is open is what the cluster needs, in the firewall's own words,
// and rules of iptables that are made of these.
func (b *bench) exactly(t *testing.T, want map[string][]opening, beside func(filter string) []string) {
	t.Helper()
	ports := []string{"-d 12.0.0.1/32 -p tcp -m tcp --dport 80 ", "-d 192.168.1.48/32 -p tcp -m tcp --dport 80 ", "-d 192.168.1.20/32 -p tcp -m tcp --dport 80 ", "-d 192.168.1.30/32 -p tcp -m tcp --dport 80 ",
		"-d 192.168.1.40/32 -p tcp -m tcp --dport 111 ", "-d 192.168.1.40/32 -p tcp -m tcp --dport 2049 ", "-d 192.168.1.40/32 -p tcp -m tcp --dport 20048 ", "-s 192.168.1.0/24 "}
	for _, h := range b.filtering() {
		var got, expected []string
		for _, line := range opened(t, h, b.rules[h], b.ruleSet(t, h)) {
			switch {
			case strings.HasPrefix(line, "-A "):
				verdict := slices.ContainsFunc(strings.Fields(line), func(word string) bool {
					return slices.Contains([]string{"ACCEPT", "DROP", "REJECT", "MASQUERADE", "SNAT", "DNAT", "CT"}, word)
				})
				// the others only lead to chains
				if verdict && !slices.ContainsFunc(ports, func(p string) bool { return strings.Contains(line, p) }) {
					t.Errorf("%s: there is a rule for something else: %s", h, line)
				}
			case line != "" && !strings.HasPrefix(line, ":"):
				got = append(got, line)
			}
		}
		name := b.filter(h)
		for _, o := range want[h] {
			expected = append(expected, filters[name].admit(o)...)
		}
		if h == "director" {
			expected = append(expected, beside(name)...)
		}
		slices.Sort(expected)
		if !slices.Equal(got, expected) {
			t.Errorf("%s: opened is\n%s\nwant\n%s", h, strings.Join(got, "\n"), strings.Join(expected, "\n"))
		}
	}
}

func systemsNAT(b *bench, t *testing.T) {
	predicted := b.nat(t, 3, "--check").with("would-change", "pending")
	run := b.nat(t, 0)
	b.deployed = true
	b.settled(t, "")
	b.healthy(t, "", tenAndTen)
	if changed := run.with("changed"); !slices.Equal(predicted, changed) {
		t.Errorf("--check named other tasks than the run changed:\n%v\n%v", predicted, changed)
	}
	b.exactly(t, map[string][]opening{
		"director": {{"", "12.0.0.1", "80"}},
		"web1":     {{"", "192.168.1.20", "80"}},
		"web2":     {{"", "192.168.1.30", "80"}},
		"nfs":      {{lan, "192.168.1.40", "111"}, {lan, "192.168.1.40", "2049"}, {lan, "192.168.1.40", "20048"}},
	}, func(name string) []string { return filters[name].forward })
	// out of the LAN, by the director's outer address, and nowhere else in
	b.on(t, "web1", "ping -c 1 -W 3 12.0.0.2 >/dev/null")
	for _, closed := range []string{"http://12.0.0.1:8080/", "http://192.168.1.10/", "http://192.168.1.20:111/"} {
		if out, err := b.lab.Command(b.ctx, "curl", "-sS", "-o", "/dev/null", "--max-time", "3", closed).CombinedOutput(); err == nil {
			t.Errorf("%s answers: %s", closed, out)
		}
	}
}

// openedAgain: a firewall loads its rules anew, and is told otherwise by hand.
func openedAgain(b *bench, t *testing.T) {
	for _, h := range b.filtering() {
		b.on(t, h, filters[b.filter(h)].reload)
	}
	b.healthy(t, "", tenAndTen)
	name := b.filter("director")
	b.on(t, "director", filters[name].forget(opening{"", "12.0.0.1", "80"}))
	if out, err := b.lab.Command(b.ctx, "curl", "-sS", "-o", "/dev/null", "--max-time", "3", "http://12.0.0.1/").CombinedOutput(); err == nil {
		t.Errorf("the director answers though its firewall lets nobody in: %s", out)
	}
	want := "local: 12.0.0.1:80: 4 of 4 requests failed: no answer within 3s"
	if name == "firewalld" {
		want = "director: firewalld does not let tcp 80 to 12.0.0.1 in"
	}
	if o := b.run(t, call{args: []string{"verify"}}); o.exit != 5 || !strings.HasPrefix(o.first(), want) {
		t.Errorf("verify: exit %d, want 5 and %q\n%v", o.exit, want, o)
	}
	if changed := b.nat(t, 0).with("changed"); !slices.Equal(changed, []string{"director: let the cluster through " + name}) {
		t.Errorf("changed %v", changed)
	}
	b.healthy(t, "", tenAndTen)
}

// byHand: what people do on a machine between two runs, of which one run makes
// a cluster again.
func byHand(b *bench, t *testing.T) {
	el := slices.DeleteFunc(slices.Clone(hosts), func(h string) bool {
		_, err := b.try(h, "test -e /etc/yum.repos.d")
		return err != nil
	})
	if len(el) == 0 {
		b.claim(t, "no machine with yum here: nothing to do")
		return
	}
	for _, h := range el {
		b.said.say("by hand on %s", h)
		if strings.HasPrefix(h, "web") {
			b.on(t, h, "yum -y -q --enablerepo=lab-updates upgrade httpd && systemctl restart httpd")
		}
		if h == "director" {
			b.on(t, h, "systemctl restart ipvsadm")
		}
		// it takes this connection along
		b.on(t, h, "setsid sh -c 'systemctl restart network' >/dev/null 2>&1 </dev/null & sleep 8")
	}
	o := b.nat(t, 0)
	b.claim(t, "after yum upgrade, ipvsadm and network restarted: one run changed %v", o.with("changed"))
	b.settled(t, "")
	b.healthy(t, "", tenAndTen)
}

func systemsColdStart(b *bench, t *testing.T) {
	all := append(slices.Clone(hosts), "client")
	b.said.say("the power of all machines fails")
	if err := b.lab.Kill(b.ctx, all...); err != nil {
		t.Fatal(err)
	}
	if err := b.lab.Start(b.ctx, all...); err != nil {
		t.Fatal(err)
	}
	b.claim(t, "power cut of all: verify passed %.0f s after SSH answered, without a deploy", b.recovers(t, tenAndTen).Seconds())
	b.settled(t, "")
}

// systemsDR makes the same machines a DR cluster, and cuts its power too.
func systemsDR(b *bench, t *testing.T) {
	inventory := b.drOnLAN(t)
	b.dr(t, inventory)
	if o := b.dr(t, inventory, "--check"); len(o.with("would-change", "pending")) > 0 {
		t.Errorf("not settled: %v", o.with("would-change", "pending"))
	}
	b.healthy(t, inventory, drTenAndTen)
	const vip, director = "192.168.1.48", "192.168.1.10"
	b.exactly(t, map[string][]opening{
		"director": {{"", vip, "80"}},
		"web1":     {{"", vip, "80"}, {director, "192.168.1.20", "80"}},
		"web2":     {{"", vip, "80"}, {director, "192.168.1.30", "80"}},
		"nfs":      {{lan, "192.168.1.40", "111"}, {lan, "192.168.1.40", "2049"}, {lan, "192.168.1.40", "20048"}},
	}, func(name string) []string { return filters[name].untracked })
	if err := b.lab.Kill(b.ctx, hosts...); err != nil {
		t.Fatal(err)
	}
	if err := b.lab.Start(b.ctx, hosts...); err != nil {
		t.Fatal(err)
	}
	b.recoversOn(t, inventory, drTenAndTen)
	if o := b.dr(t, inventory, "--check"); len(o.with("would-change", "pending")) > 0 {
		t.Errorf("not settled after the power cut: %v", o.with("would-change", "pending"))
	}
}

func systemsTeardown(b *bench, t *testing.T) {
	if o := b.run(t, call{args: []string{"teardown", "--yes", "--json"}}); o.exit != 0 {
		t.Fatalf("exit %d\n%v", o.exit, o)
	}
	for _, h := range b.filtering() {
		if more := opened(t, h, b.rules[h], b.ruleSet(t, h)); len(more) > 0 {
			t.Errorf("%s: its rule set still has\n%s", h, strings.Join(more, "\n"))
		}
	}
}
