package window

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

var most = flag.Int("rows", 2_000_000, "rows of the largest table that BenchmarkLateRecord measures; 50000000 is the whole of it")

// BenchmarkLateRecord measures what one late record costs: finding its window
// and computing it anew. It must not grow with the table. Compare the lines.
func BenchmarkLateRecord(b *testing.B) {
	for rows := 1_000_000; rows <= *most; rows *= 2 {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) { lateRecord(b, rows) })
	}
}

func lateRecord(b *testing.B, rows int) {
	ctx := context.Background()
	db := newDatabase(b)
	db.exec(b, fmt.Sprintf(`INSERT INTO events SELECT make_timestamptz(i * 10000), {'k': 'k' || i %% 10, 'v': i %% 1000}, i, false FROM range(1, %d) AS t(i)`, rows+1))
	db.rows = int64(rows)
	p := eventsPlan(b, plan.Window{Size: time.Minute})
	c := Config{Plan: p, Allowed: Forever}
	panes := New(c, NewTable(p, db, db))
	panes.seq = db.rows // what is there has been shown
	if _, err := panes.Advance(ctx, time.Unix(int64(rows/100), 0)); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for i := range b.N {
		at := time.Unix(int64(rows/100-600-i%(rows/200)), 0) // of some window in the newer half
		upTo := db.add(b, []record{{at: at, k: "k3", v: 1}})
		fired, _, err := panes.Arrived(ctx, upTo)
		if err != nil || len(fired) != 1 || fired[0].Records < 500 {
			b.Fatal(fired, err)
		}
	}
}
