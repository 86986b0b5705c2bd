package rule

import (
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// wide has two columns of every type that expressions have.
var wide = engine.Dataset{Name: "wide", Body: engine.StructOf(
	engine.Field{Name: "b", Type: engine.Scalar(engine.Bool)},
	engine.Field{Name: "c", Type: engine.Scalar(engine.Bool)},
	engine.Field{Name: "i", Type: engine.Scalar(engine.BigInt)},
	engine.Field{Name: "j", Type: engine.Scalar(engine.BigInt)},
	engine.Field{Name: "h", Type: engine.Scalar(engine.HugeInt)},
	engine.Field{Name: "g", Type: engine.Scalar(engine.HugeInt)},
	engine.Field{Name: "x", Type: engine.Scalar(engine.Double)},
	engine.Field{Name: "y", Type: engine.Scalar(engine.Double)},
	engine.Field{Name: "s", Type: engine.Scalar(engine.Varchar)},
	engine.Field{Name: "t", Type: engine.Scalar(engine.Varchar)},
	engine.Field{Name: "u", Type: engine.Scalar(engine.Timestamp)},
	engine.Field{Name: "d", Type: engine.Scalar(engine.Date)},
)}

// wideValues lists for each column what rows hold, as SQL; edges included.
var wideValues = map[string][]string{
	"b": {"NULL", "true", "false"},
	"i": {
		"NULL", "0", "1", "-1", "2", "7", "-7", "100", "2147483647", "-2147483648", "4611686018427387904", "3037000500",
		"9007199254740993", "9223372036854775807", "-9223372036854775808", "-9223372036854775807",
	},
	"h": {
		"NULL", "0", "1", "-1", "5", "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
		"-18446744073709551616", "1000000000000000000000000", "-1000000000000000000000000", "999999999999999999999999",
		"170141183460469231731687303715884105727", "-170141183460469231731687303715884105728", "123456789012345678901234567890",
	},
	"x": {
		"NULL", "0", "'-0'", "1", "-1", "0.1", "0.5", "-0.5", "1.5", "2.5", "-2.5", "0.49999999999999994", "3.25", "100", "1e-7", "1e-300", "-1e-300", "5e-324",
		"1e15", "123456789.123456789", "9007199254740993", "1e23", "1e24", "-1e24", "1e200", "1e308", "-1.7976931348623157e308", "'nan'", "'inf'", "'-inf'", "1234.5678905",
	},
	"s": {
		"NULL", "''", "'a'", "'A'", "'abc'", "'ABC'", "' abc '", "'ß'", "'ẞtraße'", "'Ünïcödé'", "'日本'", "'a👍🏽b'", "'é'", "'é'", "'İ'", "'ΣΑΣ'", "'%a_'", "chr(9) || 'tab' || chr(10)",
		"'it''s'", "'10'", "'9'", "'" + strings.Repeat("long", 10) + "'", "chr(0) || 'z'", "chr(160) || 'nbsp'",
	},
	"u": {"NULL", "'1970-01-01 00:00:00+00'", "'2026-01-01 00:00:00+00'", "'2026-01-01 00:00:00.000001+00'", "'1969-12-31 23:59:59.999999+00'", "'2026-03-29 02:30:00+00'", "'9999-12-31 23:59:59+00'"},
	"d": {"NULL", "'1970-01-01'", "'2026-01-01'", "'1969-12-31'", "'2026-03-29'"},
}

// valuesOf says which list a column draws from.
func valuesOf(name string) []string {
	twin := map[string]string{"c": "b", "j": "i", "g": "h", "y": "x", "t": "s"}
	if of, ok := twin[name]; ok {
		name = of
	}
	return wideValues[name]
}

// wideRows fills a table with every value of every column beside random
// others, and gives the rows as the evaluator wants them.
func wideRows(t *testing.T, db *sql.DB, n int) (paths []engine.Path, rows []*plan.Env) {
	createTable(t, db, wide)
	rng := rand.New(rand.NewPCG(1, 2))
	var values []string
	for row := range n {
		body := make([]string, 0, len(wide.Body.Fields))
		for _, f := range wide.Body.Fields {
			list := valuesOf(f.Name)
			v := list[rng.IntN(len(list))]
			if row < len(list) {
				v = list[row]
			} else if f.Name == "x" || f.Name == "y" {
				if rng.IntN(2) == 0 {
					v = strconv.FormatFloat(math.Exp(rng.NormFloat64()*8)*float64(rng.IntN(3)-1), 'g', -1, 64)
				}
			}
			if _, err := strconv.ParseFloat(v, 64); err == nil {
				v = "'" + v + "'" // a bare -9223372036854775808 is not a BIGINT
			}
			body = append(body, fmt.Sprintf("'%s': CAST(%s AS %s)", f.Name, v, f.Type.DuckDB()))
		}
		values = append(values, fmt.Sprintf("(TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL %d SECOND, %d, {%s})", row%7*10, row, strings.Join(body, ", ")))
	}
	exec(t, db, "INSERT INTO wide (event_time, _seq, body) VALUES "+strings.Join(values, ",\n"))

	columns := []string{"event_time"}
	paths = []engine.Path{{"event_time"}}
	for _, f := range wide.Body.Fields {
		p := engine.Path{"body", f.Name}
		paths = append(paths, p)
		column := p.SQL()
		if f.Type.Kind == engine.Date {
			column = "make_timestamptz(epoch_us(" + column + "))"
		}
		columns = append(columns, column)
	}
	got, err := queryValues(db, "SELECT "+strings.Join(columns, ", ")+" FROM wide ORDER BY _seq")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range got {
		rows = append(rows, &plan.Env{Columns: row})
	}
	return paths, rows
}

func queryValues(db *sql.DB, query string) ([][]plan.Value, error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out [][]plan.Value
	for rows.Next() {
		cells, targets := make([]any, len(names)), make([]any, len(names))
		for i := range cells {
			targets[i] = &cells[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]plan.Value, len(names))
		for i, c := range cells {
			row[i] = plan.Of(c)
			if f, ok := c.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) && strings.Contains(names[i], "strict") {
				return nil, fmt.Errorf("%s is %v", names[i], f)
			}
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// expression draws an expression of a type, as a user would write it.
func expression(t *rapid.T, kind string, depth int) string {
	sub := func(kind string) string { return expression(t, kind, depth-1) }
	pick := func(list ...string) string { return rapid.SampledFrom(list).Draw(t, "pick") }
	if depth <= 0 {
		return leaf(t, kind)
	}
	number := func() string { return pick("int", "huge", "double") }
	switch kind {
	case "bool":
		switch rapid.IntRange(0, 11).Draw(t, "bool") {
		case 0, 1:
			return "(" + sub("bool") + pick(" && ", " || ", " and ", " or ") + sub("bool") + ")"
		case 2:
			return pick("!", "not ") + "(" + sub("bool") + ")"
		case 3, 4:
			return "(" + sub(number()) + pick(" < ", " <= ", " > ", " >= ", " == ", " != ") + sub(number()) + ")"
		case 5:
			k := pick("text", "time")
			return "(" + sub(k) + pick(" < ", " <= ", " > ", " >= ", " == ", " != ") + sub(k) + ")"
		case 6:
			return "(" + sub("text") + pick(" contains ", " startsWith ", " endsWith ", " not contains ") + sub("text") + ")"
		case 7:
			return "(" + sub("text") + pick(" matches ", " not matches ") + pick(`"a"`, `"^a.c$"`, `"(?i)ß|σ"`, `"\\s"`, `"\\bb"`, `"[[:upper:]]+"`, `"\\pL"`, `""`, `"^$"`, `"a|(b)c*?"`) + ")"
		case 8:
			return "(" + sub(pick("int", "double", "text", "bool", "time", "huge")) + pick(" == nil", " != nil") + ")"
		case 9:
			return "(" + sub("text") + pick(" in ", " not in ") + pick(`["a", "abc"]`, `["ß", nil]`, `[]`, `[nil]`) + ")"
		case 10:
			return "(" + sub(pick("int", "double", "huge")) + pick(" in ", " not in ") + pick(`[1, 2.5]`, `[0, -1, nil]`, `[100, 9223372036854775807]`) + ")"
		}
		return "(" + sub("bool") + " == " + sub("bool") + ")"
	case "int":
		switch rapid.IntRange(0, 5).Draw(t, "int") {
		case 0:
			return "len(" + sub("text") + ")"
		case 1:
			return pick("abs", "round", "floor", "ceil", "-") + "(" + sub("int") + ")"
		case 2:
			return "(" + sub("bool") + " ? " + sub("int") + " : " + pick("nil", sub("int")) + ")"
		case 3:
			return "(" + sub("int") + " ?? " + sub("int") + ")"
		}
		return "(" + sub("int") + pick(" + ", " - ", " * ", " % ") + sub("int") + ")"
	case "huge":
		switch rapid.IntRange(0, 3).Draw(t, "huge") {
		case 0:
			return pick("abs", "-") + "(" + sub("huge") + ")"
		case 1:
			return "(" + sub("huge") + " ?? " + sub("int") + ")"
		}
		return "(" + sub("huge") + pick(" + ", " - ", " * ", " % ") + sub(pick("huge", "int")) + ")"
	case "double":
		switch rapid.IntRange(0, 6).Draw(t, "double") {
		case 0:
			return pick("abs", "round", "floor", "ceil", "-") + "(" + sub("double") + ")"
		case 1:
			return "epoch(" + sub("time") + ")"
		case 2:
			return "(" + sub("bool") + " ? " + sub("double") + " : " + sub("double") + ")"
		case 3:
			return "(" + sub("double") + " ?? " + sub(number()) + ")"
		case 4:
			return "(" + sub(number()) + " / " + sub(number()) + ")"
		}
		return "(" + sub("double") + pick(" + ", " - ", " * ", " % ", " / ") + sub(number()) + ")"
	case "text":
		switch rapid.IntRange(0, 3).Draw(t, "text") {
		case 0:
			return "(" + sub("text") + " + " + sub("text") + ")"
		case 1:
			return "(" + sub("text") + " ?? " + sub("text") + ")"
		}
		return pick("lower", "upper", "trim") + "(" + sub("text") + ")"
	}
	return "(" + sub("time") + " ?? " + sub("time") + ")"
}

func leaf(t *rapid.T, kind string) string {
	leaves := map[string][]string{
		"bool":   {"b", "body.c", "true", "false"},
		"int":    {"i", "j", "i", "j", "0", "1", "2", "-3", "1000000", "2147483647", "9223372036854775807"},
		"huge":   {"h", "g"},
		"double": {"x", "y", "x", "y", "0.0", "0.5", "1e3", "1e300", "2.5", "1e-5"},
		"text":   {"s", "body.t", "s", "t", `"a"`, `""`, `"ß"`, `"it's"`, `"日"`, `"\t\n"`},
		"time":   {"u", "d", "event_time", `date("2026-01-01")`, `date("1969-12-31T23:59:59.5Z")`},
	}
	return rapid.SampledFrom(leaves[kind]).Draw(t, "leaf")
}

func wideFrom(paths []engine.Path) string {
	r, _ := catalog{wide}.Relation("wide", append([]engine.Path{{"_seq"}}, paths...))
	return r + " AS r"
}

// Whatever can be written gives the same answer in SQL and in Go, for every
// row, and never an error, NaN or infinity.
func TestSQLEqualsEvaluator(t *testing.T) {
	db := database(t)
	paths, rows := wideRows(t, db, 400)
	from := wideFrom(paths)
	rapid.Check(t, func(t *rapid.T) {
		var sources, columns []string
		var exprs []plan.Expr
		for range 8 {
			kind := rapid.SampledFrom([]string{"bool", "bool", "int", "huge", "double", "text"}).Draw(t, "kind")
			source := expression(t, kind, rapid.IntRange(1, 4).Draw(t, "depth"))
			e, err := compile(text(source), recordScope{dataset: wide})
			if err != nil {
				t.Fatalf("%s: %v", source, err)
			}
			s, err := plan.ValueSQL(e)
			if err != nil {
				continue // too long, which is said
			}
			sources, exprs = append(sources, source), append(exprs, e)
			columns = append(columns, s+fmt.Sprintf(" AS strict%d", len(columns)))
			if e.Type() != engine.Bool {
				continue
			}
			truth, err := plan.ConditionSQL(e)
			if err != nil {
				t.Fatal(err)
			}
			sources, exprs = append(sources, source), append(exprs, e)
			columns = append(columns, "CASE WHEN "+truth+" THEN true END")
		}
		got, err := queryValues(db, "SELECT "+strings.Join(columns, ", ")+" FROM "+from+" ORDER BY _seq")
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, strings.Join(sources, "\n"), strings.Join(columns, "\n"))
		}
		for i, e := range exprs {
			eval := plan.Compile(e, paths)
			for row, env := range rows {
				want := eval(env)
				if strings.HasPrefix(columns[i], "CASE WHEN") && strings.HasSuffix(columns[i], "THEN true END") && !want.True() {
					want = plan.Null // a condition tells null from false no more
				}
				if !got[row][i].Equal(want) {
					t.Fatalf("%s\nrow %d: SQL %v, evaluator %v\n%v\n%s", sources[i], row, got[row][i], want, env.Columns, columns[i])
				}
			}
		}
	})
}

// Aggregates computed by SQL, by one accumulator and by accumulators of any
// split merged in any order are the same, to the bit.
func TestAggregatesAgree(t *testing.T) {
	db := database(t)
	paths, rows := wideRows(t, db, 400)
	rapid.Check(t, func(t *rapid.T) {
		p := &plan.Plan{Dataset: "wide", Window: plan.Window{Size: 20e9}}
		if rapid.Bool().Draw(t, "grouped") {
			name := rapid.SampledFrom([]string{"b", "i", "s", "d"}).Draw(t, "key")
			resolved, typ, err := wide.Resolve(engine.Path{name})
			if err != nil {
				t.Fatal(err)
			}
			key, err := plan.NewKey(name, resolved, typ)
			if err != nil {
				t.Fatal(err)
			}
			p.Keys = []plan.Key{key}
		}
		var sources []string
		for i := range rapid.IntRange(1, 5).Draw(t, "n") {
			source := aggregateSource(t)
			e, err := compile(text(source), windowScope{wide, p, true})
			if err != nil {
				t.Fatalf("%s: %v", source, err)
			}
			sources = append(sources, source)
			p.Measures = append(p.Measures, plan.Measure{Name: fmt.Sprintf("m%d", i), Expr: e})
		}
		want := accumulate(t, p, paths, rows)
		relation, _ := catalog{wide}.Relation("wide", append(paths, engine.Path{"_late"}))
		query, err := p.Query(relation, plan.Range{From: p.Window.Start(0)})
		if err != nil {
			return
		}
		got, err := db.Query(query)
		if err != nil {
			t.Fatalf("%v\n%s\n%v", err, query, sources)
		}
		defer got.Close()
		finisher, seen := p.NewFinisher(), 0
		for got.Next() {
			row, _, err := finisher.Scan(got)
			if err != nil {
				t.Fatal(err)
			}
			group := fmt.Sprint(row.Window, row.Keys)
			if w, ok := want[group]; !ok || !slices.EqualFunc(w, row.Measures, plan.Value.Equal) {
				t.Fatalf("%v\n%s: SQL %v, accumulators %v\n%s", sources, group, row.Measures, w, query)
			}
			seen++
		}
		if err := got.Err(); err != nil {
			t.Fatalf("%v\n%s\n%v", err, query, sources)
		}
		if seen != len(want) {
			t.Fatalf("%d windows by SQL, %d by accumulators", seen, len(want))
		}
	})
}

func aggregateSource(t *rapid.T) string {
	number := rapid.SampledFrom([]string{"int", "huge", "double"}).Draw(t, "number")
	any := rapid.SampledFrom([]string{"int", "huge", "double", "text", "time"}).Draw(t, "any")
	depth := rapid.IntRange(0, 2).Draw(t, "depth")
	switch rapid.SampledFrom([]string{"count()", "count", "sum", "avg", "min", "quantile", "distinct", "first"}).Draw(t, "aggregate") {
	case "count()":
		return "count()"
	case "count":
		return "count(" + expression(t, "bool", depth) + ")"
	case "sum":
		return "sum(" + expression(t, number, depth) + ")"
	case "avg":
		return "avg(" + expression(t, number, depth) + ")"
	case "min":
		return rapid.SampledFrom([]string{"min", "max"}).Draw(t, "end") + "(" + expression(t, any, depth) + ")"
	case "quantile":
		q := rapid.SampledFrom([]string{"0", "0.01", "0.5", "0.9", "0.95", "0.999", "1", "0.333"}).Draw(t, "q")
		return "quantile(" + expression(t, number, depth) + ", " + q + ")"
	case "distinct":
		return "distinct(" + expression(t, any, depth) + ")"
	}
	return rapid.SampledFrom([]string{"first", "last"}).Draw(t, "end") + "(" + expression(t, any, depth) + ")"
}

// accumulate computes a plan's windows record by record, in a random order
// and split at random.
func accumulate(t *rapid.T, p *plan.Plan, paths []engine.Path, rows []*plan.Env) map[string][]plan.Value {
	type state struct {
		keys  []plan.Value
		parts [2][]plan.Accumulator
	}
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	var factories []func() plan.Accumulator
	for _, a := range p.Aggregates {
		factories = append(factories, a.NewAccumulator(paths))
	}
	states := map[string]*state{}
	for _, i := range rng.Perm(len(rows)) {
		at, _ := rows[i].Columns[0].Time()
		var keys []plan.Value
		for _, k := range p.Keys {
			keys = append(keys, plan.Compile(k.Column, paths)(rows[i]))
		}
		group := fmt.Sprint(p.Window.Index(at), keys)
		s := states[group]
		if s == nil {
			s = &state{keys: keys}
			for half := range s.parts {
				for _, f := range factories {
					s.parts[half] = append(s.parts[half], f())
				}
			}
			states[group] = s
		}
		for _, acc := range s.parts[rng.IntN(2)] {
			acc.Add(rows[i])
		}
	}
	out := map[string][]plan.Value{}
	finisher := p.NewFinisher()
	for group, s := range states {
		env := plan.Env{Keys: s.keys}
		var parts [][]plan.Value
		for i := range factories {
			s.parts[0][i].Merge(s.parts[1][i])
			parts = append(parts, s.parts[0][i].Parts())
		}
		finisher.Finish(&env, parts)
		out[group] = env.Measures
	}
	return out
}

// Buckets are the same in SQL and in Go, ordered as their values are, and no
// value is further than 1 % from what stands for its bucket.
func TestBuckets(t *testing.T) {
	db := database(t)
	exec(t, db, `CREATE TABLE v AS SELECT i::DOUBLE AS x FROM range(1, 200000) r(i)
		UNION ALL SELECT i / 1000.0::DOUBLE FROM range(1, 100000) r(i)
		UNION ALL SELECT exp((hash(i) % 1400000)::DOUBLE / 1000 - 700) FROM range(100000) r(i)
		UNION ALL SELECT -i::DOUBLE FROM range(1, 1000) r(i)
		UNION ALL SELECT unnest([0, '-0', 5e-324, 2.3e-308, 2.2250738585072014e-308, 1.7976931348623157e308])::DOUBLE`)
	ds := engine.Dataset{Name: "v", Body: engine.StructOf()}
	x, err := plan.NewColumn(engine.Path{"x"}, engine.Scalar(engine.Double))
	if err != nil {
		t.Fatal(err)
	}
	q, _ := plan.NewLiteral(plan.Double(0.5))
	a, err := plan.NewAggregate(plan.Quantile, []plan.Expr{x, q})
	if err != nil {
		t.Fatal(err)
	}
	p := &plan.Plan{Dataset: ds.Name, Window: plan.Window{Size: 1e9}}
	p.AddAggregate(a)
	query, err := p.Query(`(SELECT x, make_timestamptz(1000000 * row_number() OVER ()) AS event_time, false AS _late FROM v)`, plan.Range{From: p.Window.Start(0)})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query(strings.Replace(query, `AS "#1.1"`, `AS "#1.1", max(x)`, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var window, records, late int64
		var bucket int32
		var v float64
		if err := rows.Scan(&window, &records, &late, &bucket, &v); err != nil {
			t.Fatal(err)
		}
		if got := plan.Bucket(v); got != bucket {
			t.Fatalf("%v: bucket %d by SQL, %d by Go", v, bucket, got)
		}
		stand := plan.BucketValue(bucket)
		if bucket != 0 && math.Abs(stand-v) > plan.Accuracy*math.Abs(v)*(1+1e-9) {
			t.Fatalf("%v stands for %v", stand, v)
		}
		n++
	}
	if err := rows.Err(); err != nil || n < 400000 {
		t.Fatal(n, err)
	}
}
