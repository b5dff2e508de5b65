package fakehost

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed stubs
var stubFiles embed.FS

// baseCommands are this machine's programs that exist on a fake host: what a minimal installation has.
// What is not here and not of a package is not found inside, whatever this machine has.
const baseCommands = `
	[ awk base64 basename bash cat chgrp chmod chown cksum cmp comm cp curl cut date dash dd df diff dirname du echo
	egrep env expand expr false fgrep find flock fold getent gawk grep groups gunzip gzip head hostname id install ip
	join kill link ln logger ls mawk md5sum mkdir mkfifo mktemp mountpoint mv nice nl nohup nproc nsenter od paste pgrep
	pidof pkill ping pivot_root printenv printf ps pwd readlink realpath rm rmdir sed seq setsid sh sha1sum sha256sum
	sha512sum shuf sleep sort split ss stat stdbuf stty sync systemd-escape tac tail tar tee test timeout touch tr true
	truncate tty uname uniq unlink uptime wc which who whoami xargs xz yes zcat`

// stubTools are what only the stubs see, in /.fakehost/bin.
const stubTools = `busybox mount umount findmnt nft sysctl unshare`

// baseStubs are the stubs every host has, by the path where the real program is.
var baseStubs = map[string]string{
	"/usr/bin/systemctl": "systemctl", "/usr/bin/mount": "mount", "/usr/bin/umount": "umount",
	"/usr/bin/findmnt": "findmnt", "/usr/sbin/modprobe": "modprobe", "/usr/sbin/lsmod": "lsmod",
	"/usr/sbin/sysctl": "sysctl", "/usr/bin/journalctl": "journalctl", "/usr/bin/networkctl": "networkctl",
}

var kindStubs = map[Kind]map[string]string{
	Debian: {"/usr/bin/apt-get": "apt-get", "/usr/bin/dpkg-query": "dpkg-query", "/usr/bin/dpkg": "dpkg"},
	EL: {"/usr/bin/yum": "yum", "/usr/bin/rpm": "rpm", "/usr/sbin/getenforce": "getenforce",
		"/usr/sbin/setenforce": "setenforce", "/usr/sbin/getsebool": "getsebool", "/usr/sbin/setsebool": "setsebool",
		"/usr/sbin/restorecon": "restorecon"},
}

const directories = `
	.fakehost/bin .fakehost/old .fakehost/real .fakehost/lan .fakehost/packages .fakehost/stubs .fakehost/units
	dev/pts dev/shm etc/modprobe.d etc/modules-load.d etc/sysctl.d etc/systemd/system etc/exports.d etc/alternatives
	etc/init.d etc/default home media mnt opt proc root run/systemd/system run/lock srv sys tmp
	usr/bin usr/sbin usr/lib/systemd/system usr/lib/modules usr/libexec usr/local/bin usr/local/sbin usr/local/lib usr/local/share usr/src
	var/cache var/lib/fakehost/active var/lib/fakehost/failed var/lib/fakehost/installed var/lib/fakehost/remote
	var/lib/fakehost/generated var/lib/fakehost/sebool var/log var/spool var/tmp`

var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// furniture writes the files of a new root directory; the first error stays.
type furniture struct {
	root string
	made map[string]bool // directories
	err  error
}

func (f *furniture) keep(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *furniture) dir(name string) {
	name = filepath.Clean(name)
	if !f.made[name] {
		f.made[name] = true
		f.keep(os.MkdirAll(filepath.Join(f.root, name), 0o755))
	}
}

func (f *furniture) write(name, text string, mode fs.FileMode) {
	f.dir(filepath.Dir(name))
	f.keep(os.WriteFile(filepath.Join(f.root, name), []byte(text), mode))
}

func (f *furniture) link(target, name string) {
	if err := os.Symlink(target, filepath.Join(f.root, name)); !errors.Is(err, fs.ErrExist) {
		f.keep(err)
	}
}

// populate furnishes root with everything but mounts, which need the namespaces. It returns the units to be started.
func populate(root string, o Options) (start []string, err error) {
	f := &furniture{root: root, made: map[string]bool{}}
	for _, d := range strings.Fields(directories) {
		f.dir(d)
	}
	for _, d := range []string{"tmp", "var/tmp", "dev/shm"} {
		f.keep(os.Chmod(filepath.Join(root, d), 0o777|fs.ModeSticky))
	}
	f.keep(os.Chmod(filepath.Join(root, "root"), 0o700))
	for _, l := range []string{"bin", "sbin", "lib", "lib64"} {
		f.link("usr/"+l, l)
	}
	f.link("/run", "var/run")
	f.link("/run/lock", "var/lock")
	f.link("/proc/self/fd", "dev/fd")
	f.link("/proc/self/fd/0", "dev/stdin")
	f.link("/proc/self/fd/1", "dev/stdout")
	f.link("/proc/self/fd/2", "dev/stderr")
	for _, d := range devices {
		f.write("dev/"+d, "", 0o666)
	}
	f.write(".fakehost/wire", "", 0o600)
	f.libraries()
	f.commands(o.Shell)
	f.stubs(o)
	f.fstab()
	f.network(o)
	f.system(o)
	f.packages(o.Kind)
	want := o.Packages
	if o.Firewalld {
		want = append([]string{"firewalld"}, want...)
	}
	for _, p := range want {
		start = append(start, f.install(o.Kind, p)...)
	}
	return start, f.err
}

// libraries makes /usr/lib and /usr/share of links to this machine's, without what would betray it.
func (f *furniture) libraries() {
	hidden := map[string]bool{"systemd": true, "modules": true, "os-release": true, "sysctl.d": true, "modules-load.d": true,
		"modprobe.d": true, "tmpfiles.d": true, "dpkg": true, "apt": true}
	entries, err := os.ReadDir("/usr/lib")
	f.keep(err)
	for _, e := range entries {
		if !hidden[e.Name()] {
			f.link("/.fakehost/real/lib/"+e.Name(), "usr/lib/"+e.Name())
		}
	}
	for _, d := range []string{"lib64", "lib32", "libx32", "share"} {
		if _, err := os.Stat("/usr/" + d); err == nil {
			f.link("/.fakehost/real/"+d, "usr/"+d)
		}
	}
}

// commands puts the shell and the base commands in place.
func (f *furniture) commands(shell Shell) {
	program := f.stubShell()
	for _, name := range strings.Fields(stubTools + baseCommands) {
		if real := realCommand(name); real != "" {
			f.link("/.fakehost/real/"+real, ".fakehost/bin/"+name)
		}
	}
	for _, name := range []string{"apache2", "httpd"} { // what the stub of apachectl listens with: its name is seen
		f.link("busybox", ".fakehost/bin/"+name)
	}
	switch shell {
	case Dash, Bash:
		if realCommand(string(shell)) == "" {
			f.keep(fmt.Errorf("cannot make a host with %s: there is none here", shell))
			return
		}
		f.link("/.fakehost/bin/"+string(shell), "usr/bin/sh")
	case Busybox:
		f.busybox(program)
	default:
		f.keep(fmt.Errorf("cannot make a host with shell %q: unknown", shell))
	}
	for _, name := range strings.Fields(baseCommands) {
		if realCommand(name) != "" {
			f.link("/.fakehost/bin/"+name, "usr/bin/"+name) // an applet's or shell's link is there first, and stays
		}
	}
	f.link("/usr/bin/ip", "usr/sbin/ip")
}

// realCommand is where this machine has a command, below /usr and with links followed, since /etc/alternatives is not
// inside; empty if it has none.
func realCommand(name string) string {
	for _, dir := range []string{"/usr/bin/", "/usr/sbin/"} {
		if real, err := filepath.EvalSymlinks(dir + name); err == nil && strings.HasPrefix(real, "/usr/") {
			return strings.TrimPrefix(real, "/usr/")
		}
	}
	return ""
}

func (f *furniture) stubs(o Options) {
	entries, err := stubFiles.ReadDir("stubs")
	f.keep(err)
	for _, e := range entries {
		text, err := stubFiles.ReadFile("stubs/" + e.Name())
		f.keep(err)
		f.write(".fakehost/stubs/"+e.Name(), string(text), 0o755)
	}
	f.link("stubs/install", ".fakehost/install")
	for _, set := range []map[string]string{baseStubs, kindStubs[o.Kind]} {
		for path, stub := range set {
			f.keep(os.RemoveAll(filepath.Join(f.root, path)))
			f.link("/.fakehost/stubs/"+stub, path)
		}
	}
	if o.Kind == EL && o.Version != "7" {
		f.link("/.fakehost/stubs/yum", "usr/bin/dnf")
	}
}

// fstab lists the mounts that setup.sh makes.
func (f *furniture) fstab() {
	b := new(strings.Builder)
	fmt.Fprintln(b, "proc @ROOT@/proc proc defaults 0 0")
	fmt.Fprintln(b, "sysfs @ROOT@/sys sysfs defaults 0 0")
	fmt.Fprintln(b, "modules @ROOT@/sys/module tmpfs mode=755 0 0")
	fmt.Fprintln(b, "/usr @ROOT@/.fakehost/real none bind,ro 0 0")
	fmt.Fprintln(b, "@LAN@ @ROOT@/.fakehost/lan none bind 0 0")
	for _, d := range devices {
		fmt.Fprintf(b, "/dev/%s @ROOT@/dev/%s none bind 0 0\n", d, d)
	}
	f.write(".fakehost/fstab", b.String(), 0o644)
}

func (f *furniture) network(o Options) {
	var links, wire, addresses, names strings.Builder
	addresses.WriteString("link set lo up\n")
	for _, i := range o.Interfaces {
		fmt.Fprintf(&links, "link add %s type veth peer name %s netns /.fakehost/wire\n", i.Name, i.Name)
		fmt.Fprintf(&wire, "link set %s up\n", i.Name)
		fmt.Fprintf(&addresses, "link set %s up\n", i.Name)
		for _, a := range i.Addresses {
			fmt.Fprintf(&addresses, "addr add %s brd + dev %s\n", a, i.Name)
		}
		fmt.Fprintln(&names, i.Name)
	}
	if o.Gateway != "" {
		fmt.Fprintf(&addresses, "route add default via %s\n", o.Gateway)
	}
	f.write(".fakehost/links", links.String(), 0o644)
	f.write(".fakehost/wire-links", wire.String(), 0o644)
	f.write(".fakehost/addresses", addresses.String(), 0o644)
	f.write(".fakehost/names", names.String(), 0o644)
}
