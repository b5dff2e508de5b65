package fakehost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/pkg/sftp"
	"golang.org/x/sys/unix"
)

// helperEnv says to a copy of the test's program what it is to be inside of a host.
const helperEnv = "FAKEHOST_HELPER"

// Helper is for TestMain, before anything else. Reach and SFTP need a program of their own inside of a host: the test's
// program is started there again, and then never returns from here.
func Helper() {
	var err error
	switch os.Getenv(helperEnv) {
	case "":
		return
	case "sftp":
		err = serveFiles()
	case "listen":
		err = relay(os.Args[1:], "tcp", "unix")
	case "dial":
		err = relay(os.Args[1:], "unix", "tcp")
	default:
		err = errors.New("unknown helper")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fakehost:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// startHelper starts this program inside of the host. It ends with ctx, with its input, or with the host.
func (h *Host) startHelper(ctx context.Context, what, dir string, args []string, in io.Reader, out, errs io.Writer) (*Process, error) {
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, fmt.Errorf("cannot find the program of this test: %w", err)
	}
	defer exe.Close()
	// by its descriptor, for its path is not there inside
	line := append(h.enter(), "/.fakehost/bin/sh", "-c", `cd "$0" && exec /proc/self/fd/3 "$@"`, dir)
	p := h.command(ctx, append(line, args...), in, out, errs)
	p.cmd.Env = append(p.cmd.Env, helperEnv+"="+what)
	p.cmd.ExtraFiles = []*os.File{exe}
	return p, p.start(h)
}

// SFTP serves the host's own files, mounts and all, over one SFTP session, as root, relative paths starting at dir.
func (h *Host) SFTP(ctx context.Context, dir string, in io.Reader, out io.Writer) error {
	if mk, code := h.output(`mkdir -p "$1"`, dir); code != 0 {
		return fmt.Errorf("cannot make %s on %s: %s", dir, h.Name, mk)
	}
	var errs strings.Builder
	p, err := h.startHelper(ctx, "sftp", dir, nil, in, out, &errs)
	if err != nil {
		return err
	}
	if code, err := p.Wait(); code != 0 {
		return fmt.Errorf("sftp on %s ended with %d: %w: %s", h.Name, code, err, errs.String())
	}
	return nil
}

func serveFiles() error {
	server, err := sftp.NewServer(struct {
		io.Reader
		io.WriteCloser
	}{os.Stdin, os.Stdout})
	if err != nil {
		return err
	}
	if err := server.Serve(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// Reach lets programs on h connect to the addresses of other at the given ports, although no packets flow between hosts:
// h takes the connections itself (its kernel routes the addresses to lo) and passes them on, byte by byte, to a process
// on other, which connects to the same address there. So it is other's own server that answers, or nobody. What remains
// different from a network: a refused connection is taken first and then reset, and other sees its own address as the client.
// The test's TestMain must call Helper.
func (h *Host) Reach(other *Host, ports ...int) error {
	var listen, dial []string
	for _, i := range other.opts.Interfaces {
		for _, a := range i.Addresses {
			ip, _, _ := strings.Cut(a, "/")
			if out, code := h.output(`ip route add local "$1" dev lo`, ip); code != 0 {
				return fmt.Errorf("cannot route %s on %s: %s", ip, h.Name, out)
			}
			for _, port := range ports {
				at := net.JoinHostPort(ip, strconv.Itoa(port))
				path := "/.fakehost/lan/." + h.Name + "-" + other.Name + "-" + strconv.Itoa(len(dial)/2)
				dial = append(dial, path, at)
				listen = append(listen, at, path)
			}
		}
	}
	for _, side := range []struct {
		host *Host
		what string
		args []string
	}{{other, "dial", dial}, {h, "listen", listen}} {
		if err := side.host.stay(side.what, side.args); err != nil {
			return fmt.Errorf("cannot let %s reach %s: %w", h.Name, other.Name, err)
		}
	}
	return nil
}

// stay starts a helper that ends with the host, and waits until it is ready.
func (h *Host) stay(what string, args []string) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	var errs strings.Builder
	p, err := h.startHelper(context.Background(), what, "/", args, nil, write, &errs)
	write.Close()
	if err != nil {
		return err
	}
	h.helpers = append(h.helpers, p)
	if _, err := read.Read(make([]byte, 1)); err != nil {
		_, _ = p.Wait()
		return errors.New("the helper does not start: " + errs.String())
	}
	return nil
}

// relay takes connections at every other argument and passes them on to the one after it, until its host ends.
func relay(args []string, from, to string) error {
	// The address may come to an interface of the host later, or never: IP_FREEBIND.
	config := net.ListenConfig{Control: func(network, _ string, c syscall.RawConn) (err error) {
		if network == "unix" {
			return nil
		}
		if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_FREEBIND, 1) }); e != nil {
			return e
		}
		return err
	}}
	for ; len(args) > 1; args = args[2:] {
		l, err := config.Listen(context.Background(), from, args[0])
		if err != nil {
			return err
		}
		go func(target string) {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go pass(c, to, target)
			}
		}(args[1])
	}
	fmt.Println("ready")
	select {} // this process ends with its host
}

func pass(c net.Conn, network, address string) {
	defer c.Close()
	d, err := net.Dial(network, address)
	if err != nil {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		return
	}
	defer d.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{c, d}, {d, c}} {
		both.Go(func() {
			_, _ = io.Copy(way[1], way[0])
			if w, ok := way[1].(interface{ CloseWrite() error }); ok {
				_ = w.CloseWrite()
			}
		})
	}
	both.Wait()
}

// Address returns the host's first address, without its prefix length.
func (h *Host) Address() string {
	for _, i := range h.opts.Interfaces {
		for _, a := range i.Addresses {
			ip, _, _ := strings.Cut(a, "/")
			return ip
		}
	}
	return ""
}

// Args is the command line that runs line on the host in its /bin/sh, for those who start it by other means than Start.
func (h *Host) Args(line string) []string {
	args := append([]string{"env", "-i"}, Environment()...)
	return append(append(args, h.enter()...), "/bin/sh", "-c", `cd && eval "$0"`, line)
}

// Path is where a file of the host lies as seen from outside, its mounts included.
func (h *Host) Path(name string) string {
	return filepath.Join("/proc", strconv.Itoa(h.Pid()), "root", name)
}
