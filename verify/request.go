package verify

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lvsdeploy/lvsdeploy/bound"
)

// page is an answer to a GET.
type page struct {
	status int
	first  string // of its lines
	digest string
}

// capped is a connection of which no more is read than there is room for.
type capped struct {
	io.Reader
	room int64
}

// errEndless is what is wrong with an answer that does not begin: header after
// header.
var errEndless = fmt.Errorf("no answer in the first %d kB", bound.Header>>10)

func (c *capped) Read(p []byte) (int, error) {
	if c.room <= 0 {
		return 0, errEndless
	}
	n, err := c.Reader.Read(p[:min(int64(len(p)), c.room)])
	c.room -= int64(n)
	return n, err
}

// get asks for one page on a new connection, which it closes. The local end
// of the connection is returned as far as it is known, also after an error.
func get(ctx context.Context, d Dialer, addr netip.AddrPort, path string, timeout time.Duration) (page, netip.AddrPort, error) {
	late := fmt.Errorf("no answer within %v", timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, late)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return page{}, netip.AddrPort{}, reason(ctx, err, late)
	}
	defer conn.Close()
	from := addrPortOf(conn.LocalAddr())
	// A connection through SSH knows no deadline; closing works for every kind.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr.String()+path, nil)
	if err != nil {
		return page{}, from, err
	}
	req.Close = true
	req.Header.Set("User-Agent", "lvsdeploy-verify")
	if err := req.Write(conn); err != nil {
		return page{}, from, reason(ctx, err, late)
	}
	in := &capped{conn, bound.Header}
	resp, err := http.ReadResponse(bufio.NewReader(in), req)
	if err != nil {
		return page{}, from, reason(ctx, err, late)
	}
	defer resp.Body.Close()
	in.room = 8 * bound.Page // with what a body in pieces needs beside
	body, err := io.ReadAll(io.LimitReader(resp.Body, bound.Page))
	if err != nil {
		return page{}, from, reason(ctx, err, late)
	}
	p := pageOf(resp.StatusCode, string(body))
	if p.status >= 400 {
		return p, from, fmt.Errorf("HTTP status %d", p.status)
	}
	return p, from, nil
}

// pageOf leaves line ends out of the digest: a page that a host's shell passed
// on has lost the last ones.
func pageOf(status int, body string) page {
	body = body[:min(len(body), bound.Page)]
	sum := sha256.Sum256([]byte(strings.TrimRight(strings.ReplaceAll(body, "\r", ""), "\n")))
	return page{status: status, first: firstLine(body), digest: string(sum[:])}
}

// reason is why an exchange failed, in few words: our own limit where that
// ended it, rather than "use of closed network connection", and no address,
// which is said beside it.
func reason(ctx context.Context, err, late error) error {
	var netErr net.Error
	var opErr *net.OpError
	switch {
	case errors.Is(err, errEndless):
		return errEndless
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &netErr) && netErr.Timeout():
		return late // the dialer's clock was a moment ahead of ours
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed without an answer")
	case errors.As(err, &opErr):
		return opErr.Err
	}
	return err
}

// firstLine is the first line of a text that shows anything, fit for a
// terminal: no control characters, at most 80 runes.
func firstLine(s string) string {
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var b strings.Builder
		n := 0
		for _, c := range line {
			if n++; n > 80 {
				b.WriteString("…")
				break
			}
			if c == utf8.RuneError || !unicode.IsPrint(c) {
				c = '.'
			}
			b.WriteRune(c)
		}
		return b.String()
	}
	return ""
}
