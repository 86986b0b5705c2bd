package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSizeIsKept(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "window.json")
	start := size{Width: startWidth, Height: startHeight}
	if got := readSize(file); got != start {
		t.Errorf("no file: %+v", got)
	}
	want := size{Width: 1000, Height: 700, Maximised: true}
	writeSize(file, want)
	if got := readSize(file); got != want {
		t.Errorf("kept %+v, want %+v", got, want)
	}
	for _, text := range []string{"", "no json", `{"width":1,"height":1}`, `{"width":1e9,"height":900}`, `{"width":"x"}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := readSize(file); got.Width != startWidth || got.Height != startHeight {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
