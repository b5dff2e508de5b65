package engine

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/lvsdeploy/lvsdeploy/bound"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

var (
	//go:embed prelude/facts.sh
	factsScript string
	//go:embed prelude/boot.sh
	bootScript string
	//go:embed prelude/found.sh
	foundScript string
	//go:embed prelude/next.sh
	nextScript string
)

// Ask is what a host is asked beside what every host is.
type Ask struct {
	Cluster string
	Files   []string     // whose checksums are wanted
	Probe   []netip.Addr // addresses that somebody else on the LAN may hold
	Mounts  []string     // directories that are to be mounted on
	Exports []string     // directories that are to be exported
	Ports   []uint16     // TCP ports that are to be listened on
}

// FactsProgram is the one read-only program that tells everything about a
// host. When it is through it waits for the program that is made of its answer:
// another session would cost a login's time on the host, and two round trips.
func FactsProgram(a Ask) string {
	var probe []string
	for _, address := range a.Probe {
		probe = append(probe, address.String())
	}
	var ports []string
	for _, p := range a.Ports {
		ports = append(ports, strconv.Itoa(int(p)))
	}
	return "{\n" + string(shell.F("state=%s\nfiles=%s\nprobe=%s\nmounts=%s\nexports=%s\nports=%s\n", "/var/lib/lvsdeploy/"+a.Cluster,
		strings.Join(a.Files, "\n"), strings.Join(probe, " "), strings.Join(a.Mounts, " "), strings.Join(a.Exports, " "), strings.Join(ports, " "))) +
		questions() + "} </dev/null\n" + nextScript
}

// questions is what every host is asked, without what only people read: it goes
// to each of them in every run.
var questions = sync.OnceValue(func() string {
	var b strings.Builder
	b.WriteString("# lvsdeploy: what this host is. It only reads.\n") // for who looks at its processes
	for line := range strings.Lines(bootScript + foundScript + factsScript) {
		if line = strings.TrimLeft(line, " \t"); line != "\n" && line[0] != '#' {
			b.WriteString(line)
		}
	}
	return b.String()
})

// Asked is a host that has told what it is. It is a Host for one program, which
// it waits for; Close sends it away without.
type Asked struct {
	Facts   *tasks.Facts
	session *Session
	out     *bound.Lines
}

// Start implements Host.
func (a *Asked) Start(_ context.Context, program string) (*Session, error) {
	// on the line of its last brace: a shell that reads its program by itself
	// must not take words that come later for more of it
	const last = "; exit\n"
	program = strings.TrimSuffix(program, "\n")
	in := make([]byte, 0, len(program)+20)
	in = append(strconv.AppendInt(in, int64(len(program)+len(last)), 10), '\n')
	in = append(append(in, program...), last...)
	if _, err := a.session.Stdin.Write(in); err != nil {
		return nil, err
	}
	s := *a.session
	s.Stdout = a.out
	return &s, nil
}

// Close ends the host's waiting.
func (a *Asked) Close() error {
	_ = a.session.Stdin.Close() // it may have ended already
	defer a.session.within("it was sent away").End()
	bound.Discard(a.out, bound.Unread)
	return a.session.Wait()
}

// Examine reads one host's facts. What it returns must be given a program, or
// closed.
func Examine(ctx context.Context, h Host, ask Ask) (*Asked, error) {
	session, err := h.Start(ctx, FactsProgram(ask))
	if err != nil {
		return nil, err
	}
	a := &Asked{session: session, out: bound.NewLines(session.Stdout, "facts", bound.Facts)}
	// only signs of life give it more time: an answer of any other lines may
	// never end
	quiet := session.within("it was asked what it is")
	defer quiet.End()
	answer := newAnswer()
	var readErr error
	for readErr == nil {
		var line string
		if line, readErr = a.out.Next(); line == "next\n" {
			break
		}
		if line == "beat\n" {
			quiet.Heard()
			continue
		}
		answer.line(strings.TrimSuffix(line, "\n"))
	}
	session.beyond(readErr)
	if readErr != nil {
		_ = session.Stdin.Close()
		if err := session.Wait(); err != nil {
			var exit *remote.ExitError
			if !errors.As(err, &exit) {
				return nil, err
			}
			if said := strings.TrimSpace(session.Stderr()); said != "" {
				return nil, fmt.Errorf("cannot read the host's facts: %w: %s", err, said)
			}
			return nil, fmt.Errorf("cannot read the host's facts: %w", err)
		}
		if readErr != io.EOF {
			return nil, readErr
		}
	}
	if a.Facts, err = answer.facts(); err != nil {
		_ = a.Close()
		return nil, err
	}
	return a, nil
}

// Gather reads one host's facts, and that is all.
func Gather(ctx context.Context, h Host, ask Ask) (*tasks.Facts, error) {
	a, err := Examine(ctx, h, ask)
	if err != nil {
		return nil, err
	}
	return a.Facts, a.Close()
}

// answer is what a host has told so far.
type answer struct {
	f     *tasks.Facts
	ended bool
}

func newAnswer() *answer {
	return &answer{f: &tasks.Facts{Sums: map[string]string{}, Zones: map[string]string{}, Answers: map[netip.Addr]string{}, UID: -1, DiskFree: -1}}
}

func (a *answer) facts() (*tasks.Facts, error) {
	if !a.ended {
		return nil, &remote.Error{Op: "read the host's facts", Kind: remote.Lost, Err: errors.New("the answer is incomplete")}
	}
	return a.f, nil
}

// line takes one line of the answer.
func (a *answer) line(line string) {
	f := a.f
	key, rest, _ := strings.Cut(line, " ")
	switch key {
	case "id":
		f.OS.ID = rest
	case "like":
		f.OS.Like = strings.Fields(rest)
	case "version":
		f.OS.VersionID = rest
	case "pretty":
		f.OS.Pretty = rest
	case "manager":
		f.PackageManager = rest
	case "systemd":
		f.Systemd = true
	case "init":
		f.Init = rest
	case "arch":
		f.Arch = rest
	case "uid":
		f.UID, _ = strconv.Atoi(rest)
	case "shell":
		f.Shell = rest
	case "clock":
		f.Clock, _ = strconv.ParseInt(rest, 10, 64)
	case "disk":
		f.DiskFree, _ = strconv.ParseInt(rest, 10, 64)
	case "network":
		f.Network = tasks.Network(rest)
	case "firewall":
		f.Firewall = rest
	case "zone":
		if dev, zone, ok := strings.Cut(rest, " "); ok {
			f.Zones[dev] = zone
		}
	case "policies":
		f.Policies = true
	case "chain":
		if w := strings.Fields(rest); len(w) == 4 {
			f.Chains = append(f.Chains, tasks.Chain{Family: w[0], Table: w[1], Name: w[2], Hook: w[3]})
		}
	case "selinux":
		f.SELinux = rest
	case "default":
		if w := strings.Fields(rest); len(w) > 1 && w[0] == "via" && !f.Gateway.IsValid() {
			f.Gateway, _ = netip.ParseAddr(w[1])
		}
	case "answers":
		vip, mac, _ := strings.Cut(rest, " ")
		if a, err := netip.ParseAddr(vip); err == nil {
			f.Answers[a] = mac
		}
	case "ours":
		f.Manifest = append(f.Manifest, rest)
	case "sum":
		if sum, path, ok := strings.Cut(rest, "  "); ok {
			f.Sums[path] = sum
		}
	case "end":
		a.ended = true
	default:
		if !parseBoot(f, key, rest) && !parseFound(f, key, rest) {
			parseIP(f, strings.Fields(line))
		}
	}
}

// parseIP takes one line of `ip addr show`: "2: ens33@if5: <…", and below it
// "    inet 192.168.1.20/24 …".
func parseIP(f *tasks.Facts, w []string) {
	if len(w) < 2 {
		return
	}
	if _, err := strconv.Atoi(strings.TrimSuffix(w[0], ":")); err == nil && strings.HasSuffix(w[1], ":") { // and no rule of routing
		name, _, _ := strings.Cut(strings.TrimSuffix(w[1], ":"), "@")
		f.Interfaces = append(f.Interfaces, tasks.Interface{Name: name})
	}
	last := len(f.Interfaces) - 1
	switch {
	case last < 0:
	case w[0] == "link/ether":
		f.Interfaces[last].MAC = w[1]
	case w[0] == "inet":
		if p, err := netip.ParsePrefix(w[1]); err == nil {
			i := &f.Interfaces[last]
			i.Addresses = append(i.Addresses, p)
			if label := w[len(w)-1]; strings.HasPrefix(label, i.Name+":") {
				i.Labels = append(i.Labels, tasks.Label{Name: label, Address: p.Addr()})
			}
		}
	}
}
