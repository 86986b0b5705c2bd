package rule

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// TestSessionsGoOn without the records that they are of: those of the step are
// added to what is kept, until stored rows have been rewritten.
func TestSessionsGoOn(t *testing.T) {
	t.Run("by row", func(t *testing.T) { sessionsGoOn(t, func(db *sql.DB) engine.Querier { return db }) })
	t.Run("by column", func(t *testing.T) { sessionsGoOn(t, func(db *sql.DB) engine.Querier { return byColumn{db} }) })
}

func sessionsGoOn(t *testing.T, querier func(*sql.DB) engine.Querier) {
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
		out, _, failed := l.Step(context.Background(), querier(db), catalog{shop}, Step{
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

// TestManyRecordsOfSessions: those of one step that are put in order in several
// parts make the sessions that DuckDB makes of them.
func TestManyRecordsOfSessions(t *testing.T) {
	const records = 2*maxCame + 1000
	var told [2][]string
	for i, querier := range []func(*sql.DB) engine.Querier{func(db *sql.DB) engine.Querier { return db }, func(db *sql.DB) engine.Querier { return byColumn{db} }} {
		db := database(t)
		createTable(t, db, shop)
		rule, err := Compile(decodeSpec(t, "many.yaml", `
rule: many
dataset: app_logs
group_by: [service]
window: {session: {gap: 3s}}
measures: {n: count(), errors: 'count(level == "ERROR")', top: max(_seq), mean: avg(_seq), sum: sum(duration_ms)}
when: n > 1000
`), shop)
		if err != nil {
			t.Fatal(err)
		}
		live, seq := NewLive("app_logs"), 0
		if err := live.Add(rule, LateUpdates{Allowed: time.Hour}); err != nil {
			t.Fatal(err)
		}
		for step, n := range []int{1000, records} {
			exec(t, db, fmt.Sprintf(`INSERT INTO app_logs (event_time, service, level, body, _seq, _late)
				SELECT to_timestamp(hash(i) %% 400000), ['a', 'b', NULL][1 + i %% 3], CASE WHEN hash(i) %% 3 = 0 THEN 'ERROR' END, {'duration_ms': hash(i) %% 1000 / 7}, i, false
				FROM range(%d, %d) t(i)`, seq, seq+n))
			seq += n
			out, _, failed := live.Step(t.Context(), querier(db), catalog{shop}, Step{UpTo: int64(seq), Watermark: time.Unix(int64(1000+step*300_000), 0).UTC()})
			if len(failed) > 0 {
				t.Fatal(failed)
			}
			for _, p := range out.Points {
				told[i] = append(told[i], fmt.Sprintf("%s %d..%d %s", p.Key, p.Start.Unix(), p.End.Unix(), p.Values))
			}
		}
		slices.Sort(told[i])
	}
	if len(told[0]) < 10_000 || !slices.Equal(told[0], told[1]) {
		t.Errorf("%d sessions by row, %d by column", len(told[0]), len(told[1]))
	}
}

// TestSessionsInLittleRoom: however few sessions are kept, late records come to
// the same ones as in a backtest.
func TestSessionsInLittleRoom(t *testing.T) {
	db := database(t)
	createTable(t, db, shop)
	rule, err := Compile(decodeSpec(t, "room.yaml", `
rule: room
dataset: app_logs
group_by: [service]
window: {session: {gap: 10s}}
measures: {n: count(), last: max(_seq)}
when: n > 2
`), shop)
	if err != nil {
		t.Fatal(err)
	}
	const span, lateness = 400, 200
	late := LateUpdates{Allowed: lateness * time.Second}
	rapid.Check(t, func(r *rapid.T) {
		exec(t, db, "TRUNCATE app_logs")
		k := newKeeper()
		live, seq, watermark := resumed(r, []*Rule{rule}, late, k), 0, time.Time{}
		live.memory = rapid.SampledFrom([]int{400, 1000, 3000, sessionMemory}).Draw(r, "memory")
		for tip := 0; tip < span; tip += rapid.IntRange(0, 80).Draw(r, "passes") {
			var values []string
			for range rapid.IntRange(1, 4).Draw(r, "records") {
				seq++
				at := tip - rapid.IntRange(0, lateness-1).Draw(r, "behind")
				values = append(values, fmt.Sprintf("(to_timestamp(%d), '%s', %d, false)", at, rapid.SampledFrom([]string{"a", "b"}).Draw(r, "service"), seq))
			}
			exec(t, db, "INSERT INTO app_logs (event_time, service, _seq, _late) VALUES "+strings.Join(values, ", "))
			watermark = later(watermark, tip)
			out, _, failed := live.Step(context.Background(), drawQuerier(r, db), catalog{shop}, Step{UpTo: int64(seq), Watermark: watermark, Late: true, Now: time.Unix(int64(seq), 0)})
			for name, err := range failed {
				r.Fatal(name, err)
			}
			k.save(r, out)
		}
		agree(r, byColumn{db}, shop, rule, k, watermark)
	})
}

// TestSessionsBound: where there are too many, those are forgotten that are
// closed to late records; then the oldest, but none that is not over.
func TestSessionsBound(t *testing.T) {
	at := func(second int) time.Time { return time.Unix(int64(second), 0).UTC() }
	const most = 5000
	kept := &keptSessions{groups: map[string]*keptGroup{}, most: most}
	put := func(name string, start, end int) {
		g := kept.group([]byte(name), func() []plan.Value { return nil })
		g.sessions = append(g.sessions, &keptSession{Partial: plan.Partial{Span: plan.Span{Start: at(start), End: at(end)}}})
		kept.count++
	}
	for i := range most + 1 {
		put(fmt.Sprint(i%1000), i, i+1)
	}
	if !kept.bound(at(100), at(most)) || kept.count != most+1-100 || !kept.after.Equal(at(100)) {
		t.Errorf("%d sessions are left, all that end after %s", kept.count, kept.after)
	}
	for i := range 200 {
		put("more", i, most+1)
	}
	if !kept.bound(at(100), at(most)) || kept.count != most/2 || !kept.after.Equal(at(most+1-most/2+200)) {
		t.Errorf("%d sessions are left, all that end after %s", kept.count, kept.after)
	}
	for i := range most {
		put("open", i, most+2)
	}
	if kept.bound(at(most), at(most)) {
		t.Errorf("%d sessions are kept, too many of them not over", kept.count)
	}
}
