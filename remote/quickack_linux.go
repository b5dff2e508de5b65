package remote

import (
	"net"

	"syscall"
)

// quickAck tells the kernel to acknowledge at once what arrives on c. sshd
// leaves Nagle's algorithm on, so a delayed ACK of ours costs about 40 ms
// whenever it sends two small packets in a row. The option wears off
// (tcp(7)), which is why it is set around every read.
func quickAck(c net.Conn) func() {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return func() {}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return func() {}
	}
	set := func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) }
	return func() { _ = raw.Control(set) }
}
