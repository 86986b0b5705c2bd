package workbench

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace/atomicfile"
	"tidemark.dev/tidemark/plugins"
)

// keptModules is how many modules of one name are kept: the one in use, and
// those before it, to compare with.
const keptModules = 3

func (b *Workbench) keptDir(name string) string {
	return filepath.Join(b.Current().StateDir(), "plugins", "kept", name)
}

// keep puts a module that was loaded where it is found once its file is
// another one. Without it there is only nothing to compare with.
func (b *Workbench) keep(m *module) {
	if own, has := b.Current().Plugin(m.name); !has || own.File == "" {
		return // those that come along are always there
	}
	dir := b.keptDir(m.name)
	file := filepath.Join(dir, m.sha256+".wasm")
	if os.MkdirAll(dir, 0o700) != nil {
		return
	}
	if _, err := os.Stat(file); err == nil {
		now := time.Now()
		_ = os.Chtimes(file, now, now) // its order then says too little
	} else if atomicfile.Write(file, m.wasm, 0o600) != nil {
		return
	}
	for i, k := range b.keptModules(m.name) {
		if i >= keptModules {
			_ = os.Remove(k.file) // it is tried again next time
		}
	}
}

type keptModule struct {
	sha256, file string
	at           time.Time
}

// keptModules lists the modules that a name has had, the newest first.
func (b *Workbench) keptModules(name string) []keptModule {
	var out []keptModule
	files, _ := filepath.Glob(filepath.Join(b.keptDir(name), "*.wasm")) // the pattern is well formed
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			out = append(out, keptModule{strings.TrimSuffix(filepath.Base(f), ".wasm"), f, info.ModTime()})
		}
	}
	slices.SortFunc(out, func(a, b keptModule) int { return b.at.Compare(a.at) })
	return out
}

// before gives the module that a name meant before the one of a hash.
func (b *Workbench) before(name, sha256 string) (wasm []byte, err error) {
	for _, k := range b.keptModules(name) {
		if k.sha256 == sha256 {
			continue
		}
		wasm, err := os.ReadFile(k.file)
		if err == nil && plugins.Look(wasm).SHA256 == k.sha256 {
			return wasm, nil
		}
	}
	return nil, errors.Join(errNoneBefore, fs.ErrNotExist)
}

var errNoneBefore = errors.New("no other version of it has been used here")
