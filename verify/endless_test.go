package verify

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/bound"
)

// endless are web servers whose answers have no end, or no beginning: what they
// send after a request, until it is taken no more. want is what get says, empty
// if it is an answer.
func endless() map[string]struct {
	serve func(io.Writer)
	want  string
} {
	forever := func(w io.Writer, text string, pause time.Duration) {
		for {
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}
	block := strings.Repeat("x", 32<<10)
	const head = "HTTP/1.1 200 OK\r\n"
	type server = struct {
		serve func(io.Writer)
		want  string
	}
	return map[string]server{
		"a page without end": {func(w io.Writer) { io.WriteString(w, head+"\r\n"); forever(w, block, 0) }, ""},
		"a page of 300 MB":   {func(w io.Writer) { io.WriteString(w, head+"Content-Length: 300000000\r\n\r\n"); forever(w, block, 0) }, ""},
		"pieces without end": {func(w io.Writer) {
			io.WriteString(w, head+"Transfer-Encoding: chunked\r\n\r\n")
			forever(w, "1000\r\n"+block[:4096]+"\r\n", 0)
		}, ""},
		"tiny pieces": {func(w io.Writer) {
			io.WriteString(w, head+"Transfer-Encoding: chunked\r\n\r\n")
			forever(w, "1\r\nx\r\n", 0)
		}, ""},
		"headers without end":  {func(w io.Writer) { io.WriteString(w, head); forever(w, "X-More: "+block[:1000]+"\r\n", 0) }, "no answer in the first 64 kB"},
		"one header":           {func(w io.Writer) { io.WriteString(w, head+"X-More: "); forever(w, block, 0) }, "no answer in the first 64 kB"},
		"no line":              {func(w io.Writer) { forever(w, block, 0) }, "no answer in the first 64 kB"},
		"zeros":                {func(w io.Writer) { forever(w, strings.Repeat("\x00", 32<<10), 0) }, "no answer in the first 64 kB"},
		"a page that drips":    {func(w io.Writer) { io.WriteString(w, head+"\r\n"); forever(w, "x", 50*time.Millisecond) }, "no answer within 1s"},
		"headers that drip":    {func(w io.Writer) { io.WriteString(w, head); forever(w, "A: b\r\n", 50*time.Millisecond) }, "no answer within 1s"},
		"nothing":              {func(w io.Writer) { select {} }, "no answer within 1s"},
		"a redirect to itself": {func(w io.Writer) { io.WriteString(w, "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n") }, ""},
		"a page of its length": {func(w io.Writer) { io.WriteString(w, head+"Content-Length: 5\r\n\r\nhello") }, ""},
	}
}

// serveRaw answers each connection so.
func serveRaw(t *testing.T, serve func(io.Writer)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				go func() { _, _ = io.Copy(io.Discard, c) }()
				serve(c)
				c.Close()
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

// TestEndless: whatever a web server sends, a request ends in its time, and
// takes no more memory than a page of ordinary size.
func TestEndless(t *testing.T) {
	for name, s := range endless() {
		t.Run(name, func(t *testing.T) {
			addr := serveRaw(t, s.serve)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			p, _, err := get(t.Context(), &net.Dialer{}, addr, "/", time.Second)
			runtime.ReadMemStats(&after)
			if said := fmt.Sprint(err); err == nil && s.want != "" || err != nil && said != s.want {
				t.Errorf("get: %v, want %q", err, s.want)
			}
			if s.want == "" && p.status == 0 {
				t.Error("it answered, and has no status")
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("get took %v", took)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
				t.Errorf("get took %d MB of memory", n>>20)
			}
			began = time.Now()
			stream, _ := fetchStream(t.Context(), &net.Dialer{}, addr, "/", 500*time.Millisecond)
			if took := time.Since(began); took > 14*time.Second {
				t.Errorf("a stream took %v", took)
			}
			if big := strings.Contains(name, "page without") || strings.Contains(name, "300 MB"); big && (stream.err != nil || stream.bytes < answerSize || stream.bytes > 2*answerSize) {
				t.Errorf("a stream of large pages: %+v", stream)
			}
		})
	}
}

// TestLargePage: a web passes on what is compared of its own page, by any tool
// and in any shell, and the page counts as answered.
func TestLargePage(t *testing.T) {
	t.Parallel()
	large := serveRaw(t, endless()["a page of 300 MB"].serve)
	small := serveRaw(t, endless()["a page of its length"].serve)
	for shell, argv := range shells() {
		for _, tool := range []string{"curl", "wget", "perl"} {
			t.Run(shell+" "+tool, func(t *testing.T) {
				t.Parallel()
				bin := t.TempDir()
				for _, name := range []string{tool, "timeout", "sed", "head", "cat", "ls", "ip"} {
					if at, err := exec.LookPath(name); err == nil {
						if err := os.Symlink(at, filepath.Join(bin, name)); err != nil {
							t.Fatal(err)
						}
					}
				}
				pageOfAll := ""
				for _, addr := range []netip.AddrPort{large, small} {
					text := script(webScript, addr.Addr().String(), fmt.Sprint(addr.Port()), "/", "")
					text = strings.Replace(text, "PATH=$PATH:/usr/sbin:/sbin", "PATH="+bin, 1)
					argv := append(argv[1:len(argv):len(argv)], "-c", text)
					at, err := exec.LookPath(shells()[shell][0])
					if err != nil {
						t.Fatal(err)
					}
					out, err := exec.Command(at, argv...).Output()
					if err != nil || len(out) > bound.Page+bound.Header+64<<10 {
						t.Fatalf("%d bytes, %v", len(out), err)
					}
					p, err := parsePage(parseFacts(string(out)))
					if err != nil || p.status != 200 {
						t.Errorf("of %v: %v, %+v", addr, err, p.status)
					}
					pageOfAll += p.first + " "
				}
				if !strings.HasSuffix(pageOfAll, "hello ") || !strings.HasPrefix(pageOfAll, "xxx") {
					t.Errorf("the pages begin %q", pageOfAll)
				}
			})
		}
	}
}
