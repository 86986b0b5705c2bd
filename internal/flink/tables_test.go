package flink_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine/export"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/internal/exporttest"
)

// tablesFolder holds the tables that windows are held to everywhere.
const tablesFolder = "../../app/tester/testdata/conformance"

// notOnFlink are the tables of windows that a job over a file cannot show, and
// why: what is early, late or taken back is seen in what a window comes to, but
// not what is dropped, nor a calendar.
var notOnFlink = map[string]string{
	"late events accumulate until the lateness is over, and are dropped then":    dropped,
	"an event that is late from the first leaves no window behind":               dropped,
	"a purged window shows what came since":                                      dropped,
	"without lateness an event behind the watermark is dropped":                  dropped,
	"events in retracting mode take back what was shown":                         dropped,
	"mode discard drops what is late, mode side too":                             dropped,
	"windows close as the newest time moves on, by a watermark without lateness": dropped,
	"a session is judged after joining":                                          dropped,
	"on time, by a watermark that guesses, loses the nine":                       dropped,
	"two minutes of lateness keep the six and lose the nine":                     dropped,
	"the end of all times plus the lateness does not wrap":                       "the job's lateness is added to the end of a window, and there is no later time",
	"tumbling with an offset":                                                    edges,
	"an offset of six minutes moves a window of ten to four":                     edges,
	"sessions end after a gap, and an event on the end begins the next":          touching,
	"a day in Berlin has 23 hours in spring":                                     zoned,
	"and 25 in autumn":                                                           zoned,
}

const (
	dropped  = "a job over a file moves its watermark by the clock, not between two records: what it drops is a matter of its pace"
	touching = "Flink joins sessions that touch, which PARITY.md says"
	edges    = "Flink 2.2 loses records at the edges of windows that have an offset, so the export refuses them"
	zoned    = "Flink's windows know no calendar, so the export refuses them"
)

// table is one test of a table: what happens, and what windows come to.
type table struct {
	name, rule string
	events     []map[string]any
	want       map[string]map[string]float64 // by window and k
}

// TestTables runs the tables on Flink, all in one job: a record names its table,
// and tables with the same window are groups of one rule. The last pane of each
// window is what Flink shows; discarding panes add up to it.
func TestTables(t *testing.T) {
	tables, rules := readTables(t)
	root := t.TempDir()
	exporttest.Write(t, root, rules)
	var lines []string
	for _, x := range tables {
		for _, e := range x.events {
			lines = append(lines, eventLine(t, x.name, e))
		}
	}
	slices.Sort(lines) // they begin with their time: nothing is late
	if err := os.WriteFile(filepath.Join(root, "data", "r.ndjson"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, root)
	c.input = filepath.Join(root, "data")
	var names []string
	for _, x := range tables {
		if !slices.Contains(names, x.rule) {
			names = append(names, x.rule)
		}
	}
	for _, name := range names {
		c.tables(name, tables)
	}
	dir := installed(t)
	c.run(dir, names, export.Settings{})
	t.Logf("%d tables in %d rules; not run: %d", len(tables), len(names), len(notOnFlink))
	for name, why := range notOnFlink {
		t.Logf("not run: %s: %s", name, why)
	}
}

// tables compares what a backtest gives with the tables that it is of.
func (c *comparison) tables(name string, tables []table) {
	c.Helper()
	b, _, err := c.bench.Backtest(c.Context(), name, rule.BacktestOptions{Datapoints: true})
	if err != nil {
		c.Fatal(err)
	}
	got := map[string]map[string]float64{}
	for _, d := range b.Datapoints {
		row := map[string]float64{}
		for column, v := range d.Values {
			row[column], _ = v.Float()
		}
		got[exporttest.Text(d.Key["tbl"])+" "+windowName(d.Start, d.End, keyOf(d.Key["k"]))] = row
	}
	for _, x := range tables {
		for window, want := range x.want {
			if x.rule != name {
				continue
			}
			row := got[x.name+" "+window]
			for column, v := range want {
				if have, ok := row[column]; !ok || have != v {
					c.Errorf("%s, %s: %s is %v of %v, not %v", x.name, window, column, have, row, v)
				}
			}
		}
	}
}

func windowName(start, end time.Time, k string) string {
	return start.UTC().Format(time.RFC3339Nano) + " " + end.UTC().Format(time.RFC3339Nano) + " " + k
}

func keyOf(v plan.Value) string {
	if v.IsNull() {
		return "<nil>"
	}
	return v.String()
}

// eventLine is an event as a record, whose price is its value. Text has none.
func eventLine(t *testing.T, name string, event map[string]any) string {
	t.Helper()
	value := event["v"]
	if price, ok := event["price"]; ok {
		value = price
	}
	if _, is := value.(string); is {
		value = nil
	}
	rest := map[string]any{"tbl": name, "k": event["k"], "v": value}
	maps.DeleteFunc(rest, func(_ string, v any) bool { return v == nil })
	data, err := json.Marshal(rest)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"at":{"time":%q},%s`, at(t, event["t"]).Format("2006-01-02T15:04:05.000000Z"), data[1:])
}

func at(t *testing.T, v any) time.Time {
	t.Helper()
	switch x := v.(type) {
	case time.Time:
		return x.UTC()
	case workspace.TestTime:
		return x.UTC()
	}
	x, err := workspace.ParseTestTime(fmt.Sprint(v))
	if err != nil {
		t.Fatal(err)
	}
	return x.UTC()
}

// readTables reads the tables that Flink can show, and writes their rules.
func readTables(t *testing.T) (tables []table, rules string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(tablesFolder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no tables", err)
	}
	left := maps.Clone(notOnFlink)
	var written []string
	byWindow := map[string]string{}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := workspace.DecodeTests(file, src)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range decoded.Tests {
			if _, is := left[test.Name.Value]; is || test.Window == nil {
				delete(left, test.Name.Value)
				continue
			}
			window := windowText(test.Window)
			where := test.Where.Value
			if byWindow[window+where] == "" {
				name := fmt.Sprintf("t%d", len(byWindow))
				byWindow[window+where] = name
				written = append(written, ruleText(name, window, where))
			}
			tables = append(tables, table{test.Name.Value, byWindow[window+where], eventsOf(test), expected(t, &test)})
		}
	}
	for name := range left {
		t.Errorf("there is no table %q", name)
	}
	return tables, strings.Join(written, "---\n")
}

func ruleText(name, window, where string) string {
	if where != "" {
		where = "where: " + where + "\n"
	}
	return fmt.Sprintf("rule: %s\ndataset: d\n%sgroup_by: [tbl, k]\nwindow: %s\nmeasures: {n: count(), total: sum(v)}\nwhen: n > 2 || total > 10\n", name, where, window)
}

func windowText(w *workspace.TestWindow) string {
	kind := ""
	switch {
	case w.Hopping != nil:
		kind = fmt.Sprintf("hopping: {size: %ds, every: %ds}", seconds(w.Hopping.Size), seconds(w.Hopping.Every))
	case w.Cumulate != nil:
		kind = fmt.Sprintf("cumulate: {size: %ds, step: %ds}", seconds(w.Cumulate.Size), seconds(w.Cumulate.Step))
	case w.Session != nil:
		kind = fmt.Sprintf("session: {gap: %ds}", seconds(w.Session.Gap))
	default:
		kind = fmt.Sprintf("tumbling: %ds", seconds(w.Tumbling))
	}
	if w.Offset != 0 { // of a rule it is smaller than the window
		kind += fmt.Sprintf(", offset: %ds", seconds(w.Offset%w.Tumbling))
	}
	return "{" + kind + "}"
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func eventsOf(test workspace.Test) (list []map[string]any) {
	for _, s := range test.Steps {
		for _, e := range s.Events {
			event := map[string]any{}
			for _, m := range e {
				event[m.Key.Value] = m.Value
			}
			list = append(list, event)
		}
	}
	return list
}

// expected is what each window comes to: its last pane, or the sum of those
// that discard. A list is a number of values, and their sum.
func expected(t *testing.T, test *workspace.Test) map[string]map[string]float64 {
	t.Helper()
	out := map[string]map[string]float64{}
	for _, s := range test.Steps {
		for _, p := range s.ExpectPanes {
			if len(p.Window) != 2 {
				continue
			}
			name := windowName(at(t, p.Window[0]), at(t, p.Window[1]), fmt.Sprint(p.Key["k"]))
			if p.Retraction != nil && *p.Retraction {
				delete(out, name)
				continue
			}
			row := map[string]float64{}
			for column, v := range p.Values {
				if err := addValue(row, column, v); err != nil {
					t.Fatalf("%s: %v", test.Name.Value, err)
				}
			}
			if before := out[name]; test.Accumulation == "discarding" && before != nil {
				for column, v := range before {
					row[column] += v
				}
			}
			out[name] = row
		}
	}
	return out
}

func addValue(row map[string]float64, column string, v any) error {
	if column == "sum" {
		column = "total"
	}
	if list, is := v.([]any); is {
		row["n"] = float64(len(list))
		for _, x := range list {
			f, _ := number(x) // text has no sum
			row["total"] += f
		}
		return nil
	}
	f, is := number(v)
	if !is && v != nil {
		return fmt.Errorf("%s is %T", column, v)
	}
	if is {
		row[column] = f
	}
	return nil
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
