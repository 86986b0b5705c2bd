package main

import (
	"encoding/json"
	"os"

	"tidemark.dev/tidemark/app/workspace/atomicfile"
)

// size is what the state file holds.
type size struct {
	Width     int  `json:"width"`
	Height    int  `json:"height"`
	Maximised bool `json:"maximised"`
}

const (
	startWidth, startHeight = 1360, 860
	leastWidth, leastHeight = 760, 480
)

// readSize reads how large the window was; what cannot be read is the start's.
func readSize(file string) size {
	s := size{Width: startWidth, Height: startHeight}
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &s) != nil || s.Width < leastWidth || s.Height < leastHeight || s.Width > 20_000 || s.Height > 20_000 {
		return size{Width: startWidth, Height: startHeight, Maximised: s.Maximised && err == nil}
	}
	return s
}

// writeSize keeps it; a size that is not kept is no reason to fail.
func writeSize(file string, s size) {
	if data, err := json.Marshal(s); err == nil && file != "" {
		_ = atomicfile.Write(file, data, 0o600)
	}
}
