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

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

//go:embed prelude/facts.sh
var factsScript string

// Ask is what a host is asked beside what every host is.
type Ask struct {
	Cluster string
	Trees   []string     // directories whose files' checksums are wanted
	Probe   []netip.Addr // addresses that somebody else on the LAN may hold
}

// FactsProgram is the one read-only program that tells everything about a host.
func FactsProgram(a Ask) string {
	var probe []string
	for _, address := range a.Probe {
		probe = append(probe, address.String())
	}
	return string(shell.F("state=%s\ntrees=%s\nprobe=%s\n", "/var/lib/lvsdeploy/"+a.Cluster,
		strings.Join(a.Trees, "\n"), strings.Join(probe, " "))) + factsScript
}

// Gather reads one host's facts.
func Gather(ctx context.Context, h Host, a Ask) (*tasks.Facts, error) {
	session, err := h.Start(ctx, FactsProgram(a))
	if err != nil {
		return nil, err
	}
	out, readErr := io.ReadAll(session.Stdout)
	if err := session.Wait(); err != nil {
		if said := strings.TrimSpace(session.Stderr()); said != "" {
			return nil, fmt.Errorf("cannot read the host's facts: %w: %s", err, said)
		}
		return nil, fmt.Errorf("cannot read the host's facts: %w", err)
	}
	if readErr != nil {
		return nil, readErr
	}
	return parseFacts(string(out))
}

func parseFacts(out string) (*tasks.Facts, error) {
	f := &tasks.Facts{Trees: map[string]string{}, Zones: map[string]string{}, Answers: map[netip.Addr]string{}, UID: -1}
	ended := false
	for _, line := range strings.Split(out, "\n") {
		key, rest, _ := strings.Cut(line, " ")
		switch key {
		case "os":
			parseOS(&f.OS, rest)
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
		case "tree":
			if sum, path, ok := strings.Cut(rest, "  "); ok {
				f.Trees[path] = sum
			}
		case "end":
			ended = true
		default:
			parseIP(f, strings.Fields(line))
		}
	}
	if !ended {
		return nil, errors.New("cannot read the host's facts: the answer is incomplete")
	}
	return f, nil
}

// parseIP takes one line of `ip addr show`: "2: ens33@if5: <…", and below it
// "    inet 192.168.1.20/24 …".
func parseIP(f *tasks.Facts, w []string) {
	if len(w) < 2 {
		return
	}
	if _, err := strconv.Atoi(strings.TrimSuffix(w[0], ":")); err == nil {
		name, _, _ := strings.Cut(strings.TrimSuffix(w[1], ":"), "@")
		f.Interfaces = append(f.Interfaces, tasks.Interface{Name: name})
	}
	if last := len(f.Interfaces) - 1; w[0] == "inet" && last >= 0 {
		if p, err := netip.ParsePrefix(w[1]); err == nil {
			f.Interfaces[last].Addresses = append(f.Interfaces[last].Addresses, p)
		}
	}
}

// parseOS takes one line of os-release(5).
func parseOS(os *tasks.OS, line string) {
	key, value, _ := strings.Cut(line, "=")
	value = strings.Trim(value, `"'`)
	switch key {
	case "ID":
		os.ID = value
	case "VERSION_ID":
		os.VersionID = value
	case "PRETTY_NAME":
		os.Pretty = value
	case "ID_LIKE":
		os.Like = strings.Fields(value)
	}
}
