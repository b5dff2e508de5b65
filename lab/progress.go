package lab

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress tells what is being done, at least every five seconds.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	start time.Time
}

func newProgress(w io.Writer) *progress {
	if w == nil {
		w = io.Discard
	}
	return &progress{w: w, start: time.Now()}
}

func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, "lab: %3.0f s  %s\n", time.Since(p.start).Seconds(), fmt.Sprintf(format, args...))
}

// during runs do, and says status() whenever three seconds have passed.
func (p *progress) during(status func() string, do func() error) error {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(3 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.say("%s", status())
			case <-done:
				return
			}
		}
	})
	defer wg.Wait()
	defer close(done)
	return do()
}
