package roles_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/roles"
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

// golden is what a file of testdata/golden holds: the tasks of these hosts.
type golden struct {
	name, platform, inventory string
	mode                      inventory.Mode
	hosts                     []string // whose programs are in the file; all are checked
	edit                      func(*tasks.Facts)
}

func goldens() []golden {
	all := []golden{
		{name: "services-debian12", platform: "debian12", inventory: services, mode: inventory.NAT, hosts: []string{"director", "b"}},
		{name: "services-el7", platform: "el7", inventory: services, mode: inventory.NAT, hosts: []string{"director", "b"}},
		{name: "leftovers", platform: "debian12", inventory: services, mode: inventory.NAT, hosts: []string{"a"}, edit: func(f *tasks.Facts) {
			f.Manifest = []string{"file /etc/gone", "unit lvsdeploy-shop-2-gateway.service", "fstab /var/www/html", "address ens33 10.0.0.1/24", "unknown thing"}
		}},
	}
	for _, p := range tasks.ExamplePlatforms() {
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
		in.Staging[h.Name] = "/root/.cache/lvsdeploy-" + c.Name
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

// TestGolden holds the programs against those in testdata/golden, of which
// only the tasks are kept: what comes before them is the engine's. Every
// program passes shellcheck and every shell's own look at its syntax.
func TestGolden(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Fatal("this test needs shellcheck: apt-get install shellcheck (dnf install ShellCheck)")
	}
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			in := input(t, g.inventory, g.mode, g.platform)
			if g.edit != nil {
				for _, f := range in.Facts {
					g.edit(f)
				}
			}
			plan := roles.For(g.mode)(in)
			got := &txtar.Archive{Comment: []byte(g.mode + " on " + inventory.Mode(g.platform) + ": the tasks of each host's program.\n")}
			var programs []string
			for i, h := range in.Cluster.Hosts() {
				text, check := compile(plan, in.Cluster, h.Name, false), compile(plan, in.Cluster, h.Name, true)
				programs = append(programs, text)
				if i == 0 || *full { // a dry run's program is the other's looks, with a prelude of its own
					programs = append(programs, check)
				}
				syntax(t, check)
				holdsNoChange(t, plan, h.Name, check)
				for _, name := range g.hosts {
					if name == h.Name {
						_, body, _ := strings.Cut(text, "\nbegin\n")
						got.Files = append(got.Files, txtar.File{Name: h.Name, Data: []byte(body)})
					}
				}
			}
			compare(t, filepath.Join("testdata/golden", g.name+".txtar"), txtar.Format(got))
			lint(t, programs)
		})
	}
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

// lint runs shellcheck, and what each shell says of the syntax.
func lint(t *testing.T, programs []string) {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for i, p := range programs {
		file := filepath.Join(dir, fmt.Sprintf("%d.sh", i))
		if err := os.WriteFile(file, []byte(p), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		syntax(t, p)
	}
	if out, err := exec.Command("shellcheck", append([]string{"--norc", "--shell=sh"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("shellcheck: %v\n%s", err, out)
	}
}

func syntax(t *testing.T, program string) {
	t.Helper()
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
