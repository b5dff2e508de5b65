package verify

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// apart asks this kernel for a way to a service, in a network namespace that
// has nothing but a loopback interface that is down.
func apart(ctx context.Context, to netip.AddrPort) (source netip.Addr, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			source, err = localSource(ctx, to)
		}
	}()
	<-done
	return source, err
}

// TestNoRoute: that requests cannot be sent says nothing about the cluster.
func TestNoRoute(t *testing.T) {
	t.Parallel()
	noClient := func(f *fake) { f.cluster.Client = nil }
	rejected := func(host, text string) func(f *fake) {
		return func(f *fake) {
			f.facts[host] = strings.Replace(f.facts[host], "end?0\n", "", 1) + "source=RTNETLINK answers: " + text + "\nsource?2\nend?0\n"
		}
	}
	client := "ask from where the clients are: `lvsdeploy verify --from client`"
	add := "put a machine of the clients' network into the inventory as [client], and ask from there with --from client"
	for _, c := range []struct {
		name, from string
		mode       inventory.Mode
		make       func(f *fake)
		want, hint string
		wrong      bool // something else is the matter too
	}{
		{name: "from here", from: Local, want: "local: no route from here to 12.0.0.1: network is unreachable; no request was sent", hint: client},
		{name: "from here, no client", from: Local, make: noClient, want: "local: no route from here to 12.0.0.1: network is unreachable; no request was sent",
			hint: "ask from a host that has one: `lvsdeploy verify --from director`; or " + add},
		{name: "from here, DR", from: Local, mode: inventory.DR, want: "local: no route from here to 192.168.1.48: network is unreachable; no request was sent", hint: client},
		{name: "from here, DR, no client", from: Local, mode: inventory.DR, make: noClient,
			want: "local: no route from here to 192.168.1.48: network is unreachable; no request was sent", hint: add},
		{name: "from the client", from: "client", make: rejected("client", "Network is unreachable"),
			want: "client: no route from client to 12.0.0.1: network is unreachable; no request was sent",
			hint: "ask from a host that has one: `lvsdeploy verify --from director`; or give client a route, or ask from this machine (--from local)"},
		{name: "from a web, a route that rejects", from: "web1", make: rejected("web1", "No route to host"),
			want: "web1: no route from web1 to 12.0.0.1: no route to host; no request was sent", hint: client},
		{name: "from a client that is down", from: "client", make: func(f *fake) {
			f.down["client"] = errors.New("cannot reach client (12.0.0.100:22): connection refused")
		},
			want: "client: 12.0.0.1:80: no request was sent: cannot reach client (12.0.0.100:22): connection refused",
			hint: "ask from a host that has one: `lvsdeploy verify --from director`; or give client a route, or ask from this machine (--from local)"},
		{name: "from a web that is down", from: "web1", make: func(f *fake) { f.down["web1"] = errors.New("cannot reach web1 (192.168.1.20:22): connection refused") },
			want: "web1: cannot reach web1 (192.168.1.20:22): connection refused", hint: "see whether `ssh web1` works; the other hosts were checked without it"},
		{name: "from here, and the cluster is wrong", from: Local, wrong: true, hint: "sysctl",
			make: func(f *fake) {
				f.facts["director"] = strings.Replace(f.facts["director"], "forward=1", "forward=0", 1)
			},
			want: "director: net.ipv4.ip_forward is 0: the director passes nothing on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			if c.mode == inventory.DR {
				f = newDRFake(t)
			}
			if c.make != nil {
				c.make(f)
			}
			o := Options{From: c.from}
			if c.from == Local {
				o.Source = apart
			}
			r := f.run(t, o)
			if r.OK || r.Cause == nil || r.Headline() != c.want || !strings.Contains(r.Cause.Hint, c.hint) {
				t.Errorf("got  %s\n     %+v\nwant %s\n     %s", r.Headline(), r.Cause, c.want, c.hint)
			}
			if r.Unasked == c.wrong {
				t.Errorf("Unasked is %v", r.Unasked)
			}
			if got := r.check(nameOrigin); got == nil || got.OK || !strings.Contains(got.Detail, "no request was sent") || got.Hint == "" {
				t.Errorf("origin: %+v", got)
			}
			if s := r.Services[0]; s.Requests != 0 || s.Problem != "no request was sent" {
				t.Errorf("service: %+v", s)
			}
		})
	}
}
