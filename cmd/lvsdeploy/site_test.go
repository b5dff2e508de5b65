package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/report"
)

// siteCase is a directory with an index.html, with what add puts there.
type siteCase struct {
	name  string
	add   func(t *testing.T, www string)
	files []string // beside index.html, if it is published
	err   string   // else a part of the message
}

func siteCases() []siteCase {
	file := func(name, text string) func(t *testing.T, www string) {
		return func(t *testing.T, www string) { write(t, filepath.Join(www, name), text) }
	}
	link := func(to, name string) func(t *testing.T, www string) {
		return func(t *testing.T, www string) {
			write(t, filepath.Join(www, "sub/page"), "x")
			write(t, filepath.Join(www, ".git/config"), "x")
			write(t, filepath.Join(filepath.Dir(www), "secret"), "x")
			write(t, www+"-2/page", "x")
			if err := os.Symlink(strings.ReplaceAll(to, "WWW", www), filepath.Join(www, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	special := func(mode uint32) func(t *testing.T, www string) {
		return func(t *testing.T, www string) {
			if err := syscall.Mknod(filepath.Join(www, "thing"), mode|0o600, 1<<8|3); err != nil {
				t.Fatal(err)
			}
		}
	}
	return []siteCase{
		{"a file", file("a b/c'd.html", "x"), []string{"a b/c'd.html"}, ""},
		{"names with letters of all kinds", file("网页/ü *?$(x)`\"'.html", "x"), []string{"网页/ü *?$(x)`\"'.html"}, ""},
		{"names that differ by case", func(t *testing.T, www string) { file("A.html", "1")(t, www); file("a.html", "2")(t, www) }, []string{"A.html", "a.html"}, ""},
		{"hidden ones", func(t *testing.T, www string) {
			file(".git/config", "x")(t, www)
			file(".ht\xff", "x")(t, www)
			if err := syscall.Mkfifo(filepath.Join(www, ".pipe"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, nil, ""},
		{"an empty directory", func(t *testing.T, www string) { _ = os.Mkdir(filepath.Join(www, "empty"), 0o755) }, nil, ""},
		{"a link within", link("sub/page", "link"), []string{"link", "sub/page"}, ""},
		{"a link within, absolute", link("WWW/sub/page", "link"), []string{"link", "sub/page"}, ""},
		{"a link out", link("../secret", "link"), nil, "link is a link that leads out of the site, to "},
		{"a link out, absolute", link("/etc/shadow", "sub/link"), nil, "sub/link is a link that leads out of the site, to /etc/shadow"},
		{"a link to a neighbour", link("../www-2/page", "link"), nil, "leads out of the site"},
		{"a link to a directory out of it", link("..", "link"), nil, "leads out of the site"},
		{"a link to a directory", link("sub", "link"), nil, "link is a link to a directory"},
		{"a link to itself", link(".", "link"), nil, "link is a link to ., which is hidden"},
		{"a link to a hidden file", link(".git/config", "link"), nil, "link is a link to .git/config, which is hidden"},
		{"a link to nothing", link("gone", "link"), nil, "link is a link that cannot be followed"},
		{"a link in a circle", link("link", "link"), nil, "link is a link that cannot be followed"},
		{"a link to a pipe", func(t *testing.T, www string) { special(syscall.S_IFIFO)(t, www); link("thing", "link")(t, www) }, nil, "link is a link to a named pipe"},
		{"a link to a device", link("/dev/zero", "link"), nil, "leads out of the site"},
		{"a pipe", special(syscall.S_IFIFO), nil, "thing is a named pipe"},
		{"a pipe for an index", func(t *testing.T, www string) {
			_ = os.Remove(filepath.Join(www, "index.html"))
			if err := syscall.Mkfifo(filepath.Join(www, "index.html"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, nil, "index.html is a named pipe"},
		{"a socket", func(t *testing.T, www string) {
			t.Chdir(www) // names of sockets are short
			l, err := net.Listen("unix", "socket")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, nil, "socket is a socket"},
		{"a device", special(syscall.S_IFCHR), nil, "thing is a device"},
		{"not UTF-8", file("caf\xe9.html", "x"), nil, `"caf\xe9.html" has a name that is not UTF-8`},
		{"not UTF-8, a directory", file("caf\xe9/x", "x"), nil, `"caf\xe9" has a name that is not UTF-8`},
		{"a line break", file("a\nb", "x"), nil, `"a\nb" has a line break in its name`},
		{"a carriage return", file("a\r", "x"), nil, `"a\r" has a line break in its name`},
		{"an escape", file("a\x1b[2J", "x"), nil, `"a\x1b[2J" has a control character in its name`},
		{"a tab", file("a\tb", "x"), nil, `"a\tb" has a control character in its name`},
		{"a backslash", file(`a\b`, "x"), nil, `"a\\b" has a backslash in its name`},
		{"an index that is a directory", func(t *testing.T, www string) {
			_ = os.Remove(filepath.Join(www, "index.html"))
			file("index.html/x", "x")(t, www)
		}, nil, "index.html is a directory"},
		{"a directory called so below", file("sub/index.html/x", "x"), []string{"sub/index.html/x"}, ""},
		{"many at once", func(t *testing.T, www string) {
			for i := range 20 {
				file(fmt.Sprintf("%02d\n", i), "x")(t, www)
			}
		}, nil, "\n    and 12 more"},
	}
}

// TestReadSite: what cannot be published is known before any host is
// contacted, and nothing is read that is not of the site.
func TestReadSite(t *testing.T) {
	for _, c := range siteCases() {
		t.Run(c.name, func(t *testing.T) {
			www := filepath.Join(t.TempDir(), "www")
			write(t, filepath.Join(www, "index.html"), "hello\n")
			c.add(t, www)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			s, err := readSite(ctx, www)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || exitCode(err) != report.Usage || !strings.HasPrefix(err.Error(), "cannot publish the site "+www) {
					t.Errorf("error %v, exit %d; want %q", err, exitCode(err), c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			var got []string
			for _, f := range s.files {
				if len(f.SHA256) != 64 {
					t.Errorf("the sum of %s is %q", f.Path, f.SHA256)
				}
				got = append(got, f.Path)
				in, err := s.Open(f.Path)
				if err != nil {
					t.Errorf("cannot open %s: %v", f.Path, err)
					continue
				}
				in.Close()
			}
			want := append([]string{"index.html"}, c.files...)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("published %q, want %q", got, want)
			}
		})
	}
}

// TestReadSiteItself: what stands in the place of the directory.
func TestReadSiteItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "releases/7/index.html"), "x")
	write(t, filepath.Join(dir, "file"), "x")
	write(t, filepath.Join(dir, "hidden/.htaccess"), "x")
	for to, name := range map[string]string{"releases/7": "current", "file": "link", "gone": "dangling"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"releases/7": "", "current": "", "file": "not a directory", "link": "not a directory", "pipe": "not a directory",
		"dangling": "no such file", "gone": "no such file", "hidden": "there is no file in it",
	} {
		s, err := readSite(t.Context(), filepath.Join(dir, name))
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != report.Usage):
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if s != nil {
			s.close()
		}
	}
}

// TestSiteChanges: what comes in the place of a file later is not followed and
// not waited for, and a file that grows is not read for ever.
func TestSiteChanges(t *testing.T) {
	t.Parallel()
	www := filepath.Join(t.TempDir(), "www")
	for _, name := range []string{"index.html", "a", "b"} {
		write(t, filepath.Join(www, name), "x")
	}
	s, err := readSite(t.Context(), www)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, name := range []string{"a", "b"} {
		if err := os.Remove(filepath.Join(www, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("/etc/passwd", filepath.Join(www, "a")), syscall.Mkfifo(filepath.Join(www, "b"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "../www/index.html", "/etc/passwd"} {
		if f, err := s.Open(name); err == nil {
			f.Close()
			t.Errorf("%s is read", name)
		}
	}
	// /proc has files that say they are empty and are not
	proc, err := os.OpenRoot("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	defer proc.Close()
	if _, err := (&site{root: proc}).checksum(t.Context(), "status"); !errors.Is(err, errChanges) {
		t.Errorf("a file longer than it says: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := readSite(ctx, www); exitCode(err) != report.Interrupted {
		t.Errorf("interrupted: %v", err)
	}
}

// TestUnreadableSite: an ordinary user's, with a file and a directory of
// somebody else.
func TestUnreadableSite(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "site") // where others may look
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	write(t, filepath.Join(dir, "www/index.html"), "x")
	write(t, filepath.Join(dir, "www/secret"), "x")
	write(t, filepath.Join(dir, "www/dir/page"), "x")
	write(t, filepath.Join(dir, "hosts.toml"), clusterTOML+strings.Replace(websTOML, `mount     = "/opt/ka"`, `site = "./www"`, 1))
	for name, mode := range map[string]os.FileMode{"": 0o755, "www/secret": 0o600, "www/dir": 0o700} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	program, err := exec.LookPath("lvsdeploy")
	if err != nil {
		t.Fatal(err)
	}
	// The one of testscript is out of the user's reach. A process of its own copies
	// it: what this one has open for writing, others may inherit and nobody execute.
	if err := exec.Command("cp", program, dir+"/lvsdeploy").Run(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dir+"/lvsdeploy", "render", "nat", "-o", "/nonexistent")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != int(report.Usage) || !strings.Contains(string(out), "dir cannot be read: permission denied\n    secret cannot be read: permission denied") {
		t.Errorf("%v: %s", err, out)
	}
}
