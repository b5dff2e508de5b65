package report

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsdeploy/lvsdeploy/verify"
)

func service(web1, web2 int) verify.ServiceResult {
	s := verify.ServiceResult{
		VIP: "12.0.0.1:80", Protocol: "tcp", Scheduler: "rr", From: "client", Requests: web1 + web2,
		Servers: []verify.Share{
			{Name: "web1", Weight: 1, Answers: web1, Expected: 2},
			{Name: "web2", Weight: 1, Answers: web2, Expected: 2},
		},
	}
	for i := range web1 + web2 {
		server, body := "web1", "this is ka ka"
		if i >= web1 {
			server, body = "web2", "this is \x1b[2Jza za"
		}
		s.Answers = append(s.Answers, verify.Answer{N: i + 1, Server: server, Status: 200, Body: body, Took: 3 * time.Millisecond})
	}
	return s
}

func shown(t *testing.T, o Options, res *verify.Result) (string, Exit) {
	t.Helper()
	var out buffer
	o.Out, o.Err = &out, &out
	r := New(o)
	r.Verify(res)
	r.Close()
	return out.String(), r.Exit()
}

func TestVerifyOK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		res := &verify.Result{OK: true, Services: []verify.ServiceResult{service(2, 2)},
			Checks: []verify.Check{{Host: "director", Name: "ip_forward", OK: true, Detail: "1"}}}
		got, code := shown(t, Options{}, res)
		want := `12.0.0.1:80 answers: 4 requests, 2 and 2, none failed

12.0.0.1:80, asked from client
   1  web1  this is ka ka  3.0 ms
   2  web1  this is ka ka  3.0 ms
   3  web2  this is za za  3.0 ms
   4  web2  this is za za  3.0 ms

12.0.0.1:80, shares by rr
  web1  ████████████████████████████████████████  2 (expected 2)
  web2  ████████████████████████████████████████  2 (expected 2)

1 check, all in place
`
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if code != Done {
			t.Errorf("exit %d", code)
		}
		if got, _ := shown(t, Options{Verbose: 1}, res); !strings.Contains(got, "  director  ok      ip_forward  1\n") {
			t.Errorf("-v does not list the checks:\n%s", got)
		}
	})
}

func TestVerifyFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := service(3, 0)
		s.Requests, s.Failed = 4, 1
		s.Servers[1].Failed = 1
		s.Answers = append(s.Answers, verify.Answer{N: 4, Server: "web2", Err: errors.New("no answer within 3s")})
		checks := []verify.Check{
			{Host: "web1", Name: "gateway", OK: true},
			{Host: "web2", Name: "gateway", Detail: "no default route", Hint: "ip route replace default via 192.168.1.10"},
			{Host: "web2", Name: "page", Detail: "not served", Hint: "systemctl start httpd"},
		}
		res := &verify.Result{Services: []verify.ServiceResult{s}, Checks: checks, Cause: &checks[1]}
		got, code := shown(t, Options{ASCII: true, Size: func() (int, int) { return 40, 24 }}, res)
		want := `web2: no default route
    hint: ip route replace default via 192.168.1.10
12.0.0.1:80 answers: 4 requests, 3 and 0, 1 failed

12.0.0.1:80, asked from client
   1  web1  this is ka ka  3.0 ms
   2  web1  this is ka ka  3.0 ms
   3  web1  this is ka ka  3.0 ms
   4  web2  no answer within 3s

12.0.0.1:80, shares by rr
  web1  #####  3 (expected 2)
  web2         0 (expected 2), 1 failed

3 checks, 2 failed
  web2  failed  gateway  no default route
  web2  failed  page     not served
    hint: systemctl start httpd
`
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if code != Unhealthy {
			t.Errorf("exit %d", code)
		}
	})
}

func TestVerifyJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := service(1, 1)
		s.Servers[1].Expected = -1
		checks := []verify.Check{{Host: "web2", Name: "gateway", Detail: "no default route", Hint: "add one"}, {Host: "web1", Name: "gateway", OK: true}}
		got, code := shown(t, Options{JSON: true}, &verify.Result{Services: []verify.ServiceResult{s}, Checks: checks, Cause: &checks[0]})
		want := `{"event":"verify","vip":"12.0.0.1:80","requests":2,"failed":0,"scheduler":"rr","servers":{"web1":{"answers":1,"expected":2},"web2":{"answers":1,"expected":null}}}
{"event":"check","host":"web2","name":"gateway","status":"failed","detail":"no default route","hint":"add one"}
{"event":"check","host":"web1","name":"gateway","status":"ok","detail":"","hint":""}
{"event":"summary","exit":5,"hosts":{}}
`
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if code != Unhealthy {
			t.Errorf("exit %d", code)
		}
	})
}

// Bars are as long as their numbers, and never longer than there is room.
func TestBar(t *testing.T) {
	for _, c := range []struct {
		n, most, width int
		ascii          bool
		want           string
	}{
		{10, 10, 5, false, "█████"},
		{5, 10, 5, false, "██▌"},
		{0, 10, 5, false, ""},
		{1, 80, 10, false, "▏"},
		{5, 10, 6, true, "###"},
		{10, 10, 6, true, "######"},
	} {
		r := Reporter{o: Options{ASCII: c.ascii}}
		if got := r.bar(c.n, c.most, c.width); got != c.want {
			t.Errorf("bar(%d of %d in %d) = %q, want %q", c.n, c.most, c.width, got, c.want)
		}
	}
}

func TestManyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		res := &verify.Result{OK: true, Services: []verify.ServiceResult{service(50, 50)}}
		got, _ := shown(t, Options{}, res)
		if n := strings.Count(got, "3.0 ms"); n != many || !strings.Contains(got, "and 60 more") {
			t.Errorf("%d answers listed", n)
		}
	})
}

// On a terminal that has scrolled the first lines away, the verdict is said
// again; in a file it stands once.
func TestVerdictAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		res := &verify.Result{OK: true, Services: []verify.ServiceResult{service(2, 2)}}
		for i := range 3 {
			res.Checks = append(res.Checks, verify.Check{Host: "web1", Name: "page", Detail: "not served", Hint: "deploy again", OK: i > 0})
		}
		res.OK, res.Cause = false, &res.Checks[0]
		for rows, times := range map[int]int{10: 2, 60: 1} {
			s := newScreen(80, rows)
			r := New(Options{Out: s, Err: s, TTY: true, Size: s.size})
			r.Verify(res)
			r.Close()
			text := s.text(t)
			if n := strings.Count(text, "web1: not served\n    hint: deploy again\n12.0.0.1:80 answers: "); n != times || !strings.HasPrefix(text, "web1: not served\n") {
				t.Errorf("%d rows: %d times\n%s", rows, n, text)
			}
			got, _ := shown(t, Options{Size: s.size}, res)
			if n := strings.Count(got, "web1: not served\n    hint"); n != 1 {
				t.Errorf("in a file: %d times", n)
			}
		}
	})
}
