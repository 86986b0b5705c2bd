package rule

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

var noon = time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)

// errorsRule counts errors of a service.
func errorsRule(t testing.TB, change string) *Rule {
	t.Helper()
	r, err := Compile(decodeSpec(t, "errors.yaml", `
rule: errors
dataset: app_logs
where: type == "request"
group_by: [service]
window: {tumbling: 1m}
measures:
  n: count()
  errors: count(level == "ERROR")
  rate: errors / n
when: rate >= 0.5
`+change), shop)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// logs is a table of the shop with one record for each line
// "SECONDS SERVICE LEVEL", counted from noon; late ones end in "late".
func logs(t testing.TB, lines ...string) *sql.DB {
	t.Helper()
	db := database(t)
	createTable(t, db, engine.Dataset{Name: shop.Name, Body: storable(shop.Body)})
	fill(t, db, lines)
	return db
}

func fill(t testing.TB, db *sql.DB, lines []string) {
	t.Helper()
	exec(t, db, "DELETE FROM app_logs")
	var values []string
	for i, line := range lines {
		f := strings.Fields(line)
		at := "NULL"
		if f[0] != "never" {
			at = fmt.Sprintf("TIMESTAMPTZ '2026-01-09 12:00:00+00' + to_microseconds(CAST(%s * 1e6 AS BIGINT))", f[0])
		}
		service := engine.QuoteText(f[1])
		if f[1] == "nobody" {
			service = "NULL"
		}
		values = append(values, fmt.Sprintf("(%s, %s, '%s', {'type': 'request'}, %d, %v)", at, service, f[2], i, len(f) > 3))
	}
	if len(values) > 0 {
		exec(t, db, "INSERT INTO app_logs (event_time, service, level, body, _seq, _late) SELECT c0, c1, c2, struct_pack("+packed()+"), c4, c5 FROM (VALUES "+strings.Join(values, ", ")+") v(c0, c1, c2, c3, c4, c5)")
	}
}

// packed fills the whole body with nulls but for its type.
func packed() string {
	var fields []string
	for _, f := range storable(shop.Body).Fields {
		value := "CAST(NULL AS " + f.Type.DuckDB() + ")"
		if f.Name == "type" {
			value = "c3.type"
		}
		fields = append(fields, engine.QuoteIdent(f.Name)+" := "+value)
	}
	return strings.Join(fields, ", ")
}

// backtestOf takes the windows by the row and by the column, which is the same.
func backtestOf(t testing.TB, db *sql.DB, r *Rule, opt BacktestOptions) *Report {
	t.Helper()
	report, err := Backtest(context.Background(), db, catalog{shop}, r, opt)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Backtest(context.Background(), byColumn{db}, catalog{shop}, r, opt)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(report) // which has no times beyond the year 9999
	if b, _ := json.Marshal(other); !bytes.Equal(a, b) {
		t.Errorf("by the row:\n%.2000s\nby the column:\n%.2000s", a, b)
	}
	return report
}

// The report as JSON is what the command line promises.
func TestBacktestJSON(t *testing.T) {
	db := logs(t,
		"1 a INFO", "2 a INFO", // 12:00 good
		"61 a ERROR", "62 a INFO", "63 a ERROR late", // 12:01 bad
		"121 a ERROR",                  // 12:02 worse
		"-1 b INFO", "190 nobody INFO", // 11:59 and 12:03
		"250 a INFO", // 12:04 good; 12:03 is missing
		"never a ERROR")
	got, err := json.MarshalIndent(backtestOf(t, db, errorsRule(t, "alarm: {datapoints: 2, of: 2, missing: missing}"), BacktestOptions{}), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/backtest.json", string(got)+"\n")
}

func TestBacktestDatapoints(t *testing.T) {
	db := logs(t, "1 a ERROR", "2 a INFO", "61 a INFO", "62 a INFO")
	r := errorsRule(t, "alarm: {datapoints: 1, of: 1}\nsummary: \"{{service}} has {{percent(rate)}} of {{n}}\"")
	report := backtestOf(t, db, r, BacktestOptions{Datapoints: true})
	want := []Datapoint{
		{noon, noon.Add(time.Minute), Group{"service": plan.Text("a")}, map[string]plan.Value{"n": plan.Int(2), "errors": plan.Int(1), "rate": plan.Double(0.5)}, plan.Bool(true)},
		{noon.Add(time.Minute), noon.Add(2 * time.Minute), Group{"service": plan.Text("a")}, map[string]plan.Value{"n": plan.Int(2), "errors": plan.Int(0), "rate": plan.Double(0)}, plan.Bool(false)},
	}
	if !reflect.DeepEqual(report.Datapoints, want) {
		t.Errorf("got %+v", report.Datapoints)
	}
	got, err := queryValues(db, r.SQL())
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range got {
		at, _ := row[0].Time()
		if !at.Equal(want[i].Start) || !row[4].Equal(want[i].Values["rate"]) || !row[5].Equal(want[i].Breaching) {
			t.Errorf("SQL gives %v, want %v", row, want[i])
		}
	}
	env := &plan.Env{Keys: []plan.Value{plan.Text("a")}, Measures: []plan.Value{plan.Int(2), plan.Int(1), plan.Double(0.123456)}}
	if s := r.Summary.Render(env); s != "a has 12.3% of 2" {
		t.Error(s)
	}
}

func TestBacktestRange(t *testing.T) {
	db := logs(t, "30 a INFO", "90 a INFO", "150 a INFO", "210 a INFO")
	r := errorsRule(t, "")
	for _, c := range []struct {
		from, to time.Duration
		windows  int64
	}{
		{0, 0, 4},
		{90 * time.Second, 0, 3},  // the window of 12:01:30 counts whole
		{0, 120 * time.Second, 2}, // the one from 12:02 does not begin before the end
		{0, 121 * time.Second, 3},
		{60 * time.Second, 180 * time.Second, 2},
		{-time.Hour, time.Hour, 4},
		{time.Hour, 0, 0},
	} {
		var opt BacktestOptions
		if c.from != 0 {
			opt.From = noon.Add(c.from)
		}
		if c.to != 0 {
			opt.To = noon.Add(c.to)
		}
		if got := backtestOf(t, db, r, opt); got.Windows != c.windows || got.Records != c.windows {
			t.Errorf("%v to %v: %d windows, %d records, want %d", c.from, c.to, got.Windows, got.Records, c.windows)
		}
	}
	_, err := Backtest(context.Background(), db, catalog{shop}, r, BacktestOptions{From: noon, To: noon})
	if engine.KindOf(err) != engine.Invalid {
		t.Error(err)
	}
}

// Clocks gone mad do not stop a backtest, and infinity is no time.
func TestBacktestStrangeTimes(t *testing.T) {
	db := logs(t, "1 a INFO", "2 a INFO", "3 a INFO", "4 a INFO", "5 a ERROR")
	exec(t, db, `UPDATE app_logs SET event_time = CASE _seq WHEN 0 THEN TIMESTAMPTZ '0044-03-15 (BC) 00:00:00+00'
		WHEN 1 THEN TIMESTAMPTZ '200000-01-01 00:00:00+00' WHEN 2 THEN TIMESTAMPTZ 'infinity' WHEN 3 THEN TIMESTAMPTZ '-infinity' ELSE event_time END`)
	got := backtestOf(t, db, errorsRule(t, ""), BacktestOptions{})
	if got.Records != 3 || got.Windows != 3 || len(got.Episodes) != 1 || !got.Episodes[0].Start.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v", got)
	}
}

func TestBacktestNothing(t *testing.T) {
	got, err := json.Marshal(backtestOf(t, logs(t), errorsRule(t, ""), BacktestOptions{}))
	if want := `{"rule":"errors","from":null,"to":null,"windows":0,"records":0,"late":0,"episodes":[],"transitions":[]}`; err != nil || string(got) != want {
		t.Error(string(got), err)
	}
}

func TestBacktestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Backtest(ctx, logs(t, "1 a INFO"), catalog{shop}, errorsRule(t, ""), BacktestOptions{})
	if engine.KindOf(err) != engine.Canceled {
		t.Error(err)
	}
}

// The peak of an episode is the worst value, which is the lowest where when
// asks for less.
func TestPeak(t *testing.T) {
	db := logs(t, "1 a INFO", "61 a ERROR", "62 a ERROR", "121 a ERROR", "181 a INFO", "182 a INFO")
	r, err := errorsRule(t, "").With(map[string]string{"when": "rate > 0.9 && !(10 - n < 5) && errors + 0 <= 3"})
	if err != nil {
		t.Fatal(err)
	}
	got := backtestOf(t, db, r, BacktestOptions{})
	want := map[string]plan.Value{"rate": plan.Double(1), "n": plan.Int(1), "errors": plan.Int(1)}
	if len(got.Episodes) != 1 || !reflect.DeepEqual(got.Episodes[0].Peak, want) {
		t.Errorf("%+v", got.Episodes)
	}
}

func TestOverrides(t *testing.T) {
	db := logs(t, "1 a ERROR", "61 a ERROR", "121 a INFO")
	r := errorsRule(t, "alarm: {datapoints: 1, of: 1}")
	for _, c := range []struct {
		set      map[string]string
		episodes int
		windows  int64
	}{
		{nil, 1, 3},
		{map[string]string{"alarm.datapoints": "3", "of": "3"}, 0, 3},
		{map[string]string{"window": "5m"}, 1, 1},
		{map[string]string{"window.tumbling": "30s", "window.offset": "5s"}, 1, 3},
		{map[string]string{"when": "rate > 1"}, 0, 3},
		{map[string]string{"measures.rate": "errors * 0.1"}, 0, 3},
		{map[string]string{"where": `level == "ERROR"`, "missing": "breaching"}, 1, 2},
		{map[string]string{"group_by": "service, level"}, 1, 3},
	} {
		got := backtestOf(t, db, r, BacktestOptions{Set: c.set})
		if len(got.Episodes) != c.episodes || got.Windows != c.windows {
			t.Errorf("%v: %d episodes, %d windows", c.set, len(got.Episodes), got.Windows)
		}
	}
	for key, value := range map[string]string{"alarm.datapoint": "3", "of": "many", "when": "rat > 1", "measures.rats": "1", "window": "soon", "datapoints": "2"} {
		_, err := r.With(map[string]string{key: value})
		var e *engine.Error
		if !errors.As(err, &e) || e.Hint == "" || e.Kind != engine.Invalid || !strings.Contains(err.Error(), key) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	if got := backtestOf(t, db, r, BacktestOptions{}); len(got.Episodes) != 1 {
		t.Error("an override changed the rule itself")
	}
}

// A sum that a value does not fit into is null and flagged, never wrapped.
func TestOverflowIsFlagged(t *testing.T) {
	db := logs(t, "1 a INFO", "61 a INFO")
	exec(t, db, "UPDATE app_logs SET body = struct_update(body, duration_ms := CASE WHEN _seq = 0 THEN 1e30 ELSE 2.5 END)")
	r, err := errorsRule(t, "").With(map[string]string{"measures.rate": "avg(duration_ms)", "when": "rate > 1"})
	if err != nil {
		t.Fatal(err)
	}
	got := backtestOf(t, db, r, BacktestOptions{Datapoints: true})
	if got.Overflows != 1 || !got.Datapoints[0].Breaching.IsNull() || !got.Datapoints[1].Breaching.True() {
		t.Errorf("%+v", got)
	}
}

// The backtest equals a simulation that goes through every slot of every
// group, whatever order the records came in.
func TestBacktestEqualsSimulation(t *testing.T) {
	db := logs(t)
	rapid.Check(t, func(rt *rapid.T) {
		var lines []string
		for range rapid.IntRange(1, 40).Draw(rt, "records") {
			lines = append(lines, fmt.Sprintf("%d %s %s",
				rapid.IntRange(-300, 2400).Draw(rt, "at"),
				rapid.SampledFrom([]string{"a", "b", "nobody"}).Draw(rt, "service"),
				rapid.SampledFrom([]string{"ERROR", "INFO"}).Draw(rt, "level")))
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "order"), 0))
		rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		n := rapid.IntRange(1, 4).Draw(rt, "n")
		r := errorsRule(t, fmt.Sprintf("alarm: {datapoints: %d, of: %d, missing: %s}\nforget: %dm",
			rapid.IntRange(1, n).Draw(rt, "m"), n, rapid.SampledFrom(missings).Draw(rt, "missing"), rapid.IntRange(1, 20).Draw(rt, "forget")))
		fill(t, db, lines)
		got := backtestOf(t, db, r, BacktestOptions{})
		want := simulate(r, lines)
		slices.SortFunc(got.Transitions, byTimeAndKey)
		slices.SortFunc(want, byTimeAndKey)
		if len(got.Transitions) != len(want) {
			rt.Fatalf("%s\n%v\ngot  %+v\nwant %+v", r.Alarm, lines, got.Transitions, want)
		}
		alarms := 0
		for i, w := range want {
			g := got.Transitions[i]
			if !g.At.Equal(w.At) || g.From != w.From || g.To != w.To || !g.Key["service"].Equal(w.Key["service"]) {
				rt.Fatalf("%s\n%v\ngot  %+v\nwant %+v", r.Alarm, lines, g, w)
			}
			if w.To == Alarming {
				alarms++
			}
		}
		if len(got.Episodes) != alarms {
			rt.Fatalf("%d episodes, %d alarms", len(got.Episodes), alarms)
		}
	})
}

func byTimeAndKey(a, b Transition) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	return plan.Compare(a.Key["service"], b.Key["service"])
}

// simulate goes minute by minute.
func simulate(r *Rule, lines []string) (out []Transition) {
	type slot struct{ n, errors int }
	groups, end := map[string]map[int]*slot{}, -1000
	for _, line := range lines {
		var at int
		var service, level string
		fmt.Sscan(line, &at, &service, &level)
		minute := int(math.Floor(float64(at) / 60))
		if groups[service] == nil {
			groups[service] = map[int]*slot{}
		}
		if groups[service][minute] == nil {
			groups[service][minute] = &slot{}
		}
		groups[service][minute].n++
		if level == "ERROR" {
			groups[service][minute].errors++
		}
		end = max(end, minute)
	}
	for service, slots := range groups {
		key := Group{"service": plan.Text(service)}
		if service == "nobody" {
			key["service"] = plan.Null
		}
		var points []Point
		state, known, last := InsufficientData, false, 0
		for minute := -10; minute <= end; minute++ {
			s := slots[minute]
			next := state
			switch {
			case s != nil:
				known, last = true, minute
				point := NotBreaching
				if 2*s.errors >= s.n {
					point = Breaching
				}
				points = append(points, point)
			case !known:
				continue
			case time.Duration(minute-last)*time.Minute >= r.Forget:
				known, points, next = false, nil, InsufficientData
			default:
				points = append(points, Absent)
			}
			if known {
				next, _ = r.Alarm.Next(points[max(0, len(points)-r.Alarm.Slots()):], state)
			}
			if next != state {
				out = append(out, Transition{At: noon.Add(time.Duration(minute+1) * time.Minute), Key: key, From: state, To: next})
				state = next
			}
		}
	}
	return out
}
