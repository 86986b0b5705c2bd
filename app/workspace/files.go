package workspace

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// Files reads and writes the text files of a workspace: tidemark.yaml and the
// rules, tests, notebooks and dashboards. Nothing else, and nothing that a
// symbolic link leads to outside. It may be used by several goroutines.
type Files struct {
	root string
	mu   sync.Mutex // from comparing a version to writing
}

// NewFiles gives the files of the workspace in root.
func NewFiles(root string) *Files { return &Files{root: root} }

// maxText bounds a text file.
const maxText = 8 << 20

// textFolders are the folders of text files and how their names end.
var textFolders = map[string]string{"rules": ".yaml", "tests": ".yaml", "notebooks": ".md", "dashboards": ".yaml", "models": ".sql", "plugins": ".yaml"}

// CheckFile refuses names that are none of the workspace's text files.
func CheckFile(name string) error {
	folder, base := path.Split(name)
	folder = strings.TrimSuffix(folder, "/")
	suffix, known := textFolders[folder]
	switch {
	case name == FileName:
		return nil
	case !known || !strings.HasSuffix(base, suffix) || base == suffix:
		return engine.Errorf(engine.Invalid, "name a file", "%q is none of the workspace's files", name).
			WithHint("%s, rules/NAME.yaml, tests/NAME.yaml, notebooks/NAME.md, dashboards/NAME.yaml, models/NAME.sql and plugins/NAME.yaml are", FileName)
	case strings.HasPrefix(base, ".") || strings.ContainsAny(base, `\:*?"<>|`) || strings.ContainsFunc(base, unseen) || len(base) > 200:
		return engine.Errorf(engine.Invalid, "name a file", "%q cannot be a file's name on every machine", name).
			WithHint("use letters, digits, - and _")
	}
	return nil
}

// unseen reports whether a character of a name cannot be seen, or turns the
// others around.
func unseen(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029'
}

// Version identifies a file's content.
func Version(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func (f *Files) open(name string) (*os.Root, error) {
	if err := CheckFile(name); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return nil, fileError(name, err)
	}
	return root, nil
}

func fileError(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return engine.Errorf(engine.NotFound, "open "+name, "there is no such file")
	}
	// os.Root has no name for this error.
	if strings.Contains(err.Error(), "path escapes from parent") {
		return engine.Errorf(engine.Invalid, "open "+name, "it is a link that leads out of the workspace").
			WithHint("put the file itself there: links to the outside are not followed")
	}
	return engine.Errorf(engine.Unavailable, "open "+name, "%w", err).WithHint("check that the folder is yours to write to")
}

// Read gives a file's text.
func (f *Files) Read(name string) ([]byte, error) {
	root, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return read(root, name)
}

func read(root *os.Root, name string) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, fileError(name, err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxText {
		return nil, engine.Errorf(engine.Invalid, "open "+name, "it is no text file of at most 8 MB")
	}
	text, err := root.ReadFile(name)
	if err != nil {
		return nil, fileError(name, err)
	}
	if at := notUTF8(text); at >= 0 {
		e := engine.Errorf(engine.Invalid, "open "+name, "it is not UTF-8: byte %d is 0x%02X", at, text[at]).
			WithHint("save it as UTF-8 in another editor; here it would lose what cannot be shown")
		e.Line = bytes.Count(text[:at], []byte("\n")) + 1
		e.Column = utf8.RuneCount(text[bytes.LastIndexByte(text[:at], '\n')+1:at]) + 1
		e.File = name
		return nil, e
	}
	return text, nil
}

// notUTF8 is where a text stops being UTF-8, or -1.
func notUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// Write puts text into a file, whole or not at all, and gives its version.
// version is that of the text it was made from, "" when the file must not
// exist yet; another one on disk is a conflict.
func (f *Files) Write(name string, text []byte, version string) (string, error) {
	if len(text) > maxText {
		return "", engine.Errorf(engine.Invalid, "write "+name, "it is larger than 8 MB")
	}
	root, err := f.open(name)
	if err != nil {
		return "", err
	}
	defer root.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := expect(root, name, version); err != nil {
		return "", err
	}
	if err := write(root, name, text); err != nil {
		return "", fileError(name, err)
	}
	return Version(text), nil
}

// expect compares a file with the version that somebody knows.
func expect(root *os.Root, name, version string) error {
	text, err := read(root, name)
	switch {
	case engine.KindOf(err) == engine.NotFound && version == "":
		return nil
	case err != nil:
		return err
	case version == "":
		return engine.Errorf(engine.Conflict, "write "+name, "there is such a file already").WithHint("choose another name")
	case Version(text) != version:
		return engine.Errorf(engine.Conflict, "write "+name, "it was changed on disk meanwhile").
			WithHint("load what is on disk, or keep a copy of yours under another name")
	}
	return nil
}

// write replaces a file so that a reader, or a crash, sees the old content or
// the new one.
func write(root *os.Root, name string, text []byte) (err error) {
	folder, base := path.Split(name)
	if folder != "" {
		if err := root.Mkdir(strings.TrimSuffix(folder, "/"), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	temp := folder + "." + base + ".new"
	_ = root.Remove(temp) // of a process that was killed
	perm := os.FileMode(0o644)
	if info, err := root.Stat(name); err == nil {
		perm = info.Mode().Perm()
	}
	out, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = root.Remove(temp)
		}
	}()
	_, err = out.Write(text)
	if err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return root.Rename(temp, name)
}

// Rename gives a file another name in the same folder or another; there must
// be none of that name.
func (f *Files) Rename(name, to, version string) error {
	if err := CheckFile(to); err != nil {
		return err
	}
	if name == FileName || to == FileName || path.Ext(name) != path.Ext(to) {
		return engine.Errorf(engine.Invalid, "rename "+name, "it cannot become %s", to)
	}
	root, err := f.open(name)
	if err != nil {
		return err
	}
	defer root.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := expect(root, name, version); err != nil {
		return err
	}
	if err := expect(root, to, ""); err != nil {
		return err
	}
	if err := root.Rename(name, to); err != nil {
		return fileError(name, err)
	}
	return nil
}

// Delete moves a file into the trash of the workspace.
func (f *Files) Delete(name, version string) error {
	if name == FileName {
		return engine.Errorf(engine.Invalid, "delete "+name, "without it the folder is no workspace")
	}
	root, err := f.open(name)
	if err != nil {
		return err
	}
	defer root.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := expect(root, name, version); err != nil {
		return err
	}
	return trash(root, name)
}

// Replace is Write for text that is not made from what is there: that is kept
// in .tidemark/trash/.
func (f *Files) Replace(name string, text []byte, version string) (string, error) {
	root, err := f.open(name)
	if err != nil {
		return "", err
	}
	was, err := read(root, name)
	if err == nil {
		to, mkErr := trashName(root, name)
		if err = mkErr; err == nil {
			err = root.WriteFile(to, was, 0o600)
		}
	}
	root.Close()
	if err != nil {
		return "", fileError(name, err)
	}
	return f.Write(name, text, version)
}

// trash moves a file to .tidemark/trash/, under a name that tells when.
func trash(root *os.Root, name string) error {
	to, err := trashName(root, name)
	if err == nil {
		err = root.Rename(name, to)
	}
	if err != nil {
		return fileError(name, err)
	}
	return nil
}

// trashName is where a file goes that is thrown away now.
func trashName(root *os.Root, name string) (string, error) {
	folder := filepath.Base(StateDir("")) + "/trash"
	return folder + "/" + time.Now().UTC().Format("20060102T150405.000000") + "-" + strings.ReplaceAll(name, "/", "-"), root.MkdirAll(folder, 0o700)
}

// TrashPlugin moves a plugin of the workspace, and what stands beside it,
// into the trash.
func (f *Files) TrashPlugin(p Plugin) error {
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return fileError(p.File, err)
	}
	defer root.Close()
	for _, name := range []string{p.File, p.SettingsFile} {
		if name == "" {
			continue
		}
		if err := trash(root, name); err != nil {
			return err
		}
	}
	return nil
}
