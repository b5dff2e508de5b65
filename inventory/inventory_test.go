package inventory

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The samples are the usual two examples, and load as they are.
func TestSample(t *testing.T) {
	t.Setenv("HOME", "/home/ops")
	for mode, want := range map[Mode]string{
		NAT: `cluster lvs mode=nat network=192.168.1.0/24 dir=/
director director 192.168.1.10 if="ens33" wan=ens37,12.0.0.1/24
  ssh host="" user="root" port=0 identity="" jump=[] become=false
service tcp 12.0.0.1:80 scheduler=rr persistence=0s check="/"
  -> 192.168.1.20:80 weight=1
  -> 192.168.1.30:80 weight=1
web web1 192.168.1.20 if="ens33" mount=/opt/ka
  ssh host="" user="root" port=0 identity="" jump=[] become=false
web web2 192.168.1.30 if="ens33" mount=/opt/kk
  ssh host="" user="root" port=0 identity="" jump=[] become=false
nfs nfs 192.168.1.40 if=""
  ssh host="" user="root" port=0 identity="" jump=[] become=false
  export /opt/ka(rw,sync) index="this is ka ka"
  export /opt/kk(rw,sync) index="this is kk kk"
client client 12.0.0.100 if=""
  ssh host="" user="root" port=0 identity="" jump=[] become=false
policy firewall=manage selinux=manage
`,
		DR: `cluster lvs mode=dr network=192.168.1.0/24 dir=/
director director 192.168.1.40 if="ens33"
  ssh host="" user="root" port=0 identity="" jump=[] become=false
service tcp 192.168.1.48:80 scheduler=rr persistence=0s check="/"
  -> 192.168.1.20:80 weight=1
  -> 192.168.1.30:80 weight=1
web web1 192.168.1.20 if="ens33" index="this is 20 20"
  ssh host="" user="root" port=0 identity="" jump=[] become=false
web web2 192.168.1.30 if="ens33" index="this is 30 30"
  ssh host="" user="root" port=0 identity="" jump=[] become=false
client client 192.168.1.100 if=""
  ssh host="" user="root" port=0 identity="" jump=[] become=false
policy firewall=manage selinux=manage
`,
	} {
		c, err := Parse("/hosts.toml", []byte(Sample(mode)), "")
		if err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		if diff := cmp.Diff(want, dump(c)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", mode, diff)
		}
	}
}

// Everything that a sample only mentions in a comment loads too, once it is
// uncommented: nobody is to be led into an error by the sample itself.
func TestSampleComments(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "www"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []Mode{NAT, DR} {
		for i, line := range strings.Split(Sample(mode), "\n") {
			if !strings.HasPrefix(line, "# ") || !strings.Contains(line, " = ") {
				continue
			}
			_, err := Parse(filepath.Join(dir, "hosts.toml"), []byte(uncomment(Sample(mode), i)), "")
			var errs Errors
			errors.As(err, &errs)
			for _, e := range errs { // index, mount and site exclude each other
				if !strings.HasPrefix(e.Msg, "cannot serve web1 from ") && !strings.HasPrefix(e.Msg, "cannot define ") &&
					!strings.HasSuffix(e.Msg, "there is no [nfs]") {
					t.Errorf("%s, line %d uncommented: %v", mode, i+1, e)
				}
			}
		}
	}
}

// uncomment takes the # from a line; where a whole table is a comment, from
// all of that table.
func uncomment(sample string, i int) string {
	lines := strings.Split(sample, "\n")
	first, last := i, i
	if start := slices.Index(lines, "# [nfs]"); start >= 0 && start <= i {
		if end := start + slices.Index(lines[start:], ""); i < end {
			first, last = start, end-1
		}
	}
	for j := first; j <= last; j++ {
		lines[j] = strings.TrimPrefix(lines[j], "# ")
	}
	return strings.Join(lines, "\n")
}

func TestLoad(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Load("hosts.toml", "")
	want := "cannot read hosts.toml: no such file or directory\n    hint: lvsdeploy init nat > hosts.toml writes one to begin with; -i FILE names another"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := Load(".", ""); err == nil || err.Error() != "cannot read .: is a directory" {
		t.Errorf("a directory: %v", err)
	}
	if err := os.WriteFile("hosts.toml", []byte(Sample(NAT)), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := Load("hosts.toml", "")
	if err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if c.File != "hosts.toml" || c.Dir != wd {
		t.Errorf("file %q, directory %q", c.File, c.Dir)
	}
}

func TestCluster(t *testing.T) {
	c, err := Parse("hosts.toml", []byte(Sample(NAT)+`
[[service]]
port = 8080
webs = ["web2"]
`), "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range c.Hosts() {
		names = append(names, h.Name)
	}
	if diff := cmp.Diff([]string{"director", "web1", "web2", "nfs"}, names); diff != "" {
		t.Error(diff)
	}
	if h, ok := c.Host("client"); !ok || h.Address.String() != "12.0.0.100" {
		t.Errorf("client: %+v, %v", h, ok)
	}
	if _, ok := c.Host("web3"); ok {
		t.Error("found a host that is not there")
	}
	if key := c.Services[1].Key(); key != "tcp 12.0.0.1:8080" {
		t.Errorf("key %q", key)
	}
	if vips := c.VIPs(); len(vips) != 1 || vips[0].String() != "12.0.0.1" {
		t.Errorf("vips %v", vips)
	}
	if w, _ := c.Web("web2"); len(c.ServicesOf(w)) != 2 || RealPort(c.Services[1], w) != 8080 {
		t.Errorf("services of web2: %v", c.ServicesOf(w))
	}
	if w, _ := c.Web("web1"); len(c.ServicesOf(w)) != 1 {
		t.Errorf("services of web1: %v", c.ServicesOf(w))
	}
	if e, ok := c.Export("/opt/kk"); !ok || e.Index != "this is kk kk" {
		t.Errorf("export: %+v, %v", e, ok)
	}
}

func TestNearest(t *testing.T) {
	for _, test := range []struct{ word, want string }{
		{"rrr", "rr"}, {"wrrr", "wrr"}, {"WLC", "wlc"}, {"lblrc", "lblc"}, {"round-robin", ""}, {"", ""}, {"x", ""},
	} {
		if got := nearest(test.word, schedulers()); got != test.want {
			t.Errorf("nearest to %q: %q, want %q", test.word, got, test.want)
		}
	}
	for _, test := range []struct{ word, want string }{
		{"addr", "address"}, {"adress", "address"}, {"wieght", "weight"}, {"prot", "port"}, {"iface", ""}, {"webs", ""},
	} {
		if got := nearest(test.word, keysOf("[[web]]")); got != test.want {
			t.Errorf("nearest to %q: %q, want %q", test.word, got, test.want)
		}
	}
}

// Every table that a key of the schema opens is itself in the schema.
func TestSchema(t *testing.T) {
	for _, table := range schema() {
		if len(table.keys) == 0 {
			t.Errorf("%s has no keys", table.kind)
		}
		for _, key := range table.keys {
			if key == "ssh" && table.kind != "" && keysOf("["+strings.Trim(table.kind, "[]")+".ssh]") == nil {
				t.Errorf("%s.ssh is not in the schema", table.kind)
			}
		}
	}
}
