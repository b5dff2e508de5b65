//go:build lab

package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// holdMain is a client that keeps connections: "open" asks for a page that is
// too long for all the buffers on its way and reads its first line only, "close
// N" ends the Nth. It answers each with a line.
func holdMain(address string) int {
	var open []net.Conn
	small := net.Dialer{Timeout: 10 * time.Second, Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) }); e != nil {
			return e
		}
		return err
	}}
	ask := func() (string, error) {
		conn, err := small.Dial("tcp", address)
		if err != nil {
			return "", err
		}
		open = append(open, conn)
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return "", err
		}
		if _, err := io.WriteString(conn, "GET /long HTTP/1.0\r\n\r\n"); err != nil {
			return "", err
		}
		in := bufio.NewReader(conn)
		for {
			line, err := in.ReadString('\n')
			if line = strings.TrimSpace(line); err != nil || line == "" {
				line, err = in.ReadString('\n')
				return strings.TrimSpace(line), err
			}
		}
	}
	words := bufio.NewScanner(os.Stdin)
	for words.Scan() {
		var n int
		if words.Text() == "open" {
			who, err := ask()
			if err != nil {
				who = "error: " + err.Error()
			}
			fmt.Println(who)
		} else if _, err := fmt.Sscanf(words.Text(), "close %d", &n); err == nil && n < len(open) {
			fmt.Println("closed", open[n].Close())
		}
	}
	return 0
}

// talk is a program that answers a line with a line.
type talk struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startTalk(t *testing.T, cmd *exec.Cmd) *talk {
	t.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &talk{cmd, in, bufio.NewReader(out)}
}

func (c *talk) ask(t *testing.T, word string) string {
	t.Helper()
	_, err := io.WriteString(c.in, word+"\n")
	var line string
	if err == nil {
		line, err = c.out.ReadString('\n')
	}
	if err != nil {
		t.Fatalf("no answer to %q: %v", word, err)
	}
	return strings.TrimSpace(line)
}

func (c *talk) end() {
	_ = c.in.Close()
	_ = c.cmd.Wait()
}

// servers is the load of each real server as the kernel counts it (ip_vs_dest_conn_overhead): an
// active connection is 256, one that has ended and is remembered is 1.
type servers map[string]struct{ weight, active, inactive int }

// least is the server that lc chooses, with weights wlc; none where ended
// connections alone would decide.
func (s servers) least() string {
	cost := func(name string) float64 {
		return float64(s[name].active*256+s[name].inactive) / float64(s[name].weight)
	}
	one, two := cost("web1"), cost("web2")
	switch {
	case max(one, two)-min(one, two) < 64:
		return ""
	case one < two:
		return "web1"
	}
	return "web2"
}

// drSchedulers holds who gets a request against what each scheduler must do,
// given the connections that are open: web1's requests last until the end,
// web2's are over when three more have come.
func drSchedulers(b *bench, t *testing.T) {
	for _, h := range []string{"web1", "web2"} {
		b.on(t, h, "echo "+h+" >/var/www/html/long && truncate -s 16M /var/www/html/long")
	}
	defer func() {
		for _, h := range []string{"web1", "web2"} {
			b.on(t, h, "rm /var/www/html/long")
		}
	}()
	// Where as many are open on both, those that have ended decide, and nothing
	// is foretold: that may be more than half of lc's.
	const n = 24
	for _, c := range []struct {
		name   string
		change []string
		weight int // of web1
		exact  int // what web1 gets; -1: what the open connections make of it
		least  int
		most   int
	}{
		// these count requests, and never mind how long they last
		{"wrr 3:1", drWrr, 3, n * 3 / 4, 0, 0},
		{"rr", nil, 1, n / 2, 0, 0},
		// these look at what is open: web2 never has more than three
		{"lc", drLc, 1, -1, 2, 5},
		{"wlc 3:1", drWlc, 3, -1, 7, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.dr(t, b.inventory(t, "dr-scheduler", c.change...))
			got, decided := b.shares(t, n, c.weight, c.exact < 0)
			switch {
			case c.exact >= 0 && got["web1"] != c.exact:
				t.Errorf("web1 and web2 got %d and %d of %d, want %d and %d", got["web1"], got["web2"], n, c.exact, n-c.exact)
			case c.exact < 0 && (got["web1"] < c.least || got["web1"] > c.most || decided < n/3):
				t.Errorf("slow web1 got %d of %d, want %d to %d; %d were decided by open connections", got["web1"], n, c.least, c.most, decided)
			}
			b.claim(t, "%s: of %d requests slow web1 got %d, fast web2 %d; the connections open then decided %d, as they must", c.name, n, got["web1"], got["web2"], decided)
		})
	}
	b.dr(t, "")
	b.drSettled(t)
}

// shares sends n requests, one after the other, and says who got how many. If
// asked, it predicts each.
func (b *bench) shares(t *testing.T, n, weight int, predict bool) (got map[string]int, decided int) {
	t.Helper()
	hold := b.lab.Command(b.ctx, b.self)
	hold.Env = append(hold.Env, envHold+"=192.168.1.48:80")
	client := startTalk(t, hold)
	defer client.end() // with which all connections end
	// not ipvsadm: its numbers are late
	table := startTalk(t, b.lab.Command(b.ctx, b.lab.SSHLine("director", `while read -r word; do awk '$1 == "->" && $2 ~ /:0050$/ { print $2, $5, $6 }' /proc/net/ip_vs | tr '\n' ' '; echo; done`)...))
	defer table.end()

	got = map[string]int{}
	var fast []int // web2's that are open
	slow := 0
	for i := range n {
		if len(fast) > 0 && i-fast[0] > 3 {
			client.ask(t, fmt.Sprintf("close %d", fast[0]))
			fast = fast[1:]
		}
		now := b.counted(t, table, slow, len(fast), weight)
		want := now.least()
		who := client.ask(t, "open")
		switch got[who]++; who {
		case "web1":
			slow++
		case "web2":
			fast = append(fast, i)
		default:
			t.Fatalf("request %d: %s", i+1, who)
		}
		if !predict || want == "" {
			continue
		}
		if decided++; who != want {
			t.Errorf("request %d went to %s, want %s: %+v", i+1, who, want, now)
		}
	}
	return got, decided
}

// counted waits until the director counts the connections that are open.
func (b *bench) counted(t *testing.T, table *talk, slow, fast, weight int) servers {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		line := table.ask(t, "")
		s := servers{}
		words := strings.Fields(line)
		for i := 0; i+2 < len(words); i += 3 {
			var active, inactive int
			_, err := fmt.Sscan(words[i+1]+" "+words[i+2], &active, &inactive)
			switch words[i] {
			case "C0A80114:0050":
				s["web1"] = struct{ weight, active, inactive int }{weight, active, inactive}
			case "C0A8011E:0050":
				s["web2"] = struct{ weight, active, inactive int }{1, active, inactive}
			}
			if err != nil {
				t.Fatalf("not a table: %q", line)
			}
		}
		if len(s) == 2 && s["web1"].active == slow && s["web2"].active == fast {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("%d and %d connections are open, the director counts %q", slow, fast, line)
		}
	}
}
