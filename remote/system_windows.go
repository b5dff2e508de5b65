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

// dialAgent reaches the agent at socket, or where $SSH_AUTH_SOCK says, or where OpenSSH for
// Windows has it: a named pipe, which is opened as a file. Requests and answers
// take turns, so reading need not go on while writing.
func dialAgent(socket string) (io.ReadWriteCloser, error) {
	socket = firstOf(socket, os.Getenv("SSH_AUTH_SOCK"), agentPipe)
	if strings.HasPrefix(filepath.FromSlash(socket), `\\.\pipe\`) {
		return os.OpenFile(socket, os.O_RDWR, 0)
	}
	return net.Dial("unix", socket)
}

// systemConfig is the directory of the ssh_config for all users.
func systemConfig() string { return filepath.Join(os.Getenv("ProgramData"), "ssh") }

// Who may read or write a file is in its list of rights there, which is not
// looked at.
func writableByOthers(string) error               { return nil }
func readableByOthers(string) (os.FileMode, bool) { return 0, false }
