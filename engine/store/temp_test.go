package store_test

import (
	"path/filepath"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine/store"
)

// What queries spill is bounded: one that needs more fails.
func TestTempIsBounded(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{
		Path: filepath.Join(dir, "db"), Staging: dir, Temp: filepath.Join(dir, "spill"), TempLimit: 20_000_000, Memory: 100_000_000, Threads: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var limit string
	if err := s.DB().QueryRow("SELECT current_setting('max_temp_directory_size')").Scan(&limit); err != nil || limit != "19.0 MiB" {
		t.Errorf("the limit is %s, %v", limit, err)
	}
	_, err = s.DB().Exec("CREATE TEMP TABLE big AS SELECT md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS m FROM range(4000000)")
	if err == nil || !strings.Contains(err.Error(), "max_temp_directory_size") && !strings.Contains(err.Error(), "Out of Memory") {
		t.Errorf("it ended with %v", err)
	}
}
