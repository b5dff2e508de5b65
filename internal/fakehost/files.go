package fakehost

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// open opens a path as the host sees it: its mounts, its symbolic links, its root.
func (h *Host) open(name string, flags int, mode fs.FileMode) (*os.File, error) {
	root, err := unix.Open(fmt.Sprintf("/proc/%d/root", h.Pid()), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open the root of %s: %w", h.Name, err)
	}
	defer unix.Close(root)
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_IN_ROOT}
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(mode)
	}
	fd, err := unix.Openat2(root, strings.TrimPrefix(path.Clean("/"+name), "/"), &how)
	if err != nil {
		return nil, &fs.PathError{Op: "open on " + h.Name, Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// ReadFile reads a file of the host.
func (h *Host) ReadFile(name string) ([]byte, error) {
	f, err := h.open(name, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// WriteFile writes a file of the host, making the directories above it.
func (h *Host) WriteFile(name string, text []byte, mode fs.FileMode) error {
	f, err := h.open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, mode)
	if errors.Is(err, fs.ErrNotExist) {
		if out, code := h.output(`mkdir -p "${1%/*}"`, name); code != 0 {
			return fmt.Errorf("cannot write %s on %s: %s", name, h.Name, out)
		}
		f, err = h.open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, mode)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if e := f.Chmod(mode); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// Exists says whether a path, links followed, is there.
func (h *Host) Exists(name string) bool {
	f, err := h.open(name, unix.O_PATH, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}
