package roles_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// namesOf are the tasks of a host.
func namesOf(plan tasks.Plan, host string) []string {
	var names []string
	for _, s := range plan {
		for _, hp := range s.Hosts {
			if hp.Host == host {
				for _, t := range hp.Tasks {
					names = append(names, t.Name)
				}
			}
		}
	}
	return names
}

// TestNFSv4Only: whoever has masked rpcbind does without it, and what a minimal
// system lacks for RPC is installed.
func TestNFSv4Only(t *testing.T) {
	for _, host := range []string{"nfs", "web-mount"} {
		in, now := fit(t, usual)
		started := func() bool { return slices.Contains(namesOf(roles.NAT(in), host), "enable and start rpcbind") }
		installs := func() string {
			for _, name := range namesOf(roles.NAT(in), host) {
				if strings.HasPrefix(name, "install ") {
					return name
				}
			}
			return ""
		}
		if !started() || strings.Contains(installs(), "netbase") {
			t.Errorf("%s: as it comes: %q", host, namesOf(roles.NAT(in), host))
		}
		in.Facts[host].Masked = []string{"rpcbind"}
		in.Facts[host].NoProtocols = true
		if p := roles.Preflight(in, now); p != nil {
			t.Errorf("%s: %v", host, p)
		}
		if started() || !strings.Contains(installs(), "netbase") {
			t.Errorf("%s: with rpcbind masked, without /etc/protocols: %q", host, namesOf(roles.NAT(in), host))
		}
	}
}

// TestPublishedFile: the proof of a page knows the file where one was published.
func TestPublishedFile(t *testing.T) {
	for _, c := range []struct{ web, url, want string }{
		{"web-index", "/", "/var/www/html/index.html"},
		{"web-index", "/index.html?x=1", "/var/www/html/index.html"},
		{"web-index", "/health", ""},
		{"web-mount", "/", "/var/www/html/index.html"},
		{"web-site", "/a%20b", ""},
	} {
		in := input(t, usual, inventory.NAT, "debian12")
		in.Cluster.Services[0].CheckPath = c.url
		for _, s := range roles.NAT(in) {
			for _, hp := range s.Hosts {
				for _, task := range hp.Tasks {
					if hp.Host == c.web && strings.HasPrefix(task.Name, "see that http://") {
						fetched := strings.Fields(strings.SplitN(strings.SplitN(string(task.Check), "fetch ", 2)[1], " 2>&1", 2)[0])
						if got := strings.Join(fetched[3:], " "); got != c.want {
							t.Errorf("%s %s is held against %q, want %q", c.web, c.url, got, c.want)
						}
					}
				}
			}
		}
	}
}

// TestDockerOnTheDirector: what is forwarded gets past docker's rules in NAT,
// also while docker is stopped, and nowhere else.
func TestDockerOnTheDirector(t *testing.T) {
	const name = "let the cluster through docker's rules"
	for _, c := range []struct {
		what, host string
		make       func(*tasks.Facts)
		policy     string
		want       bool
	}{
		{"runs", "director", func(f *tasks.Facts) { f.Docker = true }, "manage", true},
		{"beside firewalld", "director", func(f *tasks.Facts) { f.Docker, f.Firewall = true, "firewalld" }, "manage", true},
		{"stopped since", "director", func(f *tasks.Facts) { f.Manifest = []string{"unit lvsdeploy-shop-docker.service"} }, "manage", true},
		{"is not there", "director", func(*tasks.Facts) {}, "manage", false},
		{"is left alone", "director", func(f *tasks.Facts) { f.Docker = true }, "leave", false},
		{"on a web server", "web-index", func(f *tasks.Facts) { f.Docker = true }, "manage", false},
	} {
		in, _ := fit(t, usual)
		in.Cluster.Policy.Firewall = c.policy
		c.make(in.Facts[c.host])
		if got := slices.Contains(namesOf(roles.NAT(in), c.host), name); got != c.want {
			t.Errorf("docker %s: %v, want %v", c.what, got, c.want)
		}
	}
}
