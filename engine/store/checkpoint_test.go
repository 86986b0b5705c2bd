package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine/store"
)

// logSize is how large the write-ahead log is.
func (d *desk) logSize() int64 {
	d.t.Helper()
	info, err := os.Stat(filepath.Join(d.dir, "db.wal"))
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return info.Size()
}

// A few rows are left in the log, where they are as safe, and many are not.
func TestCheckpointGrown(t *testing.T) {
	s := newDesk(t)
	commitRollupLines(t, s, []string{rollupLine(1, 0, "a", 1, "0.5")}, true, time.Time{})
	if err := s.CheckpointGrown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.logSize() == 0 {
		t.Error("one row was written into the tables")
	}
	var lines []string
	for i := range int64(40_000) {
		lines = append(lines, rollupLine(i+2, i, fmt.Sprintf("service-%d-%s", i, strings.Repeat("x", 100)), i, "0.5"))
	}
	commitRollupLines(t, s, lines, false, time.Time{})
	if err := s.CheckpointGrown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.logSize(); n != 0 {
		t.Errorf("%d bytes are left in the log", n)
	}
	s.reopen()
	s.want("SELECT count(*) FROM main.logs", "40001")
}

// The log is written into the tables before its rows, which lie in memory until
// then, take much of what there is.
func TestLogStaysBelowMemory(t *testing.T) {
	for _, c := range []struct {
		memory int64
		want   string
	}{
		{100_000_000, "61.0 MiB"},
		{1_000_000_000, "119.2 MiB"},
		{2_000_000_000, "238.4 MiB"},
		{64_000_000_000, "488.2 MiB"},
		{0, "488.2 MiB"},
	} {
		s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "db"), Staging: t.TempDir(), Memory: c.memory})
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := s.DB().QueryRow("SELECT current_setting('checkpoint_threshold')").Scan(&got); err != nil || got != c.want {
			t.Errorf("of %d bytes %s, want %s: %v", c.memory, got, c.want, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
