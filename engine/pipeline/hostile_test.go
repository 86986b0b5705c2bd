package pipeline_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
)

// TestNoSilentConversion loads, into columns of every type, what DuckDB would
// take and change without a word. The column stays null, and rest has the value
// as it came.
func TestNoSilentConversion(t *testing.T) {
	types := map[string]engine.TypeKind{
		"i": engine.BigInt, "d": engine.Double, "b": engine.Bool, "s": engine.Varchar, "h": engine.HugeInt, "u": engine.UUID, "on": engine.Date,
	}
	for _, c := range []struct{ name, value, what string }{
		{"i", `1.7`, "is rounded to 2"},
		{"i", `true`, "becomes 1"},
		{"i", `"12"`, "becomes 12"},
		{"i", `1e3`, "becomes 1000"},
		{"i", `9223372036854775808`, "is out of range"},
		{"b", `1`, "becomes true"},
		{"b", `"true"`, "becomes true"},
		{"s", `{"a":1}`, "becomes its text"},
		{"s", `[1]`, "becomes its text"},
		{"s", `5`, "becomes its text"},
		{"d", `1e400`, "becomes infinity"},
		{"d", `"inf"`, "becomes infinity"},
		{"d", `12345678901234567890`, "loses digits"},
		{"d", `9007199254740993`, "loses digits"},
		{"h", `1e30`, "loses digits"},
		{"on", `"2026-01-01T23:00:00-05:00"`, "is cut to a day"},
		{"u", `"{5b8aa5a2-d2c8-72e8-321c-f37308d69df2}"`, "loses its braces"},
	} {
		t.Run(c.name+" "+c.value, func(t *testing.T) {
			b := newBench(t)
			body := engine.StructOf(engine.Field{Name: "ok", Type: engine.Scalar(engine.Bool)}, engine.Field{Name: c.name, Type: engine.Scalar(types[c.name])})
			// The long integer keeps a bigint from widening.
			b.must(b.Adopt(t.Context(), engine.SchemaVersion{Dataset: "logs", Version: 1, Author: "person", Body: body}))
			opt := b.options()
			opt.Strict = true
			counts := b.pull(opt, b.object("strict.ndjson", `{"ok":true,"`+c.name+`":`+c.value+`}`))
			if counts.Records != 0 || counts.Quarantined != 1 {
				t.Errorf("a strict dataset takes what %s: %+v", c.what, counts)
			}
			opt.Strict = false
			if c.name == "i" {
				b.pull(opt, b.object("long.ndjson", `{"i":9007199254740993}`))
			}
			b.pull(opt, b.object("infer.ndjson", `{"ok":true,"`+c.name+`":`+c.value+`}`))
			if value := b.rows(`SELECT (body.` + c.name + `)::VARCHAR FROM logs WHERE body.ok`)[0]; value != "-" && c.value != "9223372036854775808" {
				t.Errorf("what %s became %s", c.what, value)
			}
			if c.value != "9223372036854775808" { // widens the column
				b.want(`SELECT rest::VARCHAR FROM logs WHERE body.ok`, `{"`+c.name+`":`+c.value+`}`)
			}
		})
	}
}

// TestOffsetsAndCaseAreKept: a moment keeps its offset, keys that differ only
// by case and keys that repeat are all there.
func TestOffsetsAndCaseAreKept(t *testing.T) {
	b := newBench(t)
	body := engine.StructOf(engine.Field{Name: "at", Type: engine.Scalar(engine.Timestamp)}, engine.Field{Name: "a", Type: engine.Scalar(engine.BigInt)},
		engine.Field{Name: "m", Type: engine.MapOf(engine.Scalar(engine.BigInt))})
	b.must(b.Adopt(t.Context(), engine.SchemaVersion{Dataset: "logs", Version: 1, Author: "person", Body: body}))
	b.pull(b.options(), b.object("a.ndjson", `{"at":"2026-01-01T00:00:00+02:00"}
{"a":1,"A":2}
{"m":{"x":1,"x":2}}
{"at":-1,"a":3}
{"at":"0001-01-01T00:00:00Z"}
{"at":"9999-12-31T23:59:59.999999Z"}
{"at":"294247-01-10T04:00:54.775807Z"}
{"at":"10000-01-01T00:00:00Z"}
{"at":"0001-01-01T00:00:00+14:00"}
{"at":-62135596800000}
{"at":-86400000000}
{"at":99999999999}
{"at":100000000000}
{"at":253402300799}
{"at":253402300799000}`))
	b.want(`SELECT epoch_us(body.at)::VARCHAR, body.a, body.m::VARCHAR, rest::VARCHAR FROM logs ORDER BY _seq`,
		`1767218400000000 | - | - | {"at":"2026-01-01T00:00:00+02:00"}`,
		`- | 1 | - | {"A":2}`,
		`- | - | {x=2} | {"_raw":"{\"m\":{\"x\":1,\"x\":2}}"}`,
		`- | 3 | - | {"at":-1}`,
		`-62135596800000000 | - | - | -`,
		`253402300799999999 | - | - | -`,
		`- | - | - | {"at":"294247-01-10T04:00:54.775807Z"}`,
		`- | - | - | {"at":"10000-01-01T00:00:00Z"}`,
		`- | - | - | {"at":"0001-01-01T00:00:00+14:00"}`,
		`-62135596800000000 | - | - | -`,
		`-86400000000000000 | - | - | -`,
		// Where the units meet: the end of 9999 in seconds is 1978 in milliseconds.
		`99999999999000000 | - | - | -`,
		`100000000000000 | - | - | -`,
		`253402300799000 | - | - | -`,
		`253402300799000 | - | - | -`)
}

// TestHostileText pulls what files of others hold; every record is stored or
// stands in quarantine.
func TestHostileText(t *testing.T) {
	b := newBench(t)
	var keys strings.Builder
	keys.WriteString(`{"z":0`)
	for i := range 10_000 {
		fmt.Fprintf(&keys, `,"key %d":%d`, i, i)
	}
	keys.WriteString("}")
	for i, c := range []struct {
		text          string
		stored, aside int64
	}{
		{"\ufeff{\"a\":1}\n", 1, 0},
		{"{\"a\":1}\r\n{\"a\":2}\r\n", 2, 0},
		{"{\"a\":1}\n{\"s\":\"\xff\xfe\"}\n{\"a\":2}\n", 2, 1},
		{"{\"a\":1}\n{\"s\":\"\x00\"}\n{\"s\":\"\\u0000\"}\n", 2, 1},
		{"{\"a\":1}\n" + strings.Repeat(`{"n":`, 100) + "1" + strings.Repeat("}", 100) + "\n", 2, 0},
		{"{\"a\":1}\n{\"l\":" + strings.Repeat(`[`, 100) + strings.Repeat("]", 100) + "}\n", 2, 0},
		{"{\"a\":1}\n{\"l\":" + strings.Repeat(`[`, 100_000) + "\n", 1, 1},
		{keys.String() + "\n{\"a\":1}\n", 2, 0},
		{"{\"long\":\"" + strings.Repeat("x", 50<<20) + "\"}\n{\"a\":1}\n", 2, 0},
		{`{"a":1,"a":2,"a":[],"a":{"a":1,"a":2}}` + "\n", 1, 0},
		{`{"big":170141183460469231731687303715884105727,"bigger":99999999999999999999999999999999999999999999}` + "\n", 1, 0},
		{`{"":1,"<script>alert(1)</script>":"\u001b[31mred\u202e","` + strings.Repeat("k", 5000) + `":1}` + "\n", 1, 0},
	} {
		opt := b.options()
		opt.Dataset = fmt.Sprintf("d%d", i)
		counts := b.pull(opt, b.object(opt.Dataset+".ndjson", c.text))
		if counts.Records != c.stored || counts.Quarantined != c.aside {
			t.Errorf("%d: %.60q: %d stored, %d aside", i, c.text, counts.Records, counts.Quarantined)
		}
		b.want(fmt.Sprintf(`SELECT count(body) FROM %s`, opt.Dataset), fmt.Sprint(c.stored))
	}
}

// TestOtherSuites pulls every file of other projects' JSON suites: nothing
// panics, and what comes in adds up.
func TestOtherSuites(t *testing.T) {
	b := newBench(t)
	n := 0
	var tasks []pipeline.Task
	for _, dir := range []string{"json-suite", "json-duckdb"} {
		b.eachOf(t, dir, func(path string) { tasks = append(tasks, task(path)); n++ })
	}
	counts := b.pull(b.options(), tasks...)
	if counts.Objects != int64(n) || counts.Failed != 0 {
		t.Errorf("%d files: %+v", n, counts)
	}
	b.want(`SELECT count(*) = (SELECT coalesce(sum(stored), 0) FROM tidemark.objects) FROM logs`, "true")
	b.want(`SELECT count(*) = (SELECT sum(quarantined) FROM tidemark.objects) FROM tidemark.quarantine`, "true")
}

func (b *bench) eachOf(t *testing.T, dir string, visit func(path string)) {
	t.Helper()
	root := os.Getenv("TIDEMARK_CORPUS")
	if root == "" {
		t.Skip("TIDEMARK_CORPUS is not set")
	}
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			visit(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCloudTrailLosesNothing: what an API was asked and what it answered has
// another shape in each API. A path that conflicts keeps its values in rest.
func TestCloudTrailLosesNothing(t *testing.T) {
	b := newBench(t)
	var tasks []pipeline.Task
	b.eachOf(t, "cloudtrail", func(path string) {
		if strings.Contains(filepath.Base(path), "json") {
			tasks = append(tasks, task(path))
		}
	})
	counts := b.pull(b.options(), tasks...)
	if counts.Records < 2000 || counts.Quarantined != 0 || counts.Failed != 0 {
		t.Fatalf("%+v", counts)
	}
	b.must(b.Merge(t.Context(), "logs"))
	if n := b.rows(`SELECT count(DISTINCT path) FROM tidemark.conflicts`)[0]; n == "0" {
		t.Error("the corpus is known to have conflicts")
	}
	b.want(`SELECT count(*) FROM (SELECT DISTINCT path FROM tidemark.conflicts WHERE path NOT LIKE '%[]%' AND path NOT LIKE '%*') AS c
		WHERE NOT EXISTS (FROM logs WHERE list_contains(json_keys(rest), c.path))`, "0")
	t.Log(b.rows(`SELECT path, want, got, sum(count)::BIGINT FROM tidemark.conflicts GROUP BY ALL ORDER BY 4 DESC LIMIT 20`))
}
