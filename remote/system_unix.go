//go:build unix

package remote

import (
	"errors"
	"io"
	"net"
	"os"
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

// dialAgent reaches the agent.
func dialAgent() (io.ReadWriteCloser, error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, errors.New("no agent")
	}
	return net.Dial("unix", socket)
}
