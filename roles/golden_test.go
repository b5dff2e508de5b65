package roles_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

var update = flag.Bool("update", false, "write the golden files anew")

// usual is a cluster with every way a page can get to a web server.
const usual = `
[cluster]
name = "shop"
network = "192.168.1.0/24"
[[director]]
name = "director"
address = "192.168.1.10"
interface = "ens33"
wan_interface = "ens37"
wan_address = "12.0.0.1/24"
[[service]]
port = 80
[[web]]
name = "web-mount"
address = "192.168.1.20"
interface = "ens33"
mount = "/opt/ka"
[[web]]
name = "web-index"
address = "192.168.1.30"
interface = "ens33"
index = "this is 20 20"
[[web]]
name = "web-site"
address = "192.168.1.50"
interface = "ens33"
site = "."
[nfs]
name = "nfs"
address = "192.168.1.40"
[[nfs.export]]
path = "/opt/ka"
index = "this is ka ka"
[[nfs.export]]
path = "/opt/site"
site = "."
options = "ro,all_squash"
`

// services has several services, udp, persistence, weights and real ports.
const services = `
[cluster]
name = "shop-2"
network = "192.168.1.0/24"
[[director]]
name = "director"
address = "192.168.1.10"
wan_interface = "ens37"
wan_address = "12.0.0.1/24"
[[service]]
scheduler = "wrr"
persistence = "5m"
check_path = "/health?a=[1-2]&b='x'"
[[service]]
vip = "192.168.1.10"
port = 8443
webs = ["b"]
[[service]]
port = 53
protocol = "udp"
scheduler = "sh"
[[web]]
name = "a"
address = "192.168.1.20"
weight = 3
index = "quotes ' \" $(reboot) %n END"
[[web]]
name = "b"
address = "192.168.1.30"
weight = 0
port = 8080
index = "-n"
[policy]
firewall = "disable"
selinux = "permissive"
`

// direct is a DR cluster.
const direct = `
[cluster]
name = "shop"
mode = "dr"
network = "192.168.1.0/24"
[[director]]
name = "director"
address = "192.168.1.40"
interface = "ens33"
[[service]]
vip = "192.168.1.48"
persistence = "5m"
[[service]]
vip = "192.168.1.49"
port = 8080
scheduler = "wlc"
[[web]]
name = "web-mount"
address = "192.168.1.20"
interface = "ens33"
mount = "/opt/ka"
[[web]]
name = "web-index"
address = "192.168.1.30"
index = "this is 20 20"
[nfs]
name = "nfs"
address = "192.168.1.60"
[[nfs.export]]
path = "/opt/ka"
index = "this is ka ka"
`

// golden is what a file of testdata/golden holds: the tasks of these hosts.
type golden struct {
	name, platform, inventory string
	mode                      inventory.Mode
	hosts                     []string // whose programs are in the file; all are checked
	edit                      func(*tasks.Facts)
	teardown                  bool
}

func goldens() []golden {
	all := []golden{
		{name: "services-debian12", platform: "debian12", inventory: services, mode: inventory.NAT, hosts: []string{"director", "b"}},
		{name: "services-el7", platform: "el7", inventory: services, mode: inventory.NAT, hosts: []string{"director", "b"}},
		{name: "leftovers", platform: "debian12", inventory: services, mode: inventory.NAT, hosts: []string{"a"}, edit: func(f *tasks.Facts) {
			f.Manifest = []string{"file /etc/gone", "unit lvsdeploy-shop-2-gateway.service", "fstab /var/www/html", "address ens33 10.0.0.1/24", "unknown thing"}
		}},
	}
	for _, p := range []string{"debian12", "el7"} {
		all = append(all, golden{name: "teardown-" + p, platform: p, inventory: usual, mode: inventory.NAT, hosts: []string{"director"}, teardown: true,
			edit: func(f *tasks.Facts) {
				f.Manifest = []string{
					"service -t 12.0.0.1:80", "service -u 12.0.0.1:53", "address ens37 12.0.0.1/24", "route lo 192.168.1.48/32", "default-route ens33 192.168.1.10",
					"rule nat POSTROUTING -s 192.168.1.0/24 -o ens37 -j SNAT --to-source 12.0.0.1", "fstab /var/www/html", "unit lvsdeploy-shop-snat.service",
					"file /etc/exports.d/lvsdeploy-shop.exports", "file /etc/apache2/conf-enabled/x.conf", "page /srv/it's/a page", "block /etc/rc.d/rc.local shop 192.168.1.48",
					"setting /etc/default/ipvsadm AUTO", "sysctl net.ipv4.ip_forward", "module ip_vs", "sebool httpd_use_nfs", "selinux permissive",
					"boot ipvsadm", "daemon nfs-server", "firewall firewalld", "packages",
				}
			}})
	}
	for _, p := range tasks.ExamplePlatforms() {
		if p != "el8" { // keeps addresses as debian12-cloud does
			all = append(all, golden{name: "dr-" + p, platform: p, inventory: direct, mode: inventory.DR, hosts: []string{"director", "web-mount"}})
		}
		all = append(all, golden{name: "nat-" + p, platform: p, inventory: usual, mode: inventory.NAT, hosts: []string{"director", "web-mount", "web-index", "web-site", "nfs"}})
	}
	return all
}

// input is what a run would make a plan from, on hosts of one platform.
func input(t *testing.T, source string, mode inventory.Mode, platform string) roles.Input {
	t.Helper()
	c, err := inventory.Parse("hosts.toml", []byte(source), mode)
	if err != nil {
		t.Fatal(err)
	}
	in := roles.Input{Cluster: c, Facts: map[string]*tasks.Facts{}, Staging: map[string]string{}, Sites: map[string][]tasks.SiteFile{}}
	for _, h := range c.Hosts() {
		f, ok := tasks.ExampleFacts(platform)
		if !ok {
			t.Fatalf("no example of %s", platform)
		}
		f.Interfaces = []tasks.Interface{{Name: "ens33", Addresses: []netip.Prefix{netip.PrefixFrom(h.Address, c.Network.Bits())}}}
		in.Facts[h.Name] = &f
		in.Staging[h.Name] = "/root/.lvsdeploy-" + c.Name
	}
	for _, p := range roles.Publications(in) {
		in.Sites[p.Site] = []tasks.SiteFile{{Path: "index.html", SHA256: strings.Repeat("0", 64)}, {Path: "it's/a page", SHA256: strings.Repeat("1", 64)}}
	}
	return in
}

func compile(plan tasks.Plan, c *inventory.Cluster, host string, check bool) string {
	h, _ := c.Host(host)
	return engine.Compile(plan, host, engine.Heading{
		Cluster: c.Name, Host: fmt.Sprintf("%s (%s)", h.Name, h.Address), Mode: string(c.Mode), Who: "ann on desk", Nonce: "@nonce",
	}, check).Text
}

// plan is what the golden file's programs are made from.
func (g golden) plan(t *testing.T) (*inventory.Cluster, tasks.Plan) {
	t.Helper()
	in := input(t, g.inventory, g.mode, g.platform)
	if g.edit != nil {
		for _, f := range in.Facts {
			g.edit(f)
		}
	}
	if g.teardown {
		return in.Cluster, roles.Teardown(in, true)
	}
	return in.Cluster, roles.For(g.mode)(in)
}

// TestGolden holds the programs against those in testdata/golden, of which
// only the tasks are kept: what comes before them is the engine's. Every
// program passes every shell's own look at its syntax; with -full each passes
// shellcheck as well, see TestShellcheck.
func TestGolden(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			cluster, plan := g.plan(t)
			got := &txtar.Archive{Comment: []byte(g.mode + " on " + inventory.Mode(g.platform) + ": the tasks of each host's program.\n")}
			var programs []string
			for _, h := range cluster.Hosts() {
				text, check := compile(plan, cluster, h.Name, false), compile(plan, cluster, h.Name, true)
				programs = append(programs, text, check)
				syntax(t, text)
				syntax(t, check)
				holdsNoChange(t, plan, h.Name, check)
				for _, name := range g.hosts {
					if name == h.Name {
						_, body, found := strings.Cut(text, "\n# == stage: ")
						if !found {
							t.Fatalf("the program of %s has no stages:\n%s", h.Name, text)
						}
						got.Files = append(got.Files, txtar.File{Name: h.Name, Data: []byte("\n# == stage: " + body)})
					}
				}
			}
			compare(t, filepath.Join("testdata/golden", g.name+".txtar"), txtar.Format(got))
			if *full {
				shellcheck(t, programs...)
			}
		})
	}
}

// TestShellcheck has shellcheck look at every text that is in a program of
// TestGolden, each once: the distinct tasks of all hosts, modes and platforms
// are one host's, whose programs hold all of the engine's prelude and the
// library too. Beside it a director's own programs pass as they are; with
// -full all programs do.
func TestShellcheck(t *testing.T) {
	t.Parallel()
	seen := map[[4]string]bool{}
	all := tasks.HostPlan{Host: "all"}
	var programs []string
	for _, g := range goldens() {
		cluster, plan := g.plan(t)
		for _, s := range plan {
			for _, hp := range s.Hosts {
				for _, task := range slices.Concat(hp.Tasks, hp.Handlers) {
					text := [4]string{string(task.Check), string(task.Apply), string(task.Undo), string(task.Needs.Met)}
					if !seen[text] {
						seen[text] = true
						all.Tasks = append(all.Tasks, task)
					}
				}
			}
		}
		if g.name == "services-debian12" {
			director := cluster.Director.Name
			programs = append(programs, compile(plan, cluster, director, false), compile(plan, cluster, director, true))
		}
	}
	if !*full {
		t.Log("short form: a director's programs only, to which -full adds the tasks of all systems")
		shellcheck(t, programs...)
		return
	}
	for _, check := range []bool{false, true} {
		programs = append(programs, engine.Compile(tasks.Plan{{Name: "all", Hosts: []tasks.HostPlan{all}}}, all.Host,
			engine.Heading{Cluster: "shop", Host: all.Host, Mode: "all", Who: "ann on desk", Nonce: "@nonce"}, check).Text)
	}
	for _, f := range tasks.Library {
		if !strings.Contains(programs[2], string(f.Text)) {
			t.Errorf("no task of a golden file uses the library's %s, so that nobody has looked at it", f.Name)
		}
	}
	shellcheck(t, programs...)
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test ./roles -update writes it", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s differs (go test ./roles -update writes it anew):\n%s", file, diff)
	}
}

// holdsNoChange: a dry run's program has neither the text of an Apply nor a
// function that changes something.
func holdsNoChange(t *testing.T, plan tasks.Plan, host, check string) {
	t.Helper()
	for _, f := range tasks.Library {
		if f.Changes && strings.Contains(check, string(f.Text)) {
			t.Errorf("the dry run of %s holds %s", host, f.Name)
		}
	}
	for _, s := range plan { // what a file is to hold is compared, not run
		for _, hp := range s.Hosts {
			for _, task := range hp.Tasks {
				for _, f := range task.Files {
					check = strings.ReplaceAll(check, "\n"+f.Content, "\n")
					check = strings.ReplaceAll(check, shell.Quote(strings.TrimRight(f.Content, "\n")), "")
				}
			}
		}
	}
	for _, s := range plan {
		for _, hp := range s.Hosts {
			for _, task := range append(hp.Tasks, hp.Handlers...) {
				// not a line of an Apply that is none of its Check
				for line := range strings.Lines(string(task.Apply)) {
					if hp.Host == host && len(line) > 20 && !strings.Contains(string(task.Check), line) && strings.Contains(check, "\n"+line) {
						t.Errorf("the dry run of %s holds of %q: %s", host, task.Name, line)
					}
				}
			}
		}
	}
	for _, word := range []string{"apply_", "\nput ", "| put ", "ipvsadm -A", "systemctl enable", "systemctl start", "apt-get", "yum -y", "dnf -y", "modprobe"} {
		if strings.Contains(check, word) {
			t.Errorf("the dry run of %s holds %q", host, word)
		}
	}
}

// shellcheck looks at programs, all at the same time.
func shellcheck(t *testing.T, programs ...string) {
	t.Helper()
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Fatal("this test needs shellcheck: apt-get install shellcheck (dnf install ShellCheck)")
	}
	var all sync.WaitGroup
	for _, p := range programs {
		all.Go(func() {
			cmd := exec.Command("shellcheck", "--norc", "--shell=sh", "-")
			cmd.Stdin = strings.NewReader(p)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("shellcheck: %v\n%s", err, out)
			}
		})
	}
	all.Wait()
}

// looked holds the programs that every shell has seen: many systems have the same.
var looked sync.Map

// syntax is what each shell says of a program without running it.
func syntax(t *testing.T, program string) {
	t.Helper()
	if _, seen := looked.LoadOrStore(program, true); seen {
		return
	}
	for _, sh := range [][]string{{"dash", "-n"}, {"bash", "--posix", "-n"}, {"busybox", "sh", "-n"}} {
		cmd := exec.Command(sh[0], sh[1:]...)
		cmd.Stdin = strings.NewReader(program)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Run(); err != nil || said.Len() > 0 {
			t.Errorf("%s: %v\n%s\n%s", strings.Join(sh, " "), err, said.String(), program)
		}
	}
}
