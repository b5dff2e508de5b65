package remote

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// Windows has error numbers of its own for connections; those of the same
// names in package syscall never come from the system there.
const (
	errRefused       = windows.WSAECONNREFUSED
	errHostAway      = windows.WSAEHOSTUNREACH
	errNetworkAway   = windows.WSAENETUNREACH
	errReset         = windows.WSAECONNRESET
	errBrokenByWrite = windows.WSAECONNABORTED
)

// systemKnownHosts are the files for all users, where OpenSSH has them.
func systemKnownHosts() []string {
	dir := filepath.Join(os.Getenv("ProgramData"), "ssh")
	return []string{filepath.Join(dir, "ssh_known_hosts"), filepath.Join(dir, "ssh_known_hosts2")}
}

const agentPipe = `\\.\pipe\openssh-ssh-agent`

// dialAgent reaches the agent where $SSH_AUTH_SOCK says, or where OpenSSH for
// Windows has it: a named pipe, which is opened as a file. Requests and answers
// take turns, so reading need not go on while writing.
func dialAgent() (io.ReadWriteCloser, error) {
	socket := firstOf(os.Getenv("SSH_AUTH_SOCK"), agentPipe)
	if strings.HasPrefix(filepath.FromSlash(socket), `\\.\pipe\`) {
		return os.OpenFile(socket, os.O_RDWR, 0)
	}
	return net.Dial("unix", socket)
}
