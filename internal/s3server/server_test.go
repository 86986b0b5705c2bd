package s3server

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStartAndStop(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := ForTest(t, dir)
	response, err := http.Get(s.Endpoint + "/logs")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("an unsigned request got %s", response.Status)
	}
	s.Stop()
	if answers(t.Context(), s.Endpoint) || refuses(strings.TrimPrefix(s.Endpoint, "http://")) {
		t.Error("it still answers")
	}
}

func TestStartFails(t *testing.T) {
	_, err := Start(context.Background(), filepath.Join(t.TempDir(), "missing"))
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a folder that is missing: %v", err)
	}
	t.Chdir("/")
	if _, err := Start(context.Background(), "."); err == nil || !strings.Contains(err.Error(), "run tools/install.sh versitygw") {
		t.Errorf("a program that is missing: %v", err)
	}
}
