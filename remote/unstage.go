package remote

import (
	"context"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
)

// stagingAge is how old a staging directory is, by the host's own clock, when
// no run can be using it any more.
const stagingAge = 6 * time.Hour

// Unstage removes a directory that Stage has made, and those of earlier runs
// that could not: a lost connection, a client that was killed. What cannot be
// removed stays for a later run.
func (c *Conn) Unstage(ctx context.Context, prefix, dir string) error {
	return c.withSFTP(ctx, "clean up on "+c.name, func(client *sftp.Client) error {
		home := path.Dir(dir)
		removeTree(client, dir)
		// The home has just lost an entry, here or by the program on the host: its
		// time of change is the host's clock. A run never removes another's
		// directory that might be alive: that run would fail.
		now, err := client.Lstat(home)
		if err != nil {
			return err
		}
		entries, err := client.ReadDirContext(ctx, home)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if stagingName(prefix, e.Name()) && e.IsDir() && sameOwner(e, now) && now.ModTime().Sub(e.ModTime()) > stagingAge {
				removeTree(client, path.Join(home, e.Name()))
			}
		}
		return nil
	})
}

// stagingName reports whether Stage makes directories of that name.
func stagingName(prefix, name string) bool {
	rest, ok := strings.CutPrefix(name, prefix+"-")
	return ok && len(rest) == len(nonce()) && strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

func sameOwner(a, b fs.FileInfo) bool {
	one, ok := a.Sys().(*sftp.FileStat)
	other, ok2 := b.Sys().(*sftp.FileStat)
	return ok && ok2 && one.UID == other.UID
}

// removeTree removes what is at a path, and never what a link leads to. What
// cannot be removed is left.
func removeTree(client *sftp.Client, at string) {
	info, err := client.Lstat(at)
	if err != nil {
		return
	}
	if !info.IsDir() {
		_ = client.Remove(at)
		return
	}
	entries, err := client.ReadDir(at)
	if err != nil {
		return
	}
	for _, e := range entries {
		removeTree(client, path.Join(at, e.Name()))
	}
	_ = client.RemoveDirectory(at)
}
