package workbench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
)

// rolledDesk is a workspace whose dataset logs has rollups with quantiles.
func rolledDesk(t *testing.T) *Workbench {
	t.Helper()
	dir := t.TempDir()
	config := "name: t\ndatasets:\n  logs: {rollups: [1m, 10m, 1h], quantiles: [body.ms, body.n], distinct: [body.n]}\n"
	if err := os.WriteFile(filepath.Join(dir, workspace.FileName), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := workspace.Load(dir, workspace.Options{Trusted: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Trusted = true
	if err := w.Prepare(); err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), w, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// commitLines puts rows into logs and leaves the rollups behind.
func commitLines(t testing.TB, b *Workbench, lines []string) {
	t.Helper()
	path := filepath.Join(b.staging, "lines.ndjson")
	first := b.Store.AllocateSeq(int64(len(lines)))
	var text strings.Builder
	for i, l := range lines {
		fmt.Fprintf(&text, `{"_o":0,"_r":%d,"_seq":%d,%s}`+"\n", i+1, first+int64(i), l)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	batch := engine.Batch{
		Dataset: "logs", Lines: path, Longest: 400, Rows: int64(len(lines)), Ingest: time.Now().UTC(),
		Origins: []engine.Origin{{Source: "f", URL: "u", Arrival: time.Unix(0, 0)}},
	}
	if _, has := b.Store.Schema("logs"); !has {
		batch.Schema = &engine.SchemaVersion{Dataset: "logs", Version: 1, Author: "inference", At: batch.Ingest, Body: engine.StructOf(
			engine.Field{Name: "n", Type: engine.Scalar(engine.BigInt)},
			engine.Field{Name: "ms", Type: engine.Scalar(engine.Double)},
			engine.Field{Name: "path", Type: engine.Scalar(engine.Varchar)},
		)}
	}
	if _, err := b.Store.Commit(context.Background(), batch); err != nil {
		t.Fatal(err)
	}
}

const rolledStart = 1_767_225_600 // 2026-01-01

func drawLines(r *rapid.T) []string {
	var lines []string
	for range rapid.IntRange(1, 60).Draw(r, "rows") {
		at := rolledStart*1_000_000 + rapid.Int64Range(0, 3*3600*1_000_000).Draw(r, "at")
		value := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(r, name) }
		lines = append(lines, fmt.Sprintf(`"_t":%d,"service":%s,"level":%s,"body":{"n":%d,"ms":%s,"path":%s}`, at,
			value("service", "null", `"cart"`, `"pay"`, `"search"`), value("level", "null", `"INFO"`, `"ERROR"`),
			rapid.Int64Range(-20, 20).Draw(r, "n"), value("ms", "null", "0.1", "0.2", "17.5", "-3", "1e30", "250"), value("path", "null", `"/"`)))
	}
	return lines
}

// drawItem is an item of a dashboard, which a rollup may be able to answer.
func drawItem(r *rapid.T) (yaml string) {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(r, name) }
	atom := func() string {
		return pick("atom", "count()", `count(level == "ERROR")`, `count(service in ["cart", "pay"] && level != "ERROR")`, "count(body.n > 3)", "sum(body.n)", "avg(body.n)", "min(body.n)",
			"max(body.ms)", "sum(body.ms)", "avg(body.ms)", "quantile(body.ms, 0.95)", "quantile(body.n, 0.5)", "quantile(body.ms, 0)", "distinct(body.n)", "distinct(service)")
	}
	measure := atom()
	if rapid.Bool().Draw(r, "two") {
		measure += " " + pick("op", "+", "*", "/") + " " + atom()
	}
	yaml = "{y: v, measure: '" + measure + "'"
	yaml += pick("x", "", ", x: time", ", x: time", ", x: service", ", type: big_number") + pick("series", "", "", ", series: service", ", series: level")
	if strings.Contains(yaml, "x: service") && strings.Contains(yaml, "series: service") {
		yaml = strings.Replace(yaml, ", series: service", "", 1)
	}
	return yaml + pick("where", "", "", `, where: 'level != "ERROR"'`, `, where: 'service == nil || level == "INFO"'`, `, where: 'body.path == "/"'`) + "}"
}

// What a dashboard shows is the same from rollups as from the records: for any
// item, range and filters, while rollups are behind, and after rows came late.
func TestRolledItemsEqualTheRecords(t *testing.T) {
	b := rolledDesk(t)
	answered, asked := map[string]int{}, 0
	rapid.Check(t, func(r *rapid.T) {
		if asked > 400 { // each takes some hundredths of a second
			return
		}
		commitLines(t, b, drawLines(r))
		if rapid.Bool().Draw(r, "refresh") {
			if err := b.RefreshRollups(context.Background(), "logs"); err != nil {
				r.Fatal(err)
			}
		}
		for range 8 {
			asked++
			unit := rapid.SampledFrom([]int64{1, 60, 600, 3600}).Draw(r, "unit")
			from := time.UnixMicro(rolledStart*1_000_000 + rapid.Int64Range(-600/unit, 2*3600/unit).Draw(r, "from")*unit*1_000_000 + rapid.Int64Range(0, 1).Draw(r, "odd")).UTC()
			to := from.Add(time.Duration(rapid.Int64Range(1, 3*3600/unit).Draw(r, "length")*unit) * time.Second)
			q := DashboardQuery{DashboardText: DashboardText{File: "d.yaml", Text: "dataset: logs\nrows: [{items: [" + drawItem(r) + "]}]\n"}, From: &from, To: &to}
			switch rapid.IntRange(0, 3).Draw(r, "filter") {
			case 1:
				q.Filters = []PathValues{{Path: "service", Values: []any{"cart", nil}}}
			case 2:
				q.Filters = []PathValues{{Path: "level", Values: []any{"ERROR"}}, {Path: "service", Values: []any{"pay"}}}
			case 3:
				q.Filters = []PathValues{{Path: "body.path", Values: []any{"/"}}}
			}
			got, err := b.DashboardItem(context.Background(), q)
			if err != nil {
				r.Fatalf("%s\n%v", q.Text, err)
			}
			q.Records = true
			want, err := b.DashboardItem(context.Background(), q)
			if err != nil {
				r.Fatalf("%s\n%v", q.Text, err)
			}
			if want.Rollup != "" || !reflect.DeepEqual(got.Rows, want.Rows) || !reflect.DeepEqual(got.Columns, want.Columns) {
				r.Fatalf("%s%v to %v, filters %v, from %q:\n%v %v\nfrom records:\n%v %v\n%s", q.Text, from, to, q.Filters, got.Rollup, got.Columns, got.Rows, want.Columns, want.Rows, got.SQL)
			}
			answered[got.Rollup]++
		}
	})
	for _, name := range []string{"logs_1m", ""} {
		if answered[name] == 0 && !t.Failed() {
			t.Errorf("none was answered from %q: %v", name, answered)
		}
	}
	t.Log(answered)
}

// What a rollup cannot say exactly comes from the records.
func TestWhatRollupsDoNotAnswer(t *testing.T) {
	b := rolledDesk(t)
	commitLines(t, b, []string{fmt.Sprintf(`"_t":%d,"service":"a","level":"INFO","body":{"n":1,"ms":2.5,"path":"/"}`, rolledStart*1_000_000)})
	if err := b.RefreshRollups(context.Background(), "logs"); err != nil {
		t.Fatal(err)
	}
	from, to := time.Unix(rolledStart, 0), time.Unix(rolledStart+7200, 0)
	for item, want := range map[string]string{
		"measure: count()":                                  "logs_1m",
		"measure: 'count() * 2', series: service":           "logs_1m",
		"measure: count(body.n > 0)":                        "",
		"measure: distinct(body.n)":                         "",
		"measure: 'first(body.n)'":                          "",
		"measure: sum(body.n), where: 'body.path == \"/\"'": "",
		"measure: sum(body.n + 1)":                          "",
		"measure: count(), series: body.path":               "",
		"measure: max(body.ms), where: 'level == \"INFO\"'": "logs_1m",
		"measure: 'quantile(body.ms, 0.9)', x: service":     "logs_1h",
	} {
		q := DashboardQuery{DashboardText: DashboardText{File: "d.yaml", Text: "dataset: logs\nrows: [{items: [{" + item + "}]}]\n"}, From: &from, To: &to}
		got, err := b.DashboardItem(context.Background(), q)
		if err != nil {
			t.Errorf("%s: %v", item, err)
		}
		if got.Rollup != want || want != "" && !strings.Contains(got.SQL, `rollup."`+want) {
			t.Errorf("%s: from %q, want %q\n%s", item, got.Rollup, want, got.SQL)
		}
	}
}

// TestItemOverARollup: a query that names a rollup reads it, in the range that
// it asks for, and says nothing of having been answered from elsewhere.
func TestItemOverARollup(t *testing.T) {
	b := rolledDesk(t)
	var lines []string
	for minute := range 10 {
		lines = append(lines, fmt.Sprintf(`"_t":%d,"service":"cart","body":{"n":1}`, (rolledStart+60*minute)*1_000_000))
	}
	commitLines(t, b, lines)
	if err := b.RefreshRollups(t.Context(), "logs"); err != nil {
		t.Fatal(err)
	}
	const text = `
dataset: logs
rows:
  - items:
      - {x: time, y: records, sql: "select time, sum(records)::bigint as records from logs_1m where time >= $from and time < $to group by time order by time"}
`
	from := time.Unix(rolledStart, 0).UTC().Add(3 * time.Minute)
	to := from.Add(4 * time.Minute)
	got, err := b.DashboardItem(t.Context(), DashboardQuery{DashboardText: DashboardText{File: "d.yaml", Text: text}, From: &from, To: &to})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 4 || got.Rollup != "" {
		t.Errorf("%d rows, from %q", len(got.Rows), got.Rollup)
	}
}
