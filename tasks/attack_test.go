package tasks_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/shell"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// An attacker is somebody who may write in a directory where root writes too:
// the web server's user, a client of an export.

// places are files that root writes there: in dir, which others may write.
var places = []struct{ name, dir, file, own string }{
	{"page", "/var/www/html", "/var/www/html/index.html", "chown 33:33 /var/www/html"},
	{"export", "/srv/pub", "/srv/pub/index.html", "chgrp 33 /srv/pub; chmod 2775 /srv/pub"},
	{"site", "/srv/site", "/srv/site/sub/deep/page.html", "chown -R 33:33 /srv/site"},
	{"below", "/srv/home", "/srv/home/www/index.html", "mkdir /srv/home; chown 33:33 /srv/home"},
	{"sticky", "/srv/drop", "/srv/drop/index.html", "chmod 1777 /srv/drop"},
}

// tricks plant something, with $file and $dir, its directory; the answer is
// what the run says, none if it may go on.
var tricks = []struct{ name, plant, answer string }{
	{"link", `rm -rf "$file"; ln -s /etc/secret "$file"; chown -h 33:33 "$file"`, "refusing to follow the link "},
	{"dangling link", `rm -rf "$file"; ln -s /etc/victim/new "$file"; chown -h 33:33 "$file"`, "refusing to follow the link "},
	{"relative link", `rm -rf "$file"; ln -s ../../../../../etc/secret "$file"; chown -h 33:33 "$file"`, "refusing to follow the link "},
	{"link to a link", `rm -rf "$file"; ln -s /etc/secret "$dir/l"; ln -s l "$file"; chown -h 33:33 "$dir/l" "$file"`, "refusing to follow the link "},
	{"pipe", `rm -rf "$file"; mkfifo "$file"; chown 33:33 "$file"`, "is a fifo, not a regular file"},
	{"directory", `rm -rf "$file"; mkdir "$file"; chown 33:33 "$file"`, "is a directory, not a regular file"},
	{"link to a pipe", `rm -rf "$file"; mkfifo /srv/elsewhere; ln -s /srv/elsewhere "$file"; chown -h 33:33 "$file"`, "fifo|refusing"},
	{"directory is a link", `mkdir -p /etc/victim; rm -rf "$dir"; ln -s /etc/victim "$dir"; chown -h 33:33 "$dir"`, "refusing to follow the link "},
	{"old temporary name", `ln -sf /etc/secret "$dir/.${file##*/}.lvsdeploy"; chown -h 33:33 "$dir"/.[a-z]*`, ""},
	{"set-uid file", `rm -rf "$file"; echo x >"$file"; chown 33:33 "$file"; chmod 6777 "$file"`, ""},
}

const secretWord = "SECRET-WORD"

// attacked is a host with a secret that nobody but root may read.
func attacked(t *testing.T, sh fakehost.Shell) bench {
	t.Helper()
	return newBench(t, fakehost.Options{Shell: sh})
}

// ready makes everything as it is before an attack.
func (b bench) ready(own string) {
	b.t.Helper()
	if _, errs, code := b.host.Run("set -e\nrm -rf " + state + ` /run/lvsdeploy /var/www /srv /etc/victim
mkdir -p /var/www/html /srv/pub /srv/site /srv/drop /etc/victim
echo ` + secretWord + ` >/etc/secret; chmod 0600 /etc/secret; echo theirs >/etc/victim/index.html; echo theirs >/etc/victim/page.html
` + own); code != 0 {
		b.t.Fatal(errs)
	}
}

const untouched = secretWord + "\n0:0 600 1\nindex.html\npage.html\ntheirs\ntheirs"

func (b bench) harm() string {
	now := b.sh("cat /etc/secret; stat -c '%u:%g %a %h' /etc/secret; ls -A /etc/victim; cat /etc/victim/*")
	if now != untouched {
		return "outside is now:\n" + now
	}
	if found := b.sh("find /var/www /srv -name '.lvsdeploy*'; find /var/www /srv /var/lib/lvsdeploy -type f -exec grep -l " + secretWord + " {} + 2>/dev/null"); found != "" {
		return "it is left or copied: " + found
	}
	return ""
}

func (b bench) plant(file, plant string) {
	b.t.Helper()
	if _, errs, code := b.host.Run(string(shell.F("set -e\nfile=%s dir=%s\n", file, path.Dir(file))) + "mkdir -p \"$dir\"\n" + plant); code != 0 {
		b.t.Fatal(errs)
	}
}

// publishing is a task that has content in file, as a page or as a site's.
func (b bench) publishing(dir, file, content string) Task {
	if strings.HasSuffix(file, "/index.html") {
		return PutPage(File{Path: file, Mode: "0644", Content: content + "\n"})
	}
	name := strings.TrimPrefix(file, dir+"/")
	b.sh(string(shell.F("mkdir -p %s; echo %s >%s", path.Join("/root/staging", path.Dir(name)), content, path.Join("/root/staging", name))))
	sum := sha256.Sum256([]byte(content + "\n"))
	return Site(dir, "/root/staging", []SiteFile{{Path: name, SHA256: hex.EncodeToString(sum[:])}})
}

// TestAttack: whatever is planted where others may write, at whatever time,
// nothing outside is written, owned or read out, nothing waits, and the run
// says what is in its way.
func TestAttack(t *testing.T) {
	for i, place := range places {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			b := attacked(t, fakehost.Shells()[i%3])
			for j, trick := range tricks {
				for k, operation := range []string{"deploy", "again", "check", "teardown", "revert"} {
					if trick.name == "directory is a link" && path.Dir(place.file) == place.dir {
						continue // there only root could
					}
					if !*full && (i+j+k)%4 != 0 { // each trick, each operation, not each with each
						continue
					}
					b.ready(place.own)
					began := time.Now()
					said := b.attack(place.dir, place.file, trick.plant, operation)
					what := fmt.Sprintf("%s, %s: ", trick.name, operation)
					if harm := b.harm(); harm != "" {
						t.Errorf("%s%s\n%s", what, harm, said)
					}
					if strings.Contains(said, secretWord) {
						t.Errorf("%sthe report reads out what it must not:\n%s", what, said)
					}
					if took := time.Since(began); took > 50*time.Second {
						t.Errorf("%sit takes %s", what, took)
					}
					answered := strings.Contains(said, ": failed: ")
					for _, answer := range strings.Split(trick.answer, "|") {
						answered = answered && (trick.answer == "fifo|refusing" || strings.Contains(said, answer))
					}
					// a teardown takes away what stands in place of ours, and a revert is not heard
					if operation != "teardown" && operation != "revert" && answered != (trick.answer != "") {
						t.Errorf("%swant %q:\n%s", what, trick.answer, said)
					}
				}
			}
		})
	}
	if !*full {
		t.Log("short form: a quarter of the cases, which -full adds")
	}
}

// attack plants something before or after a file was put there, goes on, and
// returns what the run says.
func (b bench) attack(dir, file, plant, operation string) string {
	b.t.Helper()
	// of a site the staging holds one at a time
	second := func() Task { return b.publishing(dir, file, "two") }
	first := b.publishing(dir, file, "one")
	run := func(o engine.Options, list ...Task) string {
		o.Diff = true
		events := fakerun.Run(b.t, fakerun.One("host", list...), b.on, o)
		said := fakerun.Lines(events)
		for _, e := range events {
			said += e.Diff
		}
		return said
	}
	switch operation {
	case "deploy":
		b.plant(file, plant)
		return run(engine.Options{}, first)
	case "again":
		run(engine.Options{}, first)
		b.plant(file, plant)
		return run(engine.Options{}, second())
	case "check":
		run(engine.Options{}, first)
		b.plant(file, plant)
		return run(engine.Options{Check: true}, second())
	case "teardown":
		run(engine.Options{}, first)
		b.plant(file, plant)
		gone, _ := Leftovers(nil, first.Owns, 0)
		return run(engine.Options{}, gone...)
	}
	first.Undo = ":"
	planted := false
	return run(engine.Options{ConfirmTimeout: 2 * time.Second, Dial: func(context.Context, string) (engine.Host, func(), error) {
		if !planted {
			planted = true
			b.plant(file, plant)
		}
		if !b.host.Exists(state + "/reverted") {
			return nil, nil, errors.New("no route to host")
		}
		return b.on["host"], func() {}, nil
	}}, first)
}

// TestAttackRace has somebody swap a file, and the directory above it, for
// links to elsewhere and for a pipe, as fast as can be, while runs go on.
func TestAttackRace(t *testing.T) {
	runs := 4
	if *full {
		runs = 100
	} else {
		t.Log("short form: 4 runs under each shell, which -full makes 100")
	}
	for _, sh := range fakehost.Shells() {
		t.Run(string(sh), func(t *testing.T) {
			t.Parallel()
			b := attacked(t, sh)
			b.ready("mkdir -p /srv/home/www; chown -R 33:33 /srv/home")
			b.sh("ln -s /etc/secret /srv/home/to-secret; mkfifo /srv/home/to-pipe; ln -s /etc/victim /srv/home/to-victim; echo mine >/srv/home/to-file")
			ctx, cancel := context.WithCancel(t.Context())
			swapper, err := b.host.Start(ctx, "/bin/bash", `cd /srv/home
while :; do
  for to in secret pipe file; do cp -P --remove-destination to-$to n 2>/dev/null || { rm -f n; mkfifo n; }; mv -fT n www/index.html 2>/dev/null; done
  mv -T www away; ln -s /etc/victim www; rm www; ln -s . www; rm www; mv -T away www 2>/dev/null || { rm -rf www; mkdir www; }
done`, nil, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				cancel()
				_, _ = swapper.Wait()
			}()
			for i := range runs {
				page := PutPage(File{Path: "/srv/home/www/index.html", Mode: "0644", Content: fmt.Sprintln("page", i)})
				list := []Task{page}
				if i%4 == 3 {
					list, _ = Leftovers(nil, page.Owns, 0)
				}
				said := ""
				for _, e := range fakerun.Run(t, fakerun.One("host", list...), b.on, engine.Options{Check: i%4 == 2, Diff: true}) {
					said += e.Detail + e.Diff
				}
				if strings.Contains(said, secretWord) {
					t.Errorf("run %d reads out what it must not:\n%s", i, said)
				}
				if now := b.sh("cat /etc/secret; stat -c '%u:%g %a %h' /etc/secret; ls -A /etc/victim; cat /etc/victim/*"); now != untouched {
					t.Fatalf("after run %d outside is:\n%s\n%s", i, now, said)
				}
			}
		})
	}
}

// TestNoFileThere: what is no regular file, in place of one that a task writes
// or reads, is said at once, and that task fails by its own name.
func TestNoFileThere(t *testing.T) {
	t.Parallel()
	b := newBench(t, fakehost.Options{})
	lists := func(file string) map[string]Task {
		block := leftover("block " + file + " shop x")
		return map[string]Task{
			"put":     Write(File{Path: file, Mode: "0644", Content: "x"}),
			"page":    PutPage(File{Path: file, Mode: "0644", Content: "x"}),
			"setting": Setting(file, "A", "b"),
			"unit":    Unit("thing.service", "[Service]\nExecStart=/bin/true\n"),
			"fstab":   Fstab(far),
			"gone":    block,
		}
	}
	for name, make := range map[string]string{"fifo": "mkfifo", "directory": "mkdir"} {
		for of, task := range lists("/etc/t/thing") {
			file := map[string]string{"unit": "/etc/systemd/system/thing.service", "fstab": "/etc/fstab"}[of]
			if file == "" {
				file = "/etc/t/thing"
			}
			b.sh("rm -rf " + file + " " + state + "; mkdir -p /etc/t; " + make + " -m 0755 " + file)
			before := b.host.Snapshot(t).Without("/run", "/var/lib/lvsdeploy")
			for _, check := range []bool{true, false} {
				began := time.Now()
				said := fakerun.Lines(fakerun.Run(t, fakerun.One("host", task), b.on, engine.Options{Check: check}))
				want := "host: " + task.Name + ": failed: " + file + " is a " + name + ", not a regular file"
				if of == "gone" { // nothing of ours is in it
					want = "host: " + task.Name + ": ok"
				}
				if took := time.Since(began); !strings.HasPrefix(said, want) || took > 30*time.Second {
					t.Errorf("%s in place of %s, check %t: after %s\n%s\nwant %s", name, of, check, took, said, want)
				}
			}
			if diff := before.Diff(b.host.Snapshot(t).Without("/run", "/var/lib/lvsdeploy")); diff != "" {
				t.Errorf("%s in place of %s: changed\n%s", name, of, diff)
			}
		}
	}
}
