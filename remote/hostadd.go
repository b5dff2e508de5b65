package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// add appends key to known_hosts, unless somebody else has done so meanwhile.
// The file is only ever appended to. Where that cannot be done the key is
// taken for this run alone, as ssh does it too, and a warning says so. The
// caller holds k.mu.
func (k *knownKeys) add(h hop, name string, key ssh.PublicKey) error {
	path := k.sources(h)[0].path
	f, err := openAppend(path)
	if err == nil {
		defer f.Close()
		k.forget() // read it again, now that nobody else writes
	}
	refused := k.verdict(h, name, key)
	var unknown *unknownKey
	if !errors.As(refused, &unknown) {
		return refused
	}
	if unknown.known {
		k.accepted[unknown.id()] = true
		return nil
	}
	if err == nil {
		err = appendLine(f, h.knownLine(key))
	}
	if err != nil {
		k.accepted[unknown.id()] = true
		if k.warn != nil {
			k.warn(name, fmt.Sprintf("the key of %s is accepted for this run only: cannot add it to %s: %v", name, path, plainPath(err)))
		}
		return nil
	}
	k.forget()
	return nil
}

// openAppend opens a file to append to, and waits for the only right to.
func openAppend(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	// Somebody who was stopped may hold the lock for ever. A file system without
	// locks is written to all the same: a line is one write.
	for end := time.Now().Add(lockPatience); ; time.Sleep(20 * time.Millisecond) {
		taken, err := tryLock(f)
		if taken || err != nil {
			return f, nil
		}
		if time.Now().After(end) {
			f.Close()
			return nil, errors.New("another process has locked it")
		}
	}
}

// lockPatience is how long somebody else may be writing to known_hosts.
const lockPatience = 2 * time.Second

func appendLine(f *os.File, line string) error {
	if size, err := f.Seek(0, io.SeekEnd); err == nil && size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	if _, err := f.WriteString(line); err != nil {
		return err
	}
	return f.Sync()
}

// knownLine is the line that makes key known for h. A name that would read as
// a pattern, and stand for other hosts too, is always hashed.
func (h hop) knownLine(key ssh.PublicKey) string {
	name, _, _ := h.names()
	pattern := name
	if h.hashNames || strings.ContainsAny(name, "*?!,|#@ \t") {
		pattern = newHash(name)
	}
	return pattern + " " + string(ssh.MarshalAuthorizedKey(key))
}

func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func plainPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// askable returns the unknown host key that err is about, if the operator can
// be asked about it and has not been yet.
func (d *dialer) askable(ctx context.Context, err error) *unknownKey {
	var u *unknownKey
	if d.cfg.Terminal == nil || ctx.Err() != nil || !errors.As(err, &u) || u.hop.strict || d.vouched[u.id()] {
		return nil
	}
	return u
}

// askUnknown asks once about all host keys that are not known, adds those the
// operator vouches for, and returns the targets that are worth another try;
// the others end here.
func (d *dialer) askUnknown(open []unanswered, ended func(string, Result)) []Target {
	if len(open) == 0 {
		return nil
	}
	d.forgetGateways()
	slices.SortFunc(open, func(a, b unanswered) int { return d.order[a.target.Name] - d.order[b.target.Name] })
	var unknown []*unknownKey
	var question strings.Builder
	asked := make(map[string]bool)
	for _, o := range open {
		if u := o.key; !asked[u.id()] {
			asked[u.id()] = true
			unknown = append(unknown, u)
			fmt.Fprintf(&question, "  %-12s %-24s %s %s\n", u.hop.name, u.hop.addr(), keyType(u.key), ssh.FingerprintSHA256(u.key))
		}
	}
	yes, err := d.ask.confirm("these host keys are not known yet:\n" + question.String() + "add them to known_hosts and go on?")
	vouched := err == nil && yes
	failed := make(map[string]error)
	for _, u := range unknown {
		if !vouched {
			break
		}
		d.vouched[u.id()] = true
		d.known.mu.Lock()
		if err := d.known.add(u.hop, u.hop.name, u.key); err != nil {
			failed[u.id()] = err
		}
		d.known.mu.Unlock()
	}
	var retry []Target
	for _, o := range open {
		switch err := failed[o.key.id()]; {
		case !vouched:
			ended(o.target.Name, Result{Err: o.err})
		case err != nil:
			ended(o.target.Name, Result{Err: d.settingsError(o.target.Name, err)})
		default:
			retry = append(retry, o.target)
		}
	}
	return retry
}
