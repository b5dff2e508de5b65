package verify

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/bound"
	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// connection is a line of the director's /proc/net/ip_vs_conn. It is there as
// soon as the first packet was scheduled, and stays for two minutes after the
// end (ten seconds after a reset): it says who served, exactly.
type connection struct {
	from, to, dest netip.AddrPort
}

func parseConnections(lines []string) []connection {
	var cs []connection
	for _, line := range lines {
		w := strings.Fields(line)
		if len(w) < 8 {
			continue
		}
		from, ok1 := hexAddrPort(w[1], w[2])
		to, ok2 := hexAddrPort(w[3], w[4])
		dest, ok3 := hexAddrPort(w[5], w[6])
		// Port 0 marks a template of persistence, not a connection.
		if ok1 && ok2 && ok3 && from.Port() != 0 {
			cs = append(cs, connection{from, to, dest})
		}
	}
	return cs
}

func hexAddrPort(addr, port string) (netip.AddrPort, bool) {
	a, err1 := strconv.ParseUint(addr, 16, 32)
	p, err2 := strconv.ParseUint(port, 16, 16)
	if err1 != nil || err2 != nil || len(addr) != 8 {
		return netip.AddrPort{}, false
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(a))
	return netip.AddrPortFrom(netip.AddrFrom4(b), uint16(p)), true
}

// pattern is the grep expression for a service's connections from a source,
// of which address or port may be unknown.
func pattern(protocol string, from netip.AddrPort, to netip.AddrPort) string {
	addr, port := "[0-9A-F]*", "[0-9A-F]*"
	if from.Addr().IsValid() {
		addr = hexAddr(from.Addr())
	}
	if from.Port() != 0 {
		port = fmt.Sprintf("%04X", from.Port())
	}
	return fmt.Sprintf("^%s  *%s %s %s %04X ", strings.ToUpper(protocol), addr, port, hexAddr(to.Addr()), to.Port())
}

func hexAddr(a netip.Addr) string {
	return fmt.Sprintf("%X", binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(a.Unmap().AsSlice()[:4])))
}

// addrPortOf is the address and port of a connection's end; zero if it has none
// (a connection forwarded by SSH does not say where it came from).
func addrPortOf(a net.Addr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil || ap.Addr().IsUnspecified() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// watcher asks the director about its table, over one program for all requests.
type watcher struct {
	prog io.ReadWriteCloser
	in   *bound.Lines
	look time.Duration // for one answer
	stop func() bool
	late error // it did not come in time
}

func watch(ctx context.Context, h Host, look time.Duration) (*watcher, error) {
	prog, err := h.Program(ctx, watchScript)
	if err != nil {
		return nil, err
	}
	w := &watcher{prog: prog, in: bound.NewLines(prog, "an answer", bound.Answer), look: look}
	w.stop = context.AfterFunc(ctx, func() { prog.Close() })
	return w, nil
}

func (w *watcher) close() {
	w.stop()
	w.prog.Close()
}

// ask sends one question and returns the lines of the answer.
func (w *watcher) ask(question string) ([]string, error) {
	if w.late != nil {
		return nil, w.late
	}
	quiet := bound.NewSilence(w.look, func() bool { w.prog.Close(); return true })
	lines, err := w.answer(question)
	if quiet.End() {
		w.late = bound.Silent(w.look, "it was asked who served")
		return nil, w.late
	}
	return lines, err
}

func (w *watcher) answer(question string) ([]string, error) {
	if _, err := io.WriteString(w.prog, question+"\n"); err != nil {
		return nil, fmt.Errorf("cannot ask the director: %w", err)
	}
	w.in.Expect("an answer", bound.Answer)
	var lines []string
	line, err := w.in.Next()
	for ; err == nil; line, err = w.in.Next() {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "end" {
			return lines, nil
		}
		lines = append(lines, line)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return nil, fmt.Errorf("cannot read the director's answer: %w", err)
}

func (w *watcher) connections(s *inventory.Service, from netip.AddrPort) ([]connection, error) {
	lines, err := w.ask("connections " + pattern(s.Protocol, from, s.Endpoint()))
	if err != nil {
		return nil, err
	}
	return parseConnections(lines), nil
}

func (w *watcher) loads(s *inventory.Service) (string, []load, bool, error) {
	lines, err := w.ask("table")
	if err != nil {
		return "", nil, false, err
	}
	scheduler, loads, found := parseLoads(lines, s)
	return scheduler, loads, found, nil
}
