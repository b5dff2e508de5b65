package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/internal/fakerun"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// BenchmarkCompile makes a program of thirty files: what a run does for each
// host.
func BenchmarkCompile(b *testing.B) {
	var list []tasks.Task
	for i := range 30 {
		list = append(list, tasks.Write(tasks.File{Path: fmt.Sprint("/etc/", i), Mode: "0644", Content: strings.Repeat("key = value\n", 40)}))
	}
	plan := fakerun.One("web1", list...)
	b.ReportAllocs()
	for b.Loop() {
		engine.Compile(plan, "web1", engine.Heading{Cluster: "shop", Host: "web1", Nonce: "@n"}, false)
	}
}
