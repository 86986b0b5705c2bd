package build

import (
	"bytes"
	"embed"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/sdk"
)

// scaffold holds what a new plugin begins as: scaffold/LANGUAGE/KIND and
// scaffold/LANGUAGE/all. NAME in it becomes the plugin's name.
//
//go:embed all:scaffold
var scaffold embed.FS

// Kinds lists the kinds that a new plugin can be of.
var Kinds = []string{"transform", "function", "decoder"}

var properName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// New begins a plugin in a folder of its name below dir, with the SDK beside
// it, and gives the files that it wrote, relative to that folder.
func New(dir, name string, language Language, kind string) (files []string, err error) {
	refuse := func(format string, args ...any) *engine.Error {
		return engine.Errorf(engine.Invalid, "begin plugin "+name, format, args...)
	}
	switch {
	case !properName.MatchString(name):
		return nil, refuse("%q is no name of a plugin", name).WithHint("use lower-case letters, digits and _, and begin with a letter")
	case !slices.Contains(Languages, language):
		return nil, refuse("there is no SDK for %s", language).WithHint("there are go, rust, assemblyscript and c")
	case !slices.Contains(Kinds, kind):
		return nil, refuse("there is no kind %s", kind).WithHint("there are transform, function and decoder")
	}
	root := filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, refuse("%w", err)
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, engine.Errorf(engine.Conflict, "begin plugin "+name, "%w", err).WithHint("take another name, or move the folder away")
	}
	defer func() {
		if err != nil {
			os.RemoveAll(root)
		}
	}()
	put := func(file string, text []byte) error {
		files = append(files, file)
		target := filepath.Join(root, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	}
	for _, part := range []string{"all", kind} {
		if err := copyTree(scaffold, path.Join("scaffold", string(language), part), name, put); err != nil {
			return nil, refuse("%w", err)
		}
	}
	if err := putSDK(language, put); err != nil {
		return nil, refuse("%w", err)
	}
	slices.Sort(files)
	return files, nil
}

func copyTree(from fs.FS, root, name string, put func(string, []byte) error) error {
	return fs.WalkDir(from, root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(from, file)
		if err != nil {
			return err
		}
		target := strings.TrimSuffix(strings.TrimPrefix(file, root+"/"), ".tmpl")
		return put(target, bytes.ReplaceAll(text, []byte("NAME"), []byte(name)))
	})
}

// sdkPlaces says where the SDK lies in a plugin's folder.
var sdkPlaces = map[Language][2]string{
	Go: {"go/tm", "tm"}, Rust: {"rust", "tidemark"}, AssemblyScript: {"assemblyscript", "assembly"}, C: {"c", "."},
}

func putSDK(language Language, put func(string, []byte) error) error {
	place := sdkPlaces[language]
	return fs.WalkDir(sdk.Files, place[0], func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(sdk.Files, file)
		if err != nil {
			return err
		}
		return put(path.Join(place[1], strings.TrimPrefix(file, place[0]+"/")), text)
	})
}
