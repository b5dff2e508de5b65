package verify

import (
	"flag"
	"os"
	"testing"
)

// TestMain has many of the tests at a time, whatever the machine has of
// processors: they mostly wait.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
