package main

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// TestTeardownAsks: on a terminal a teardown asks first; without one it needs
// to be told. A dry run does neither.
func TestTeardownAsks(t *testing.T) {
	f := newFleet(t, "", "")
	dir := f.inventory(websTOML, "")
	unasked := func(when string) {
		t.Helper()
		for name, m := range f.hosts {
			if n := m.server.Accepted(); n > 0 {
				t.Errorf("%s: %s saw %d connections", when, name, n)
			}
		}
	}
	for _, args := range [][]string{{"teardown"}, {"teardown", "--json"}, {"teardown", "--limit", "web1"}, {"teardown", "--force"}, {"teardown", "--purge-packages"}} {
		r := f.deploy(dir, report.Usage, args...)
		if r.out != "" || !strings.Contains(r.err, "cannot ask whether to go on: there is no terminal, and no --yes\n    hint: lvsdeploy teardown --check shows what would go, --yes does it\n") {
			t.Errorf("%s: %s%s", args, r.out, r.err)
		}
	}
	unasked("without a terminal")
	f.deploy(dir, report.Done, "nat")
	f.deploy(dir, report.WouldChange, "teardown", "--check")

	t.Setenv("HOME", f.home)
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Chdir(dir)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	question := "everything that lvsdeploy put on director, web1, web2, nfs for shop will be gone, and 12.0.0.1:80 with it. Go on? [yes/no] "
	for _, c := range []struct {
		prompt, keys string
		want         report.Exit
		args         []string
	}{
		{question, "no\r", report.Usage, nil},
		{question, "maybe\rno\r", report.Usage, nil},
		{question, "\x04", report.Usage, nil}, // no answer
		{strings.Replace(strings.Replace(question, "director, web1, web2, nfs", "web1", 1), ", and 12.0.0.1:80 with it", "", 1), "n\r", report.Usage, []string{"--limit", "web1"}},
		{"", "", report.WouldChange, []string{"--check"}},
		{question, "yes\r", report.Done, nil},
		{"", "", report.Done, []string{"-y"}},
	} {
		before := f.snapshots(t)
		master, slave := openPTY(t)
		all := make(chan string)
		go answer(master, c.prompt, c.keys, all)
		code := run(t.Context(), append([]string{"lvsdeploy", "teardown"}, c.args...), newStreams(slave, null, slave))
		slave.Close()
		text := <-all
		if code != c.want || !strings.HasPrefix(text, c.prompt) || strings.Contains(text, "[yes/no]") != (c.prompt != "") {
			t.Errorf("%s, %q: exit %d, want %d\n%q", c.args, c.keys, code, c.want, text)
		}
		if c.want == report.Usage && !strings.Contains(text, "lvsdeploy: not confirmed: nothing was done\r\n") {
			t.Errorf("%q: %q", c.keys, text)
		}
		if d := f.diff(before, f.snapshots(t)); (d != "") != (c.keys == "yes\r") {
			t.Errorf("%q: changed %s", c.keys, d)
		}
	}
}

// answer types keys when a prompt is shown, and sends all that was shown until
// the terminal is closed.
func answer(master *os.File, prompt, keys string, all chan<- string) {
	var text strings.Builder
	b := make([]byte, 4096)
	for {
		n, err := master.Read(b)
		if text.Write(b[:n]); err != nil {
			all <- text.String()
			return
		}
		if prompt != "" && keys != "" && strings.HasSuffix(text.String(), prompt) {
			_, _ = master.WriteString(keys)
			keys = ""
		}
	}
}

func TestLoss(t *testing.T) {
	service := inventory.Service{VIP: netip.MustParseAddr("12.0.0.1"), Protocol: "tcp"}
	c := &inventory.Cluster{Name: "big", Director: inventory.Director{Host: inventory.Host{Name: "director"}}}
	for i := range 20 {
		c.Webs = append(c.Webs, inventory.Web{Host: inventory.Host{Name: fmt.Sprintf("web%d", i)}})
	}
	for _, port := range []uint16{80, 443, 53, 8080} {
		service.Port = port
		if service.Protocol = "tcp"; port == 53 {
			service.Protocol = "udp"
		}
		c.Services = append(c.Services, service)
	}
	s := &session{cluster: c}
	for limit, want := range map[string]string{
		"":           "everything that lvsdeploy put on director, web0, web1, web2, web3, web4 and 15 more for big will be gone, and 12.0.0.1:80, 12.0.0.1:443, 12.0.0.1:53/udp and 1 more with it. Go on?",
		"web1 web12": "everything that lvsdeploy put on web1, web12 for big will be gone. Go on?",
	} {
		s.limit = nil
		if limit != "" {
			s.limit = strings.Fields(limit)
		}
		if got := s.loss(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
