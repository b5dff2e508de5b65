package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"net"
)

// some are results as they might be: names with what XML must not see raw.
func some() *Results {
	sample := func(wall, cpu float64) Row {
		return row(nameOurs, []Sample{{wall, cpu, 1 << 14, 0}, {wall * 3, cpu, 1 << 14, 0}, {wall * 2, cpu, 1 << 13, 0}})
	}
	ours, theirs := sample(0.25, 0.05), sample(60, 20)
	theirs.Name = nameMitogen
	return &Results{Version: "1.0<&>", Machine: "2 cores", Cases: []Case{{Name: "4 hosts", Rows: []Row{ours, theirs}}},
		Trouble: &Trouble{Hosts: 200, Down: 10, Without: spread([]float64{1}), With: spread([]float64{2}), Whole: spread([]float64{3})}}
}

func TestSpread(t *testing.T) {
	if got, want := spread([]float64{3, 1, 2, 10}), (Spread{2.5, 1, 10}); got != want {
		t.Errorf("spread is %v, want %v", got, want)
	}
}

func TestTable(t *testing.T) {
	table := some().Table()
	for _, want := range []string{"0.500     0.250…0.750", "240.00", "400.00", "16", "without trouble    1.000"} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in the table:\n%s", want, table)
		}
	}
}

func TestSVG(t *testing.T) {
	for _, r := range []*Results{some(), {}} {
		d := xml.NewDecoder(strings.NewReader(r.SVG()))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("cannot read the picture: %v\n%s", err, r.SVG())
			}
		}
	}
}

// TestProxy holds the proxy to the delay that it promises: a handshake and a
// question are two round trips.
func TestProxy(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	listen, err := net.Listen("tcp", "127.0.0.1:0") // for a port that is free
	if err != nil {
		t.Fatal(err)
	}
	at := listen.Addr().String()
	_ = listen.Close()
	const rtt = 40 * time.Millisecond
	if err := proxy(t.Context(), at, echo.Addr().String(), rtt, 1); err != nil {
		t.Fatal(err)
	}
	ask := func() (time.Duration, error) {
		began := time.Now()
		c, err := net.Dial("tcp", at)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		if _, err := c.Write([]byte("?")); err != nil {
			return 0, err
		}
		_, err = c.Read(make([]byte, 1))
		return time.Since(began), err
	}
	if _, err := ask(); err == nil {
		t.Error("the first connection was not dropped")
	}
	took, err := ask()
	if err != nil || took < 2*rtt || took > 100*rtt {
		t.Errorf("a question took %v (%v), want a little over %v", took, err, 2*rtt)
	}
}
