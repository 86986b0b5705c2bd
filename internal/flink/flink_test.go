package flink_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine/export"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
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

// conformance is what records and rules may have that the sample lacks.
const (
	conformanceConfig = `name: c
sources: {here: {type: file, path: "data/*.ndjson", dataset: d}}
datasets:
  d:
    event_time: at.time
    envelope: {service: svc}
    labels: [region]
    watermark: {strategy: max_lateness, lateness: 10m}
    columns: {body.email: mask, body.note: truncate(3)}
`
	conformanceRules = `rule: sums
dataset: d
group_by: [service, labels.region]
window: {tumbling: 5m}
measures:
  n: count()
  total: sum(body.ms)
  mean: avg(body.ms)
  whole: sum(body.code)
  low: min(body.ms)
  high: max(body.http.route)
  p50: quantile(body.ms, 0.5)
  p99: quantile(body.ms, 0.99)
  kinds: distinct(body.http.route)
  masked: count(body.email == "***")
  short: count(body.note == "abc")
  slow: count(body.ms > 50 || body.code == nil)
  odd: count(body.code % 2 == 1 && not (body.http.route startsWith "/a"))
  ratio: total / (slow - 1)
when: n > 2 && (ratio > 10 || mean >= 3 || total > 0 || whole > 0 || low < 100 || high != "" || p50 > 0 || p99 > 0 || kinds > 0 || masked > 0 || short > 0 || odd > 0)
alarm: {datapoints: 2, of: 3, missing: not_breaching}
---
rule: hops
dataset: d
where: 'lower(body.http.route) matches "^/[ab]" && len(service) == 1 && body.code in [200, 404]'
group_by: [service]
window: {hopping: {size: 10m, every: 5m}}
measures: {n: count(), most: 'max(round(body.ms / 7))'}
when: n > 3 && (most ?? 0) >= 0
---
rule: steps
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
`
)

func conformanceRecords() string {
	var b strings.Builder
	for i := range 400 {
		at := time.Date(2026, 3, 1, 5, 0, i*17, (i%1000)*1_234_567, time.UTC)
		when := map[int]string{
			0: `"` + at.Format("2006-01-02T15:04:05.000000Z") + `"`,
			1: `"` + at.In(time.FixedZone("", 19800)).Format("2006-01-02 15:04:05.999-07:00") + `"`,
			2: fmt.Sprint(at.UnixMilli()), 3: fmt.Sprint(at.Unix()), 4: `"` + at.Format("2006-01-02T15:04:05") + `"`,
		}[i%5]
		fmt.Fprintf(&b, `{"at":{"time":%s},"svc":%q,"region":%q,"ms":%g,"code":%d,"http":{"route":"/%c"},"email":"x@y","note":"abcdef"}`+"\n",
			when, string(rune('a'+i%3)), []string{"eu", "us"}[i/7%2], float64(i*i%997)/8, []int{200, 404, 500, 501}[i%4], 'a'+rune(i%5))
		switch i % 97 {
		case 11:
			fmt.Fprintf(&b, `{"at":{"time":%s},"svc":"a","ms":null,"http":{}}`+"\n", when)
		case 23:
			fmt.Fprintf(&b, `{"at":{"time":%s},"region":"eu","note":"abc"}`+"\n", when)
		case 31:
			b.WriteString("{\"svc\":\"no time\",\"ms\":5}\n{broken\n")
		}
	}
	return b.String()
}

// TestConformance runs what rules may say on records of all kinds: times in
// many forms, nulls, policies, every kind of window.
func TestConformance(t *testing.T) {
	dir := installed(t)
	root := t.TempDir()
	files := map[string]string{"tidemark.yaml": conformanceConfig, "data/r.ndjson": conformanceRecords()}
	for i, r := range strings.Split(conformanceRules, "---\n") {
		files[fmt.Sprintf("rules/r%d.yaml", i)] = r
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
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
	w, err := workspace.Load(root, workspace.Options{Trusted: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Trusted = true
	if err := w.Prepare(); err != nil {
		t.Fatal(err)
	}
	b, err := workbench.Open(t.Context(), w, workbench.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if _, err := b.Pull(t.Context(), workbench.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	return &comparison{T: t, bench: b}
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
	e, err := c.bench.Export(c.Context(), names, "flink", set)
	if err != nil {
		c.Fatal(err)
	}
	file := filepath.Join(out, e.File)
	if err := os.WriteFile(file, e.Data, 0o600); err != nil {
		c.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.Context(), 5*time.Minute)
	defer cancel()
	if err := flink.Run(ctx, dir, file); err != nil {
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
			name += " " + text(d.Key[k.Name])
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
			if known && !equal(ours, v) {
				c.Errorf("%s, %s: %s is %s here and %v there", r.Name, name, column, text(ours), v)
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
				name += " " + textOf(row[k.Name])
			}
			out[name] = row
		}
	}
	return out
}

func text(v plan.Value) string {
	if v.IsNull() {
		return "nil"
	}
	return v.String()
}

func textOf(v any) string {
	if v == nil {
		return "nil"
	}
	return fmt.Sprint(v)
}

// equal compares values; the last digits of a logarithm are the library's.
func equal(ours plan.Value, theirs any) bool {
	n, isNumber := theirs.(json.Number)
	if !isNumber {
		return text(ours) == textOf(theirs)
	}
	f, ok := ours.Float()
	g, err := n.Float64()
	return ok && err == nil && (f == g || math.Abs(f-g) <= 1e-12*math.Abs(f))
}
