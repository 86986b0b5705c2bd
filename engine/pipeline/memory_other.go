//go:build !linux

package pipeline

import (
	"os"

	"tidemark.dev/tidemark/engine"
)

// memoryFile is what only Linux has.
func memoryFile(string) (*os.File, error) {
	return nil, engine.Errorf(engine.Unavailable, "read a compressed or remote columnar file", "this system has no files in memory, and a dataset with columns must not use a disk").
		WithHint("read it on Linux, or bring it as uncompressed files of this machine")
}
