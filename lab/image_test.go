package lab

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every directory of the recipe belongs to an image, and every image has one.
func TestKindsAndParts(t *testing.T) {
	used := map[string]bool{}
	for _, k := range kinds {
		for _, part := range k.parts {
			used[part] = true
			if d, err := fs.Stat(recipe, "image/"+part); err != nil || !d.IsDir() {
				t.Errorf("%s has the part %s, of which there is no directory: %v", k.name, part, err)
			}
		}
		if !memoryForm.MatchString(k.memory) {
			t.Errorf("%s: memory %q", k.name, k.memory)
		}
		if got, err := kindOf(k.name); err != nil || got.name != k.name {
			t.Errorf("%s: %s, %v", k.name, got.name, err)
		}
	}
	entries, err := recipe.ReadDir("image")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !used[e.Name()] {
			t.Errorf("no image has the part %s", e.Name())
		}
	}
}

func TestOldImagesOfOthersStay(t *testing.T) {
	const now, old = "0123456789abcdef", "fedcba9876543210"
	cache := t.TempDir()
	for _, name := range []string{"debian", "debian-nm", "el"} {
		for _, hash := range []string{now, old} {
			if err := os.WriteFile(filepath.Join(cache, imageFile(name, hash)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := dropOldImages(cache, "debian", filepath.Join(cache, imageFile("debian", now))); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(cache)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := []string{
		imageFile("debian", now), imageFile("debian-nm", now), imageFile("debian-nm", old), imageFile("el", now), imageFile("el", old),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestImageOfMachines(t *testing.T) {
	list := func(topology, image string) string {
		loaded, err := LoadTopology(topology, image)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, m := range loaded.Machines {
			b.WriteString(strings.Join([]string{m.Name, m.Image, m.Memory, m.Network}, " ") + "\n")
		}
		return b.String()
	}
	for _, c := range []struct{ topology, image, want string }{
		{"mixed", "debian-nm", `director el 320M network-scripts
web1 debian-nm 320M NetworkManager
web2 debian 256M ifupdown
nfs el 320M network-scripts
client debian 256M ifupdown
`},
		{"nat", "", `director debian 256M ifupdown
web1 debian 256M ifupdown
web2 debian 256M none
web3 debian 256M ifupdown
nfs debian 256M ifupdown
client debian 256M ifupdown
`},
		{"nat", "el", `director el 320M network-scripts
web1 el 320M network-scripts
web2 el 320M none
web3 el 320M network-scripts
nfs el 320M network-scripts
client el 320M network-scripts
`},
	} {
		if diff := cmp.Diff(c.want, list(c.topology, c.image)); diff != "" {
			t.Errorf("%s, %q: %s", c.topology, c.image, diff)
		}
	}
	_, err := LoadTopology("nat", "centos")
	if err == nil || err.Error() != `cannot find an image named "centos": there are debian, debian-nm, debian-netplan, el` {
		t.Errorf("an unknown image: %v", err)
	}
}
