package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// output is a file that will be written later: that it can be is known from
// the start, and until it is whole, what was there before stays.
type output struct {
	path string   // as given
	real string   // where links lead
	file *os.File // beside it; nil: written or given up
	temp string   // file's name; empty: file is the target itself
}

// newOutput makes sure that path can be written.
func newOutput(path string) (*output, error) {
	if path == "" {
		return nil, usagef("name the file", "cannot write to a file without a name")
	}
	o := &output{path: path, real: path}
	if at, err := filepath.EvalSymlinks(path); err == nil {
		o.real = at
	}
	info, err := os.Stat(o.real)
	switch {
	case err == nil && info.IsDir():
		return nil, usagef("name a file in it", "cannot write %s: it is a directory", path)
	case err == nil && !info.Mode().IsRegular(): // a pipe or a device
		o.file, err = os.OpenFile(o.real, os.O_WRONLY, 0)
		if err != nil {
			return nil, o.cannot(err)
		}
		return o, nil
	}
	o.temp = filepath.Join(filepath.Dir(o.real), fmt.Sprintf(".%s.%d", filepath.Base(o.real), os.Getpid()))
	o.file, err = os.OpenFile(o.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, o.cannot(err)
	}
	if info != nil { // who could read the old one can read the new one, and nobody else
		if err := o.file.Chmod(info.Mode().Perm()); err != nil {
			o.discard()
			return nil, o.cannot(err)
		}
	}
	return o, nil
}

// cannot is the error of a file that cannot be written, before anything was done.
func (o *output) cannot(err error) error {
	hint := ""
	if dir := filepath.Dir(o.real); errors.Is(err, fs.ErrNotExist) {
		hint = "there is no directory " + dir
	}
	return usagef(hint, "cannot write %s: %v", o.path, bare(err))
}

// write puts the content in place of what was there.
func (o *output) write(content []byte) error {
	_, err := o.file.Write(content)
	err = errors.Join(err, o.file.Close())
	o.file = nil
	if err == nil && o.temp != "" {
		err = os.Rename(o.temp, o.real)
	}
	if err != nil {
		o.remove()
		return fmt.Errorf("cannot write %s: %w", o.path, bare(err))
	}
	return nil
}

// discard gives the file up, unless it was written.
func (o *output) discard() {
	if o.file == nil {
		return
	}
	_ = o.file.Close() // nothing was written to it
	o.file = nil
	o.remove()
}

func (o *output) remove() {
	if o.temp != "" {
		_ = os.Remove(o.temp) // what stays behind is empty, and hidden
	}
}

// bare leaves out the path of a file error, which the message has already.
func bare(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
