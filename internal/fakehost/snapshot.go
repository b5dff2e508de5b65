package fakehost

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Snapshot is everything a deployment can change on a host, as lines by name: files ("/etc/exports": mode, owner, mtime,
// hash) and live state ("live address", "live sysctl …").
type Snapshot map[string]string

// writable are the directories a snapshot reads. /tmp and /run are among them: what is left there is a change too.
var writable = []string{"etc", "home", "media", "mnt", "opt", "root", "run", "srv", "tmp", "usr", "var"}

// The state of the stubs is in the snapshot as live state; their log is not: a look is no change.
var unread = []string{"var/lib/fakehost/log", "var/lib/fakehost/violations", "var/lib/fakehost/unit.log",
	"usr/lib", "usr/share", "usr/lib64"}

// liveState prints sections "== NAME" and lines.
const liveState = `
echo == hostname; hostname
echo == links; ip -o link | sed 's/^[0-9]*: //; s/NO-CARRIER,//; s/,LOWER_UP//; s/ qdisc.*//' # the carrier comes when it comes
echo == addresses; ip -o addr | sed 's/^[0-9]*: //; s/\\.*//' | grep -v ' fe80:'
echo == routes; ip route | sed 's/ linkdown//'; ip -6 route | grep -v 'fe80:\|ff00:'
echo == rules; ip rule
echo == mounts; awk '{ print $1, $2, $3, $4 }' /proc/self/mounts
echo == modules; ls /sys/module
echo == nft; [ ! -x /usr/sbin/nft ] || nft list ruleset
echo == sysctl; cd /proc/sys/net; grep -rs . ipv4/ip_forward ipv4/conf ipv4/tcp_syncookies ipv4/ip_nonlocal_bind ipv4/neigh/default ipv6/conf
:
`

// Timeless is s without the times of files: for a state that was left and reached again.
func (s Snapshot) Timeless() Snapshot {
	plain := Snapshot{}
	for name, line := range s {
		plain[name] = times.ReplaceAllString(line, "")
	}
	return plain
}

var times = regexp.MustCompile(` \d\d:\d\d:\d\d\.\d+`)

// Snapshot reads the state of the host. It is a fatal error of the test if that cannot be read.
func (h *Host) Snapshot(t testing.TB) Snapshot {
	t.Helper()
	s := Snapshot{}
	root := fmt.Sprintf("/proc/%d/root/", h.Pid())
	for _, d := range writable {
		if err := fs.WalkDir(os.DirFS(root), d, func(name string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // gone while we look
				return nil
			}
			if err != nil {
				return err
			}
			if slices.Contains(unread, name) {
				if e.IsDir() && name == "usr/lib" {
					return nil // its own entries are written by packages and units
				}
				return skip(e)
			}
			if strings.HasPrefix(name, "usr/lib/") && e.Type()&fs.ModeSymlink != 0 && strings.Count(name, "/") == 2 {
				return nil
			}
			line, err := describe(root, name, e)
			if err == nil {
				s["/"+name] = line
			}
			return err
		}); err != nil {
			t.Fatalf("cannot take a snapshot of %s: %v", h.Name, err)
		}
	}
	out, code := h.output(liveState)
	if code != 0 {
		t.Fatalf("cannot take a snapshot of %s: %s", h.Name, out)
	}
	section := ""
	for line := range strings.Lines(out) {
		if name, is := strings.CutPrefix(line, "== "); is {
			section = "live " + strings.TrimSpace(name)
			continue
		}
		s[section] += line
	}
	return s
}

func skip(e fs.DirEntry) error {
	if e.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func describe(root, name string, e fs.DirEntry) (string, error) {
	info, err := e.Info()
	if err != nil {
		return "", err
	}
	st := info.Sys().(*syscall.Stat_t)
	line := fmt.Sprintf("%v %d:%d", info.Mode(), st.Uid, st.Gid)
	switch {
	case info.Mode().IsRegular():
		text, err := os.ReadFile(root + name)
		if err != nil {
			return "", err
		}
		line += fmt.Sprintf(" %s %x", info.ModTime().UTC().Format("15:04:05.000000000"), sha256.Sum256(text))
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(root + name)
		if err != nil {
			return "", err
		}
		line += " -> " + target
	}
	// The mtime of a directory is left out: a lock or a temporary file that came and went moves it.
	return line, nil
}

// Diff says what differs between two snapshots, a line each: "- " as it was, "+ " as it is. Empty: nothing.
func (s Snapshot) Diff(later Snapshot) string {
	var b strings.Builder
	names := slices.Sorted(maps.Keys(s))
	for name := range later {
		if _, both := s[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		was, before := s[name]
		is, after := later[name]
		if was == is && before == after {
			continue
		}
		if strings.HasPrefix(name, "live ") {
			diffLines(&b, name, was, is)
			continue
		}
		if before {
			fmt.Fprintf(&b, "- %s %s\n", name, was)
		}
		if after {
			fmt.Fprintf(&b, "+ %s %s\n", name, is)
		}
	}
	return b.String()
}

func diffLines(b *strings.Builder, name, was, is string) {
	old, now := strings.Split(was, "\n"), strings.Split(is, "\n")
	for _, l := range old {
		if !slices.Contains(now, l) {
			fmt.Fprintf(b, "- %s: %s\n", name, l)
		}
	}
	for _, l := range now {
		if !slices.Contains(old, l) {
			fmt.Fprintf(b, "+ %s: %s\n", name, l)
		}
	}
}

// Without is the snapshot without the named files and everything below them: what a program may change.
func (s Snapshot) Without(names ...string) Snapshot {
	less := maps.Clone(s)
	maps.DeleteFunc(less, func(k, _ string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return k == n || strings.HasPrefix(k, n+"/") })
	})
	return less
}
