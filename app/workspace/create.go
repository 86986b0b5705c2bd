package workspace

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

//go:embed scaffold
var scaffold embed.FS

// Create makes a commented workspace in the folder dir, which is created if
// need be, and gives the names of the files it wrote, with slashes. Files
// that are already there stay as they are; a workspace that is already there
// is a Conflict.
func Create(dir string) (files []string, err error) {
	fail := func(err error) ([]string, error) {
		return files, engine.Errorf(engine.Unavailable, "create workspace", "%w", err).
			WithHint("choose a folder that you can write to")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, FileName)); err == nil {
		return nil, engine.Errorf(engine.Conflict, "create workspace", "%s already holds a %s", dir, FileName).
			WithHint("use it as it is, or choose another folder")
	}
	root, err := Root(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{
		"rules/errors.yaml", "notebooks/first-look.md",
		"tests/.gitkeep", "dashboards/.gitkeep", "plugins/.gitkeep", ".gitignore", FileName,
	} {
		wrote, err := createFile(root, name, contentOf(name, filepath.Base(root)))
		if err != nil {
			return fail(err)
		}
		if wrote {
			files = append(files, name)
		}
	}
	return files, nil
}

func contentOf(name, workspace string) []byte {
	if strings.HasSuffix(name, ".gitkeep") {
		return nil
	}
	src, err := scaffold.ReadFile("scaffold/" + strings.TrimPrefix(name, "."))
	if err != nil {
		panic(err) // embedded above
	}
	if name == FileName {
		return []byte(strings.ReplaceAll(string(src), "{{name}}", strconv.Quote(workspace)))
	}
	return src
}

// createFile writes a file that does not exist yet.
func createFile(root, name string, content []byte) (wrote bool, err error) {
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = f.Write(content)
	return true, errors.Join(err, f.Close())
}
