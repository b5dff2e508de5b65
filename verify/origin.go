package verify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// noRouteError is why requests cannot be sent from somewhere: no packet would
// leave it. It says nothing about the cluster.
type noRouteError struct{ why string }

func (e *noRouteError) Error() string { return e.why }

// origin is where the requests come from: what dials, and its address.
func (r *run) origin(ctx context.Context, s *inventory.Service) (Dialer, netip.Addr, error) {
	if r.options.From == Local {
		source, err := r.options.Source(ctx, s.Endpoint())
		if err != nil {
			return nil, netip.Addr{}, &noRouteError{bare(err)}
		}
		return r.options.Local, source, nil
	}
	h := r.host(r.options.From)
	f, err := ask(ctx, h, script(sourceScript, s.VIP.String()))
	if err != nil {
		return nil, netip.Addr{}, err
	}
	// ip(8) fails when the kernel has no route, and names those that reject.
	lines := f.lines("source")
	if text := strings.Join(lines, " "); f["source"].known && f["source"].status != 0 {
		for _, why := range []string{"Network is unreachable", "No route to host", "Permission denied", "Invalid argument"} {
			if strings.Contains(text, why) {
				return nil, netip.Addr{}, &noRouteError{strings.ToLower(why)}
			}
		}
	}
	return h, routeSource(lines), nil
}

// bare is the reason in an error of the net package, without the addresses and
// the kind of socket that was used to find out.
func bare(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return strings.TrimPrefix(err.Error(), "connect: ")
}

// notSent is the check of a service that could not be asked for anything. Of
// the hosts that are looked at, why one is not reached is said by another check.
func (r *run) notSent(s *inventory.Service, err error) Check {
	from := r.options.From
	var none *noRouteError
	switch {
	case errors.As(err, &none):
		where := from
		if from == Local {
			where = "here"
		}
		return bad(nameOrigin, fmt.Sprintf("no route from %s to %s: %s; no request was sent", where, s.VIP, none.why), r.elsewhere()).on(from)
	case r.cluster.Client == nil || from != r.cluster.Client.Name:
		return bad(nameOrigin, fmt.Sprintf("%s: no request was sent: %s could not be asked to", s.Endpoint(), from), r.elsewhere()).on(from)
	}
	return bad(nameOrigin, fmt.Sprintf("%s: no request was sent: %v", s.Endpoint(), err), r.elsewhere()).on(from)
}

// elsewhere says from where requests prove something, other than where they
// could not be sent from.
func (r *run) elsewhere() string {
	c, from := r.cluster, r.options.From
	if c.Client != nil && c.Client.Name != from {
		return "ask from where the clients are: `lvsdeploy verify --from " + c.Client.Name + "`"
	}
	add := "put a machine of the clients' network into the inventory as [client], and ask from there with --from client"
	if c.Client != nil {
		add = "give " + from + " a route, or ask from this machine (--from local)"
	}
	other := ""
	switch {
	case r.mode == inventory.NAT && c.Director.Name != from:
		other = c.Director.Name
	case r.mode == inventory.DR && c.NFS != nil && c.NFS.Name != from:
		other = c.NFS.Name
	}
	if other == "" {
		return add
	}
	return "ask from a host that has one: `lvsdeploy verify --from " + other + "`; or " + add
}

// reachable is the check of a host that could not be asked. A reason that
// brings its own hint knows better than we do.
func reachable(host string, err error, hint string) Check {
	text := err.Error()
	if !strings.HasPrefix(text, "cannot ") {
		text = fmt.Sprintf("cannot look at %s: %s", host, text)
	}
	var with interface{ Hint() string }
	if errors.As(err, &with) && with.Hint() != "" {
		hint = with.Hint()
	}
	return bad(nameReachable, text, hint).on(host)
}
