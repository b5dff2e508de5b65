package remote

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// below lists what is in a directory: path, mode, content of files.
func below(t *testing.T, root string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		line := rel + " " + info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if len(data) > 20 {
				sum := sha256.Sum256(data)
				data = []byte(hex.EncodeToString(sum[:4]))
			}
			line += " " + string(data)
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// TestStage: every call has a directory of its own, which nobody else can look
// into, and Unstage takes it away.
func TestStage(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	local := filepath.Join(t.TempDir(), "local")
	big := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	if err := os.WriteFile(local, big, 0o640); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(big)
	tree := fstest.MapFS{
		"index.html":       {Data: []byte("old"), Mode: 0o644},
		"img/a b'\"$(x).x": {Data: []byte("a"), Mode: 0o600},
		"empty":            {Data: nil, Mode: 0o755},
	}
	files := []File{{Path: "big", Source: local, SHA256: hex.EncodeToString(sum[:])}, {Path: "run", FS: tree, Source: "index.html", Mode: 0o700}}
	for name := range tree {
		files = append(files, File{Path: "deep/er/" + name, FS: tree, Source: name})
	}
	var dirs []string
	for range 2 {
		dir, err := c.Stage(t.Context(), ".lvsdeploy-shop", files)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Dir(dir) != s.Dir() {
			t.Errorf("it is in %s, not in %s", dir, s.Dir())
		}
		want := []string{
			". drwx------", "big -rw-r----- " + hex.EncodeToString(sum[:4]), "deep drwx------", "deep/er drwx------", "deep/er/empty -rwxr-xr-x ",
			"deep/er/img drwx------", "deep/er/img/a b'\"$(x).x -rw------- a", "deep/er/index.html -rw-r--r-- old", "run -rwx------ old",
		}
		if got := below(t, dir); !slices.Equal(got, want) {
			t.Errorf("uploaded\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		dirs = append(dirs, dir)
	}
	if dirs[0] == dirs[1] {
		t.Errorf("two runs share %s", dirs[0])
	}
	for i, dir := range dirs {
		if err := c.Unstage(t.Context(), ".lvsdeploy-shop", dir); err != nil {
			t.Error(err)
		}
		left, err := os.ReadDir(s.Dir())
		if err != nil || len(left) != 1-i {
			t.Errorf("after Unstage of %d: %v, %v", i, left, err)
		}
	}
}

// TestUnstage: what runs have left that are long dead goes, and nothing else.
func TestUnstage(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	key := strings.Repeat("A", len(nonce())-1)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	old, young := time.Now().Add(-7*time.Hour), time.Now().Add(-5*time.Hour)
	for _, d := range []struct {
		name string
		age  time.Time
	}{
		{".lvsdeploy-shop-" + key + "B", old}, {".lvsdeploy-shop-" + key + "C", young}, {".lvsdeploy-other-" + key + "D", old},
		{".lvsdeploy-shop-" + key, old}, {".lvsdeploy-shop-" + key + "1", old}, {"lvsdeploy-shop-" + key + "E", old}, {"shop", old},
	} {
		at := filepath.Join(s.Dir(), d.name)
		if err := os.MkdirAll(filepath.Join(at, "srv-www"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "srv-www", "page"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside, filepath.Join(at, "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(at, d.age, d.age); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(s.Dir(), ".lvsdeploy-shop-"+key+"F")); err != nil {
		t.Fatal(err)
	}
	dir, err := c.Stage(t.Context(), ".lvsdeploy-shop", []File{{Path: "x", FS: fstest.MapFS{"x": {}}, Source: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Unstage(t.Context(), ".lvsdeploy-shop", dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(s.Dir())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := []string{
		".lvsdeploy-other-" + key + "D", ".lvsdeploy-shop-" + key, ".lvsdeploy-shop-" + key + "1", ".lvsdeploy-shop-" + key + "C", ".lvsdeploy-shop-" + key + "F",
		"lvsdeploy-shop-" + key + "E", "shop",
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("left\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if left := below(t, outside); len(left) != 2 {
		t.Errorf("behind a link: %q", left)
	}
}

// grows is a file system whose file is another one each time.
type grows struct {
	mu sync.Mutex
	n  int
}

func (g *grows) Open(name string) (fs.File, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
	return fstest.MapFS{name: {Data: []byte{byte('0' + g.n)}}}.Open(name)
}

func TestStageErrors(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	no := sshtest.New(t, sshtest.Options{NoSFTP: true})
	home := sshtest.Home(t, s, no)
	c, cno := dialOne(t, Config{Home: home}, target("web1", s)), dialOne(t, Config{Home: home}, target("web2", no))
	one := fstest.MapFS{"x": {Data: []byte("x")}}
	fails := func(c *Conn, prefix string, f File, kind Kind, texts ...string) {
		t.Helper()
		_, err := c.Stage(t.Context(), prefix, []File{f})
		wantError(t, err, kind, texts...)
		if entries, err := os.ReadDir(s.Dir()); err != nil || len(entries) > 0 {
			t.Errorf("it left %v, %v", entries, err)
		}
	}
	for _, path := range []string{"../x", "/x", "", ".", "a//b", "a/../../b", "a\x00b"} {
		fails(c, "d", File{Path: path, FS: one, Source: "x"}, Settings, "is not a path below it")
	}
	for _, prefix := range []string{"", "../d", "a/b", "a\x00b"} {
		fails(c, prefix, File{Path: "x", FS: one, Source: "x"}, Settings, "is no name for a directory")
	}
	fails(cno, "d", File{Path: "x", FS: one, Source: "x"}, Refused, "cannot upload to web2: sshd has no sftp subsystem", "Subsystem sftp")
	fails(c, "d", File{Path: "x", FS: one, Source: "gone"}, Transfer, "gone")
	fails(c, "d", File{Path: "x", FS: one, Source: "."}, Transfer, "is not a file")
	sum := sha256.Sum256([]byte("1"))
	fails(c, "d", File{Path: "x", FS: &grows{n: 1}, Source: "x", SHA256: hex.EncodeToString(sum[:])}, Transfer, "x has changed since it was looked at")
	fails(c, "d", File{Path: strings.Repeat("x", 300), FS: one, Source: "x"}, Transfer, "cannot write")
	s.Cut()
	_, err := c.Stage(t.Context(), "d", []File{{Path: "x", FS: one, Source: "x"}})
	wantError(t, err, Lost)
}

// endless is an SFTP server that does what it is asked, and whose directories
// have no end.
func endless(_ context.Context, in io.Reader, out io.Writer) error {
	u32 := func(b []byte, n int) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }
	text := func(b []byte, s string) []byte { return append(u32(b, len(s)), s...) }
	var names []byte
	for range 200 {
		names = u32(text(text(names, strings.Repeat("x", 60)), strings.Repeat("x", 60)), 0)
	}
	for {
		var head [9]byte
		if _, err := io.ReadFull(in, head[:5]); err != nil {
			return err
		}
		rest := int64(binary.BigEndian.Uint32(head[:])) - 1
		id := head[5:9]
		if _, err := io.ReadFull(in, id); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, in, rest-4); err != nil {
			return err
		}
		kind, body := byte(101), text(text(u32(nil, 0), ""), "") // status: done
		switch head[4] {
		case 1:
			kind, id, body = 2, nil, u32(nil, 3) // version
		case 16:
			kind, body = 104, u32(text(text(u32(nil, 1), "/home"), ""), 0)
		case 7:
			kind, body = 105, u32(u32(nil, 4), 0o40700)
		case 11:
			kind, body = 102, text(nil, "h")
		case 12:
			kind, body = 104, append(u32(nil, 200), names...)
		}
		if _, err := out.Write(append(append(append(u32(nil, 1+len(id)+len(body)), kind), id...), body...)); err != nil {
			return err
		}
	}
}

// TestStageFlood: a server that answers without end does not fill the memory.
func TestStageFlood(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{SFTP: endless})
	c := dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
	_, err := c.Stage(t.Context(), "d", []File{{Path: "x", FS: fstest.MapFS{"x": {}}, Source: "x"}})
	wantError(t, err, Lost, "cannot go on with web1: it sent more than 8 MB of answers to an upload")
}
