package wall_test

import (
	"database/sql"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"tidemark.dev/tidemark/engine/store/wall"
)

// TestWall asks for much more than may be had, in one vector.
func TestWall(t *testing.T) {
	if !wall.Stands {
		t.Skip("DuckDB takes its memory from the system here")
	}
	before := wall.Held()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	wall.Set(before + 200<<20)
	t.Cleanup(func() { wall.Set(0) })
	var n int64
	err = db.QueryRow("SELECT sum(length(repeat(repeat('x', 10000), 100 + (i % 3)::INT))) FROM range(1000) t(i)").Scan(&n)
	if err == nil || !strings.Contains(err.Error(), "Out of Memory") {
		t.Fatalf("it ended with %d, %v", n, err)
	}
	if held := wall.Held() - before; held > 50<<20 {
		t.Errorf("%d bytes are still held", held)
	}
	if err := db.QueryRow("SELECT sum(length(repeat('x', 1000))) FROM range(100000)").Scan(&n); err != nil || n != 100_000_000 {
		t.Errorf("what follows gives %d, %v", n, err)
	}
	wall.Set(0)
	if err := db.QueryRow("SELECT sum(length(repeat(repeat('x', 10000), 100 + (i % 3)::INT))) FROM range(300) t(i)").Scan(&n); err != nil {
		t.Errorf("without the wall: %v", err)
	}
	db.Close()
	if held := wall.Held(); held != before {
		t.Errorf("%d bytes are held after closing, %d before", held, before)
	}
}

func TestResident(t *testing.T) {
	if wall.Stands && wall.Resident() < 1<<20 {
		t.Errorf("the process takes %d bytes", wall.Resident())
	}
}
