// Package imports holds which package may import which: data flows one way,
// from hosts.toml to the report.
package imports

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/lvsdeploy/lvsdeploy/"

// rule is what a package may import of this module, what else outside the
// standard library, and why no more.
type rule struct {
	own, others []string
	why         string
}

var rules = map[string]rule{
	"inventory": {nil, []string{"github.com/BurntSushi/toml", "github.com/agext/levenshtein"}, "it says what should be, and knows no SSH and no shell"},
	"shell":     {nil, nil, "the one door from Go values to shell text stands alone"},
	"templates": {nil, nil, "files are text, and know nobody"},
	"filter":    {nil, nil, "a rule set is text, and whoever asks about it knows the hosts"},
	"tasks":     {[]string{"shell", "templates"}, nil, "a task is a value that knows no cluster and no connection"},
	"roles":     {[]string{"inventory", "tasks", "templates", "filter"}, nil, "a plan is made without contacting any host, and quotes nothing by itself"},
	"bound":     {nil, nil, "one place says what is taken from a host, and knows nothing of what it is for"},
	"remote": {[]string{"bound", "shell"}, []string{"golang.org/x/crypto/", "github.com/pkg/sftp", "golang.org/x/sync/errgroup", "golang.org/x/sys/windows"},
		"connections know nothing of what runs over them"},
	"engine":    {[]string{"bound", "tasks", "shell", "remote"}, nil, "it runs programs, and knows neither inventory nor roles"},
	"verify":    {[]string{"bound", "inventory", "shell", "filter"}, nil, "its verdict must not lean on the code that deployed"},
	"diagram":   {[]string{"inventory"}, nil, "a picture of what should be"},
	"report":    {[]string{"engine", "tasks", "verify", "diagram", "inventory"}, []string{"github.com/fatih/color", "github.com/mattn/go-runewidth"}, "it shows what others found"},
	"lab":       {nil, []string{"github.com/BurntSushi/toml", "golang.org/x/sync/errgroup", "golang.org/x/sys/unix"}, "machines know nothing of what is deployed on them"},
	"lab/tests": {nil, nil, "the deployment on real machines is tried through the program alone"},
	"cmd/lvsdeploy": {[]string{"bound", "inventory", "roles", "tasks", "engine", "remote", "report", "verify", "lab", "diagram"},
		[]string{"github.com/urfave/cli/v2", "github.com/agext/levenshtein", "golang.org/x/term", "golang.org/x/sys/unix", "golang.org/x/sys/windows"}, "it puts the parts together; what formats or quotes is theirs"},
	"bench": {[]string{"inventory", "roles", "tasks", "engine", "remote", "internal/fakehost"}, []string{"golang.org/x/crypto/", "golang.org/x/sys/unix"},
		"it takes its hosts and its floor from the plan, and runs the program as a user does"},
	"internal/fakehost": {nil, []string{"golang.org/x/sys/unix", "github.com/pkg/sftp"}, "a fake machine knows nothing of lvsdeploy"},
	"internal/sshtest":  {nil, []string{"golang.org/x/crypto/", "github.com/pkg/sftp"}, "the server must not share code with the client that it tests"},
	"internal/sim":      {[]string{"engine", "tasks", "remote", "shell"}, nil, "the engine is held against a model of its own, without a shell or a connection"},
	"internal/fakerun":  {[]string{"engine", "tasks", "remote", "internal/fakehost"}, nil, "it joins the engine and fake hosts, and nothing else"},
}

// TestImports reads every file that is no test.
func TestImports(t *testing.T) {
	root := "../.."
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		r, known := rules[pkg]
		if !known {
			t.Errorf("%s: package %s has no rule: say in this test what it may import, and why", rel, pkg)
			return nil
		}
		seen[pkg] = true
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if !r.allows(imported) {
				t.Errorf("%s must not import %s: %s", rel, imported, r.why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range rules {
		if !seen[pkg] {
			t.Errorf("there is a rule for %s, and no such package", pkg)
		}
	}
}

func (r rule) allows(imported string) bool {
	if own, is := strings.CutPrefix(imported, module); is {
		return slices.Contains(r.own, own)
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(r.others, func(o string) bool {
		return imported == o || strings.HasSuffix(o, "/") && strings.HasPrefix(imported, o)
	})
}

// TestRules holds that the table itself lets data flow one way: no package can
// reach itself, and what is only for tests is reached by nothing that ships.
func TestRules(t *testing.T) {
	for pkg, r := range rules {
		reached, todo := map[string]bool{}, slices.Clone(r.own)
		for len(todo) > 0 {
			next := todo[0]
			todo = todo[1:]
			if !reached[next] {
				reached[next] = true
				todo = append(todo, rules[next].own...)
			}
		}
		for to := range reached {
			if to == pkg || strings.HasPrefix(to, "internal/") && !strings.HasPrefix(pkg, "internal/") && pkg != "bench" { // which does not ship either
				t.Errorf("%s can reach %s", pkg, to)
			}
		}
	}
}
