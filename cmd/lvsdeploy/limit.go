package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// A teardown of some hosts must not take away what the others still use: the
// director's share of a web server, the exports that are mounted, the way out
// through the director. The others are asked, and nothing is done to them.

// outside are the hosts that --limit leaves out and that may need those that it
// names.
func (s *session) outside() []inventory.Host {
	c := s.cluster
	in := func(name string) bool { return s.limit == nil || slices.Contains(s.limit, name) }
	director := in(c.Director.Name)
	storage := c.NFS != nil && in(c.NFS.Name)
	var hosts []inventory.Host
	if !director && slices.ContainsFunc(c.Webs, func(w inventory.Web) bool { return in(w.Name) }) {
		hosts = append(hosts, c.Director.Host)
	}
	for _, w := range c.Webs {
		if !in(w.Name) && (storage || director && c.Mode != inventory.DR) {
			hosts = append(hosts, w.Host)
		}
	}
	return hosts
}

// needs asks a host what it uses of others: a line each, then "end".
// ipvsadm is only asked where the module is there: it would load it.
const needs = `export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
if [ -e /proc/net/ip_vs ] || [ -e /sys/module/ip_vs ]; then
  table=$(ipvsadm -Sn 2>&1) || { printf 'cannot read its table: %s\n' "$table"; exit 0; }
  printf '%s\n' "$table" | sed 's/^/table /'
fi
{
  findmnt -rn -o SOURCE 2>/dev/null
  sed -n 's|.* - nfs4* \([^ ]*\) .*|\1|p' /proc/self/mountinfo
  cat /etc/fstab
} | sed -n 's|^\([0-9.]*:/[^[:space:]]*\).*|mount \1|p' | sort -u
ip -4 route show default | sed 's/^/route /'
echo end
`

// need is a host of the limit that another still uses.
type need struct{ host, text, hint string }

const (
	forceHint = "; --force takes it away all the same"
	together  = "take those hosts away before it, or all together" + forceHint
)

// needed are the hosts of the limit that a host outside of it uses, by its answer.
func (s *session) needed(by inventory.Host, answer string) ([]need, error) {
	if !strings.HasSuffix(answer, "end\n") {
		return nil, errors.New(strings.TrimSpace(answer))
	}
	c := s.cluster
	var all []need
	for line := range strings.Lines(answer) {
		what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		words := strings.Fields(rest)
		switch {
		case what == "table" && len(words) > 4 && words[0] == "-a":
			server, weight := after(words, "-r"), after(words, "-w")
			at := slices.IndexFunc(c.Webs, func(w inventory.Web) bool {
				addr, err := netip.ParseAddrPort(server)
				return err == nil && addr.Addr() == w.Address
			})
			if at >= 0 && weight != "0" && slices.Contains(s.limit, c.Webs[at].Name) {
				name, service := c.Webs[at].Name, words[2]
				if words[1] == "-f" {
					service = "firewall mark " + service
				}
				all = append(all, need{name, fmt.Sprintf("%s still sends it connections to %s, with weight %s", by.Name, service, weight),
					"take " + name + " out of the inventory and deploy, which drains it, then tear it down with the inventory of now" + forceHint})
			}
		case what == "mount" && c.NFS != nil && strings.HasPrefix(rest, c.NFS.Address.String()+":") && slices.Contains(s.limit, c.NFS.Name):
			all = append(all, need{c.NFS.Name, fmt.Sprintf("%s mounts %s", by.Name, rest), together})
		case what == "route" && after(words, "via") == c.Director.Address.String() && slices.Contains(s.limit, c.Director.Name):
			all = append(all, need{c.Director.Name, fmt.Sprintf("the default route of %s leads through it", by.Name), together})
		}
	}
	return all, nil
}

// after is the word behind another; empty: there is none.
func after(words []string, word string) string {
	if i := slices.Index(words, word); i >= 0 && i+1 < len(words) {
		return words[i+1]
	}
	return ""
}

// spared asks the hosts outside of the limit, and reports what keeps those in it
// from being taken away. It tells whether there is nothing.
func (s *session) spared(ctx context.Context) bool {
	hosts := s.outside()
	if len(hosts) == 0 {
		return true
	}
	conns := s.reach(ctx, hosts)
	defer conns.hangUp()
	found, failed := make([][]need, len(hosts)), make([]error, len(hosts))
	var asked sync.WaitGroup
	for i, h := range hosts {
		asked.Go(func() {
			conn, err := conns.wait(h.Name)
			if err == nil {
				s.report.Event(engine.Event{Kind: engine.KindHost, Host: h.Name, Detail: "looking for what it needs of " + strings.Join(s.limit, ", ")})
				var out []byte
				if out, err = conn.Output(ctx, needs); err == nil {
					found[i], err = s.needed(h, string(out))
				}
			}
			failed[i] = err
		})
	}
	asked.Wait()
	if ctx.Err() != nil {
		return false
	}
	clear := true
	for i, h := range hosts {
		if failed[i] != nil {
			clear = false
			s.report.Event(engine.Event{Kind: engine.KindError, Host: h.Name, Exit: int(exitCode(failed[i])),
				Err:  fmt.Errorf("cannot tell whether %s is still needed: %w", strings.Join(s.limit, ", "), failed[i]),
				Hint: "nothing was changed. Tear all down together, when " + h.Name + " is back, or use --force if it never will be"})
		}
	}
	byHost := map[string][]need{}
	for _, n := range slices.Concat(found...) {
		byHost[n.host] = append(byHost[n.host], n)
	}
	for _, name := range s.limit {
		needs := byHost[name]
		if len(needs) == 0 {
			continue
		}
		clear = false
		text := "cannot take " + name + " away: " + needs[0].text
		for _, n := range needs[1:] {
			text += "\n" + n.text
		}
		s.report.Event(engine.Event{Kind: engine.KindError, Host: name, Exit: int(report.TaskFailed), Err: errors.New(text), Hint: needs[0].hint})
	}
	return clear
}
