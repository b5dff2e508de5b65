//go:build lab

package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// The client of the scenario: requests at a steady rate, each on a connection
// of its own, from the workstation. An empty line on its standard input ends
// an interval, of which it tells.
const (
	loadRate    = 65 // a second; at least 50 have to be reached
	loadLeast   = 50
	loadWorkers = 48
	loadTimeout = 5 * time.Second
)

// interval is what happened between two empty lines.
type interval struct {
	Seconds float64
	Total   int
	Failed  int
	Slowest float64 // seconds
	Bodies  map[string]int
	Errors  []string // the first few
}

func (i interval) String() string {
	return fmt.Sprintf("%d requests in %.0f s (%.0f/s), %d failed, the slowest %.0f ms", i.Total, i.Seconds, float64(i.Total)/i.Seconds, i.Failed, i.Slowest*1000)
}

func loadMain(url string) int {
	client := &http.Client{
		Timeout: loadTimeout,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       (&net.Dialer{Timeout: loadTimeout}).DialContext,
		},
	}
	var mu sync.Mutex
	began := time.Now()
	now := interval{Bodies: map[string]int{}}
	ask := func() {
		start := time.Now()
		body, err := get(client, url)
		took := time.Since(start).Seconds()
		mu.Lock()
		defer mu.Unlock()
		now.Total++
		now.Slowest = max(now.Slowest, took)
		now.Bodies[body]++
		if err != nil {
			now.Failed++
			if len(now.Errors) < 5 {
				now.Errors = append(now.Errors, fmt.Sprintf("%s, after %.3f s: %v", start.Format(time.TimeOnly), took, err))
			}
		}
	}
	ticks := make(chan struct{}, 4*loadRate) // a short stall is made up for
	var workers sync.WaitGroup
	for range loadWorkers {
		workers.Go(func() {
			for range ticks {
				ask()
			}
		})
	}
	quit := make(chan struct{})
	var pacer sync.WaitGroup
	pacer.Go(func() {
		defer close(ticks)
		tick := time.NewTicker(time.Second / loadRate)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				select {
				case ticks <- struct{}{}:
				default: // all workers are busy: the rate will tell
				}
			}
		}
	})
	tell := func() {
		mu.Lock()
		defer mu.Unlock()
		now.Seconds = time.Since(began).Seconds()
		_ = json.NewEncoder(os.Stdout).Encode(now) // an end that nobody reads is an end
		began, now = time.Now(), interval{Bodies: map[string]int{}}
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		tell()
	}
	close(quit)
	pacer.Wait()
	workers.Wait()
	tell()
	return 0
}

func get(client *http.Client, url string) (string, error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	switch {
	case err != nil:
		return "", err
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("status %d", resp.StatusCode)
	case !strings.HasPrefix(string(body), "this is "):
		return "", fmt.Errorf("not a page of ours: %.60q", body)
	}
	return strings.TrimSpace(string(body)), nil
}

// load is the client while it runs.
type load struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *json.Decoder
	ended bool
}

func (b *bench) startLoad(t *testing.T, url string) *load {
	t.Helper()
	l := &load{cmd: b.lab.Command(b.ctx, b.self)}
	l.cmd.Env = append(l.cmd.Env, envLoad+"="+url)
	l.cmd.Stderr = os.Stderr
	var err error
	if l.in, err = l.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.out = json.NewDecoder(out)
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !l.ended {
			_ = l.cmd.Process.Kill()
			_ = l.cmd.Wait()
		}
	})
	return l
}

// since ends an interval and says what happened in it.
func (l *load) since(t *testing.T) interval {
	t.Helper()
	_, err := io.WriteString(l.in, "\n")
	return l.read(t, err)
}

// end stops the client; what was under way is waited for.
func (l *load) end(t *testing.T) interval {
	t.Helper()
	err := l.in.Close()
	i := l.read(t, err)
	l.ended = true
	if err := l.cmd.Wait(); err != nil {
		t.Errorf("the client: %v", err)
	}
	return i
}

func (l *load) read(t *testing.T, err error) interval {
	t.Helper()
	var i interval
	if err == nil {
		err = l.out.Decode(&i)
	}
	if err != nil {
		t.Fatalf("the client has died: %v", err)
	}
	return i
}

// judge demands that nobody noticed what was done in an interval.
func (b *bench) judge(t *testing.T, what string, i interval) {
	t.Helper()
	b.note("%s: %v", what, i)
	if i.Failed > 0 {
		t.Errorf("%s: %d of %d requests failed\n%s", what, i.Failed, i.Total, strings.Join(i.Errors, "\n"))
	}
	if rate := float64(i.Total) / i.Seconds; rate < loadLeast {
		t.Errorf("%s: only %.0f requests a second", what, rate)
	}
}
