package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// site is a local directory that is published. What is read of it later is
// read through root, so that a link that comes while a run goes on leads
// nowhere else.
type site struct {
	dir    string // as the inventory has it
	root   *os.Root
	files  []tasks.SiteFile
	source map[string]string // of a file that is a link in the site: where it leads to
}

// siteProblem is a file that cannot be published, and what to do about it.
type siteProblem struct{ what, hint string }

const (
	hintHide   = "move it out of the site, or give it a name that begins with a dot: hidden files are not published"
	hintCopy   = "put the file itself into the site: links are published only if they lead to a file in it"
	hintRename = "rename it, or give it a name that begins with a dot: hidden files are not published"
	hintAgain  = "run it again when nobody writes in the site"
)

// readSite lists a local directory's files with their checksums, before any
// host is contacted: what cannot be published is an error of the inventory.
// Hidden files (.git, .htpasswd) are not published. What it returns has to be
// closed.
func readSite(ctx context.Context, dir string) (*site, error) {
	// The directory itself may be a link, as in current -> releases/7.
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, usagef("", "cannot read the site %s: %v", dir, bare(err))
	}
	if info, err := os.Stat(real); err == nil && !info.IsDir() {
		return nil, usagef("name the directory that the file is in", "cannot publish the site %s: it is not a directory", dir)
	}
	root, err := os.OpenRoot(real)
	if err != nil {
		return nil, usagef("", "cannot read the site %s: %v", dir, bare(err))
	}
	s := &site{dir: dir, root: root, source: map[string]string{}}
	problems, err := s.read(ctx, real)
	switch {
	case err != nil: // interrupted
	case len(problems) > 0:
		err = s.refused(problems)
	case len(s.files) == 0:
		err = usagef("hidden files are not published", "cannot publish the site %s: there is no file in it", dir)
	default:
		return s, nil
	}
	s.close()
	return nil, err
}

func (s *site) close() { _ = s.root.Close() }

// read goes through the directory. Its error is that of ctx.
func (s *site) read(ctx context.Context, real string) (problems []siteProblem, err error) {
	err = filepath.WalkDir(real, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rel, relErr := filepath.Rel(real, name)
		rel = filepath.ToSlash(rel)
		if err = errors.Join(err, relErr); err != nil {
			problems = append(problems, siteProblem{fmt.Sprintf("%s cannot be read: %v", shownName(rel), bare(err)), ""})
			return nil
		}
		if rel != "." && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		p := wrongName(rel)
		switch {
		case p != nil:
		case !d.IsDir():
			p = s.add(ctx, real, rel, d)
		case rel == "index.html":
			p = &siteProblem{"index.html is a directory", hintRename}
		}
		if p == nil {
			return nil
		}
		problems = append(problems, *p)
		if d.IsDir() {
			return filepath.SkipDir
		}
		return nil
	})
	return problems, err
}

// add takes a file into the list.
func (s *site) add(ctx context.Context, real, rel string, d fs.DirEntry) *siteProblem {
	at := rel
	if d.Type()&fs.ModeSymlink != 0 {
		var p *siteProblem
		if at, p = linkTarget(real, rel); p != nil {
			return p
		}
		s.source[rel] = at
	} else if !d.Type().IsRegular() {
		return &siteProblem{fmt.Sprintf("%s is %s", shownName(rel), kindOf(d.Type())), hintHide}
	}
	sum, err := s.checksum(ctx, at)
	switch {
	case errors.Is(err, errChanges):
		return &siteProblem{fmt.Sprintf("%s %v", shownName(rel), err), hintAgain}
	case err != nil:
		return &siteProblem{fmt.Sprintf("%s cannot be read: %v", shownName(rel), bare(err)), ""}
	}
	s.files = append(s.files, tasks.SiteFile{Path: rel, SHA256: sum})
	return nil
}

// linkTarget is the file of the site that a link in it leads to.
func linkTarget(real, rel string) (string, *siteProblem) {
	full, err := filepath.EvalSymlinks(filepath.Join(real, filepath.FromSlash(rel)))
	if err != nil {
		return "", &siteProblem{fmt.Sprintf("%s is a link that cannot be followed: %v", shownName(rel), bare(err)), hintHide}
	}
	at, err := filepath.Rel(real, full)
	if err != nil || !filepath.IsLocal(at) {
		return "", &siteProblem{fmt.Sprintf("%s is a link that leads out of the site, to %s", shownName(rel), full), hintCopy}
	}
	at = filepath.ToSlash(at)
	for part := range strings.SplitSeq(at, "/") {
		if strings.HasPrefix(part, ".") {
			return "", &siteProblem{fmt.Sprintf("%s is a link to %s, which is hidden", shownName(rel), shownName(at)), hintCopy}
		}
	}
	info, err := os.Stat(full)
	switch {
	case err != nil:
		return "", &siteProblem{fmt.Sprintf("%s cannot be read: %v", shownName(rel), bare(err)), ""}
	case info.IsDir():
		return "", &siteProblem{fmt.Sprintf("%s is a link to a directory", shownName(rel)), "put the directory itself into the site: links are published only if they lead to a file in it"}
	case !info.Mode().IsRegular():
		return "", &siteProblem{fmt.Sprintf("%s is a link to %s", shownName(rel), kindOf(info.Mode())), hintHide}
	}
	return at, nil
}

// wrongName says why a file of that name cannot be published: names travel in
// lines, as UTF-8.
func wrongName(rel string) *siteProblem {
	why := ""
	switch {
	case !utf8.ValidString(rel):
		why = "a name that is not UTF-8"
	case strings.ContainsAny(rel, "\n\r"):
		why = "a line break in its name"
	case strings.ContainsFunc(rel, unicode.IsControl):
		why = "a control character in its name"
	case strings.Contains(rel, `\`):
		why = "a backslash in its name"
	default:
		return nil
	}
	return &siteProblem{fmt.Sprintf("%s has %s", shownName(rel), why), hintRename}
}

// shownName is a name as a message can have it.
func shownName(rel string) string {
	if utf8.ValidString(rel) && !strings.ContainsFunc(rel, func(r rune) bool { return !unicode.IsPrint(r) || r == '\\' }) {
		return rel
	}
	return fmt.Sprintf("%q", rel)
}

// kindOf names what is no file, directory or link.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "not a regular file"
}

// refused is the error of a site with such files, the first of them named.
func (s *site) refused(problems []siteProblem) error {
	const most = 8
	text, hint := "", ""
	for i, p := range problems {
		if i == most {
			text += fmt.Sprintf("\n    and %d more", len(problems)-most)
			break
		}
		if i > 0 {
			text += "\n    "
		}
		text += p.what
		if hint == "" {
			hint = p.hint
		}
	}
	return usagef(hint, "cannot publish the site %s: %s", s.dir, text)
}

var errChanges = errors.New("changes while it is read")

// checksum reads a file of the site, no more of it than it says it has: a file
// that grows would be read for ever.
func (s *site) checksum(ctx context.Context, at string) (string, error) {
	f, err := s.open(at)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(&untilDone{ctx, f}, info.Size()+1))
	if err != nil {
		return "", err
	}
	if n != info.Size() {
		return "", errChanges
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// open opens a regular file. A pipe that has come in its place is not waited for.
func (s *site) open(at string) (*os.File, error) {
	f, err := s.root.OpenFile(filepath.FromSlash(at), os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file any more", path.Base(at))
	}
	if err != nil {
		_ = f.Close() // nothing was read
		return nil, err
	}
	return f, nil
}

// Open implements fs.FS, for the upload: a file by its name in the site.
func (s *site) Open(name string) (fs.File, error) {
	if at, ok := s.source[name]; ok {
		name = at
	}
	f, err := s.open(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// untilDone is a reader that ends with ctx.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilDone) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(b)
}
