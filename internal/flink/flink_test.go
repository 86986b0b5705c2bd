package flink_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine/export"
	"tidemark.dev/tidemark/engine/export/parity"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/internal/exporttest"
	"tidemark.dev/tidemark/internal/flink"
	"tidemark.dev/tidemark/samples"
)

// installed skips a test where there is no Flink, and says so.
func installed(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: Flink is not run")
	}
	dir, err := flink.Dir()
	if errors.Is(err, flink.ErrMissing) {
		fmt.Fprintln(os.Stderr, "SKIPPED: exported SQL is not run:", err)
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSample gives Flink the records of the sample workspace, as they are when
// its plugin has run, and compares the windows of all its rules.
func TestSample(t *testing.T) {
	dir := installed(t)
	root := t.TempDir()
	from := time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)
	if _, err := samples.Write(t.Context(), root, samples.Options{From: from, To: from.Add(5 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	c := open(t, root)
	c.records(`SELECT json_merge_patch(to_json(body), json_object('ts', strftime(event_time AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ'),
		'svc', service, 'severity', level, 'msg', message, 'trace_id', trace_id, 'span_id', span_id, 'region', labels['region'], 'use_case', labels['use_case']))::VARCHAR AS record
		FROM app_logs ORDER BY event_time`)
	c.run(dir, nil, export.Settings{Transformed: true})
}

// more are the rules that Flink holds besides.
const more = `rule: steps
dataset: d
window: {cumulate: {size: 30m, step: 10m}}
measures: {n: count(), s: sum(abs(body.ms - 20))}
when: 'n > 20 ? s > 10 : s > 1000'
---
rule: sessions
dataset: d
group_by: [service]
window: {session: {gap: 2m}}
measures: {n: count(), text: 'max(upper(body.http.route) + "!")'}
when: n > 3 && text contains "B"
---
rule: days
dataset: d
window: {tumbling: 1d}
measures: {n: count(), e: 'max(epoch(event_time))'}
when: n > 3 && e > 0
---
rule: back
dataset: d
group_by: [service]
window: {tumbling: 5m}
measures: {n: count(), ms: sum(body.ms)}
when: ms > previous(ms, 1) * 0.9 && n >= (previous(n, 10m) ?? 0) - 3
`

// TestConformance runs what rules may say on records of all kinds: times in
// many forms, nulls, policies, every kind of window.
func TestConformance(t *testing.T) {
	dir := installed(t)
	root := t.TempDir()
	exporttest.Write(t, root, more)
	c := open(t, root)
	c.input = filepath.Join(root, "data")
	c.run(dir, nil, export.Settings{})
}

// comparison is a workspace whose rules run here and there.
type comparison struct {
	*testing.T
	bench *workbench.Workbench
	input string
}

func open(t *testing.T, root string) *comparison {
	t.Helper()
	return &comparison{T: t, bench: exporttest.Open(t, root)}
}

// records writes what a query gives as the input of Flink.
func (c *comparison) records(query string) {
	c.Helper()
	c.input = c.TempDir()
	f, err := os.Create(filepath.Join(c.input, "records.json"))
	if err != nil {
		c.Fatal(err)
	}
	defer f.Close()
	rows, err := c.bench.Store.QueryContext(c.Context(), query)
	if err != nil {
		c.Fatal(err)
	}
	defer rows.Close()
	out := bufio.NewWriter(f)
	for rows.Next() {
		var record string
		if err := rows.Scan(&record); err != nil {
			c.Fatal(err)
		}
		fmt.Fprintln(out, record)
	}
	if err := errors.Join(rows.Err(), out.Flush()); err != nil {
		c.Fatal(err)
	}
}

// run exports rules, runs the SQL and compares the windows.
func (c *comparison) run(dir string, names []string, set export.Settings) {
	c.Helper()
	out := c.TempDir()
	set.Values = map[string]string{
		"source": "'connector' = 'filesystem', 'path' = '" + c.input + "'",
		"sink":   "'connector' = 'filesystem', 'path' = '" + out + "/TABLE'",
	}
	e, err := c.bench.Export(c.Context(), names, "flink", set, nil)
	if err != nil {
		c.Fatal(err)
	}
	file := filepath.Join(out, e.File)
	if err := os.WriteFile(file, e.Data, 0o600); err != nil {
		c.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.Context(), 20*time.Minute)
	defer cancel()
	if err := parity.RunFlink(ctx, dir, file); err != nil {
		c.Fatalf("%v\n%s", err, e.Data)
	}
	for _, r := range e.Rules {
		c.compare(r, filepath.Join(out, r.Name+"_panes"))
	}
}

func (c *comparison) compare(r export.Rule, dir string) {
	c.Helper()
	theirs := c.read(dir, r)
	b, _, err := c.bench.Backtest(c.Context(), r.Name, rule.BacktestOptions{Datapoints: true})
	if err != nil {
		c.Fatal(err)
	}
	same := 0
	for _, d := range b.Datapoints {
		name := d.Start.UTC().Format(layout) + " " + d.End.UTC().Format(layout)
		for _, k := range r.Plan.Keys {
			name += " " + exporttest.Text(d.Key[k.Name])
		}
		row, ok := theirs[name]
		if !ok {
			c.Errorf("%s: Flink has no window %s", r.Name, name)
			continue
		}
		delete(theirs, name)
		for column, v := range row {
			ours, known := d.Values[column]
			if column == "breaching" {
				ours, known = d.Breaching, true
			}
			if known && !exporttest.Equal(ours, v) {
				c.Errorf("%s, %s: %s is %s here and %v there", r.Name, name, column, exporttest.Text(ours), v)
			}
		}
		same++
	}
	for name := range theirs {
		c.Errorf("%s: Flink alone has the window %s", r.Name, name)
	}
	if same == 0 {
		c.Errorf("%s: no window was compared", r.Name)
	}
	c.Logf("%s: %d windows compared", r.Name, same)
}

// layout is how Flink writes a time, to the millisecond.
const layout = "2006-01-02 15:04:05.999"

func (c *comparison) read(dir string, r export.Rule) map[string]map[string]any {
	c.Helper()
	out := map[string]map[string]any{}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		c.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			c.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			row := map[string]any{}
			d := json.NewDecoder(bytes.NewReader(line))
			d.UseNumber()
			if err := d.Decode(&row); err != nil {
				c.Fatalf("%s: %v", line, err)
			}
			name := fmt.Sprint(row["window_start"], " ", row["window_end"])
			for _, k := range r.Plan.Keys {
				name += " " + exporttest.TextOf(row[k.Name])
			}
			out[name] = row
		}
	}
	return out
}
