package rule

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine/plan"
)

// past is what looking back means, over all windows of a group at once.
type past struct {
	span plan.Span
	n    plan.Value
}

func lowerMedian(list []past, least int) plan.Value {
	values := make([]plan.Value, 0, len(list))
	for _, p := range list {
		if !p.n.IsNull() {
			values = append(values, p.n)
		}
	}
	if len(values) == 0 || len(values) < least {
		return plan.Null
	}
	slices.SortFunc(values, plan.Compare)
	return values[(len(values)-1)/2]
}

// keep lists the windows for which f is true.
func keep(all []past, f func(plan.Span) bool) (out []past) {
	for _, p := range all {
		if f(p.span) {
			out = append(out, p)
		}
	}
	return out
}

func ago(t time.Time, d time.Duration, zone *time.Location) time.Time {
	if zone == nil || d%(24*time.Hour) != 0 {
		return t.Add(-d)
	}
	return t.In(zone).AddDate(0, 0, -int(d/(24*time.Hour)))
}

// Looking back gives what can be read off the list of all windows: with and
// without a time zone, gaps, other groups and --from.
func TestPastByHand(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	db := logs(t)
	for _, c := range []struct {
		window string
		zone   string
		unit   time.Duration
		slot   time.Duration
	}{
		{"{tumbling: 1h}", "", hour, hour},
		{"{tumbling: 1d, offset: 6h}", "", day, day},
		{"{hopping: {size: 3h, every: 1h}}", "", hour, hour},
		{"{cumulate: {size: 6h, step: 2h}}", "", 2 * hour, 2 * hour},
		{"{session: {gap: 1h}}", "", hour, 0},
		{"{tumbling: 1d, time_zone: Europe/Berlin}", "Europe/Berlin", day, day},
	} {
		t.Run(c.window, func(t *testing.T) {
			var zone *time.Location
			if c.zone != "" {
				zone, _ = time.LoadLocation(c.zone)
			}
			u := func(n int) time.Duration { return time.Duration(n) * c.unit }
			looks := []string{"previous(n, 1)", "previous(n, 3)", fmt.Sprintf("baseline(n, %dh)", u(7)/hour), fmt.Sprintf("baseline(n, %dh, 3)", u(9)/hour)}
			if c.slot > 0 {
				looks = append(looks, fmt.Sprintf("previous(n, %dh)", u(2)/hour), fmt.Sprintf("baseline(n, %dh, %dh)", u(12)/hour, u(4)/hour))
			}
			when := "n > -1"
			for _, l := range looks {
				when += " && " + l + " == " + l
			}
			r, err := Compile(decodeSpec(t, "past.yaml", "rule: past\ndataset: app_logs\ngroup_by: [service]\nwindow: "+c.window+"\nmeasures: {n: sum(status)}\nwhen: '"+when+"'"), shop)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(rt *rapid.T) { comparePast(rt, t, db, r, looks, u, c.slot > 0, zone) })
		})
	}
}

func comparePast(rt *rapid.T, t *testing.T, db *sql.DB, r *Rule, looks []string, u func(int) time.Duration, slots bool, zone *time.Location) {
	base := time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)
	var values []string
	for i := range rapid.IntRange(1, 60).Draw(rt, "records") {
		at := base.Add(time.Duration(rapid.IntRange(0, 30*4).Draw(rt, "at")) * u(1) / 4)
		status := rapid.SampledFrom([]string{"NULL", "1", "2", "5", "9"}).Draw(rt, "status")
		values = append(values, fmt.Sprintf("(make_timestamptz(%d), '%s', CAST(%s AS BIGINT), %d)", at.UnixMicro(), rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "service"), status, i))
	}
	exec(t, db, "DELETE FROM app_logs")
	exec(t, db, "INSERT INTO app_logs (event_time, service, body, _seq) SELECT c0, c1, struct_pack(status := c2, duration_ms := NULL::DOUBLE), c3 FROM (VALUES "+strings.Join(values, ", ")+") v(c0, c1, c2, c3)")
	whole := backtestOf(t, db, r, BacktestOptions{Datapoints: true})
	groups := map[string][]past{}
	for _, d := range whole.Datapoints {
		g := d.Key["service"].String()
		groups[g] = append(groups[g], past{plan.Span{Start: d.Start, End: d.End}, d.Values["n"]})
	}
	for _, list := range groups {
		slices.SortFunc(list, func(a, b past) int { return a.span.End.Compare(b.span.End) })
	}
	check := func(points []Datapoint) {
		for _, d := range points {
			all := groups[d.Key["service"].String()]
			i := slices.IndexFunc(all, func(p past) bool { return p.span.End.Equal(d.End) && p.span.Start.Equal(d.Start) })
			for j, want := range lookedBack(all, i, r.Plan.Window, u, slots, zone) {
				if got := d.Values[r.Plan.PastName(j)]; !got.Equal(want) {
					rt.Fatalf("%s of %v at %v is %v, not %v\n%v", looks[j], d.Key, d.End, got, want, values)
				}
			}
		}
	}
	check(whole.Datapoints)
	from := base.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "from")) * u(1))
	part := backtestOf(t, db, r, BacktestOptions{Datapoints: true, From: from})
	check(part.Datapoints)
	if want := len(slices.DeleteFunc(slices.Clone(whole.Datapoints), func(d Datapoint) bool { return !d.End.After(from) })); part.Windows != int64(want) {
		rt.Fatalf("%d windows from %v, not %d", part.Windows, from, want)
	}
}

// lookedBack is what each of TestPastByHand's looks is for window i.
func lookedBack(all []past, i int, w plan.Window, u func(int) time.Duration, slots bool, zone *time.Location) (out []plan.Value) {
	me := all[i].span
	ended := func(at time.Time) plan.Value {
		for _, p := range all {
			if p.span.End.Equal(at) {
				return p.n
			}
		}
		return plan.Null
	}
	nth := func(n int) plan.Value {
		switch {
		case slots:
			return ended(ago(me.End, u(n), zone))
		case i >= n:
			return all[i-n].n
		}
		return plan.Null
	}
	before := func(d time.Duration) []past {
		return keep(all, func(s plan.Span) bool { return !s.End.After(me.Start) && !s.Start.Before(ago(me.Start, d, zone)) })
	}
	out = append(out, nth(1), nth(3), lowerMedian(before(u(7)), 1), lowerMedian(before(u(9)), 3))
	if slots {
		out = append(out, nth(2))
		var every []past
		for k := 4; k <= 12; k += 4 {
			every = append(every, keep(all, func(s plan.Span) bool { return s.End.Equal(ago(me.End, u(k), zone)) && !s.End.After(me.Start) })...)
		}
		out = append(out, lowerMedian(every, 1))
	}
	return out
}

// The statement shown to people looks back as a backtest does.
func TestPastSQL(t *testing.T) {
	db := logs(t)
	for _, c := range []struct{ window, when string }{
		{"{tumbling: 1h}", "n > previous(n, 1) || n >= 2 * baseline(n, 7h) || previous(n, 2h) == nil || n < baseline(n, 12h, 4h)"},
		{"{tumbling: 1h, offset: 20m}", "previous(n, 3) + baseline(n, 9h, 3) > n"},
		{"{hopping: {size: 3h, every: 1h}}", "n > previous(n, 2) || n > baseline(n, 7h)"},
		{"{cumulate: {size: 6h, step: 2h}}", "n > previous(n, 1) || n > baseline(n, 24h, 6h)"},
		{"{session: {gap: 1h}}", "n > previous(n, 1) || n > baseline(n, 24h, 2)"},
	} {
		r, err := Compile(decodeSpec(t, "past.yaml", "rule: past\ndataset: app_logs\ngroup_by: [service]\nwindow: "+c.window+"\nmeasures: {n: sum(status)}\nwhen: '"+c.when+"'"), shop)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		rapid.Check(t, func(rt *rapid.T) {
			var values []string
			for i := range rapid.IntRange(1, 50).Draw(rt, "records") {
				at := noon.Add(time.Duration(rapid.IntRange(0, 30*4).Draw(rt, "at")) * 15 * time.Minute)
				status := rapid.SampledFrom([]string{"NULL", "1", "2", "5", "9"}).Draw(rt, "status")
				values = append(values, fmt.Sprintf("(make_timestamptz(%d), '%s', CAST(%s AS BIGINT), %d)", at.UnixMicro(), rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "service"), status, i))
			}
			exec(t, db, "DELETE FROM app_logs")
			exec(t, db, "INSERT INTO app_logs (event_time, service, body, _seq) SELECT c0, c1, struct_pack(status := c2, duration_ms := NULL::DOUBLE), c3 FROM (VALUES "+strings.Join(values, ", ")+") v(c0, c1, c2, c3)")
			want := map[string]plan.Value{}
			for _, d := range backtestOf(t, db, r, BacktestOptions{Datapoints: true}).Datapoints {
				want[fmt.Sprint(d.Start.UnixMicro(), d.End.UnixMicro(), d.Key["service"])] = d.Breaching
				seen[d.Breaching.String()]++
			}
			end := `"window end"`
			if r.Plan.Window.Kind == plan.Tumbling {
				end = `"window start" + INTERVAL 1 HOUR`
			}
			got, err := queryValues(db, `SELECT epoch_us("window start"), epoch_us(`+end+`), service, breaching FROM (`+r.SQL()+`)`)
			if err != nil {
				rt.Fatal(err)
			}
			if len(got) != len(want) {
				rt.Fatalf("%d windows by SQL, %d by the backtest", len(got), len(want))
			}
			for _, row := range got {
				if id := fmt.Sprint(row[0], row[1], row[2]); !row[3].Equal(want[id]) {
					rt.Fatalf("%s: SQL %v, backtest %v\n%s", id, row[3], want[id], r.SQL())
				}
			}
		})
		if seen["true"] == 0 || seen["false"]+seen["null"] == 0 {
			t.Errorf("%s: only %v", c.window, seen)
		}
	}
}
