package inventory

import _ "embed" // the samples

//go:embed sample/nat.toml
var sampleNAT string

//go:embed sample/dr.toml
var sampleDR string

// Sample is a commented inventory to begin with: the cluster of the two
// modes' usual examples.
func Sample(mode Mode) string {
	if mode == DR {
		return sampleDR
	}
	return sampleNAT
}
