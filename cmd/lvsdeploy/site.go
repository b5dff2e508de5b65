package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// stagingBelow is where files wait on a host, below the login's home.
func stagingBelow(home, cluster string) string {
	return path.Join(home, ".lvsdeploy-"+cluster)
}

// readSite lists a local directory's files with their checksums. Hidden files
// (.git, .htpasswd) are not published.
func readSite(dir string) ([]tasks.SiteFile, error) {
	var files []tasks.SiteFile
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") && name != dir {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if strings.ContainsAny(rel, "\n\r\\") {
			return fmt.Errorf("%q: a name with a line break or a backslash cannot be published", rel)
		}
		sum, err := checksum(name)
		if err != nil {
			return err
		}
		files = append(files, tasks.SiteFile{Path: filepath.ToSlash(rel), SHA256: sum})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the site %s: %w", dir, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("cannot publish the site %s: there is no file in it", dir)
	}
	return files, nil
}

func checksum(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// pushSite uploads what a host lacks or has otherwise.
func pushSite(ctx context.Context, conn *remote.Conn, p roles.Publication, staging string, files []tasks.SiteFile, there map[string]string) error {
	var push []remote.File
	for _, f := range files {
		if there[path.Join(p.Dir, f.Path)] != f.SHA256 {
			push = append(push, remote.File{Path: f.Path, Source: filepath.Join(p.Site, filepath.FromSlash(f.Path)), Mode: 0o644})
		}
	}
	if len(push) == 0 {
		return nil
	}
	return conn.Push(ctx, push, staging)
}
