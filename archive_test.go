package main

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKillDuringArchive kills an archive again and again: whoever looks at
// the table and the archive after the next start sees every row once.
func TestKillDuringArchive(t *testing.T) {
	const days, each = 12, 4000
	p := newProgram(t, "name: t\nsources:\n  files: {type: file, path: \"in/*\", dataset: logs}\ndatasets:\n  logs: {retention: {hot: 1d, archive: archive}}\nlimits: {threads: 2}\n")
	for day := range days {
		var b strings.Builder
		for i := range each {
			fmt.Fprintf(&b, `{"ts":"2026-01-%02dT00:00:00Z","n":%d,"pad":"%x"}`+"\n", day+1, day*each+i, i*2654435761)
		}
		p.write(fmt.Sprintf("in/%02d.ndjson", day), []byte(b.String()))
	}
	p.run("pull")
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	archived := func() (n int) {
		files, _ := filepath.Glob(filepath.Join(p.dir, "archive", "logs", "day=*", "*.parquet"))
		if len(files) == 0 {
			return 0
		}
		if err := db.QueryRow("SELECT count(DISTINCT n) FROM read_parquet(['" + strings.Join(files, "','") + "'])").Scan(&n); err != nil {
			t.Fatal(err)
		}
		var rows int
		if err := db.QueryRow("SELECT count(*) FROM read_parquet(['" + strings.Join(files, "','") + "'])").Scan(&rows); err != nil || rows != n {
			t.Fatalf("%d rows, %d of them different, %v", rows, n, err)
		}
		return n
	}
	for round := range 12 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(60+40*round)*time.Millisecond)
		cmd := exec.CommandContext(ctx, p.bin, "archive", "logs") // the end of ctx is kill -9
		cmd.Dir, cmd.Env = p.dir, p.env
		_ = cmd.Run()
		cancel()
		left := p.query("SELECT count(*) FROM logs")
		if got := fmt.Sprint(days*each - archived()); got != left {
			t.Fatalf("round %d: the table has %s rows, and %d are archived", round, left, archived())
		}
	}
	p.run("archive", "logs")
	if got := archived(); got != (days-3)*each {
		t.Errorf("%d rows are archived", got)
	}
	if left := p.query("SELECT count(*) FROM logs"); left != fmt.Sprint(3*each) {
		t.Errorf("%s rows are left", left)
	}
}
