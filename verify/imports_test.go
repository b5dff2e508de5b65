package verify

import (
	"os/exec"
	"strings"
	"testing"
)

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/lvsdeploy/lvsdeploy/"
	allowed := map[string]string{
		"bound":     "how much is taken from a host",
		"filter":    "what a rule set does to a packet, which decides nothing",
		"inventory": "what should be",
		"shell":     "the only door from Go values to shell text",
	}
	for _, path := range strings.Fields(string(out)) {
		if own, ok := strings.CutPrefix(path, module); ok && allowed[own] == "" {
			t.Errorf("verify must not import %s: its verdict must not lean on the code that deployed", own)
		} else if !ok && strings.Contains(path, ".") {
			t.Errorf("verify must not import %s: the standard library is enough", path)
		}
	}
}
