package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// state is what lab.json holds.
type state struct {
	Topology string            // the text
	Default  string            // the image of machines that name none
	Images   map[string]string // by image's name, the file that machines' disks are laid over
	Disks    string            // the directory of those disks
}

func readState(file string) (s state, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

func (l *Lab) writeState() error {
	text, err := json.MarshalIndent(l.state, "", "\t")
	if err != nil {
		return fmt.Errorf("cannot write the lab's state: %w", err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, stateFile), text, 0o600); err != nil {
		return fmt.Errorf("cannot write the lab's state: %w", err)
	}
	return nil
}

// images has the disk images of machines at hand. The first one that a lab had
// of a name stays its own: disks are laid over it.
func (l *Lab) images(ctx context.Context, machines []Machine) error {
	for _, m := range machines {
		if l.state.Images[m.Image] != "" {
			continue
		}
		k, err := kindOf(m.Image)
		if err != nil {
			return err
		}
		file, err := ensureImage(ctx, l.progress, k)
		if err != nil {
			return err
		}
		if l.state.Images == nil {
			l.state.Images = map[string]string{}
		}
		l.state.Images[m.Image] = file
		if err := l.writeState(); err != nil {
			return err
		}
	}
	return nil
}
