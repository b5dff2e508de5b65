package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// suite is the Debian release that machines run.
const suite = "bookworm"

// aptSources reads from apt's own configuration below dir (/etc/apt) where this
// system gets the suite from: the stanzas of *.sources files and the lines of
// *.list files that name it and nothing else. What other repositories the
// system uses is no business of the machines.
func aptSources(dir string) (stanzas, lines string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "sources.list.d", "*"))
	if err != nil {
		return "", "", fmt.Errorf("cannot list apt's sources: %w", err)
	}
	for _, file := range append([]string{filepath.Join(dir, "sources.list")}, files...) {
		ext := filepath.Ext(file)
		if ext != ".list" && ext != ".sources" {
			continue
		}
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return "", "", fmt.Errorf("cannot read apt's sources: %w", err)
		}
		if ext == ".sources" {
			for stanza := range strings.SplitSeq(strings.ReplaceAll(string(text), "\r", ""), "\n\n") {
				if stanzaHasSuite(stanza) {
					stanzas += strings.Trim(stanza, "\n") + "\n\n"
				}
			}
			continue
		}
		for line := range strings.Lines(string(text)) {
			if lineHasSuite(line) {
				lines += strings.TrimSpace(line) + "\n"
			}
		}
	}
	if stanzas == "" && lines == "" {
		return "", "", fmt.Errorf("cannot find where to get Debian %s from: no source in %s names it", suite, dir)
	}
	return stanzas, lines, nil
}

func ofSuite(s string) bool {
	return slices.Contains([]string{suite, suite + "-updates", suite + "-security"}, s)
}

func stanzaHasSuite(stanza string) bool {
	field := map[string]string{}
	for line := range strings.Lines(stanza) {
		if name, value, ok := strings.Cut(line, ":"); ok && line[0] != '#' && line[0] != ' ' {
			field[strings.ToLower(name)] = strings.TrimSpace(value)
		}
	}
	suites := strings.Fields(field["suites"])
	return strings.ToLower(field["enabled"]) != "no" &&
		slices.Contains(strings.Fields(field["types"]), "deb") &&
		slices.Contains(strings.Fields(field["components"]), "main") &&
		len(suites) > 0 && !slices.ContainsFunc(suites, func(s string) bool { return !ofSuite(s) })
}

func lineHasSuite(line string) bool {
	if _, options, ok := strings.Cut(line, "["); ok {
		before, _, _ := strings.Cut(line, "[")
		_, after, closed := strings.Cut(options, "]")
		if !closed {
			return false
		}
		line = before + after
	}
	words := strings.Fields(line)
	return len(words) > 3 && words[0] == "deb" && ofSuite(words[2]) && slices.Contains(words[3:], "main")
}
