//go:build unix

package remote

import (
	"errors"
	"io"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// How connections fail; Windows has numbers of its own.
const (
	errRefused       = syscall.ECONNREFUSED
	errHostAway      = syscall.EHOSTUNREACH
	errNetworkAway   = syscall.ENETUNREACH
	errReset         = syscall.ECONNRESET
	errBrokenByWrite = syscall.EPIPE
)

// systemKnownHosts are the files for all users, where OpenSSH has them.
func systemKnownHosts() []string {
	return []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
}

// dialAgent reaches the agent at socket, or where $SSH_AUTH_SOCK says.
func dialAgent(socket string) (io.ReadWriteCloser, error) {
	socket = firstOf(socket, os.Getenv("SSH_AUTH_SOCK"))
	if socket == "" {
		return nil, errNoAgent
	}
	return net.Dial("unix", socket)
}

// systemConfig is the directory of the ssh_config for all users.
func systemConfig() string { return "/etc/ssh" }

// writableByOthers says why ssh(1) would not read this ssh_config.
func writableByOthers(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // who opens it says why
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 && int(owner.Uid) != os.Getuid() {
		return errors.New("it belongs to somebody else")
	}
	if info.Mode()&0o002 != 0 || info.Mode()&0o020 != 0 && !ownGroup(info) {
		return errors.New("others may write it")
	}
	return nil
}

// readableByOthers reports whether a private key of ours is open to others.
func readableByOthers(path string) (os.FileMode, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return info.Mode().Perm(), ok && int(owner.Uid) == os.Getuid() && info.Mode()&0o077 != 0
}

// ownGroup reports whether a file's group is that of its user alone, as many
// systems make one for each. Debian's ssh takes such a file.
func ownGroup(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	g, err := user.LookupGroupId(strconv.Itoa(int(stat.Gid)))
	return err == nil && g.Name == localUser() && int(stat.Gid) == os.Getgid()
}
