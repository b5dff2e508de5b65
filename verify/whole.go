package verify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/lvsdeploy/lvsdeploy/bound"
)

// How big requests and answers are made. A request of requestSize fills a
// segment of every MTU up to 1500 and half of the next. No page of a known
// size can be counted on and none is put anywhere, so the answer of answerSize
// is a run of answers on one connection: the same full segments, windows and
// acknowledgements as of one page of that size.
const (
	requestSize = 2200
	answerSize  = 1 << 20
	mostAnswers = 100 // Apache ends a connection after that many
	batch       = 20  // requests sent ahead of their answers
)

// bigPages come with Apache as packaged, 266 kB and 35 kB where they are there:
// asked for in turn where the page of check_path is smaller.
func bigPages() []string { return []string{"/icons/apache_pb.svg", "/icons/README.html"} }

// stream is what came of one connection with big requests and answers.
type stream struct {
	server  string
	path    string
	answers int
	bytes   int64 // of answers, as they came over the wire
	garbled int   // status of an answer that says our sound request was not
	err     error
}

// lively is a connection that is closed when nothing comes for a while: how
// long a megabyte may take is nobody's to say.
// But little at a time is as good as nothing, and as long as streamLimit
// timeouts a megabyte takes nobody.
type lively struct {
	net.Conn
	timer   *time.Timer
	timeout time.Duration
	read    int64
	counted int64 // of read, when the timer was set
	room    int64 // for the head of an answer
}

const (
	streamLimit = 20
	dripping    = 512 // bytes
)

func (l *lively) Read(p []byte) (int, error) {
	if l.room <= 0 {
		return 0, errEndless
	}
	n, err := l.Conn.Read(p[:min(int64(len(p)), l.room)])
	l.read += int64(n)
	l.room -= int64(n)
	if l.read-l.counted >= dripping {
		l.counted = l.read
		l.timer.Reset(l.timeout)
	}
	return n, err
}

// fetchStream sends one big request, and then as many as it takes for
// answerSize bytes of answers, on one connection. It ends early, without an
// error, where the server ends the connection after a whole answer.
func fetchStream(ctx context.Context, d Dialer, addr netip.AddrPort, path string, timeout time.Duration) (stream, netip.AddrPort) {
	late := fmt.Errorf("nothing more within %v", timeout)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(timeout, func() { cancel(late) })
	defer timer.Stop()
	whole := streamLimit * timeout
	defer time.AfterFunc(whole, func() { cancel(fmt.Errorf("not done in %v", whole)) }).Stop()
	s := stream{path: path}
	raw, err := d.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		s.err = reason(ctx, err, late)
		return s, netip.AddrPort{}
	}
	defer raw.Close()
	from := addrPortOf(raw.LocalAddr())
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	conn := &lively{Conn: raw, timer: timer, timeout: timeout}
	in := bufio.NewReader(conn)

	// send writes n requests and reads their answers; false: no more of them.
	send := func(path string, n, padding int) (size int64, ok bool) {
		text := strings.Repeat(request(addr, path, padding), n)
		timer.Reset(timeout)
		conn.counted = conn.read
		if _, err := io.WriteString(conn, text); err != nil {
			s.err = reason(ctx, err, late)
			return 0, false
		}
		for range n {
			before := conn.read - int64(in.Buffered())
			conn.room = bound.Header
			resp, err := http.ReadResponse(in, nil)
			if err == nil {
				conn.room = 8 * answerSize // with what a body in pieces needs beside
				_, err = io.CopyN(io.Discard, resp.Body, answerSize)
				if err == nil { // it may have no end: this was enough
					s.bytes = conn.read
					s.answers++
					return answerSize, false
				}
				if err == io.EOF {
					err = nil
				}
				resp.Body.Close()
			}
			s.bytes = conn.read
			if err != nil {
				s.err = reason(ctx, err, late)
				if s.bytes > 0 && ctx.Err() == nil && errors.Is(err, io.ErrUnexpectedEOF) {
					s.err = errors.New("the connection was closed in the middle")
				}
				return 0, false
			}
			s.answers++
			size = conn.read - int64(in.Buffered()) - before
			switch resp.StatusCode {
			case http.StatusOK:
			case http.StatusBadRequest:
				s.garbled = resp.StatusCode
				return 0, false
			default:
				size = 0 // an answer, but no page to ask for again
			}
			if resp.Close {
				return size, false
			}
		}
		return size, true
	}

	size, ok := send(path, 1, requestSize)
	for _, big := range bigPages() {
		if !ok || size >= answerSize/mostAnswers {
			break
		}
		var n int64
		if n, ok = send(big, 1, 0); n > size {
			size, s.path = n, big
		}
	}
	for ok && size > 0 && s.bytes < answerSize && s.answers < mostAnswers {
		n := min((answerSize-s.bytes+size-1)/size, batch, int64(mostAnswers-s.answers))
		_, ok = send(s.path, int(n), 0)
	}
	return s, from
}

// request is a GET, made longer by a header that means nothing.
func request(addr netip.AddrPort, path string, size int) string {
	head := "GET " + path + " HTTP/1.1\r\nHost: " + addr.String() + "\r\nUser-Agent: lvsdeploy-verify\r\n"
	const padding = "X-Padding: "
	if n := size - len(head) - len(padding) - 4; n > 0 {
		head += padding + strings.Repeat("x", n) + "\r\n"
	}
	return head + "\r\n"
}

// whole has each real server prove that big requests and answers get through:
// a connection each, or as many as it takes to meet all of them.
func (v *serviceRun) whole(ctx context.Context, r *run, d Dialer, t *tracker) {
	live := 0
	for _, w := range v.webs {
		if w.Weight > 0 {
			live++
		}
	}
	most := 2 * live
	if v.result.Persistent || promiseOf(v.service.Scheduler, false).kind == sticky {
		most = 1
	}
	met := map[string]bool{}
	for n := 1; n <= most && len(met) < live && ctx.Err() == nil; n++ {
		r.progress(r.options.From, "%s: big requests and answers, connection %d", v.result.VIP, n)
		s, from := fetchStream(ctx, d, v.service.Endpoint(), v.service.CheckPath, r.options.Timeout)
		if hit := t.find(from, s.err != nil); len(hit) == 1 {
			s.server = v.name(hit[0].dest)
		}
		if s.garbled > 0 && v.refusesItself(ctx, r, s.server) {
			s.garbled = 0
		}
		if met[s.server] && s.err == nil && s.garbled == 0 {
			continue
		}
		met[s.server] = true
		v.streams = append(v.streams, s)
		if s.err != nil {
			break // each would be waited for
		}
	}
}

// refusesItself reports that a server gives the same refusal to the director,
// who asks it directly: then it is the request it minds, not the way.
func (v *serviceRun) refusesItself(ctx context.Context, r *run, server string) bool {
	for _, w := range v.webs {
		if w.Name == server {
			s, _ := fetchStream(ctx, r.host(r.cluster.Director.Name), realAddr(w, v.service), v.service.CheckPath, r.options.Timeout)
			return s.garbled > 0
		}
	}
	return false
}

// wholeChecks says what the streams proved.
func (v *serviceRun) wholeChecks() []Check {
	var cs []Check
	for _, s := range v.streams {
		host, who := s.server, s.server
		if v.share(s.server) == nil {
			host, who = v.result.From, "a real server (not known which)"
		}
		hint := fmt.Sprintf("compare the MTUs on the way between %s and %s (`ip link`; `ping -M do -s 1472`), and whether a firewall drops ICMP", who, v.result.From)
		switch {
		case s.garbled > 0:
			cs = append(cs, bad(nameWhole, fmt.Sprintf("a sound request of %d bytes to %s reaches %s garbled: HTTP status %d, while short ones are understood",
				requestSize, v.result.VIP, who, s.garbled),
				"on the director, turn off merging of received segments: `ethtool -K "+v.device+" gro off` (or `ip link set dev "+v.device+" gro_max_size 1`); without effect, compare the frames on both sides of it").on(host))
		case s.err != nil && s.answers == 0:
			cs = append(cs, bad(nameWhole, fmt.Sprintf("a request of %d bytes to %s through %s is not answered whole: %v, after %s",
				requestSize, v.result.VIP, who, s.err, amount(s.bytes)), hint).on(host))
		case s.err != nil:
			cs = append(cs, bad(nameWhole, fmt.Sprintf("the answers of %s to %s do not arrive whole: %v, after %s",
				who, v.result.From, s.err, amount(s.bytes)), hint).on(host))
		case s.bytes < answerSize:
			cs = append(cs, good(nameWhole, "a request of %d bytes and %s of answers arrived whole (%d × %s; the server ended the connection, a larger page for check_path proves more)",
				requestSize, amount(s.bytes), s.answers, s.path).on(host))
		default:
			cs = append(cs, good(nameWhole, "a request of %d bytes and %s of answers on one connection arrived whole (%d × %s)",
				requestSize, amount(s.bytes), s.answers, s.path).on(host))
		}
	}
	return cs
}

func amount(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
