package samples

import (
	"bytes"
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// shop holds the files of the workspace that are not data.
//
//go:embed all:shop
var shop embed.FS

// schemaLine tells an editor which JSON Schema completes and checks a file.
const schemaLine = "# yaml-language-server: $schema="

// gitignore is not called .gitignore in our own tree, where it would work.
const gitignore = "gitignore"

// writeFiles copies the workspace's own files to dir.
func writeFiles(dir string, opt Options) error {
	root, err := fs.Sub(shop, "shop")
	if err != nil {
		return err
	}
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if name == gitignore {
			target = filepath.Join(dir, ".gitignore")
		}
		if name == workspaceFile && opt.Logfmt != "" {
			text = bytes.Replace(text, []byte("format: keyvalue"), []byte("format: "+opt.Logfmt), 1)
		}
		if url := schemaOf(name, opt.Schema); url != "" {
			text = append([]byte(schemaLine+url+"\n"), text...)
		}
		return os.WriteFile(target, text, 0o644)
	})
}

// schemaOf asks for the schema of the kind of file that name is.
func schemaOf(name string, schema func(kind string) string) string {
	folder, _, _ := strings.Cut(name, "/")
	kind := map[string]string{
		workspaceFile: "workspace", "rules": "rule", "tests": "test", "dashboards": "dashboard",
	}[folder]
	if schema == nil || kind == "" {
		return ""
	}
	return schema(kind)
}
