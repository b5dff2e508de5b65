package main

import (
	"context"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// sites are the local directories that a run publishes, by their path, and
// where their files wait on the hosts.
type sites struct {
	all map[string]*site

	mu     sync.Mutex
	staged map[string]staged // by host
}

// staged is a directory on a host, and whether a task reads from it just now.
type staged struct {
	conn *remote.Conn
	dir  string
	busy bool
}

// cleanUpTimeout is how long a host may take to remove such a directory. It
// goes by the clock: a run that ends must not wait for a host that is lost.
const cleanUpTimeout = 5 * time.Second

// readSites reads what the hosts of the session publish, before any of them is
// contacted.
func (s *session) readSites(ctx context.Context, in roles.Input) (*sites, error) {
	all := &sites{all: map[string]*site{}, staged: map[string]staged{}}
	for _, p := range roles.Publications(in) {
		if all.all[p.Site] != nil || s.limit != nil && !slices.Contains(s.limit, p.Host) {
			continue
		}
		s.report.Event(engine.Event{Kind: engine.KindHost, Host: p.Host, Detail: "reading the site " + p.Site})
		one, err := readSite(ctx, p.Site)
		if err != nil {
			all.close()
			return nil, err
		}
		all.all[p.Site] = one
		in.Sites[p.Site] = one.files
	}
	return all, nil
}

func (s *sites) close() {
	for _, one := range s.all {
		one.close()
	}
}

// stagingName is how the directories begin, below the login's home, in which a
// cluster's files wait on a host.
func stagingName(cluster string) string { return ".lvsdeploy-" + cluster }

// nothingStaged is in the place of such a directory where nothing is uploaded.
// It does not exist, and only root could make it.
func nothingStaged(cluster string) string {
	return path.Join("/run/lvsdeploy", cluster, "nothing-uploaded")
}

// stage uploads the files of a host's sites that it lacks or has otherwise, and
// tells where they are on the host. It changes nothing that anybody is served.
func (s *sites) stage(ctx context.Context, conn *remote.Conn, cluster string, in roles.Input) (dir string, err error) {
	var push []remote.File
	for _, p := range roles.Publications(in) {
		there := in.Facts[p.Host].Sums
		for _, f := range in.Sites[p.Site] {
			if there[path.Join(p.Dir, f.Path)] != f.SHA256 {
				to := strings.TrimPrefix(roles.StagingOf("/", p.Dir), "/")
				push = append(push, remote.File{Path: path.Join(to, f.Path), FS: s.all[p.Site], Source: f.Path, SHA256: f.SHA256, Mode: 0o644})
			}
		}
	}
	if len(push) == 0 {
		return nothingStaged(cluster), nil
	}
	if dir, err = conn.Stage(ctx, stagingName(cluster), push); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.staged[in.Only] = staged{conn: conn, dir: dir}
	return dir, nil
}

// watch looks at a run's events for what the hosts do with their directories.
func (s *sites) watch(e engine.Event) {
	if e.Kind != engine.KindStart && e.Kind != engine.KindTask {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.staged[e.Host]; ok {
		d.busy = e.Kind == engine.KindStart && strings.HasPrefix(e.Task, tasks.PublishName)
		s.staged[e.Host] = d
	}
}

// cleanUp removes the directories, however the run has ended. A task that is at
// work when a run is interrupted goes on to its end: it keeps its directory,
// and removes it itself.
func (s *sites) cleanUp(ctx context.Context, cluster string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all sync.WaitGroup
	for _, d := range s.staged {
		if !d.busy {
			all.Go(func() { _ = d.conn.Unstage(ctx, stagingName(cluster), d.dir) }) // a later run tries again
		}
	}
	all.Wait()
}
