package fakehost

import "testing"

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		h, err := Start(Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
