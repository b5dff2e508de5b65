package lab

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

//go:embed all:image
var recipe embed.FS

// CacheDir is where disk images are kept.
func CacheDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "lvsdeploy", "lab")
	}
	return "/var/cache/lvsdeploy/lab" // no home: a system service
}

// kind is a sort of machine: what its disk image is made of, and what its seed
// has to say in the files of whoever brings its interfaces up. Adding one is a
// row in kinds, and a directory below image/ for what no other has.
type kind struct {
	name    string
	parts   []string // directories of image/, in their order
	memory  string   // of a machine that does not say
	manager string   // who brings interfaces up
	seed    func(Machine) []seedFile
}

// kinds begin with the default.
var kinds = []kind{
	{"debian", []string{"base", "debian"}, "256M", "ifupdown", ifupdownSeed},
	{"debian-nm", []string{"base", "firewalld", "debian-nm"}, "320M", "NetworkManager", networkManagerSeed},
	{"debian-netplan", []string{"base", "debian-netplan"}, "256M", "netplan", netplanSeed},
	{"el", []string{"base", "firewalld", "el"}, "320M", "network-scripts", networkScriptsSeed},
}

// kindOf finds a kind by its name; the error says which there are.
func kindOf(name string) (kind, error) {
	var names []string
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
		names = append(names, k.name)
	}
	return kind{}, fmt.Errorf("cannot find an image named %q: there are %s", name, strings.Join(names, ", "))
}

// recipeHash changes with everything that makes the image, but for what Debian
// publishes.
func (k kind) recipeHash() (string, error) {
	files, err := fs.Glob(recipe, "image/*.sh")
	for _, part := range k.parts {
		err = errors.Join(err, fs.WalkDir(recipe, "image/"+part, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, path)
			}
			return err
		}))
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", k.parts)
	for _, file := range files {
		text, readErr := recipe.ReadFile(file)
		err = errors.Join(err, readErr)
		fmt.Fprintf(h, "%s %d\n%s", file, len(text), text)
	}
	if err != nil {
		return "", fmt.Errorf("cannot read the image's recipe: %w", err)
	}
	kernel, err := exec.Command("linux.uml", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("cannot ask linux.uml for its version: %w", err)
	}
	h.Write(kernel) // whose modules are in the image
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// ensureImage returns the disk image of a kind, which it builds if the cached
// one is missing or of another recipe.
func ensureImage(ctx context.Context, p *progress, k kind) (string, error) {
	hash, err := k.recipeHash()
	if err != nil {
		return "", err
	}
	cache := CacheDir()
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("cannot make the lab's cache: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	image := filepath.Join(cache, imageFile(k.name, hash))
	if _, err := os.Stat(image); err == nil {
		return image, nil
	}
	p.say("building the disk image %s (once; kept in %s)", k.name, cache)
	if err := buildImage(ctx, p, k, cache, image); err != nil {
		return "", err
	}
	return image, dropOldImages(cache, k.name, image)
}

func imageFile(name, hash string) string { return "image-" + name + "-" + hash + ".img" }

func buildImage(ctx context.Context, p *progress, k kind, cache, image string) error {
	stanzas, lines, err := aptSources("/etc/apt")
	if err != nil {
		return fmt.Errorf("cannot build the lab's disk image: %w", err)
	}
	// Proxies, timeouts and the like: as this system's apt has them.
	aptConf, err := exec.CommandContext(ctx, "apt-config", "dump", "Acquire").Output()
	if err != nil {
		return fmt.Errorf("cannot read apt's configuration: %w", err)
	}
	// What was interrupted before left its directory.
	old, _ := filepath.Glob(filepath.Join(cache, "build-*"))
	for _, dir := range old {
		os.RemoveAll(dir)
	}
	work, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return fmt.Errorf("cannot build the lab's disk image: %w", err)
	}
	defer os.RemoveAll(work)
	recipeDir := filepath.Join(work, "recipe")
	err = os.CopyFS(recipeDir, recipe)
	for name, text := range map[string]string{"lab.sources": stanzas, "lab.list": lines, "apt.conf": string(aptConf)} {
		if err == nil {
			err = os.WriteFile(filepath.Join(work, name), []byte(text), 0o644)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot build the lab's disk image: %w", err)
	}
	if err := runBuild(ctx, p, k, filepath.Join(recipeDir, "image"), work); err != nil {
		return err
	}
	return os.Rename(filepath.Join(work, "base.img"), image)
}

// runBuild runs build.sh in a mount namespace of its own, so that whatever
// happens to it leaves no mount behind.
func runBuild(ctx context.Context, p *progress, k kind, recipeDir, work string) error {
	logFile := filepath.Join(CacheDir(), "image-"+k.name+".log")
	log, err := os.Create(logFile)
	if err != nil {
		return fmt.Errorf("cannot build the lab's disk image: %w", err)
	}
	defer log.Close()

	var step atomic.Value
	step.Store("starting")
	argv := append([]string{"--mount", "--propagation", "private", "--",
		"sh", filepath.Join(recipeDir, "build.sh"), recipeDir, work}, k.parts...)
	cmd := exec.CommandContext(ctx, "unshare", argv...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
	cmd.Stderr = log
	asGroup(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("cannot build the lab's disk image: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot build the lab's disk image: %w", err)
	}
	err = p.during(func() string { return "building the disk image " + k.name + ": " + step.Load().(string) }, func() error {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "== "); ok {
				step.Store(name)
				p.say("building the disk image %s: %s", k.name, name)
			}
		}
		return cmd.Wait()
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("cannot build the lab's disk image %s (%s): %w; the end of %s:\n%s", k.name, step.Load(), err, logFile, tail(logFile, 12))
	}
	return nil
}

// dropOldImages removes a kind's images of other recipes that no lab uses.
func dropOldImages(cache, name, keep string) error {
	inUse := []string{keep}
	labs, _ := filepath.Glob(filepath.Join(stateRoot, "*", stateFile))
	for _, file := range labs {
		if s, err := readState(file); err == nil {
			inUse = slices.AppendSeq(inUse, maps.Values(s.Images))
		}
	}
	// As many letters as a hash has, or debian's would be debian-nm's too.
	images, _ := filepath.Glob(filepath.Join(cache, imageFile(name, strings.Repeat("[0-9a-f]", 16))))
	for _, image := range images {
		if slices.Contains(inUse, image) {
			continue
		}
		if err := os.Remove(image); err != nil {
			return fmt.Errorf("cannot remove an old disk image: %w", err)
		}
	}
	return nil
}

// tail is the last n lines of a file, for messages.
func tail(file string, n int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
