package lab

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
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

// recipeHash changes with everything that makes the image, but for what Debian
// publishes.
func recipeHash() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(recipe, "image", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := recipe.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(text), text)
		return err
	})
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

// ensureImage returns the disk image, which it builds if the cached one is
// missing or of another recipe.
func ensureImage(ctx context.Context, p *progress) (string, error) {
	hash, err := recipeHash()
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
	image := filepath.Join(cache, "image-"+hash+".img")
	if _, err := os.Stat(image); err == nil {
		return image, nil
	}
	p.say("building the disk image (once; kept in %s)", cache)
	if err := buildImage(ctx, p, cache, image); err != nil {
		return "", err
	}
	return image, dropOldImages(cache, image)
}

func buildImage(ctx context.Context, p *progress, cache, image string) error {
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
	if err := runBuild(ctx, p, filepath.Join(recipeDir, "image"), work); err != nil {
		return err
	}
	return os.Rename(filepath.Join(work, "base.img"), image)
}

// runBuild runs build.sh in a mount namespace of its own, so that whatever
// happens to it leaves no mount behind.
func runBuild(ctx context.Context, p *progress, recipeDir, work string) error {
	logFile := filepath.Join(CacheDir(), "build.log")
	log, err := os.Create(logFile)
	if err != nil {
		return fmt.Errorf("cannot build the lab's disk image: %w", err)
	}
	defer log.Close()

	var step atomic.Value
	step.Store("starting")
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--propagation", "private", "--",
		"sh", filepath.Join(recipeDir, "build.sh"), recipeDir, work)
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
	err = p.during(func() string { return "building the disk image: " + step.Load().(string) }, func() error {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "== "); ok {
				step.Store(name)
				p.say("building the disk image: %s", name)
			}
		}
		return cmd.Wait()
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("cannot build the lab's disk image (%s): %w; the end of %s:\n%s", step.Load(), err, logFile, tail(logFile, 12))
	}
	return nil
}

// dropOldImages removes the images of other recipes that no running lab uses.
func dropOldImages(cache, keep string) error {
	inUse := []string{keep}
	labs, _ := filepath.Glob(filepath.Join(stateRoot, "*", stateFile))
	for _, file := range labs {
		if s, err := readState(file); err == nil {
			inUse = append(inUse, s.Image)
		}
	}
	images, _ := filepath.Glob(filepath.Join(cache, "image-*.img"))
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
