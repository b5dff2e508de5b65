package inventory

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestBroken loads every inventory in testdata/broken and compares what is
// said about it, to the letter. A file's comment says what is wrong with it;
// its first line may be "mode: dr", for the command line's choice.
func TestBroken(t *testing.T) {
	golden(t, "broken", 190, func(t *testing.T, data []byte, mode Mode) string {
		c, err := Parse("hosts.toml", data, mode)
		if err == nil {
			t.Fatalf("loaded:\n%s", dump(c))
		}
		if c != nil {
			t.Error("a cluster besides the errors")
		}
		return err.Error() + "\n"
	})
}

// TestGood loads every inventory in testdata/good and compares the whole
// cluster.
func TestGood(t *testing.T) {
	golden(t, "good", 9, func(t *testing.T, data []byte, mode Mode) string {
		c, err := Parse("hosts.toml", data, mode)
		if err != nil {
			t.Fatal(err)
		}
		wd, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(dump(c), wd, "DIR")
	})
}

func golden(t *testing.T, dir string, least int, run func(*testing.T, []byte, Mode) string) {
	t.Setenv("HOME", "/home/ops")
	files, err := filepath.Glob("testdata/" + dir + "/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < least {
		t.Fatalf("%d files in testdata/%s, at least %d were there", len(files), dir, least)
	}
	for _, file := range files {
		file, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			if err := txtar.Write(archive, "."); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile("hosts.toml")
			if err != nil {
				t.Fatal(err)
			}
			var mode Mode
			if first, _, _ := strings.Cut(string(archive.Comment), "\n"); strings.HasPrefix(first, "mode: ") {
				mode = Mode(strings.TrimPrefix(first, "mode: "))
			}
			got := run(t, data, mode)
			last := &archive.Files[len(archive.Files)-1]
			if last.Name != "want" {
				archive.Files = append(archive.Files, txtar.File{Name: "want"})
				last = &archive.Files[len(archive.Files)-1]
			}
			if *update {
				last.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(last.Data), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// dump writes a cluster out for reading, without what is empty.
func dump(c *Cluster) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	host := func(role string, h Host, more string) {
		line("%s %s %s if=%q%s", role, h.Name, h.Address, h.Interface, more)
		if s := h.SSH; s.Host != "" || s.User != "" || s.Port != 0 || s.Identity != "" || s.Jump != nil || s.Become {
			line("  ssh host=%q user=%q port=%d identity=%q jump=%q become=%v", s.Host, s.User, s.Port, s.Identity, s.Jump, s.Become)
		}
	}
	page := func(index, site string) string {
		switch {
		case index != "":
			return fmt.Sprintf(" index=%q", index)
		case site != "":
			return fmt.Sprintf(" site=%q", site)
		}
		return ""
	}
	line("cluster %s mode=%s network=%s dir=%s", c.Name, c.Mode, c.Network, c.Dir)
	wan := ""
	if c.Director.WANInterface != "" || c.Director.WANAddress.IsValid() {
		wan = fmt.Sprintf(" wan=%s,%s", c.Director.WANInterface, c.Director.WANAddress)
	}
	host("director", c.Director.Host, wan)
	for _, s := range c.Services {
		line("service %s scheduler=%s persistence=%s check=%q", s.Key(), s.Scheduler, s.Persistence, s.CheckPath)
		for _, w := range c.WebsOf(s) {
			line("  -> %s:%d weight=%d", w.Address, RealPort(s, w), w.Weight)
		}
	}
	for _, w := range c.Webs {
		mount := ""
		if w.Mount != "" {
			mount = " mount=" + w.Mount
		}
		host("web", w.Host, mount+page(w.Index, w.Site))
	}
	if c.NFS != nil {
		host("nfs", c.NFS.Host, "")
		for _, e := range c.NFS.Exports {
			line("  export %s(%s)%s", e.Path, e.Options, page(e.Index, e.Site))
		}
	}
	if c.Client != nil {
		host("client", c.Client.Host, "")
	}
	line("policy firewall=%s selinux=%s", c.Policy.Firewall, c.Policy.SELinux)
	return b.String()
}
