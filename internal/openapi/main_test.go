package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestTheDescriptionIsCurrent(t *testing.T) {
	t.Parallel()
	want := filepath.Join(t.TempDir(), "openapi.json")
	if err := write(want); err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("%s does not describe the API: go run ./internal/openapi", file)
	}
}
