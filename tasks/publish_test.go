package tasks_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// upload makes files of a site and puts them into staging.
func (b bench) upload(t *testing.T, staging string, n, directories int) []SiteFile {
	t.Helper()
	var files []SiteFile
	for i := range n {
		name := fmt.Sprintf("it is %d", i)
		if d := i % (directories + 1); d > 0 {
			name = fmt.Sprintf("it's %d/sub/%s", d, name)
		}
		text := fmt.Sprint("text ", i, "\n")
		if err := b.host.WriteFile(staging+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, SiteFile{Path: name, SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(text)))})
	}
	return files
}

// TestManyNewPages: files that are new are put in place together, wherever
// others may write too; those that are there, one by one.
func TestManyNewPages(t *testing.T) {
	t.Parallel()
	const n, limit = 230, 2 * time.Minute // as many as a program that is an argument can name
	for _, shell := range fakehost.Shells() {
		t.Run(string(shell), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, fakehost.Options{Shell: shell})
			files := b.upload(t, "/root/staging", n, 0)
			b.sh("mkdir -p /srv/www; chmod 0777 /srv/www; echo old >'/srv/www/" + files[0].Path + "'; chmod 0640 '/srv/www/" + files[0].Path + "'")
			plan := fakerun.One("host", Site("/srv/www", "/root/staging", files))
			began := time.Now()
			b.all(plan, false, engine.Changed)
			took := time.Since(began)
			t.Logf("%d files in %v", n, took)
			if took > limit {
				t.Errorf("%d new files took %v", n, took)
			}
			b.all(plan, false, engine.OK)
			if got := b.sh("cd /srv/www; find . -type f | wc -l; find . -type f -perm 644 -user 0 | wc -l; stat -c %a 'it is 0'; find . -name '.lvs*'; ls -d /root/staging 2>/dev/null; :"); got != fmt.Sprintf("%d\n%d\n640", n, n-1) {
				t.Errorf("afterwards there is\n%s", got)
			}
			// taken away, the one that was there comes back
			entries := owned(plan[0].Hosts[0].Tasks)
			gone, _ := Leftovers(entries[:3], entries[:3], 0)
			for _, e := range b.run(fakerun.One("host", gone...), false) {
				if e.Status != engine.Changed {
					t.Errorf("%s: %s %s", e.Task, e.Status, e.Detail)
				}
			}
			if got := b.sh("cd /srv/www; cat 'it is 0'; find . -type f | wc -l"); got != fmt.Sprintf("old\n%d", n-2) {
				t.Errorf("taken away there is\n%s", got)
			}
		})
	}
}

// TestNewPagesGoneWrong: what was not uploaded as it should be is not put in
// place, and nothing of it stays.
func TestNewPagesGoneWrong(t *testing.T) {
	t.Parallel()
	for name, break_ := range map[string]string{
		"another content": "echo x >>'/root/staging/%s'",
		"missing":         "rm '/root/staging/%s'",
		"a pipe":          "rm '/root/staging/%s'; mkfifo '/root/staging/%[1]s'",
		"a link":          "echo secret >/root/secret; rm '/root/staging/%s'; ln -s /root/secret '/root/staging/%[1]s'",
		"a directory":     "rm '/root/staging/%s'; mkdir '/root/staging/%[1]s'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, fakehost.Options{})
			files := b.upload(t, "/root/staging", 5, 0)
			b.sh("mkdir -p /srv/www; " + fmt.Sprintf(break_, files[3].Path))
			events := b.run(fakerun.One("host", Site("/srv/www", "/root/staging", files)), false)
			if len(events) != 1 || events[0].Status != engine.Failed || !strings.Contains(events[0].Detail, files[3].Path) {
				t.Errorf("events: %s", fakerun.Lines(events))
			}
			if got := b.sh("ls -A /srv/www; stat -c %a /root/secret 2>/dev/null; :"); got != "" && got != "644" {
				t.Errorf("it left\n%s", got)
			}
		})
	}
}
