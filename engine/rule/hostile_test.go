package rule

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Expressions made to hurt are refused quickly, with a hint.
func TestHostileExpressions(t *testing.T) {
	repeat := strings.Repeat
	for name, s := range map[string]string{
		"parentheses":    repeat("(", 100_000),
		"many brackets":  repeat("(", 16_000),
		"balanced":       repeat("(", 4000) + "true" + repeat(")", 4000) + "&& 1",
		"negations":      repeat("!", 16_000) + "true",
		"minus signs":    repeat("-", 10_000) + "status > 1",
		"denominators":   repeat("1.5/(", 80) + "duration_ms" + repeat(")", 80) + " > 1",
		"alternatives":   "status == 1" + repeat(" || status == 1", 500),
		"conditionals":   repeat("cached ? true : ", 500) + "false",
		"members":        "body" + repeat(".a", 5000) + " == 1",
		"long list":      "status in [" + repeat("1,", 9000) + "1]",
		"arrays":         "status in " + repeat("[", 5000),
		"zero byte":      "message == \"a\\x00b\"",
		"invalid UTF-8":  "message == \"a\xffb\"",
		"regex":          `message matches "` + repeat("(a{1000}){1000}", 3) + `"`,
		"only a comment": "// nothing",
		"semicolons":     ";;;",
	} {
		_, err := compileCondition(text(s), recordScope{dataset: shop}, "where")
		var found *engine.Error
		errors.As(err, &found)
		if err == nil && name == "long list" {
			continue
		}
		if name == "denominators" && err == nil { // it parses; writing it is what explodes
			e, _ := compile(text(s), recordScope{dataset: shop})
			_, err = plan.ConditionSQL(e)
			if err == nil {
				t.Errorf("%s: can be written", name)
			}
			continue
		}
		if found == nil || found.Hint == "" {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

// DuckDB takes whatever is just within the limits.
func TestDeepestExpressions(t *testing.T) {
	db := database(t)
	paths, _ := wideRows(t, db, 50)
	deep := plan.MaxDepth - 5
	for name, s := range map[string]string{
		"sums":         "(" + strings.Repeat("i + (h * ", deep/2) + "x" + strings.Repeat(")", deep/2) + ") > 1",
		"alternatives": "i == 1" + strings.Repeat(" || s contains t", deep),
		"conditionals": strings.Repeat("(b ? x : ", deep/2) + "1.5" + strings.Repeat(")", deep/2) + " > 1",
		"nulls":        strings.Repeat("(i ?? ", deep/2) + "j" + strings.Repeat(")", deep/2) + " > 1",
		"denominators": "1 / (x / (y / (x / (y / 2.5)))) > 1",
	} {
		e, err := compile(text(s), recordScope{dataset: wide})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		query, err := plan.ValueSQL(e)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := queryValues(db, "SELECT "+query+" FROM "+wideFrom(paths)); err != nil {
			t.Errorf("%s: %.500v", name, err)
		}
	}
}

// A rule with more groups than there may be alarms is refused, and the key
// that makes them is named.
func TestTooManyGroups(t *testing.T) {
	db := logs(t)
	exec(t, db, `INSERT INTO app_logs (event_time, service, message, _seq, _late) SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00', 's' || i % 3, 'user ' || i, i, false FROM range(60000) r(i)`)
	r, err := Compile(decodeSpec(t, "wide.yaml", "rule: wide\ndataset: app_logs\ngroup_by: [service, message]\nwindow: {tumbling: 1m}\nmeasures: {n: count()}\nwhen: n > 1"), shop)
	if err != nil {
		t.Fatal(err)
	}
	_, tested := Backtest(t.Context(), db, catalog{shop}, r, BacktestOptions{})
	_, columnar := Backtest(t.Context(), byColumn{db}, catalog{shop}, r, BacktestOptions{})
	live := NewLive("app_logs")
	if err := live.Add(r, LateUpdates{}); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	_, _, failed := live.Step(t.Context(), db, catalog{shop}, Step{UpTo: 60000, Watermark: now, Now: now})
	for _, err := range []error{tested, columnar, failed["wide"]} {
		var e *engine.Error
		if !errors.As(err, &e) || e.Kind != engine.Invalid || !strings.Contains(err.Error(), "more than 50000 groups, for message has about") || !strings.Contains(e.Hint, "message") {
			t.Error(err)
		}
	}
}
