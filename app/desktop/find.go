package desktop

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// program is the name of the window's program.
const program = "tidemark-window"

// Find gives the path of the window's program: beside this one, where a build
// and an unpacked tarball have it; in ../lib/tidemark, where packages put what
// nobody starts by hand; or in PATH. Links to this program are followed. It
// fails with ErrNone.
func Find() (string, error) {
	own, err := os.Executable()
	if err != nil {
		own = ""
	}
	return find(own, exec.LookPath)
}

func find(own string, inPath func(string) (string, error)) (string, error) {
	name := program
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if real, err := filepath.EvalSymlinks(own); err == nil {
		dir := filepath.Dir(real)
		for _, file := range []string{filepath.Join(dir, name), filepath.Join(filepath.Dir(dir), "lib", "tidemark", name)} {
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				return file, nil
			}
		}
	}
	file, err := inPath(name)
	if err == nil {
		file, err = filepath.Abs(file)
	}
	if err != nil {
		return "", ErrNone
	}
	return file, nil
}
