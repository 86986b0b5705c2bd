package store_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

const maxFuture = time.Hour

// counted is what a scan of the rows comes to.
func (d *desk) counted() (v store.Vitals, err error) {
	var first, last sql.NullTime
	err = d.DB().QueryRowContext(d.t.Context(), fmt.Sprintf(`SELECT count(*), count(*) FILTER (WHERE _late), count(*) FILTER (WHERE event_time IS NULL),
		count(*) FILTER (WHERE event_time > arrival_time + to_microseconds(%d)), min(event_time), max(event_time) FROM main.logs`, maxFuture.Microseconds())).
		Scan(&v.Rows, &v.Late, &v.Untimed, &v.Ahead, &first, &last)
	if first.Valid {
		v.FirstEventTime, v.LastEventTime = new(first.Time.UTC()), new(last.Time.UTC())
	}
	return v, err
}

// figures are those of the rows.
func figures(v store.Vitals) string {
	return fmt.Sprint(v.Rows, " rows, ", v.Late, " late, ", v.Untimed, " untimed, ", v.Ahead, " ahead, ", v.FirstEventTime, " to ", v.LastEventTime)
}

// agree compares what is told of the health of logs with a scan of its rows.
func (d *desk) agree(t *rapid.T, after string) {
	got, err := d.Vitals(d.t.Context(), "logs", maxFuture)
	if err != nil {
		t.Fatal(err)
	}
	want, err := d.counted()
	if err != nil {
		t.Fatal(err)
	}
	if figures(got) != figures(want) {
		t.Fatalf("after %s: told %s\nwant %s", after, figures(got), figures(want))
	}
}

// history does to a dataset what may happen to it.
type history struct {
	*desk
	key     []engine.Path
	version int
	batches int
}

func (h *history) rows(t *rapid.T) {
	var lines []string
	var origins []change
	for i := range rapid.IntRange(1, 6).Draw(t, "rows") {
		line := fmt.Sprintf(`"body":{"n":%d}`, rapid.IntRange(1, 4).Draw(t, "n"))
		if rapid.IntRange(0, 3).Draw(t, "timed") > 0 {
			line = at(time.Duration(rapid.IntRange(-72, 4).Draw(t, "hours"))*time.Hour) + "," + line
		}
		lines = append(lines, line)
		origins = append(origins, change{object: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "object"), row: h.batches*10 + i + 1})
	}
	h.batches++
	b := h.batch(lines...)
	b.Origins, b.Key, b.Ingest = nil, h.key, base.Add(time.Duration(h.batches)*time.Second)
	rewriteOrigins(h.desk, &b, origins)
	if rapid.Bool().Draw(t, "late") {
		b.LateBefore = base.Add(-24 * time.Hour)
	}
	if rapid.IntRange(0, 3).Draw(t, "again") == 0 {
		b.Replace = []string{"a"}
	}
	switch {
	case h.version == 0:
		h.version = 1
		b.Schema = version(1, body)
	case rapid.IntRange(0, 4).Draw(t, "wider") == 0:
		h.version++
		wider := body
		wider.Fields = append(wider.Fields[:len(wider.Fields):len(wider.Fields)], engine.Field{Name: fmt.Sprint("v", h.version), Type: engine.Scalar(engine.BigInt)})
		b.Schema = version(h.version, wider)
	}
	h.commit(b)
}

func (h *history) archive(t *rapid.T) {
	parts, err := h.ArchiveDays(h.t.Context(), "logs", base.Add(-24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if err := h.FinishArchive(h.t.Context(), p, "elsewhere"); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *history) refreshed(t *rapid.T) {
	if _, err := h.Refresh(h.t.Context(), "logs", store.Kept{}); err != nil {
		t.Fatal(err)
	}
}

func (h *history) merged(t *rapid.T) {
	if err := h.Merge(h.t.Context(), "logs"); err != nil {
		t.Fatal(err)
	}
}

// TestVitalsEqualTheRows whatever has happened to them, and whoever asked
// before.
func TestVitalsEqualTheRows(t *testing.T) {
	d := newDesk(t)
	rapid.Check(t, func(t *rapid.T) {
		h := &history{desk: d}
		if rapid.Bool().Draw(t, "keyed") {
			h.key = []engine.Path{{"body", "n"}}
		}
		steps := map[string]func(*rapid.T){
			"rows": h.rows, "archive": h.archive, "refresh": h.refreshed, "merge": h.merged,
			"another question": func(t *rapid.T) {
				if _, err := d.Vitals(d.t.Context(), "logs", 2*maxFuture); err != nil {
					t.Fatal(err)
				}
			},
			"summary": func(t *rapid.T) {
				if _, err := d.Summary(d.t.Context(), "logs"); err != nil {
					t.Fatal(err)
				}
			},
		}
		h.rows(t)
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"rows", "rows", "rows", "archive", "refresh", "refresh", "merge", "another question", "summary"}).Draw(t, "step")
			steps[name](t)
			if rapid.Bool().Draw(t, "asked") {
				d.agree(t, name)
			}
		}
		d.agree(t, "all")
		if err := d.Drop(d.t.Context(), "logs"); err != nil {
			t.Fatal(err)
		}
	})
}

// TestVitalsAreKept: who asks again reads what was kept, and what came since.
func TestVitalsAreKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.batch(`"body":{"n":1}`, at(-time.Hour)+`,"body":{"n":2}`)
	b.Schema = version(1, body)
	d.commit(b)
	late := func() int64 {
		t.Helper()
		v, err := d.Vitals(t.Context(), "logs", maxFuture)
		if err != nil {
			t.Fatal(err)
		}
		return v.Late
	}
	if n := late(); n != 0 {
		t.Fatalf("%d rows are late", n)
	}
	// A figure that no scan comes to shows that there was none.
	if _, err := d.DB().ExecContext(t.Context(), `UPDATE tidemark.tallies SET late = 1000`); err != nil {
		t.Fatal(err)
	}
	more := d.batch(at(-time.Hour) + `,"body":{"n":3}`)
	more.LateBefore = base
	d.commit(more)
	if n := late(); n != 1001 {
		t.Errorf("%d rows are late, want 1000 that are kept and one that came", n)
	}
	if _, err := d.Refresh(t.Context(), "logs", store.Kept{}); err != nil {
		t.Fatal(err)
	}
	d.reopen()
	d.want(`SELECT late, seq = (SELECT max(_seq) FROM logs) FROM tidemark.tallies`, "1001 | true")
	if n := late(); n != 1001 {
		t.Errorf("%d rows are late after a restart", n)
	}
	again := d.batch(at(-time.Hour) + `,"body":{"n":4}`)
	again.Replace = []string{again.Origins[0].URL}
	d.commit(again)
	d.want(`SELECT count(*) FROM tidemark.tallies`, "0")
	if n := late(); n != 0 {
		t.Errorf("%d rows are late when all were replaced", n)
	}
}
