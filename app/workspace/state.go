package workspace

import (
	"os"
	"path/filepath"

	"tidemark.dev/tidemark/app/workspace/atomicfile"
	"tidemark.dev/tidemark/engine"
)

// StateDir is where the state of the workspace in root lives. Never in git;
// deleting it loses only data that can be pulled again.
func StateDir(root string) string { return filepath.Join(root, ".tidemark") }

// StateDir is where the state of the workspace lives.
func (w *Workspace) StateDir() string { return StateDir(w.Root) }

// DatabasePath is the database file.
func (w *Workspace) DatabasePath() string { return filepath.Join(w.StateDir(), "workspace.duckdb") }

// HashKeyPath holds the key of hashed columns. It is as secret as the values:
// who has it can try values until a hash fits.
func (w *Workspace) HashKeyPath() string { return filepath.Join(w.StateDir(), "hash.key") }

// CacheDir holds objects that were fetched.
func (w *Workspace) CacheDir() string { return filepath.Join(w.StateDir(), "cache") }

// LogDir holds logs.
func (w *Workspace) LogDir() string { return filepath.Join(w.StateDir(), "logs") }

// TempDir holds what the database cannot keep in memory.
func (w *Workspace) TempDir() string { return filepath.Join(w.StateDir(), "temp") }

// SchemaDir holds the JSON Schemas that editors read.
func (w *Workspace) SchemaDir() string { return filepath.Join(w.StateDir(), "schemas") }

// Prepare creates the state folder with what belongs in it: its folders, a
// .gitignore, and the JSON Schemas of this version. Only the user can look
// inside.
func (w *Workspace) Prepare() error {
	if err := PrepareState(w.Root); err != nil {
		return err
	}
	for _, dir := range []string{w.CacheDir(), w.LogDir(), w.TempDir(), w.SchemaDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return stateError(err)
		}
	}
	for _, kind := range SchemaKinds() {
		schema, err := SchemaOf(kind)
		if err != nil {
			return err
		}
		if err := atomicfile.Update(filepath.Join(w.SchemaDir(), kind+".json"), schema, 0o600); err != nil {
			return stateError(err)
		}
	}
	return nil
}

// PrepareState creates the state folder of the workspace in root. A workspace
// from somebody else may bring one along that leads elsewhere: that is
// refused.
func PrepareState(root string) error {
	dir := StateDir(root)
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return stateError(err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return stateError(err)
	}
	if !info.IsDir() {
		return engine.Errorf(engine.Invalid, "open workspace", "%s is not a folder", dir).
			WithHint("remove it: rm %s", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return stateError(err)
		}
	}
	if err := atomicfile.Update(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o600); err != nil {
		return stateError(err)
	}
	return nil
}

func stateError(err error) error {
	return engine.Errorf(engine.Unavailable, "open workspace", "%w", err).
		WithHint("the workspace's folder must be writable; copy it somewhere you own")
}
