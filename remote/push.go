package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/pkg/sftp"
	"golang.org/x/sync/errgroup"
)

// File is one file to upload.
type File struct {
	Path   string      // where it goes, relative to the directory given to Push, with /
	FS     fs.FS       // where it comes from; nil: the local file system
	Source string      // its name there
	Mode   fs.FileMode // permission bits; 0: those of the source
}

// uploads is how many files are on their way at once: each costs several
// round trips.
const uploads = 16

// Push uploads files below dir, which is made with mode 0700 if it is missing;
// a relative dir is below the login's home directory. Each file is written
// beside its place, flushed to disk where the server can (fsync@openssh.com),
// and renamed: no file is ever seen half written. Files that are there already
// under other names stay. It runs as the login user, not as root.
func (c *Conn) Push(ctx context.Context, files []File, dir string) error {
	op := fmt.Sprintf("upload to %s on %s", dir, c.name)
	if dir == "" {
		return &Error{Host: c.name, Op: op, Kind: Settings, Err: errors.New("no directory given")}
	}
	for _, f := range files {
		if !fs.ValidPath(f.Path) || f.Path == "." || strings.IndexByte(f.Path, 0) >= 0 {
			return &Error{Host: c.name, Op: op, Kind: Settings, Err: fmt.Errorf("%q is not a path below it", f.Path)}
		}
	}
	return c.withSFTP(ctx, op, func(client *sftp.Client) error {
		if err := makeDirs(client, dir, files); err != nil {
			return err
		}
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(uploads)
		for _, f := range files {
			group.Go(func() error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return upload(client, f, path.Join(dir, f.Path))
			})
		}
		return group.Wait()
	})
}

// Home returns the absolute path of the login's home directory on the host:
// where relative paths given to Push start.
func (c *Conn) Home(ctx context.Context) (string, error) {
	var home string
	err := c.withSFTP(ctx, "find the home directory on "+c.name, func(client *sftp.Client) (err error) {
		home, err = client.RealPath(".")
		return err
	})
	return home, err
}

// withSFTP runs do with an SFTP session that ends when ctx does.
func (c *Conn) withSFTP(ctx context.Context, op string, do func(*sftp.Client) error) error {
	ch, reqs, err := c.link.open(ctx, "session", nil)
	if err != nil {
		return c.openError(ctx, op, err)
	}
	var once sync.Once
	hangUp := func() { once.Do(func() { _ = ch.Close() }) }
	defer hangUp()
	stop := context.AfterFunc(ctx, hangUp)
	defer stop()
	c.link.spawn(func() {
		for r := range reqs {
			if r.WantReply {
				_ = r.Reply(false, nil)
			}
		}
	})
	// The subsystem request wants its reply: refused, it would be silence.
	ok, err := ch.SendRequest("subsystem", true, []byte("\x00\x00\x00\x04sftp"))
	if err == nil && !ok {
		return &Error{Host: c.name, Op: op, Kind: Refused, Err: errors.New("sshd has no sftp subsystem"),
			Hint: "put \"Subsystem sftp internal-sftp\" into its sshd_config"}
	}
	if err == nil {
		var client *sftp.Client
		client, err = sftp.NewClientPipe(ch, ch, sftp.UseConcurrentWrites(true))
		if err == nil {
			err = do(client)
			hangUp() // its goroutines end with the channel
			_ = client.Close()
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return c.canceled(op, ctx)
	case errors.Is(err, sftp.ErrSSHFxConnectionLost), dropped(err):
		c.link.dead(lostPatience)
		return c.link.lost(c.name)
	}
	return &Error{Host: c.name, Op: op, Kind: Transfer, Err: err}
}

// makeDirs makes dir and the directories the files need, each once.
func makeDirs(client *sftp.Client, dir string, files []File) error {
	made := make(map[string]bool)
	dirs := []string{path.Clean(dir)}
	for _, f := range files {
		for d := path.Dir(f.Path); d != "."; d = path.Dir(d) {
			if made[d] {
				break
			}
			made[d] = true
			dirs = append(dirs, path.Join(dir, d))
		}
	}
	slices.Sort(dirs[1:]) // parents before what is in them
	for i, d := range dirs {
		if info, err := client.Lstat(d); err == nil && info.IsDir() {
			continue
		}
		var err error
		if i == 0 {
			err = client.MkdirAll(d)
		} else {
			err = client.Mkdir(d)
		}
		if err == nil {
			err = client.Chmod(d, 0o700)
		}
		if err != nil {
			return fmt.Errorf("cannot make directory %s: %w", d, err)
		}
	}
	return nil
}

// upload writes one file beside its place and renames it.
func upload(client *sftp.Client, f File, to string) error {
	from, err := open(f)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", f.Source)
	}
	mode := f.Mode.Perm()
	if mode == 0 {
		mode = info.Mode().Perm()
	}
	beside := path.Join(path.Dir(to), ".lvsdeploy-"+nonce())
	err = func() error {
		out, err := client.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err != nil {
			return err
		}
		n, err := out.ReadFrom(io.LimitReader(from, info.Size()+1))
		if err == nil && n != info.Size() {
			err = errors.New("it changed while it was read")
		}
		if err == nil {
			err = out.Chmod(mode)
		}
		if err == nil {
			if _, can := client.HasExtension("fsync@openssh.com"); can {
				err = out.Sync()
			}
		}
		return errors.Join(err, out.Close())
	}()
	if err == nil {
		err = client.PosixRename(beside, to)
	}
	if err != nil {
		_ = client.Remove(beside)
		return fmt.Errorf("cannot write %s: %w", to, err)
	}
	return nil
}

func open(f File) (fs.File, error) {
	if f.FS != nil {
		return f.FS.Open(f.Source)
	}
	return os.Open(f.Source)
}
