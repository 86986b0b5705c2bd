package rule

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// mixed has a column of every type that expressions have, a path that can be
// missing and labels.
var mixed = engine.Dataset{Name: "mixed", Body: engine.StructOf(
	engine.Field{Name: "b", Type: engine.Scalar(engine.Bool)},
	engine.Field{Name: "i", Type: engine.Scalar(engine.BigInt)},
	engine.Field{Name: "h", Type: engine.Scalar(engine.HugeInt)},
	engine.Field{Name: "x", Type: engine.Scalar(engine.Double)},
	engine.Field{Name: "m", Type: engine.Type{Kind: engine.Decimal, Precision: 18, Scale: 3}},
	engine.Field{Name: "s", Type: engine.Scalar(engine.Varchar)},
	engine.Field{Name: "u", Type: engine.Scalar(engine.Timestamp)},
	engine.Field{Name: "d", Type: engine.Scalar(engine.Date)},
	engine.Field{Name: "l", Type: engine.ListOf(engine.Scalar(engine.Varchar))},
	engine.Field{Name: "n", Type: engine.StructOf(engine.Field{Name: "v", Type: engine.Scalar(engine.BigInt)}, engine.Field{Name: "w", Type: engine.Scalar(engine.Varchar)})},
)}

// cell is a value as SQL and as the naive evaluator has it.
type cell struct {
	sql   string
	value any
}

func cells[T any](f func(T) cell, list ...T) []cell {
	out := []cell{{"NULL", nil}}
	for _, v := range list {
		out = append(out, f(v))
	}
	return out
}

func wholeCell(s string) cell {
	n, _ := new(big.Int).SetString(s, 10)
	return cell{"'" + s + "'", n}
}

func doubleCell(s string) cell {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return cell{"'" + s + "'", number(f)}
}

func textCell(s string) cell {
	return cell{strings.ReplaceAll(engine.QuoteText(s), "\x00", "' || chr(0) || '"), s}
}

func timeCell(at time.Time) cell {
	return cell{fmt.Sprintf("make_timestamptz(%d)", at.UnixMicro()), instantOf(at)}
}

// mixedValues lists what the columns hold, edges included.
var mixedValues = map[string][]cell{
	"b": {{"NULL", nil}, {"true", true}, {"false", false}},
	"i": cells(wholeCell, "0", "1", "2", "3", "-1", "7", "100", "2147483648", "9007199254740993", "9223372036854775807", "-9223372036854775808"),
	"h": cells(wholeCell, "0", "1", "-1", "9223372036854775808", "-18446744073709551616", "999999999999999999999999", "1000000000000000000000000",
		"170141183460469231731687303715884105727", "-170141183460469231731687303715884105728"),
	"x": cells(doubleCell, "0", "-0", "1", "-1", "0.1", "0.5", "2.5", "-2.5", "0.49999999999999994", "1e-7", "5e-324", "123456789.123456789", "9007199254740993", "1e23", "1e24", "-1e308", "nan", "inf", "-inf"),
	"m": cells(doubleCell, "0", "0.1", "-0.001", "12.345", "1.005", "999999999999999.999", "-123456789012345.678"),
	"s": cells(textCell, "", "a", "A", "abc", "ABC", " abc ", "ß", "Ünïcödé", "日本", "a👍🏽b", "e\u0301", "é", "İ", "ΣΑΣ", "%a_", "\ttab\n", "it's", "10", "9", strings.Repeat("long", 10), "\x00z", "\u00a0nbsp"),
	"u": cells(timeCell, time.Unix(0, 0), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 1000, time.UTC), time.Unix(-1, 999999000), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)),
	"d": cells(func(s string) cell {
		at, _ := time.Parse(time.DateOnly, s)
		return cell{"'" + s + "'", instantOf(at)}
	}, "1970-01-01", "2026-01-01", "1969-12-31", "2026-03-29"),
	"l":       {{"NULL", nil}, {"[]", []any{}}, {"['a', NULL]", []any{"a", nil}}},
	"service": cells(textCell, "a", "a", "b", "ab", ""),
	"level":   cells(textCell, "ERROR", "INFO"),
	"v":       cells(wholeCell, "1", "5", "-3"),
	"w":       cells(textCell, "a", "ß"),
	"region":  cells(textCell, "eu", "日"),
}

// drawRecords draws records around a moment, some without a time, and the
// rows of SQL that they are.
func drawRecords(t *rapid.T, c cutting) (records []naiveRecord, rows []string) {
	base := rapid.SampledFrom(changes).Draw(t, "base").Add(-c.span / 2)
	for seq := range rapid.IntRange(1, 30).Draw(t, "records") {
		r, row := drawRecord(t, seq, drawMoment(t, base, c.span))
		if r.columns["event_time"] != nil {
			records = append(records, r)
		}
		rows = append(rows, row)
	}
	return records, rows
}

func drawMoment(t *rapid.T, base time.Time, span time.Duration) time.Time {
	at := base.Add(drawPart(t, "at", span))
	if rapid.Bool().Draw(t, "round") {
		at = at.Truncate(span / 120)
	}
	return at
}

// drawPart draws some of a time, less than all of it. One large number would be
// small most of the time, as rapid draws them.
func drawPart(t *rapid.T, label string, of time.Duration) time.Duration {
	digit := func(n int) time.Duration { return time.Duration(rapid.IntRange(0, n-1).Draw(t, label)) }
	const most = 12
	unit := of / (most * most)
	part := (digit(most)*most + digit(most)) * unit
	return part + time.Duration(rapid.Int64Range(0, unit.Microseconds()-1).Draw(t, label))*time.Microsecond
}

// drawRecord draws a record of a moment, or one without a time.
func drawRecord(t *rapid.T, seq int, at time.Time) (r naiveRecord, row string) {
	value := func(name string) cell { return rapid.SampledFrom(mixedValues[name]).Draw(t, name) }
	r = naiveRecord{columns: map[string]any{"_seq": seq}, late: rapid.IntRange(0, 3).Draw(t, "late") == 0}
	stamp, untimed := map[int]cell{0: {"NULL", nil}, 1: {"'infinity'", nil}}[rapid.IntRange(0, 19).Draw(t, "timed")]
	if !untimed {
		stamp = timeCell(at)
		r.at, r.columns["event_time"] = instantOf(at), instantOf(at)
	}
	var fields []string
	for _, f := range mixed.Body.Fields {
		if f.Name == "n" {
			v, w := value("v"), value("w")
			r.columns["n.v"], r.columns["n.w"] = v.value, w.value
			fields = append(fields, fmt.Sprintf("'n': {'v': CAST(%s AS BIGINT), 'w': %s}", v.sql, w.sql))
			if rapid.IntRange(0, 3).Draw(t, "missing") == 0 {
				r.columns["n.v"], r.columns["n.w"] = nil, nil
				fields[len(fields)-1] = "'n': CAST(NULL AS " + f.Type.DuckDB() + ")"
			}
			continue
		}
		x := value(f.Name)
		r.columns[f.Name] = x.value
		fields = append(fields, fmt.Sprintf("'%s': CAST(%s AS %s)", f.Name, x.sql, f.Type.DuckDB()))
	}
	service, level, region := value("service"), value("level"), value("region")
	r.columns["service"], r.columns["level"], r.columns["labels.region"] = service.value, level.value, region.value
	labels := "MAP {}"
	if region.value != nil {
		labels = "MAP {'region': " + region.sql + "}"
	}
	return r, fmt.Sprintf("(CAST(%s AS TIMESTAMPTZ), %d, %v, %s, %s, %s, {%s})", stamp.sql, seq, r.late, service.sql, level.sql, labels, strings.Join(fields, ", "))
}

// insertMixed inserts rows that were drawn.
func insertMixed(t testing.TB, db *sql.DB, rows []string) {
	t.Helper()
	exec(t, db, "INSERT INTO mixed (event_time, _seq, _late, service, level, labels, body) VALUES "+strings.Join(rows, ",\n"))
}

// Whole rules, of every construct, mean what a second, slow evaluator takes
// them to mean: the same windows, values, verdicts, transitions and episodes.
func TestWholeRules(t *testing.T) {
	db := database(t)
	createTable(t, db, mixed)
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		drawn := drawRule(rt)
		r, err := Compile(decodeSpec(t, "whole.yaml", drawn.text), mixed)
		if err != nil {
			rt.Fatalf("%v\n%s", err, drawn.text)
		}
		records, rows := drawRecords(rt, drawn.cutting)
		exec(t, db, "DELETE FROM mixed")
		insertMixed(t, db, rows)
		opt := BacktestOptions{Datapoints: true}
		if rapid.IntRange(0, 2).Draw(rt, "part") == 0 && len(records) > 0 {
			begin := rapid.SampledFrom(records).Draw(rt, "from").at
			opt.From = time.UnixMicro(int64(begin)).UTC().Add(time.Duration(rapid.IntRange(-2, 2).Draw(rt, "shift")) * drawn.cutting.span / 20)
			if rapid.Bool().Draw(rt, "ends") {
				opt.To = opt.From.Add(drawn.cutting.span / 3)
			}
		}
		q := engine.Querier(db)
		if rapid.Bool().Draw(rt, "by column") {
			q = byColumn{db}
		}
		got, err := Backtest(context.Background(), q, catalog{mixed}, r, opt)
		if err != nil {
			rt.Fatalf("%v\n%s", err, drawn.text)
		}
		want := drawn.run(records, opt.From, opt.To)
		told := opt.From.IsZero() || !r.warms() // else see TestFromIsWhole
		if problem := drawn.differ(got, want, told); problem != "" {
			rt.Fatalf("%s\n%s\nfrom %v to %v\n%s", problem, drawn.text, opt.From, opt.To, strings.Join(rows, "\n"))
		}
		if problem := drawn.shown(rt, db, r, want, opt); problem != "" {
			rt.Fatalf("%s\n%s\n%s\n%s", problem, drawn.text, r.SQL(), strings.Join(rows, "\n"))
		}
		for _, w := range want.windows {
			seen[fmt.Sprint(w.breaching)]++
		}
		seen["episodes"] += len(want.episodes)
	})
	t.Log(seen)
	for _, kind := range []string{"true", "false", "<nil>", "episodes"} {
		if seen[kind] == 0 {
			t.Errorf("no %s among %v", kind, seen)
		}
	}
}

// differ says where a report is not what it should be; told says that its
// alarms began with nothing before them, as those here do.
func (r *naiveRule) differ(got *Report, want *naiveReport, told bool) string {
	windows := map[string]bool{}
	for _, d := range got.Datapoints {
		id := fmt.Sprint(d.Start.UnixMicro(), " ", d.End.UnixMicro(), " ", r.groupText(d.Key))
		w := want.windows[id]
		if w == nil || windows[id] {
			return "a window too many: " + id
		}
		windows[id] = true
		for _, m := range r.measures {
			if v := valueOf(w.values[m.name]); !v.Equal(d.Values[m.name]) {
				return fmt.Sprintf("%s: %s is %v, and should be %v", id, m.name, d.Values[m.name], v)
			}
		}
		if v := valueOf(w.breaching); !v.Equal(d.Breaching) {
			return fmt.Sprintf("%s: when is %v, and should be %v: %v", id, d.Breaching, v, d.Values)
		}
	}
	for id := range want.windows {
		if !windows[id] {
			return "a window is missing: " + id
		}
	}
	var transitions, episodes []string
	for _, x := range got.Transitions {
		transitions = append(transitions, fmt.Sprint(x.At.UnixMicro(), " ", r.groupText(x.Key), " ", x.From, " to ", x.To))
	}
	for _, e := range got.Episodes {
		end, peaks := "open", map[string]string{}
		if e.End != nil {
			end = fmt.Sprint(e.End.UnixMicro())
		}
		for name, v := range e.Peak {
			peaks[name] = v.String()
		}
		episodes = append(episodes, fmt.Sprint(e.Start.UnixMicro(), " ", end, " ", r.groupText(e.Key), " ", peaks))
	}
	slices.Sort(transitions)
	slices.Sort(episodes)
	counts := []int64{got.Windows, got.Records, got.Late, got.Overflows}
	wanted := []int64{int64(len(want.windows)), want.records, want.late, want.overflows}
	switch {
	case told && !slices.Equal(transitions, want.transitions):
		return fmt.Sprintf("transitions\n%s\nshould be\n%s", strings.Join(transitions, "\n"), strings.Join(want.transitions, "\n"))
	case told && !slices.Equal(episodes, want.episodes):
		return fmt.Sprintf("episodes\n%s\nshould be\n%s", strings.Join(episodes, "\n"), strings.Join(want.episodes, "\n"))
	case !slices.Equal(counts, wanted):
		return fmt.Sprintf("windows, records, late, overflows are %v, and should be %v", counts, wanted)
	}
	return ""
}

func (r *naiveRule) groupText(g Group) string {
	var b strings.Builder
	for _, k := range r.keys {
		fmt.Fprintf(&b, "%q", g[k].String())
	}
	return b.String()
}

// shown compares the statement that people see with what it should be. It is
// over all windows; where they lie in a time zone there is none, and it writes
// quantiles but for their last digit.
func (r *naiveRule) shown(t *rapid.T, db *sql.DB, of *Rule, want *naiveReport, opt BacktestOptions) string {
	if r.cutting.zone != "" || r.expect || !opt.From.IsZero() || strings.Contains(r.text, "quantile(") {
		return ""
	}
	columns := []string{`epoch_us("window start")`}
	for _, k := range r.keys {
		columns = append(columns, engine.QuoteIdent(k))
	}
	rows, err := queryValues(db, "SELECT "+strings.Join(columns, ", ")+", breaching FROM ("+of.SQL()+")")
	if err != nil {
		return err.Error()
	}
	var got, wanted []string
	for _, row := range rows {
		got = append(got, fmt.Sprint(row))
	}
	for _, w := range want.windows {
		if r.cutting.kind == "tumbling" && w.Start.Before(time.Unix(0, 0).Add(r.cutting.offset)) {
			continue // it begins in 1970, as it says
		}
		row := []plan.Value{plan.Int(w.Start.UnixMicro())}
		for _, k := range r.keys {
			row = append(row, valueOf(w.values[k]))
		}
		wanted = append(wanted, fmt.Sprint(append(row, valueOf(w.breaching))))
	}
	slices.Sort(got)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		return fmt.Sprintf("the statement gives\n%s\nand should give\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
	}
	return ""
}
