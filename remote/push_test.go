package remote

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

func TestPush(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	home, err := c.Home(t.Context())
	if err != nil || home != s.Dir() {
		t.Errorf("home is %q, %v", home, err)
	}
	local := filepath.Join(t.TempDir(), "local")
	big := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	if err := os.WriteFile(local, big, 0o640); err != nil {
		t.Fatal(err)
	}
	tree := fstest.MapFS{
		"index.html":       {Data: []byte("old"), Mode: 0o644},
		"img/a b'\"$(x).x": {Data: []byte("a"), Mode: 0o600},
		"empty":            {Data: nil, Mode: 0o755},
	}
	files := []File{{Path: "big", Source: local}, {Path: "run", FS: tree, Source: "index.html", Mode: 0o700}}
	for name := range tree {
		files = append(files, File{Path: "deep/er/" + name, FS: tree, Source: name})
	}
	for _, text := range []string{"old", "new and longer"} { // the second time over what is there
		tree["index.html"].Data = []byte(text)
		if err := c.Push(t.Context(), files, ".cache/stage"); err != nil {
			t.Fatal(err)
		}
		want := map[string]struct {
			data string
			mode fs.FileMode
		}{
			"big": {string(big), 0o640}, "run": {text, 0o700}, "deep/er/index.html": {text, 0o644},
			"deep/er/img/a b'\"$(x).x": {"a", 0o600}, "deep/er/empty": {"", 0o755},
		}
		found := 0
		root := filepath.Join(home, ".cache/stage")
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if d.IsDir() {
				if info.Mode().Perm() != 0o700 {
					t.Errorf("%s has mode %v", path, info.Mode())
				}
				return nil
			}
			found++
			rel, _ := filepath.Rel(root, path)
			data, err := os.ReadFile(path)
			if w, ok := want[rel]; !ok || string(data) != w.data || info.Mode().Perm() != w.mode {
				t.Errorf("%s: %d bytes, mode %v; wanted %v", rel, len(data), info.Mode(), ok)
			}
			return err
		})
		if err != nil || found != len(want) {
			t.Errorf("%d files, want %d: %v", found, len(want), err)
		}
	}
}

func TestPushErrors(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	no := sshtest.New(t, sshtest.Options{NoSFTP: true})
	home := sshtest.Home(t, s, no)
	c, cno := dialOne(t, Config{Home: home}, target("web1", s)), dialOne(t, Config{Home: home}, target("web2", no))
	one := fstest.MapFS{"x": {Data: []byte("x")}}
	for _, path := range []string{"../x", "/x", "", ".", "a//b", "a/../../b", "a\x00b"} {
		err := c.Push(t.Context(), []File{{Path: path, FS: one, Source: "x"}}, "d")
		wantError(t, err, Settings, "is not a path below it")
	}
	wantError(t, cno.Push(t.Context(), nil, "d"), Refused, "cannot upload to d on web2: sshd has no sftp subsystem", "Subsystem sftp")
	wantError(t, c.Push(t.Context(), []File{{Path: "x", FS: one, Source: "gone"}}, "d"), Transfer, "gone")
	wantError(t, c.Push(t.Context(), []File{{Path: "x", FS: one, Source: "."}}, "d"), Transfer, "is not a file")
	if err := os.WriteFile(filepath.Join(s.Dir(), "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantError(t, c.Push(t.Context(), []File{{Path: "x", FS: one, Source: "x"}}, "file"), Transfer, "cannot make directory file")
	// Renaming onto a directory fails; nothing must be left beside it.
	if err := os.MkdirAll(filepath.Join(s.Dir(), "d/x/y"), 0o700); err != nil {
		t.Fatal(err)
	}
	wantError(t, c.Push(t.Context(), []File{{Path: "x", FS: one, Source: "x"}}, "d"), Transfer, "cannot write d/x")
	entries, err := os.ReadDir(filepath.Join(s.Dir(), "d"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".lvsdeploy") {
			t.Errorf("%s was left", e.Name())
		}
	}
	s.Cut()
	wantError(t, c.Push(t.Context(), []File{{Path: "x", FS: one, Source: "x"}}, "e"), Lost)
}
