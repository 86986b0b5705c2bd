package rule

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// TestSessionsGoOn without the records that they are of: those of the step are
// added to what is kept, until stored rows have been rewritten.
func TestSessionsGoOn(t *testing.T) {
	db := database(t)
	createTable(t, db, shop)
	gap := Duration{Value: time.Minute}
	rule, err := Compile(Spec{
		Rule: text("long"), Dataset: text("app_logs"), When: text("n > 2"), GroupBy: []GroupKey{{Path: text("service")}},
		Measures: engine.Entries[engine.Text]{{Key: text("n"), Value: text("count()")}, {Key: text("top"), Value: text("max(_seq)")}},
		Window:   &Window{Session: &Session{Gap: gap}},
	}, shop)
	if err != nil {
		t.Fatal(err)
	}
	l, seq := NewLive("app_logs"), 0
	if err := l.Add(rule, LateUpdates{Allowed: time.Hour}); err != nil {
		t.Fatal(err)
	}
	step := func(rewrites int64, watermark int, seconds ...int) string {
		for _, s := range seconds {
			seq++
			exec(t, db, fmt.Sprintf("INSERT INTO app_logs (event_time, service, level, _seq, _late) VALUES (to_timestamp(%d), 'a', 'INFO', %d, false)", s, seq))
		}
		out, _, failed := l.Step(context.Background(), db, catalog{shop}, Step{
			UpTo: int64(seq), Watermark: time.Unix(int64(watermark), 0).UTC(), Late: true, Rewrites: rewrites,
		})
		if len(failed) > 0 {
			t.Fatal(failed)
		}
		var told []string
		for _, p := range out.Gone {
			told = append(told, fmt.Sprintf("-%d..%d", p.Start.Unix(), p.End.Unix()))
		}
		for _, p := range out.Points {
			told = append(told, fmt.Sprintf("%d..%d %s", p.Start.Unix(), p.End.Unix(), p.Values))
		}
		return strings.Join(told, ", ")
	}
	for _, c := range []struct {
		what, want string
		got        func() string
	}{
		{"a session that goes on", "", func() string { return step(0, 100, 10, 50) }},
		{"it ends", `10..150 {"n":3,"top":3}`, func() string { exec(t, db, "DELETE FROM app_logs"); return step(0, 200, 90, 190) }},
		{"a late record joins two", `-10..150`, func() string { exec(t, db, "DELETE FROM app_logs"); return step(0, 210, 140) }},
		{"which end", `10..250 {"n":5,"top":5}`, func() string { return step(0, 300) }},
		{"rows were rewritten", `-10..250, 200..310 {"n":2,"top":7}`, func() string { return step(1, 400, 200, 250) }},
	} {
		if got := c.got(); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// TestSessionsBound: where there are too many, those are forgotten that are
// closed to late records, the rest are not.
func TestSessionsBound(t *testing.T) {
	at := func(second int) time.Time { return time.Unix(int64(second), 0).UTC() }
	kept := &keptSessions{groups: map[string][]keptSession{}}
	for i := range maxSessions + 1 {
		name := fmt.Sprint(i % 1000)
		kept.groups[name] = append(kept.groups[name], keptSession{Partial: plan.Partial{Span: plan.Span{Start: at(i), End: at(i + 1)}}})
		kept.count++
	}
	if !kept.bound(at(100)) || kept.count != maxSessions+1-100 || !kept.after.Equal(at(100)) {
		t.Errorf("%d sessions are left, all that end after %s", kept.count, kept.after)
	}
	for i := range 200 {
		kept.groups["more"] = append(kept.groups["more"], keptSession{Partial: plan.Partial{Span: plan.Span{Start: at(i), End: at(maxSessions)}}})
		kept.count++
	}
	if kept.bound(at(100)) {
		t.Errorf("%d sessions are kept, all of them open", kept.count)
	}
}
