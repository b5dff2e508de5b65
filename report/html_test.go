package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/verify"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

func samplePage(t *testing.T, mode inventory.Mode, res *verify.Result) Page {
	t.Helper()
	c, err := inventory.Parse("hosts.toml", []byte(inventory.Sample(mode)), "")
	if err != nil {
		t.Fatal(err)
	}
	return Page{Cluster: c, Result: res, Version: "v1",
		At: time.Date(2026, 3, 1, 14, 5, 6, 0, time.FixedZone("CET", 3600))}
}

func written(t *testing.T, p Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteHTML(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wrong is a cluster with a failed request and two failed checks, of which
// the second is the cause.
func wrong() *verify.Result {
	s := service(3, 0)
	s.Requests, s.Failed = 4, 1
	s.Servers[1].Failed = 1
	s.Promise = "rr gives every server the same, to within one"
	s.Answers = append(s.Answers, verify.Answer{N: 4, Server: "web2", Err: errors.New("no answer within 3s"), Took: 3 * time.Second})
	s.Answers[0].Took, s.Answers[1].Took = time.Millisecond, 12*time.Millisecond
	checks := []verify.Check{
		{Host: "web1", Name: "gateway", OK: true, Detail: "192.168.1.10"},
		{Host: "web2", Name: "page", Detail: "not served", Hint: "systemctl start httpd"},
		{Host: "web2", Name: "gateway", Detail: "no default route", Hint: "ip route replace default via 192.168.1.10\nand keep it"},
	}
	return &verify.Result{Mode: inventory.NAT, Services: []verify.ServiceResult{s}, Checks: checks, Cause: &checks[2]}
}

func fine() *verify.Result {
	s := service(2, 2)
	s.VIP = "192.168.1.48:80"
	return &verify.Result{Mode: inventory.DR, OK: true, Services: []verify.ServiceResult{s},
		Checks: []verify.Check{{Host: "director", Name: "ip_forward", OK: true, Detail: "0"}}}
}

func TestHTML(t *testing.T) {
	for name, p := range map[string]Page{
		"wrong": samplePage(t, inventory.NAT, wrong()),
		"fine":  samplePage(t, inventory.DR, fine()),
	} {
		got := written(t, p)
		file := "testdata/" + name + ".html"
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s (-update writes it anew): %s", file, d)
		}
		wellFormed(t, got)
	}
}

// The drawings mark the hosts that failed checks, and no other.
func TestHTMLMarks(t *testing.T) {
	for _, c := range []struct {
		page  Page
		marks int // in two drawings
	}{{samplePage(t, inventory.NAT, wrong()), 2 * 1}, {samplePage(t, inventory.DR, fine()), 0}} {
		got := written(t, c.page)
		if n := strings.Count(got, `" failed"`) + strings.Count(got, ` failed" x=`); n != c.marks || strings.Count(got, "✗<title>") != c.marks {
			t.Errorf("%d marks, want %d", n, c.marks)
		}
	}
}

// What a reader looks for stands in the order in which it is looked for.
func TestHTMLOrder(t *testing.T) {
	got := written(t, samplePage(t, inventory.NAT, wrong()))
	at := 0
	for _, want := range []string{
		"<h1>web2: no default route</h1>", "ip route replace default via 192.168.1.10\nand keep it",
		"12.0.0.1:80 answers: 4 requests, 3 and 0, 1 failed",
		"<dd>lvs</dd>", "<dd>nat</dd>", "<dd>hosts.toml</dd>", "<dd>2026-03-01 14:05:06 &#43;01:00</dd>", "<dd>4 requests from client</dd>",
		`<svg class="lvsdeploy"`, "Shares by rr", "<b>web1</b>", `width="100.00%"`, `x="66.67%"`, "(expected 2)", "<b>web2</b>", `width="0.00%"`, "1 failed",
		"rr gives every server the same", "<dd>1.0 ms</dd>", "<dd>3.0 ms</dd>", "<dd>12 ms</dd>",
		"this is ka ka", "no answer within 3s",
		"3 checks, 2 failed", "<b>gateway</b> <em>the cause</em>", "<b>page</b>", "systemctl start httpd", "<td>web1</td><td>gateway</td>",
	} {
		i := strings.Index(got[at:], want)
		if i < 0 {
			t.Fatalf("%q is not there, or not behind what goes before it", want)
		}
		at += i
	}
}

// wellFormed demands XML, no element that loads or runs anything, and no
// reference out of the page.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	ids := map[string]bool{}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		e, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "script", "link", "img", "iframe", "object", "embed", "base", "use", "image", "a", "form", "b1":
			t.Errorf("there is a <%s>", e.Name.Local)
		}
		for _, a := range e.Attr {
			switch n := a.Name.Local; {
			case strings.HasPrefix(n, "on"), n == "href", n == "src", n == "style":
				t.Errorf("<%s> has %s=%q", e.Name.Local, n, a.Value)
			case n == "id":
				if ids[a.Value] {
					t.Errorf("two elements have the id %s", a.Value)
				}
				ids[a.Value] = true
			}
		}
	}
	for _, word := range []string{"@import", "url(", "http://", "https://"} {
		if strings.Contains(page, word) {
			t.Errorf("the page has %q", word)
		}
	}
}

// Whatever a host answers stays text.
func TestHTMLHostile(t *testing.T) {
	const evil = "</style></title></pre><script>alert(1)</script><b1 onload=x>\"'`&amp;{{.}}]]>\x00\x1b[2J\xff\u202e"
	c := &inventory.Cluster{File: evil, Name: evil, Mode: inventory.NAT}
	c.Director.Name = evil
	c.Webs = []inventory.Web{{Host: inventory.Host{Name: evil}, Mount: evil}}
	c.NFS = &inventory.NFS{Host: inventory.Host{Name: evil}, Exports: []inventory.Export{{Path: evil}}}
	c.Client = &inventory.Client{Host: inventory.Host{Name: evil, Interface: evil}}
	check := verify.Check{Host: evil, Name: evil, Detail: evil, Hint: evil}
	good := check
	good.OK = true
	res := &verify.Result{Mode: inventory.NAT, Cause: &check, Checks: []verify.Check{check, good}, Services: []verify.ServiceResult{{
		VIP: evil, Protocol: evil, Scheduler: evil, From: evil, Requests: 2, Failed: 1, Promise: evil, Note: evil, Problem: evil,
		Servers: []verify.Share{{Name: evil, Address: evil, Answers: 1, Expected: -1}},
		Answers: []verify.Answer{{N: 1, Server: evil, Status: 500, Body: evil}, {N: 2, Err: errors.New(evil)}},
	}}}
	got := written(t, Page{Cluster: c, Result: res, Version: evil})
	wellFormed(t, got)
	for _, bad := range []string{"<script", "alert(1)</script>", "\x00", "\x1b", "\u202e", "<b1"} {
		if strings.Contains(got, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

// A result may have next to nothing in it: nothing was reachable.
func TestHTMLEmpty(t *testing.T) {
	p := Page{Cluster: &inventory.Cluster{Name: "x"}, Result: &verify.Result{Services: []verify.ServiceResult{{VIP: "12.0.0.1:80"}}}}
	wellFormed(t, written(t, p))
}

// Of very many answers the failed ones stay, in turn.
func TestListed(t *testing.T) {
	var all []verify.Answer
	for i := range 5000 {
		a := verify.Answer{N: i + 1}
		if i >= 4900 {
			a.Err = errors.New("none")
		}
		all = append(all, a)
	}
	got := listed(all)
	if len(got) != mostListed || got[0].N != 1 || got[399].N != 400 || got[400].N != 4901 || got[499].N != 5000 {
		t.Errorf("%d are listed", len(got))
	}
	s := service(2, 2)
	s.Answers = all
	if p := pageServiceOf(s); p.More != 4500 {
		t.Errorf("%d more", p.More)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []time.Duration
		want time.Duration
	}{{[]time.Duration{7}, 7}, {[]time.Duration{1, 3}, 2}, {[]time.Duration{1, 2, 9}, 2}, {[]time.Duration{1, 2, 4, 9}, 3}} {
		if got := median(c.in); got != c.want {
			t.Errorf("median(%s) = %d", fmt.Sprint(c.in), got)
		}
	}
}
