package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestManyFiles: a site of many files is published together, not file by file,
// and looked at by one process.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	n, limit := 500, time.Minute
	if *full {
		n = 4000
	}
	f := newFleet(t, "", "")
	dir := f.inventory(`[[service]]
port = 80
[[web]]
name      = "web1"
address   = "192.168.1.20"
interface = "ens33"
site      = "./www"
`, "")
	www := filepath.Join(dir, "www")
	write := func(name, text string) {
		file := filepath.Join(www, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		write(fmt.Sprintf("articles/%02d/article-number-%05d.html", i%20, i), fmt.Sprint("page ", i))
	}
	write("index.html", "first")
	publish := func(what, status string) {
		began := time.Now()
		f.deploy(dir, 0, "nat")
		took := time.Since(began)
		t.Logf("%s: %d files in %v", what, n+1, took)
		if took > limit {
			t.Errorf("%s of %d files took %v", what, n+1, took)
		}
		out, _, _ := f.hosts["web1"].Run("cat /var/www/html/index.html; find /var/www/html/articles -type f | wc -l; find /var/www/html -name '.lvs*'")
		if want := fmt.Sprintf("%s%d\n", status, n); out != want {
			t.Errorf("%s: the host has %q, want %q", what, strings.TrimSpace(out), want)
		}
	}
	publish("the first publication", "first")
	publish("a run that finds nothing to do", "first")
	write("index.html", "second")
	publish("one changed file", "second")
}
