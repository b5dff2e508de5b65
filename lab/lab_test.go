package lab

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T, name string) *Topology {
	t.Helper()
	topology, err := LoadTopology(name, "")
	if err != nil {
		t.Fatal(err)
	}
	return topology
}

func TestEmbeddedTopologies(t *testing.T) {
	if diff := cmp.Diff([]string{"dr", "mixed", "nat"}, embeddedNames()); diff != "" {
		t.Fatal(diff)
	}
	want := map[string][]string{
		"nat":   {"director 192.168.1.10", "web1 192.168.1.20", "web2 192.168.1.30", "web3 192.168.1.50", "nfs 192.168.1.40", "client 12.0.0.100"},
		"mixed": {"director 192.168.1.10", "web1 192.168.1.20", "web2 192.168.1.30", "nfs 192.168.1.40", "client 12.0.0.100"},
		"dr":    {"director 192.168.1.40", "web1 192.168.1.20", "web2 192.168.1.30", "client 192.168.1.100"},
	}
	for name, machines := range want {
		var got []string
		for _, m := range load(t, name).Machines {
			got = append(got, m.Name+" "+m.Address().String())
		}
		if diff := cmp.Diff(machines, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if !strings.Contains(load(t, name).Inventory.Text, `identity = "@IDENTITY@"`) {
			t.Errorf("%s: its inventory has no place for the lab's key", name)
		}
	}
}

func TestChoose(t *testing.T) {
	nat := load(t, "nat")
	for _, c := range []struct {
		only, with []string
		want       string
	}{
		{nil, nil, "director, web1, web2, nfs, client"},
		{nil, []string{"web3"}, "director, web1, web2, web3, nfs, client"},
		{[]string{"nfs", "web1"}, nil, "web1, nfs"},
		{[]string{"web3"}, nil, "web3"},
	} {
		got, err := nat.choose(c.only, c.with)
		if err != nil || names(got) != c.want {
			t.Errorf("only %v, with %v: %s, %v; want %s", c.only, c.with, names(got), err, c.want)
		}
	}
	_, err := nat.choose(nil, []string{"web4"})
	if err == nil || !strings.Contains(err.Error(), `cannot find a machine named "web4": there are director, web1`) {
		t.Errorf("a machine that there is not: %v", err)
	}
}

func TestBrokenTopologies(t *testing.T) {
	const lan = "[[network]]\nname = \"lan\"\nworkstation = \"10.0.0.1/24\"\n"
	machine := func(name, rest string) string {
		return "[[machine]]\nname = \"" + name + "\"\n" + rest + "\n"
	}
	nic := func(s string) string {
		return "nics = [{ interface = \"eth0\", on = \"lan\", address = \"" + s + "\" }]"
	}
	good := lan + machine("a", nic("10.0.0.2/24"))
	if _, err := ParseTopology(good, ""); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, want string }{
		{lan, "it has no machine"},
		{good + "colour = 1\n", "unknown key machine.colour"},
		{good + machine("a", nic("10.0.0.3/24")), "machine a is there twice"},
		{good + machine("b", nic("10.0.0.2/24")), "machine b: 10.0.0.2 is the address of a"},
		{good + machine("b", nic("10.0.0.1/24")), "machine b: 10.0.0.1 is the address of the workstation"},
		{good + machine("b", nic("10.0.1.2/24")), "machine b: 10.0.1.2/24 is outside the network lan, 10.0.0.0/24"},
		{good + machine("b", "memory = \"64M\"\n"+nic("10.0.0.3/24")), "machine b: memory of 64M is too little"},
		{good + machine("b", "memory = \"1G\"\n"+nic("10.0.0.3/24")), `memory is of the form 256M, not "1G"`},
		{good + machine("b", "network = \"netplan\"\n"+nic("10.0.0.3/24")), `network is ifupdown or none, not "netplan"`},
		{good + machine("b", "image = \"el\"\nnetwork = \"ifupdown\"\n"+nic("10.0.0.3/24")), `machine b: network is network-scripts or none, not "ifupdown"`},
		{good + machine("b", "image = \"el10\"\n"+nic("10.0.0.3/24")), `machine b: cannot find an image named "el10": there are debian, debian-nm, debian-netplan, el`},
		{good + machine("b", "nics = [{ interface = \"eth0\", on = \"lan\" }]"), "machine b: no interface has an address"},
		{good + machine("b", "nics = [{ interface = \"eth0\", on = \"wan\", address = \"10.0.0.3/24\" }]"), `eth0 is on the network "wan", which there is not`},
		{good + machine("b;reboot", nic("10.0.0.3/24")), `machine "b;reboot": a name is a to z`},
		{good + machine("twelve-chars", nic("10.0.0.3/24")), `machine "twelve-chars": a name is`},
		{good + lan, "network lan is there twice"},
		{good + "[[network]]\nname = \"wan\"\n", "network wan: workstation is an IPv4 address"},
	} {
		if _, err := ParseTopology(c.text, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
	_, err := LoadTopology("tun", "")
	if err == nil || !strings.Contains(err.Error(), `cannot load the topology "tun": known ones are dr, mixed, nat`) {
		t.Errorf("an unknown topology: %v", err)
	}
}

func TestTopologyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.toml")
	text, err := topologies.ReadFile("topologies/dr.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := load(t, file); len(got.Machines) != 4 {
		t.Errorf("%d machines, want 4", len(got.Machines))
	}
}

func TestLinkCommands(t *testing.T) {
	topology, err := ParseTopology(`
[[network]]
name = "lan"
workstation = "10.0.0.1/24"
[[machine]]
name = "a"
nics = [{ interface = "ens33", on = "lan", address = "10.0.0.2/24" }, { interface = "ens37", on = "lan" }]
`, "")
	if err != nil {
		t.Fatal(err)
	}
	want := `link set lo up
link add lan type bridge forward_delay 0 mcast_snooping 0
address add 10.0.0.1/24 brd + dev lan
link set lan up
link add a.0 type veth peer name a.0u
link set a.0 master lan
link set a.0 up
link set a.0u up
link add a.1 type veth peer name a.1u
link set a.1 master lan
link set a.1 up
link set a.1u up
`
	if diff := cmp.Diff(want, linkCommands(topology)); diff != "" {
		t.Error(diff)
	}
}

func TestUMLArgs(t *testing.T) {
	l := &Lab{name: "t", dir: "/run/x/t", topology: load(t, "nat"), state: state{Images: map[string]string{"debian": "/c/image.img"}, Disks: "/c/disks/t"}}
	director, err := l.topology.Machine("director")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"linux.uml", "umid=director", "uml_dir=/run/x/t/uml", "mem=256M",
		"ubd0=/c/disks/t/director.cow,/c/image.img", "ubd1r=/run/x/t/machines/director/seed.tar",
		"root=/dev/ubda", "rootfstype=ext4", "rw", "init=/usr/lib/lvslab/init", "fsck.mode=skip",
		"selinux=0", "audit=0", "con=null", "con0=null,fd:1", "con1=null", "ssl=null", "quiet",
		"vec0:transport=raw,ifname=director.0u,depth=64,mac=02:00:c0:a8:01:0a",
		"vec1:transport=raw,ifname=director.1u,depth=64,mac=" + director.mac(1),
	}
	if diff := cmp.Diff(want, l.umlArgs(director)); diff != "" {
		t.Error(diff)
	}
}

func TestMachinesSpreadOverProcessors(t *testing.T) {
	l := &Lab{topology: load(t, "nat")}
	var got []string
	for _, m := range l.topology.Machines {
		got = append(got, m.Name+" "+l.cpu(m, []int{2, 5}))
	}
	want := []string{"director 2", "web1 5", "web2 2", "web3 5", "nfs 5", "client 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Interfaces of one network must not share a MAC, whether addressed or not.
func TestMACsDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, name := range embeddedNames() {
		clear(seen)
		for _, m := range load(t, name).Machines {
			for i, nic := range m.NICs {
				if other, ok := seen[m.mac(i)]; ok {
					t.Errorf("%s: %s %s and %s have the MAC %s", name, m.Name, nic.Interface, other, m.mac(i))
				}
				seen[m.mac(i)] = m.Name + " " + nic.Interface
			}
		}
	}
}

func TestKnownHostsLine(t *testing.T) {
	m, err := load(t, "nat").Machine("web1")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := knownHostsLine(m, "ssh-ed25519 AAAA web1\n"), "192.168.1.20,web1 ssh-ed25519 AAAA\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLabNames(t *testing.T) {
	for _, name := range []string{"../x", "a b", "-a", strings.Repeat("a", 32), "A"} {
		if _, err := newLab(name, nil); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
	l, err := newLab("", nil)
	if err != nil || l.Dir() != "/run/lvsdeploy-lab/lab" || l.namespace() != "lvslab-lab" {
		t.Errorf("%v, %v", l, err)
	}
}

func TestExecEnv(t *testing.T) {
	t.Setenv("HOME", "/root")
	t.Setenv("SSH_AUTH_SOCK", "/tmp/agent")
	l := &Lab{name: "t", dir: "/run/x/t"}
	env := l.ExecEnv()
	if !slices.Contains(env, "HOME=/run/x/t/home") || slices.Contains(env, "HOME=/root") || slices.Contains(env, "SSH_AUTH_SOCK=/tmp/agent") {
		t.Errorf("environment %q", env)
	}
}

// The Makefile and the hint of Check name the same packages.
func TestMakefileInstallsWhatCheckAsksFor(t *testing.T) {
	text, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "\nfor_lab = ")
	list, _, _ = strings.Cut(list, "\n")
	var want []string
	for _, p := range programs {
		want = append(want, strings.Fields(p.pkg)...)
	}
	got := strings.Fields(list)
	slices.Sort(got)
	slices.Sort(want)
	want = slices.Compact(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
