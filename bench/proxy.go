package main

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// proxy passes connections on, later: half of rtt each way, whatever the
// amount, and one rtt and a half before the other side sees the connection, as
// with a handshake over such a distance. drop connections are closed first.
// It ends with ctx.
func proxy(ctx context.Context, listen, target string, rtt time.Duration, drop int) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if drop > 0 {
				drop--
				_ = c.Close()
				continue
			}
			go relay(ctx, c, target, rtt)
		}
	}()
	return nil
}

func relay(ctx context.Context, c net.Conn, target string, rtt time.Duration) {
	defer c.Close()
	accepted := time.Now()
	time.Sleep(rtt + rtt/2)
	d, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer d.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close(); _ = d.Close() })
	defer stop()
	var both sync.WaitGroup
	// what the client says at once it would say only after the handshake
	both.Go(func() { delay(d, c, rtt/2, accepted.Add(rtt+rtt/2)) })
	both.Go(func() { delay(c, d, rtt/2, time.Time{}) })
	both.Wait()
}

type chunk struct {
	data []byte
	due  time.Time
}

// delay copies from one side to the other; nothing arrives before earliest.
func delay(to, from net.Conn, by time.Duration, earliest time.Time) {
	under := make(chan chunk, 4096) // on its way
	go func() {
		defer close(under)
		for {
			data := make([]byte, 32<<10)
			n, err := from.Read(data)
			if n > 0 {
				under <- chunk{data[:n], time.Now().Add(by)}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range under {
		if c.due.Before(earliest) {
			c.due = earliest
		}
		time.Sleep(time.Until(c.due))
		if _, err := to.Write(c.data); err != nil {
			_ = from.Close()
			_, _ = io.Copy(io.Discard, from)
			for range under { //nolint:revive // let the reader end
			}
			return
		}
	}
	if w, ok := to.(*net.TCPConn); ok {
		_ = w.CloseWrite()
	}
}
