package workspace

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

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
	// Plugins are the SHA-256 of the plugins that may run, for each folder
	// that came from somebody else. In the user's own folders all may.
	Plugins map[string][]string `json:"plugins,omitempty"`
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

// Add trusts a folder that the user has made, with all that it will ever hold.
func (s TrustStore) Add(root string) error {
	return s.add(root, func(t *trusted, root string) { delete(t.Plugins, root) })
}

// AddForeign trusts a folder that came from somebody else, with the plugins
// that are in it now. Others have to be allowed one by one.
func (s TrustStore) AddForeign(root string) error {
	hashes, err := pluginHashes(root)
	if err != nil {
		return trustError(err)
	}
	return s.add(root, func(t *trusted, root string) { t.Plugins[root] = hashes })
}

func (s TrustStore) add(root string, edit func(t *trusted, root string)) error {
	root, err := Root(root)
	if err != nil {
		return err
	}
	id, err := identity(root)
	if err != nil {
		return trustError(err)
	}
	return s.change(func(t *trusted) {
		t.Folders[root] = id
		edit(t, root)
	})
}

// Allow lets a plugin's file run in a folder that came from somebody else. In
// one of the user's own it changes nothing.
func (s TrustStore) Allow(root, sha256 string) error {
	root, err := Root(root)
	if err != nil {
		return err
	}
	return s.change(func(t *trusted) {
		if known, foreign := t.Plugins[root]; foreign && !slices.Contains(known, sha256) {
			t.Plugins[root] = append(known, sha256)
		}
	})
}

// Allowed tells which plugins may run in a folder; nil is all of them.
func (s TrustStore) Allowed(root string) (func(sha256 string) bool, error) {
	root, err := Root(root)
	if err != nil {
		return nil, err
	}
	t, err := s.read()
	if err != nil {
		return nil, err
	}
	known, foreign := t.Plugins[root]
	if !foreign {
		return nil, nil
	}
	return func(sha256 string) bool { return slices.Contains(known, sha256) }, nil
}

// pluginHashes are the SHA-256 of the plugins in a workspace.
func pluginHashes(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, "plugins", "*.wasm"))
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, f := range files {
		wasm, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(wasm)
		out = append(out, hex.EncodeToString(sum[:]))
	}
	return out, nil
}

// Remove stops trusting the folder.
func (s TrustStore) Remove(root string) error {
	root, err := Root(root)
	if err != nil {
		return err
	}
	return s.change(func(t *trusted) {
		delete(t.Folders, root)
		delete(t.Plugins, root)
	})
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
	before := trusted{maps.Clone(t.Folders), maps.Clone(t.Plugins)}
	edit(&t)
	if reflect.DeepEqual(before, t) {
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
	t := trusted{Folders: map[string]string{}, Plugins: map[string][]string{}}
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
	if t.Plugins == nil {
		t.Plugins = map[string][]string{}
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
