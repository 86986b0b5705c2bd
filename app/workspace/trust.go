package workspace

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"tidemark.dev/tidemark/app/workspace/atomicfile"
	"tidemark.dev/tidemark/app/workspace/filelock"
	"tidemark.dev/tidemark/engine"
)

// TrustStore remembers which workspaces the user trusts, outside of any
// workspace. What is trusted is a folder, not its content: the folder at a
// path for as long as it is the same folder. So a user's own edits, or a git
// pull, change nothing, while a folder that was deleted and cloned again, or
// copied elsewhere, is asked about anew. Several processes may use one store.
type TrustStore struct{ dir string }

// ConfigDirVar names the environment variable that moves the user's
// configuration folder.
const ConfigDirVar = "TIDEMARK_CONFIG_DIR"

// ConfigDir is where the user's own configuration lives.
func ConfigDir(lookup LookupEnv) (string, error) {
	if dir, ok := lookup(ConfigDirVar); ok && dir != "" {
		return dir, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", engine.Errorf(engine.Unavailable, "find the configuration folder", "%w", err).
			WithHint("set %s to a folder of yours", ConfigDirVar)
	}
	return filepath.Join(dir, "tidemark"), nil
}

// NewTrustStore is the store in the user's configuration folder.
func NewTrustStore(configDir string) TrustStore { return TrustStore{configDir} }

// trusted is the content of trusted.json: the identity of each folder, by path.
type trusted struct {
	Folders map[string]string `json:"folders"`
}

func (s TrustStore) path() string { return filepath.Join(s.dir, "trusted.json") }

// Trusts reports whether the folder is trusted. A store that cannot be read
// trusts nothing and gives the error.
func (s TrustStore) Trusts(root string) (bool, error) {
	root, err := Root(root)
	if err != nil {
		return false, err
	}
	t, err := s.read()
	if err != nil {
		return false, err
	}
	recorded, ok := t.Folders[root]
	if !ok {
		return false, nil
	}
	now, err := identity(root)
	if err != nil {
		return false, trustError(err)
	}
	return recorded == now, nil
}

// Add trusts the folder.
func (s TrustStore) Add(root string) error {
	root, err := Root(root)
	if err != nil {
		return err
	}
	id, err := identity(root)
	if err != nil {
		return trustError(err)
	}
	return s.change(func(t *trusted) { t.Folders[root] = id })
}

// Remove stops trusting the folder.
func (s TrustStore) Remove(root string) error {
	root, err := Root(root)
	if err != nil {
		return err
	}
	return s.change(func(t *trusted) { delete(t.Folders, root) })
}

func (s TrustStore) change(edit func(*trusted)) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return trustError(err)
	}
	lock, err := filelock.Wait(filepath.Join(s.dir, "trusted.lock"))
	if err != nil {
		return trustError(err)
	}
	defer lock.Unlock()
	t, err := s.read()
	if err != nil {
		return err
	}
	before := maps.Clone(t.Folders)
	edit(&t)
	if maps.Equal(before, t.Folders) {
		return nil
	}
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return trustError(err)
	}
	if err := atomicfile.Write(s.path(), append(data, '\n'), 0o600); err != nil {
		return trustError(err)
	}
	return nil
}

func (s TrustStore) read() (trusted, error) {
	t := trusted{Folders: map[string]string{}}
	data, err := os.ReadFile(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, trustError(err)
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return trusted{}, engine.Errorf(engine.Invalid, "read what is trusted", "%s: %w", s.path(), err).
			WithHint("delete the file and trust your workspaces again")
	}
	if t.Folders == nil {
		t.Folders = map[string]string{}
	}
	return t, nil
}

func trustError(err error) error {
	return engine.Errorf(engine.Unavailable, "read what is trusted", "%w", err).
		WithHint("check that the folder named above can be read and written, or set %s to another", ConfigDirVar)
}

// ErrUntrusted is what a verb answers that would expand variables, contact
// something or run a plugin in a workspace that is not trusted.
func ErrUntrusted(root, op string) error {
	return engine.Errorf(engine.Conflict, op, "the workspace %s is not trusted", root).
		WithHint("look through %s, rules/ and plugins/, then trust it: by the button on Home, or with tidemark trust", FileName)
}
