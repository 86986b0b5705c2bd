package rule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/window"
)

// breakdown is an event that a rule counts.
type breakdown struct {
	second int
	level  string
}

// live feeds a rule in batches and gives the state of its alarm at the end:
// that of the windows as they were shown last.
func live(t *rapid.T, r *Rule, batches [][]breakdown, until time.Time) string {
	ctx := context.Background()
	m := window.NewMemory(r.Plan)
	c := window.Config{Plan: r.Plan, Allowed: window.Forever}
	panes := window.New(c, m)
	shown := map[time.Time]WindowRow{}
	take := func(fired []window.Pane, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range fired {
			shown[p.Window.Start] = WindowRow{Span: p.Window, Env: p.Env}
		}
	}
	newest := 0
	for _, batch := range batches {
		for _, e := range batch {
			newest = max(newest, e.second)
			row := make([]plan.Value, len(m.Columns()))
			for i, p := range m.Columns() {
				switch p.String() {
				case "event_time":
					row[i] = plan.Time(time.Unix(int64(e.second), 0))
				case "level":
					row[i] = plan.Text(e.level)
				}
			}
			m.Add(row)
		}
		fired, _, err := panes.Arrived(ctx, m.Last())
		take(fired, err)
		take(panes.Advance(ctx, later(panes.Watermark(), newest-60)))
		if rapid.IntRange(0, 3).Draw(t, "crash") == 0 {
			state, err := panes.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			if panes, err = window.Restore(c, m, state); err != nil {
				t.Fatal(err)
			}
		}
	}
	take(panes.Advance(ctx, window.EndOfInput))
	var rows []WindowRow
	for _, row := range shown {
		rows = append(rows, row)
	}
	return fmt.Sprint(r.States(rows, until))
}

func later(at time.Time, second int) time.Time {
	if t := time.Unix(int64(second), 0).UTC(); t.After(at) {
		return t
	}
	return at
}

// TestAlarmsSameAnswer: in whatever order events came, however they were split
// and wherever it crashed, the alarm is where one batch puts it; and where a
// backtest over the table ends.
func TestAlarmsSameAnswer(t *testing.T) {
	db := database(t)
	createTable(t, db, shop)
	runs := 0
	rapid.Check(t, func(r *rapid.T) {
		spec := Spec{
			Rule: text("errors"), Dataset: text("app_logs"), When: text("errors * 2 > requests"),
			Measures: engine.Entries[engine.Text]{{Key: text("requests"), Value: text("count()")}, {Key: text("errors"), Value: text(`count(level == "ERROR")`)}},
			Window:   &Window{Tumbling: &Duration{Value: time.Minute}},
			Alarm: &Alarm{
				Datapoints: Count{Value: rapid.IntRange(1, 3).Draw(r, "m")}, Of: Count{Value: 3},
				Missing: text(rapid.SampledFrom(missings).Draw(r, "missing")),
			},
		}
		rule, err := Compile(spec, shop)
		if err != nil {
			r.Fatal(err)
		}
		var events []breakdown
		for range rapid.IntRange(1, 12).Draw(r, "events") {
			events = append(events, breakdown{rapid.IntRange(0, 900).Draw(r, "second"), rapid.SampledFrom([]string{"ERROR", "INFO"}).Draw(r, "level")})
		}
		newest := slices.MaxFunc(events, func(a, b breakdown) int { return a.second - b.second }).second
		until := time.Unix(int64(newest/60*60+60), 0).UTC()
		want := live(r, rule, [][]breakdown{events}, until)
		var batches [][]breakdown
		for rest := rapid.Permutation(events).Draw(r, "order"); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(r, "batch")
			batches, rest = append(batches, rest[:n]), rest[n:]
		}
		if got := live(r, rule, batches, until); got != want {
			r.Fatalf("as it came: %s, in one batch %s", got, want)
		}
		if runs++; runs > 50 {
			return // the table is slower
		}
		values := make([]string, len(events))
		for i, e := range events {
			values[i] = fmt.Sprintf("(to_timestamp(%d), '%s', %d, false)", e.second, e.level, i+1)
		}
		exec(t, db, "TRUNCATE app_logs")
		exec(t, db, "INSERT INTO app_logs (event_time, level, _seq, _late) VALUES "+strings.Join(values, ", "))
		report, err := Backtest(context.Background(), byColumn{db}, catalog{shop}, rule, BacktestOptions{})
		if err != nil {
			r.Fatal(err)
		}
		state := InsufficientData
		if n := len(report.Transitions); n > 0 {
			state = report.Transitions[n-1].To
		}
		if got := fmt.Sprint([]GroupState{{Group{}, state}}); got != want {
			r.Fatalf("the backtest ends at %s, live at %s", got, want)
		}
	})
}
