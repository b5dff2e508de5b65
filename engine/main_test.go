package engine_test

import (
	options "flag"
	"os"
	"testing"
)

// TestMain has many of the tests at a time, whatever the machine has of
// processors: they mostly wait.
func TestMain(m *testing.M) {
	if err := options.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
