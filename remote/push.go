package remote

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pkg/sftp"
	"golang.org/x/sync/errgroup"

	"github.com/lvsdeploy/lvsdeploy/bound"
)

// File is one file to upload.
type File struct {
	Path   string      // where it goes, relative to the directory given to Push, with /
	FS     fs.FS       // where it comes from; nil: the local file system
	Source string      // its name there
	Mode   fs.FileMode // permission bits; 0: those of the source
	SHA256 string      // hexadecimal, what the content must have; empty: anything
}

// uploads is how many files are on their way at once: each costs several
// round trips.
const uploads = 16

// Stage uploads files into a directory that nobody else has: a new one in the
// login's home, called prefix and a name that cannot be guessed, of mode 0700.
// Each file is written beside its place, flushed to disk where the server can
// (fsync@openssh.com), and renamed: no file is ever seen half written. It runs
// as the login user, not as root. Unstage removes the directory; when Stage
// fails there is none, as far as that can be.
func (c *Conn) Stage(ctx context.Context, prefix string, files []File) (dir string, err error) {
	op := "upload to " + c.name
	if prefix == "" || strings.ContainsAny(prefix, "/\x00") {
		return "", &Error{Host: c.name, Op: op, Kind: Settings, Err: fmt.Errorf("%q is no name for a directory", prefix)}
	}
	for _, f := range files {
		if !fs.ValidPath(f.Path) || f.Path == "." || strings.IndexByte(f.Path, 0) >= 0 {
			return "", &Error{Host: c.name, Op: op, Kind: Settings, Err: fmt.Errorf("%q is not a path below it", f.Path)}
		}
	}
	err = c.withSFTP(ctx, op, func(client *sftp.Client) error {
		home, err := client.RealPath(".")
		if err != nil {
			return fmt.Errorf("cannot find the home directory: %w", err)
		}
		dir = path.Join(home, prefix+"-"+nonce())
		if err := client.Mkdir(dir); err != nil {
			return fmt.Errorf("cannot make directory %s: %w", dir, err)
		}
		if err = ours(client, dir); err == nil {
			err = fill(ctx, client, dir, files)
		}
		if err != nil {
			removeTree(client, dir)
		}
		return err
	})
	return dir, err
}

// ours makes a new directory the login's alone. Mkdir says no mode, so for a
// moment it had what the umask left: nobody may have used that.
func ours(client *sftp.Client, dir string) error {
	if err := client.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("cannot set the mode of %s: %w", dir, err)
	}
	info, err := client.Lstat(dir)
	if err != nil {
		return fmt.Errorf("cannot look at %s: %w", dir, err)
	}
	if !info.IsDir() || info.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s is not a directory of mode 0700: it was changed by somebody else", dir)
	}
	entries, err := client.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot look into %s: %w", dir, err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is new, and %s is in it: somebody else writes there", dir, entries[0].Name())
	}
	return nil
}

// fill uploads the files into dir.
func fill(ctx context.Context, client *sftp.Client, dir string, files []File) error {
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
}

// withSFTP runs do with an SFTP session that ends when ctx does. A host may
// take its time for many files, but has to answer all the while.
func (c *Conn) withSFTP(ctx context.Context, op string, do func(*sftp.Client) error) error {
	quiet := c.link.listen("files were handed over")
	defer quiet.End()
	ch, reqs, err := c.link.open(ctx, "session", nil)
	if err != nil {
		return c.openError(ctx, op, err)
	}
	var once sync.Once
	hangUp := func() { once.Do(func() { c.link.spawn(func() { _ = ch.Close() }) }) }
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
	through := &bounded{ch: ch, quiet: quiet}
	if err == nil {
		var client *sftp.Client
		client, err = sftp.NewClientPipe(through, through, sftp.UseConcurrentWrites(true))
		if err != nil && ctx.Err() == nil && !c.link.beyond() && !through.over.Load() {
			return &Error{Host: c.name, Op: op, Kind: Lost, Err: fmt.Errorf("its sftp server does not speak sftp: %s", printable(err.Error())),
				Hint: "does a login script print something there? try: sftp " + c.user + "@…"}
		}
		if err == nil {
			err = do(client)
			hangUp() // its goroutines end with the channel
			c.link.spawn(func() { _ = client.Close() })
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return c.canceled(op, ctx)
	case through.over.Load():
		c.link.end(bound.TooMuch(answersLimit, "answers to an upload"))
		return c.link.lost(c.name)
	case errors.Is(err, sftp.ErrSSHFxConnectionLost), dropped(err):
		c.link.dead(lostPatience)
		return c.link.lost(c.name)
	}
	return &Error{Host: c.name, Op: op, Kind: Transfer, Err: err}
}

// bounded is an SFTP session's channel. A server's answers to an upload are a
// small part of it; one that sends without end is not listened to, for what it
// sends is kept in memory.
type bounded struct {
	ch             io.ReadWriteCloser
	quiet          *bound.Silence // but for whole packets
	sent, received atomic.Int64
	over           atomic.Bool

	head []byte // of a packet: its length
	left int64  // of the packet
}

// answersLimit is what a server may send besides as much as it was sent: the
// list of the files in a home directory, say.
const answersLimit = 8 << 20

var errFlood = errors.New("its sftp server sends without end")

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ch.Read(p)
	if b.received.Add(int64(n)) > answersLimit+b.sent.Load() {
		b.over.Store(true)
		return 0, errFlood
	}
	b.packets(p[:n])
	return n, err
}

// packets tells of each packet (its length in four bytes, then as much) that is
// there as a whole.
func (b *bounded) packets(p []byte) {
	for len(p) > 0 {
		if b.left == 0 {
			b.head = append(b.head, p[0])
			if p = p[1:]; len(b.head) == 4 {
				b.left, b.head = int64(binary.BigEndian.Uint32(b.head)), b.head[:0]
			}
			continue
		}
		n := min(b.left, int64(len(p)))
		p = p[n:]
		if b.left -= n; b.left == 0 {
			b.quiet.Heard()
		}
	}
}

func (b *bounded) Write(p []byte) (int, error) {
	b.sent.Add(int64(len(p)))
	b.quiet.Heard() // the next answer's time begins
	return b.ch.Write(p)
}

func (b *bounded) Close() error { return b.ch.Close() }

// makeDirs makes the directories that the files need below dir, each once.
func makeDirs(client *sftp.Client, dir string, files []File) error {
	made := make(map[string]bool)
	var dirs []string
	for _, f := range files {
		for d := path.Dir(f.Path); d != "." && !made[d]; d = path.Dir(d) {
			made[d] = true
			dirs = append(dirs, path.Join(dir, d))
		}
	}
	slices.Sort(dirs) // parents before what is in them
	for _, d := range dirs {
		err := client.Mkdir(d)
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
		sum := sha256.New()
		n, err := out.ReadFrom(io.TeeReader(io.LimitReader(from, info.Size()+1), sum))
		if err == nil && (n != info.Size() || f.SHA256 != "" && hex.EncodeToString(sum.Sum(nil)) != f.SHA256) {
			err = fmt.Errorf("%s has changed since it was looked at; run it again", f.Source)
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

// nonce returns random text that nothing else contains.
func nonce() string { return rand.Text() }
