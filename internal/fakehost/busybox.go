package fakehost

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// hiddenApplets are those that stand for a package or for what a stub does. Debian's busybox shell prefers its own applets
// to what is in PATH, so it is not enough to leave out the links.
var hiddenApplets = []string{"arping", "brctl", "dpkg", "dpkg-deb", "httpd", "ifdown", "ifup", "lsmod", "modprobe", "mount", "rpm",
	"rpm2cpio", "sysctl", "telnetd", "tftp", "umount"}

const stubShell = ".fakehost/bin/sh"

// fewerApplets takes the hidden applets out of a busybox program by changing the last letter of their names in its table
// to one nobody types. The table is sorted, and stays so: the letter sorts before all others, and no name is another's
// without its last letter.
func fewerApplets(program []byte, hidden []string) ([]byte, error) {
	start := bytes.Index(program, []byte("\x00[\x00[["))
	if start < 0 {
		return nil, errors.New("cannot find the names of busybox's applets in it")
	}
	end := bytes.Index(program[start:], []byte("\x00\x00"))
	if end < 0 {
		return nil, errors.New("cannot find the end of the names of busybox's applets")
	}
	less := slices.Clone(program)
	table := less[start : start+end+2]
	for _, name := range hidden {
		if at := bytes.Index(table, []byte("\x00"+name+"\x00")); at >= 0 {
			table[at+len(name)] = '\x01'
		}
	}
	return less, nil
}

// stubShell puts the shell of the stubs in place: busybox, whose applets cost no start of another program.
func (f *furniture) stubShell() (program []byte) {
	real := realCommand("busybox")
	if real == "" {
		f.keep(errors.New("cannot make a host: no busybox here\nhint: apt-get install busybox-static"))
		return nil
	}
	program, err := os.ReadFile("/usr/" + real)
	f.keep(err)
	program, err = fewerApplets(program, hiddenApplets)
	f.keep(err)
	f.write(stubShell, string(program), 0o755)
	return program
}

// busybox makes program the host's busybox, with a link for each applet.
func (f *furniture) busybox(program []byte) {
	if f.err != nil {
		return
	}
	f.keep(os.Link(filepath.Join(f.root, stubShell), filepath.Join(f.root, "usr/bin/busybox")))
	start := bytes.Index(program, []byte("\x00[\x00[["))
	names, _, _ := bytes.Cut(program[start+1:], []byte("\x00\x00"))
	for name := range strings.SplitSeq(string(names), "\x00") {
		if !strings.HasSuffix(name, "\x01") {
			f.link("/usr/bin/busybox", "usr/bin/"+name)
		}
	}
}
