package rule

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

// counting counts the statements that are asked of a database.
type counting struct {
	engine.Querier
	asked int
}

func (c *counting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.asked++
	return c.Querier.QueryContext(ctx, query, args...)
}

// sets are distinct ways to cut time, group and choose records.
var sets = []string{
	"window: {tumbling: 1m}\ngroup_by: [service]\n",
	"window: {tumbling: 1m}\n",
	"window: {tumbling: 5m}\ngroup_by: [service]\n",
	"window: {hopping: {size: 2m, every: 1m}}\ngroup_by: [service]\n",
	"window: {tumbling: 1m}\ngroup_by: [service]\nwhere: status < 400\n",
}

// measured are different things to ask of them.
var measured = []string{"count()", "avg(duration_ms)", "max(status)", "count(level == \"ERROR\")", "quantile(duration_ms, 0.9)"}

func manyRules(t *testing.T, rules, distinct int) (out []*Rule) {
	t.Helper()
	for i := range rules {
		r, err := Compile(decodeSpec(t, "many.yaml", fmt.Sprintf("rule: r%d\ndataset: app_logs\n%smeasures:\n  n: %s\nwhen: n > %d\n",
			i, sets[i%distinct], measured[i%len(measured)], i)), shop)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// TestLiveCostFollowsSets: rules that cut time, group and choose records alike
// share their queries, whatever they measure and how many they are.
func TestLiveCostFollowsSets(t *testing.T) {
	db := database(t)
	createTable(t, db, shop)
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	exec(t, db, fmt.Sprintf(`INSERT INTO app_logs (event_time, service, level, _seq, _late)
		SELECT make_timestamptz(%d + i * 1000000), 's' || i %% 3, 'ERROR', 1 + i, false FROM range(1200) r(i)`, began.UnixMicro()))
	for _, c := range []struct{ rules, distinct int }{{1, 1}, {20, 1}, {5, 5}, {100, 5}} {
		live := NewLive("app_logs")
		for _, r := range manyRules(t, c.rules, c.distinct) {
			if err := live.Add(r, LateUpdates{Allowed: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		q := &counting{Querier: db}
		for _, s := range []struct {
			name  string
			step  Step
			panes int
		}{
			{"all that is stored", Step{UpTo: 1200, Watermark: began.Add(10 * time.Minute)}, c.distinct},
			{"the next minutes", Step{UpTo: 1200, Watermark: began.Add(15 * time.Minute)}, c.distinct},
			{"nothing new", Step{UpTo: 1200, Watermark: began.Add(15 * time.Minute)}, 0},
		} {
			q.asked = 0
			_, ran, failed := live.Step(t.Context(), q, catalog{shop}, s.step)
			if len(failed) > 0 {
				t.Fatal(failed)
			}
			if ran.Panes != s.panes || q.asked != s.panes {
				t.Errorf("%d rules of %d sets, %s: %d statements (%d for windows), want %d", c.rules, c.distinct, s.name, q.asked, ran.Panes, s.panes)
			}
		}
	}
}

// TestLateRowsCostFollowsSets: a late row is looked for once for each set, and
// its window computed once.
func TestLateRowsCostFollowsSets(t *testing.T) {
	db := database(t)
	createTable(t, db, shop)
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	exec(t, db, fmt.Sprintf(`INSERT INTO app_logs (event_time, service, _seq, _late)
		SELECT make_timestamptz(%d + i * 1000000), 's' || i %% 3, 1 + i, i >= 1000 FROM range(1200) r(i)`, began.UnixMicro()))
	asked := map[int]int{}
	for _, rules := range []int{5, 100} {
		live := NewLive("app_logs")
		for _, r := range manyRules(t, rules, 5) {
			if err := live.Add(r, LateUpdates{Allowed: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		q := &counting{Querier: db}
		for i, s := range []Step{{UpTo: 1000, Watermark: began.Add(20 * time.Minute)}, {UpTo: 1200, Watermark: began.Add(20 * time.Minute), Late: true}} {
			q.asked = 0
			if _, _, failed := live.Step(t.Context(), q, catalog{shop}, s); len(failed) > 0 {
				t.Fatal(failed)
			}
			if i == 1 {
				asked[rules] = q.asked
			}
		}
	}
	if asked[5] == 0 || asked[100] != asked[5] {
		t.Errorf("late rows cost 5 rules %d statements and 100 rules of the same sets %d", asked[5], asked[100])
	}
}
