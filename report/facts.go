package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// HostFacts is what one host is, before anything is done about it.
type HostFacts struct {
	Host, Address string
	Facts         *tasks.Facts // nil: it could not be asked; the report has the error
}

type factsObject struct {
	Event          string              `json:"event"` // facts
	Host           string              `json:"host"`
	System         string              `json:"system"`
	ID             string              `json:"id"`
	VersionID      string              `json:"version_id"`
	IDLike         []string            `json:"id_like"`
	Arch           string              `json:"arch"`
	Init           string              `json:"init"`
	Platform       string              `json:"platform"` // empty: not known
	PackageManager string              `json:"package_manager"`
	Network        string              `json:"network"`
	Firewall       string              `json:"firewall"`
	SELinux        string              `json:"selinux"`
	Interfaces     map[string][]string `json:"interfaces"`
	Gateway        string              `json:"gateway"`
	Ours           []string            `json:"ours"`
	Problem        string              `json:"problem,omitempty"`
}

// Facts shows what hosts are, and why some could not be asked, and is the end
// of the report.
func (r *Reporter) Facts(all []HostFacts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.erase()
	r.summed = true
	for _, h := range all {
		if h.Facts == nil {
			continue
		}
		platform, err := tasks.PlatformOf(*h.Facts)
		if r.o.JSON {
			r.object(factsOf(h, platform, err))
			continue
		}
		r.print(r.o.Out, r.style.bold.Sprintf("%s (%s)", clean(h.Host), h.Address))
		for _, row := range factRows(*h.Facts, platform, err) {
			r.print(r.o.Out, fmt.Sprintf("  %-16s %s", row[0], clean(row[1])))
		}
	}
	switch {
	case !r.anyError():
	case r.o.JSON:
		r.jsonSummary()
	default: // who is out of the run was said when it was known
		lines := r.errorBlocks()
		if !r.said {
			lines = lines[1:]
		}
		r.print(r.o.Out, lines...)
	}
}

func factsOf(h HostFacts, p tasks.Platform, unknown error) factsObject {
	f := h.Facts
	o := factsObject{
		Event: "facts", Host: h.Host, System: f.OS.Pretty, ID: f.OS.ID, VersionID: f.OS.VersionID, IDLike: append([]string{}, f.OS.Like...),
		Arch: f.Arch, Init: f.Init, Platform: p.Name, PackageManager: f.PackageManager,
		Network: string(f.Network), Firewall: f.Firewall, SELinux: f.SELinux,
		Interfaces: map[string][]string{}, Ours: append([]string{}, f.Manifest...),
	}
	for _, i := range f.Interfaces {
		o.Interfaces[i.Name] = []string{}
		for _, a := range i.Addresses {
			o.Interfaces[i.Name] = append(o.Interfaces[i.Name], a.String())
		}
	}
	if f.Gateway.IsValid() {
		o.Gateway = f.Gateway.String()
	}
	if unknown != nil {
		o.Problem = unknown.Error()
	}
	return o
}

// factRows are the facts in words.
func factRows(f tasks.Facts, p tasks.Platform, unknown error) [][2]string {
	or := func(value, none string) string {
		if value == "" {
			return none
		}
		return value
	}
	platform := p.Name
	if unknown != nil {
		platform = "not known: " + unknown.Error()
	}
	var addresses []string
	for _, i := range f.Interfaces {
		if i.Name == "lo" {
			continue
		}
		words := []string{i.Name}
		for _, a := range i.Addresses {
			words = append(words, a.String())
		}
		addresses = append(addresses, strings.Join(words, " "))
	}
	slices.Sort(addresses)
	gateway := "none"
	if f.Gateway.IsValid() {
		gateway = f.Gateway.String()
	}
	network := or(string(f.Network), "nobody known: units of lvsdeploy's own set addresses and routes at boot")
	return [][2]string{
		{"system", or(f.OS.Pretty, "no os-release") + ", " + f.Arch},
		{"platform", platform},
		{"init", or(f.Init, "not known")},
		{"package manager", or(f.PackageManager, "none known")},
		{"network by", network},
		{"firewall", or(f.Firewall, "none is running")},
		{"SELinux", or(f.SELinux, "none")},
		{"interfaces", or(strings.Join(addresses, ", "), "none but lo")},
		{"gateway", gateway},
		{"ours", fmt.Sprintf("%s put there by lvsdeploy", plural(len(f.Manifest), "thing"))},
	}
}
