package connect_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"

	"tidemark.dev/tidemark/app/connect"
	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine/export"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/internal/exporttest"
	"tidemark.dev/tidemark/plugins/bundled"
	"tidemark.dev/tidemark/samples"
)

// more are the rules that Connect holds besides.
const more = `rule: newest
dataset: d
group_by: [service]
window: {tumbling: 5m}
measures: {n: count(), newest: last(body.ms), slow: count(body.ms > 50), ratio: n / (slow - 1)}
when: newest > 0 || ratio > 1
summary: "{{service}}: {{percent(ratio)}} of {{n}}"
---
rule: steps
dataset: d
window: {cumulate: {size: 30m, step: 10m}, offset: 5m}
measures: {n: count(), s: sum(abs(body.ms - 20))}
when: 'n > 20 ? s > 10 : s > 1000'
---
rule: days
dataset: d
window: {tumbling: 30m, offset: 10m}
measures: {n: count(), e: 'max(epoch(event_time))'}
when: n > 3 && e > 0
---
rule: back
dataset: d
group_by: [service]
window: {tumbling: 5m}
measures: {n: count(), ms: sum(body.ms)}
when: ms > previous(ms, 1) * 0.9 && n >= (previous(n, 10m) ?? 0) - 3 && (ms > baseline(ms, 30m) || n < baseline(n, 1h, 10m, 2))
`

// TestPipelineRuns gives the exported pipeline to Connect's linter and then to
// its engine, with a file as input, and compares the windows with ours.
func TestPipelineRuns(t *testing.T) {
	t.Parallel()
	root, out := t.TempDir(), t.TempDir()
	exporttest.Write(t, root, more)
	b := exporttest.Open(t, root)
	e, err := b.Export(t.Context(), nil, "connect", export.Settings{Values: map[string]string{
		"input":  fmt.Sprintf("file: {paths: [%q], scanner: {lines: {}}}", filepath.Join(root, "data/r.ndjson")),
		"alarms": fmt.Sprintf("file: {path: %q, codec: lines}", filepath.Join(out, "alarms")),
		"panes":  fmt.Sprintf("file: {path: %q, codec: lines}", filepath.Join(out, "panes")),
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	run(t, e.Data)
	panes := read(t, filepath.Join(out, "panes"))
	alarms := read(t, filepath.Join(out, "alarms"))
	for _, state := range []string{"OK", "ALARM"} {
		if !slices.ContainsFunc(alarms, func(p pane) bool { return p.State == state }) {
			t.Errorf("no alarm went to %s", state)
		}
	}
	for _, r := range e.Rules {
		compare(t, b, r, panes, time.Date(2026, 3, 1, 6, 43, 0, 0, time.UTC))
	}
}

// TestPluginsRun gives Connect the records of the sample workspace as they
// were before its plugin ran; with the plugin it counts the same windows.
func TestPluginsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the sample week is not made")
	}
	t.Parallel()
	root, out := t.TempDir(), t.TempDir()
	from := time.Date(2026, 1, 9, 14, 0, 0, 0, time.UTC)
	if _, err := samples.Write(t.Context(), root, samples.Options{From: from, To: from.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if _, built := bundled.Lookup("mask_pii"); !built {
		t.Skip("the bundled plugins are not built")
	}
	// A rule that sees what the plugin does.
	masked := "rule: masked\ndataset: app_logs\ngroup_by: [service]\nwindow: {tumbling: 10m}\nmeasures: {n: count(), m: 'count(message contains \"***\")', c: distinct(client_ip)}\nwhen: m > 0 || c > 0 || n > 0\n"
	if err := os.WriteFile(filepath.Join(root, "rules/masked.yaml"), []byte(masked), 0o600); err != nil {
		t.Fatal(err)
	}
	b := exporttest.Open(t, root)
	input := filepath.Join(root, "in.ndjson")
	unmasked(t, root, input)
	e, err := b.Export(t.Context(), []string{"checkout_error_rate", "masked"}, "connect", export.Settings{Values: map[string]string{
		"input": fmt.Sprintf("file: {paths: [%q], scanner: {lines: {}}}", input), "workspace": root,
		"alarms": fmt.Sprintf("file: {path: %q, codec: lines}", filepath.Join(out, "alarms")),
		"panes":  fmt.Sprintf("file: {path: %q, codec: lines}", filepath.Join(out, "panes")),
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	run(t, e.Data)
	panes := read(t, filepath.Join(out, "panes"))
	for _, r := range e.Rules {
		compare(t, b, r, panes, time.Time{})
	}
}

// run lints a pipeline and runs it until its input ends.
func run(t *testing.T, pipeline []byte) {
	t.Helper()
	env := service.GlobalEnvironment().Clone()
	if err := connect.Register(env); err != nil {
		t.Fatal(err)
	}
	lints, err := env.FullConfigSchema("", "").NewStreamConfigLinter().LintYAML(pipeline)
	if err != nil || len(lints) > 0 {
		t.Fatalf("%v %v\n%s", lints, err, pipeline)
	}
	builder := env.NewStreamBuilder()
	if err := builder.SetYAML(string(pipeline)); err != nil {
		t.Fatal(err)
	}
	if err := builder.SetLoggerYAML("level: WARN"); err != nil {
		t.Fatal(err)
	}
	stream, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// pane is a window as the pipeline tells it.
type pane struct {
	Rule, Start, End string
	Key              map[string]any
	Records          int64
	Values           map[string]any
	State            string
}

func read(t *testing.T, file string) (all []pane) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var p pane
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&p); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, p)
	}
	return all
}

// compare holds the panes of a rule against ours; those that the watermark has
// not passed end after open.
func compare(t *testing.T, b *workbench.Workbench, r export.Rule, panes []pane, open time.Time) {
	t.Helper()
	report, _, err := b.Backtest(t.Context(), r.Name, rule.BacktestOptions{Datapoints: true})
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]rule.Datapoint{}
	for _, d := range report.Datapoints {
		name := d.Start.UTC().Format(time.RFC3339Nano) + " " + d.End.UTC().Format(time.RFC3339Nano)
		for _, k := range r.Plan.Keys {
			name += " " + exporttest.Text(d.Key[k.Name])
		}
		ours[name] = d
	}
	seen := 0
	for _, p := range panes {
		if p.Rule != r.Name {
			continue
		}
		name := p.Start + " " + p.End
		for _, k := range r.Plan.Keys {
			name += " " + exporttest.TextOf(p.Key[k.Name])
		}
		d, known := ours[name]
		if !known {
			t.Errorf("%s: Connect alone has the window %s", r.Name, name)
			continue
		}
		delete(ours, name)
		seen++
		for column, v := range p.Values {
			want, known := d.Values[column]
			if column == "breaching" {
				want, known = d.Breaching, true
			}
			if known && !exporttest.Equal(want, v) {
				t.Errorf("%s, %s: %s is %s here and %v there", r.Name, name, column, exporttest.Text(want), v)
			}
		}
	}
	for name, d := range ours {
		if !d.End.After(open) {
			t.Errorf("%s: Connect has no window %s", r.Name, name)
		}
	}
	if seen == 0 {
		t.Errorf("%s: no window was compared", r.Name)
	}
	t.Logf("%s: %d windows compared", r.Name, seen)
}

// unmasked writes the records of a workspace as they are without its plugins.
func unmasked(t *testing.T, root, file string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "tidemark.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer("transforms: [mask_pii]", "", "transforms: [owners, mask_pii]", "", `"data/logs`, `"`+root+"/data/logs").Replace(string(text))
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tidemark.yaml"), []byte(plain), 0o600); err != nil {
		t.Fatal(err)
	}
	b := exporttest.Open(t, dir)
	rows, err := b.Store.QueryContext(t.Context(), `SELECT json_merge_patch(to_json(body), json_object('ts', strftime(event_time AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ'),
		'svc', service, 'severity', level, 'msg', message, 'trace_id', trace_id, 'span_id', span_id, 'region', labels['region'], 'use_case', labels['use_case']))::VARCHAR
		FROM app_logs ORDER BY event_time`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out bytes.Buffer
	for rows.Next() {
		var record string
		if err := rows.Scan(&record); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, record)
	}
	if err := errors.Join(rows.Err(), os.WriteFile(file, out.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}
