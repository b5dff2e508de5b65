package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Results are what one call of the bench measured.
type Results struct {
	Version   string   `json:"version"`
	When      string   `json:"when"`
	Machine   string   `json:"machine"`
	Command   string   `json:"command"`
	SameState bool     `json:"same_state"` // lvsdeploy and Ansible left nothing for each other
	Cases     []Case   `json:"cases"`
	Trouble   *Trouble `json:"trouble,omitempty"`
}

// Case is one set of hosts on which all contenders ran in turns.
type Case struct {
	Name  string `json:"name"`
	Hosts int    `json:"hosts"`
	RTT   int64  `json:"rtt_ms"`
	Rows  []Row  `json:"contenders"`
}

// Row is one contender there.
type Row struct {
	Name    string   `json:"name"`
	Wall    Spread   `json:"wall_s"`
	CPU     Spread   `json:"cpu_s"`
	RSS     int64    `json:"rss_kb"`
	Samples []Sample `json:"samples"`
}

func row(name string, samples []Sample) Row {
	r := Row{Name: name, Samples: samples}
	var wall, cpu []float64
	for _, s := range samples {
		wall, cpu, r.RSS = append(wall, s.Wall), append(cpu, s.CPU), max(r.RSS, s.RSS)
	}
	r.Wall, r.CPU = spread(wall), spread(cpu)
	return r
}

func (c Case) row(name string) *Row {
	for i := range c.Rows {
		if c.Rows[i].Name == name {
			return &c.Rows[i]
		}
	}
	return nil
}

func save(path string, r *Results) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func load(path string) (*Results, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Results)
	return r, json.Unmarshal(text, r)
}

// Table is the results for a terminal and for the README: medians, what they
// lie between, and ratios to lvsdeploy.
func (r *Results) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "lvsdeploy %s, %s, %s\n", r.Version, r.When, r.Machine)
	if r.SameState {
		b.WriteString("lvsdeploy and the playbook leave the same state: each finds nothing to change after the other\n")
	}
	for _, c := range r.Cases {
		base := c.row(nameOurs)
		fmt.Fprintf(&b, "\n%-26s %10s %19s %8s %10s %19s %8s %8s\n", c.Name, "wall s", "min…max", "ratio", "CPU s", "min…max", "ratio", "peak MB")
		for _, w := range c.Rows {
			ratio, cpu := 1.0, 1.0
			if base != nil {
				ratio, cpu = w.Wall.Median/base.Wall.Median, w.CPU.Median/max(base.CPU.Median, 1e-9)
			}
			fmt.Fprintf(&b, "  %-24s %10.3f %9.3f…%-9.3f %8.2f %10.3f %9.3f…%-9.3f %8.2f %8.0f\n", w.Name,
				w.Wall.Median, w.Wall.Min, w.Wall.Max, ratio, w.CPU.Median, w.CPU.Min, w.CPU.Max, cpu, float64(w.RSS)/1024)
		}
	}
	if t := r.Trouble; t != nil {
		fmt.Fprintf(&b, "\n%d hosts, %d of them down, %d refusing at first, %d slow: the others are done after\n", t.Hosts, t.Down, t.Refusing, t.Slow)
		fmt.Fprintf(&b, "  without trouble %8.3f s (%.3f…%.3f)\n  with it         %8.3f s (%.3f…%.3f), the whole run %.3f s\n", t.Without.Median, t.Without.Min, t.Without.Max,
			t.With.Median, t.With.Min, t.With.Max, t.Whole.Median)
	}
	return b.String()
}

func version(program string) string {
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		return "unknown"
	}
	_, rest, _ := strings.Cut(string(out), " ") // lvsdeploy VERSION go…
	word, _, _ := strings.Cut(rest, " ")
	return strings.TrimSpace(word)
}

// thisMachine is what the numbers depend on, and nothing that names it.
func thisMachine() string {
	model := ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				model = ", " + strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores%s, shared by client and hosts", runtime.NumCPU(), model)
}
