// Package templates holds the files that are put on hosts, as text/template
// files that read like the files they become. It imports nothing else of this
// module.
package templates

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"sync"
	"text/template"
	"unicode"
)

//go:embed *.tmpl
var files embed.FS

// Render fills in a template. A name that does not exist, or a value that the
// template names and data lacks, is a mistake of the programmer and panics.
func Render(name string, data map[string]string) string {
	t := parsed(name)
	clean := make(map[string]string, len(data))
	for key, value := range data {
		clean[key] = oneLine(key, value)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, clean); err != nil {
		panic(fmt.Sprintf("templates: cannot render %s: %v", name, err))
	}
	return b.String()
}

// parsed returns a template; each is parsed once, however many hosts need it.
func parsed(name string) *template.Template {
	if t, known := cache.Load(name); known {
		return t.(*template.Template)
	}
	t, err := template.New(name+".tmpl").Option("missingkey=error").ParseFS(files, name+".tmpl")
	if err != nil {
		panic(fmt.Sprintf("templates: cannot parse %s: %v", name, err))
	}
	cache.Store(name, t)
	return t
}

var cache sync.Map // *template.Template by name

// oneLine keeps a value from beginning a line of its own: most stand in a
// comment or within a line.
func oneLine(key, value string) string {
	if key == "Exports" || key == "Settings" || key == "Commands" || key == "Rules" { // lists, a line each
		return value
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, value)
}
