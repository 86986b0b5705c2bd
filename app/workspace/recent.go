package workspace

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tidemark.dev/tidemark/app/workspace/atomicfile"
	"tidemark.dev/tidemark/app/workspace/filelock"
)

// Recent is a workspace that was opened.
type Recent struct {
	Name     string    `json:"name"`
	Dir      string    `json:"dir"`
	OpenedAt time.Time `json:"opened_at"`
}

// maxRecent is how many are remembered.
const maxRecent = 12

// RecentStore remembers which workspaces were opened, in the user's
// configuration folder. Several processes may use it.
type RecentStore struct{ dir string }

// NewRecentStore is the store in a folder.
func NewRecentStore(configDir string) RecentStore { return RecentStore{configDir} }

func (s RecentStore) path() string { return filepath.Join(s.dir, "recent.json") }

// List gives them, the newest first. What cannot be read is none: it is a
// convenience.
func (s RecentStore) List() []Recent {
	out := []Recent{}
	if data, err := os.ReadFile(s.path()); err == nil && json.Unmarshal(data, &out) != nil {
		return []Recent{}
	}
	return out
}

// Add puts a workspace first.
func (s RecentStore) Add(r Recent) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	lock, err := filelock.Wait(s.path() + ".lock")
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	list := slices.DeleteFunc(s.List(), func(o Recent) bool { return o.Dir == r.Dir })
	list = append([]Recent{r}, list...)
	data, err := json.MarshalIndent(list[:min(len(list), maxRecent)], "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(s.path(), append(data, '\n'), 0o600)
}
