package tasks_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// processes is how many the look at a task starts that is in place, forks
// included, under dash. A run over converged hosts is made of little else: to
// add to these numbers, have a reason.
var processes = map[string]int{
	"Packages": 1, "Setting": 1, "Block": 1, "VIP.Live": 1, "VIP.Route": 1, "Sysctl": 1, "Address": 1, "DefaultRoute": 1,
	"Balance": 1, "Drain": 1, "SaveTable": 1, "Fstab": 1, "Exported": 1, "Service": 1, "Site": 1,
	"KeepRules":  1,                                          // where a firewall's unit is followed
	"NoFirewall": 2,                                          // active? enabled?
	"IPTables":   3,                                          // one where iptables is nft's
	"Proof":      1, "Served": 2, "Offered": 3, "Mounted": 4, // these wait for others, and are not direct
}

// TestProcesses holds the numbers.
func TestProcesses(t *testing.T) {
	b := newBench(t, fakehost.Options{Packages: []string{"apache2", "nfs-kernel-server", "ipvsadm", "iptables"}, Firewalld: true,
		Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.20/24"}}, {Name: "ens37"}, {Name: "ens38"}}})
	var all []taskCase
	var list []Task
	setup := "set -e; mkdir -p /etc/t /root/staging/sub /srv/site; systemctl start nfs-server; echo page >/var/www/html/index.html\n"
	for _, c := range cases(platform(t, fakehost.Debian)) {
		if c.kind != fakehost.EL && c.of != "Leftovers" && c.of != "Unmounted" && c.of != "Restart" && c.of != "Handler" {
			if c.of == "Site" {
				b.sh("mkdir -p /root/staging/sub /srv/site")
				c = siteCase(b)
			}
			c.task.Notify = ""
			all, list = append(all, c), append(list, c.task)
			setup += c.setup + "\n"
		}
	}
	if out, errs, code := b.host.Run(setup); code != 0 {
		t.Fatal(out, errs)
	}
	b.run(fakerun.One("host", list...), false)

	count := func(check bool, tasks ...Task) []string {
		text := engine.Compile(fakerun.One("host", tasks...), "host", engine.Heading{Cluster: "counted", Nonce: "@n"}, check).Text
		var out strings.Builder
		started, code, err := b.host.Started(text, strings.NewReader(""), &out)
		if err != nil || code != 0 || len(tasks) > 0 && !strings.Contains(out.String(), " ok ") {
			t.Errorf("exit %d, %v: %s", code, err, out.String())
		}
		return started
	}
	without := count(true)
	if len(without) > 0 {
		t.Errorf("a dry run without a task starts %q", without)
	}
	seen := map[string]bool{}
	for i, task := range list {
		of := all[i].of
		started := count(true, task)
		if n := len(started); n > processes[of] || n < processes[of] && !seen[of] {
			t.Errorf("%s: %q starts %d processes, want %d: %q", of, task.Name, n, processes[of], started)
		}
		seen[of] = true
	}
}

// TestDirect: a check that may run in the program's own shell neither ends it
// nor changes what is the engine's.
func TestDirect(t *testing.T) {
	assigned := regexp.MustCompile(`(?m)(?:^|[\s;(])(?:read(?: -r)? )?([a-z_]+)=`)
	engines := map[string]bool{"nonce": true, "state": true, "run": true, "who": true, "patience": true}
	for _, file := range []string{"common", "apply", "check", "arm", "confirm"} {
		text, err := os.ReadFile("../engine/prelude/" + file + ".sh")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range assigned.FindAllStringSubmatch(string(text), -1) {
			engines[m[1]] = true
		}
	}
	comment := regexp.MustCompile(`(?m)# .*$`)
	exits := regexp.MustCompile(`(?m)(^|[\s;{(])exit\b`)
	for _, kind := range []fakehost.Kind{fakehost.Debian, fakehost.EL} {
		for _, c := range cases(platform(t, kind)) {
			if !c.task.Direct {
				continue
			}
			check := comment.ReplaceAllString(string(c.task.Check), "")
			for _, f := range c.task.Files { // which is compared, not run
				check = strings.ReplaceAll(check, comment.ReplaceAllString(f.Content, ""), "")
			}
			for _, f := range Library {
				if !f.Changes && regexp.MustCompile(`(?m)(^|[ |(;])`+f.Name+` `).MatchString(string(c.task.Check)) {
					check += string(f.Text)
				}
			}
			if exits.MatchString(check) {
				t.Errorf("%q: its check is direct, and has an exit:\n%s", c.task.Name, check)
			}
			for _, m := range assigned.FindAllStringSubmatch(check, -1) {
				if engines[m[1]] {
					t.Errorf("%q: its check is direct, and sets the engine's %s", c.task.Name, m[1])
				}
			}
			if needs := string(c.task.Needs.Met); exits.MatchString(needs) {
				t.Errorf("%q: its need has an exit: %s", c.task.Name, needs)
			}
		}
	}
}
