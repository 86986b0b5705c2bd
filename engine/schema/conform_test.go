package schema

import (
	"fmt"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
)

func always(string) bool { return true }

// learn evolves a body type over lines, as one micro-batch.
func learn(t *testing.T, body engine.Type, m engine.Mapping, lines ...string) (engine.Type, Evolution) {
	t.Helper()
	c := NewConformer(body, m, nil)
	var seen Observation
	for _, line := range lines {
		if out := c.Conform([]byte(line)); out.Reason != "" {
			t.Fatalf("%s: %s", line, out.Reason)
		} else if out.Unknown {
			seen.Observe(c.Line(), c.Except())
		}
	}
	e := Evolve(body, &seen, always)
	return e.Body, e
}

func row(t *testing.T, body engine.Type, m engine.Mapping, line string) string {
	t.Helper()
	c := NewConformer(body, m, nil)
	out := c.Conform([]byte(line))
	if out.Reason != "" {
		return "quarantine: " + out.Reason
	}
	s := string(c.Append(nil, 0, 1, 7))
	s = strings.TrimPrefix(s, `{"_o":0,"_r":1,"_seq":7,`)
	return strings.TrimSuffix(s, "}\n")
}

func TestFoundingExample(t *testing.T) {
	none := engine.Type{Kind: engine.Struct}
	v1, e1 := learn(t, none, engine.Mapping{}, `{"foo": [], "bar": {}, "baz": null}`)
	if got := v1.String(); got != "struct(foo unknown, bar unknown, baz unknown)" {
		t.Fatalf("version 1 is %s", got)
	}
	if v1.DuckDB() != "STRUCT(_ BOOLEAN)" {
		t.Fatalf("version 1 stores %s", v1.DuckDB())
	}
	if got := row(t, v1, engine.Mapping{}, `{"foo": [], "bar": {}, "baz": null}`); !strings.Contains(got, `"rest":"{\"foo\":[],\"bar\":{},\"baz\":null}"`) {
		t.Fatalf("nothing may be lost: %s", got)
	}
	v2, e2 := learn(t, v1, engine.Mapping{}, `{"foo": [{"hello": ["world"]}], "bar": {"a": 1}, "baz": "x"}`)
	if got, want := v2.DuckDB(), `STRUCT("foo" STRUCT("hello" VARCHAR[])[], "bar" STRUCT("a" BIGINT), "baz" VARCHAR)`; got != want {
		t.Fatalf("version 2 is %s", got)
	}
	for _, c := range append(e1.Changes, e2.Changes...) {
		if c.Major() {
			t.Errorf("%s is a break", c)
		}
	}
}

func TestConformRewrites(t *testing.T) {
	m := engine.Mapping{EventTime: []engine.Path{{"ts"}}, Envelope: DefaultEnvelope(), Labels: []engine.Path{{"region"}}}
	body, _ := learn(t, engine.Type{Kind: engine.Struct}, m,
		`{"ts":"2026-01-01T00:00:00Z","svc":"a","msg":"m","region":"eu","n":1,"f":1.5,"ok":true,"tags":["x"],"http":{"status":200},"s":"x"}`)
	for _, c := range []struct{ name, in, want string }{
		{"as it stands", `{"n":2}`, `"body":{"n":2}`},
		{
			"envelope", `{"ts":"2026-01-01T00:00:00Z","svc":"a","msg":"hi \"you\"","region":"eu","n":2}`,
			`"_t":1767225600000000,"service":"a","message":"hi \"you\"","labels":{"region":"eu"},"body":{"n":2}`,
		},
		{"better candidate comes later", `{"svc":"b","service":"a"}`, `"service":"a","body":{},"rest":"{\"svc\":\"b\"}"`},
		{"offset keeps the original", `{"ts":"2026-01-01T02:00:00+02:00"}`, `"_t":1767225600000000,"body":{},"rest":"{\"ts\":\"2026-01-01T02:00:00+02:00\"}"`},
		{
			"nanoseconds", `{"ts":"2026-01-01T00:00:00.000000123Z"}`,
			`"_t":1767225600000000,"body":{},"rest":"{\"ts\":\"2026-01-01T00:00:00.000000123Z\"}"`,
		},
		{"conflict", `{"n":"N/A","f":2}`, `"body":{"f":2},"rest":"{\"n\":\"N/A\"}"`},
		{"no silent rounding", `{"n":1.7}`, `"body":{},"rest":"{\"n\":1.7}"`},
		{"true is not 1", `{"n":true,"s":1}`, `"body":{},"rest":"{\"n\":true,\"s\":1}"`},
		{"infinity", `{"f":1e400}`, `"body":{},"rest":"{\"f\":1e400}"`},
		{"digits", `{"f":9007199254740993}`, `"body":{},"rest":"{\"f\":9007199254740993}"`},
		{"deep conflict", `{"http":{"status":"x","t":1}}`, `"body":{"http":{}},"rest":"{\"http.status\":\"x\",\"http.t\":1}"`},
		{"list with a conflict", `{"tags":["a",1]}`, `"body":{},"rest":"{\"tags\":[\"a\",1]}"`},
		{"case", `{"n":1,"N":2}`, `"body":{"n":1},"rest":"{\"N\":2}"`},
		{"duplicate", `{"n":1,"n":2}`, `"body":{"n":2},"rest":"{\"_raw\":\"{\\\"n\\\":1,\\\"n\\\":2}\"}"`},
		{"line breaks", "{\"n\":\n1}", `"body":{"n": 1}`},
		{"number as level", `{"level":30}`, `"level":"30","body":{},"rest":"{\"level\":30}"`},
		{"null", "{ \"n\" : null , \"s\": \"x\",\n\"f\":null }", `"body":{  "s": "x" }`},
		{"nothing but null", `{"http":{"status":null}, "n": null}`, `"body":{"http":{}}`},
		{"a name with quotes", `{"n":1,"a\"b\\":"x","ok":true}`, `"body":{"n":1,"ok":true},"rest":"{\"\\\"a\\\"\\\"b\\\\\\\"\":\"x\"}"`},
		{"not an object", `[1]`, `quarantine: the record is not an object but a list`},
		{"cut short", `{"n":1`, `quarantine: the record ends early`},
		{"half a pair", `{"s":"\ud800"}`, `quarantine: a \u escape is half of a surrogate pair`},
		{"not UTF-8", "{\"s\":\"\xff\"}", `quarantine: the record is not valid UTF-8`},
	} {
		if got := row(t, body, m, c.in); got != c.want {
			t.Errorf("%s\n in   %s\n got  %s\n want %s", c.name, c.in, got, c.want)
		}
	}
}

func TestMajorityDecides(t *testing.T) {
	body, _ := learn(t, engine.Type{Kind: engine.Struct}, engine.Mapping{}, `{"a":1}`, `{"a":"x"}`, `{"a":2}`, `{"b":1}`, `{"b":2.5}`, `{"c":9007199254740993}`, `{"c":1.5}`)
	if got := body.String(); got != "struct(a bigint, b double, c bigint)" {
		t.Fatal(got)
	}
}

func TestWidening(t *testing.T) {
	v1 := engine.StructOf(engine.Field{Name: "a", Type: engine.Scalar(engine.BigInt)})
	v2, e := learn(t, v1, engine.Mapping{}, `{"a":1.5}`)
	if v2.String() != "struct(a double)" || e.Changes[0].String() != "~ a bigint -> double" {
		t.Fatal(v2, e.Changes)
	}
	var seen Observation
	seen.Observe([]byte(`{"a":1.5}`), nil)
	if e := Evolve(v1, &seen, func(string) bool { return false }); len(e.Changes) != 0 || e.Refused["a"] == "" {
		t.Fatal("an inexact store must not widen", e)
	}
}

func TestLimitOfPaths(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"x":0`)
	for i := range 3000 {
		fmt.Fprintf(&b, `,"k%d":%d`, i, i)
	}
	b.WriteString("}")
	body, e := learn(t, engine.Type{Kind: engine.Struct}, engine.Mapping{}, b.String())
	out := NewConformer(body, engine.Mapping{}, e.Refused).Conform([]byte(b.String()))
	if Leaves(body) != MaxPaths || len(e.Refused) != 0 || out.Unknown || len(out.Conflicts) != 3001-MaxPaths {
		t.Fatalf("%d leaves, %d refused, %d conflicts", Leaves(body), len(e.Refused), len(out.Conflicts))
	}
	if c := out.Conflicts[0]; c.Path != "*" || c.Want != outOfRoom || !strings.HasPrefix(c.Example, `"k999":999`) {
		t.Fatalf("%+v", c)
	}
}

func BenchmarkConform(b *testing.B) {
	line := []byte(`{"ts":"2026-01-09T14:05:01.123Z","svc":"checkout","severity":"INFO","msg":"POST /checkout 200 in 83 ms","trace_id":"5b8aa5a2d2c872e8321cf37308d69df2","span_id":"051581bf3cb55c13","region":"eu-west-1","http":{"method":"POST","route":"/checkout","status":200,"bytes":5123},"user":{"id":"u-12345","plan":"free"},"duration_ms":83.25,"version":"3.1.0","cart":{"items":3,"total":59.9,"currency":"EUR"}}`)
	m := engine.Mapping{EventTime: []engine.Path{{"ts"}}, Envelope: DefaultEnvelope(), Labels: []engine.Path{{"region"}}}
	var seen Observation
	c := NewConformer(engine.Type{Kind: engine.Struct}, m, nil)
	c.Conform(line)
	seen.Observe(line, c.Except())
	e := Evolve(engine.Type{Kind: engine.Struct}, &seen, always)
	c = NewConformer(e.Body, m, e.Refused)
	var dst []byte
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if out := c.Conform(line); out.Reason != "" || out.Unknown {
			b.Fatal(out)
		}
		dst = c.Append(dst[:0], 1, 2, 3)
	}
}

func TestIDsAsNamesAreAMap(t *testing.T) {
	ids := func(n, each int, name, value string) (lines []string) {
		for i := range n {
			var members []string
			for j := range each {
				members = append(members, fmt.Sprintf(name+":"+value, i*each+j, j))
			}
			lines = append(lines, `{"o":{`+strings.Join(members, ",")+`}}`)
		}
		return lines
	}
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"an id each", ids(100, 1, `"user-%d"`, "%d"), "struct(o map(bigint))"},
		{"names without digits, few in each", []string{`{"o":{` + letters(0) + `}}`, `{"o":{` + letters(1) + `}}`, `{"o":{` + letters(2) + `}}`, `{"o":{` + letters(3) + `}}`}, "struct(o map(bigint))"},
		{"one object of ids", ids(1, 100, `"%d"`, `{"n":%d,"f":1.5}`), "struct(o map(struct(n bigint, f double)))"},
		{"few names", ids(20, 2, `"user-%d"`, "%d"), ""},
		{"values of several shapes", append(ids(100, 1, `"user-%d"`, "%d"), `{"o":{"x":"text"}}`), ""},
	} {
		body, _ := learn(t, engine.Type{Kind: engine.Struct}, engine.Mapping{}, c.lines...)
		if c.want == "" {
			if body.Fields[0].Type.Kind != engine.Struct {
				t.Errorf("%s: %s", c.name, body)
			}
			continue
		}
		if body.String() != c.want {
			t.Errorf("%s: %s", c.name, body)
		}
		check(t, engine.Mapping{}, body, []byte(c.lines[0]), []byte(`{"o":{"new":1,"y":"x"}}`))
	}
}

// letters are members whose names have no digits; no two groups share one.
func letters(group int) string {
	var members []string
	for i := range 20 {
		members = append(members, fmt.Sprintf(`"%c%c":1`, 'a'+group, 'a'+i))
	}
	return strings.Join(members, ",")
}

// TestWideObjects: an object that keeps getting names stops getting columns
// long before the dataset does, and the report has one line for it.
func TestWideObjects(t *testing.T) {
	body := engine.StructOf(engine.Field{Name: "o", Type: engine.StructOf(engine.Field{Name: "a", Type: engine.Scalar(engine.BigInt)})})
	for i := range 3 {
		var lines []string
		for j := range 200 {
			lines = append(lines, fmt.Sprintf(`{"o":{"k%d":1}}`, i*200+j))
		}
		body, _ = learn(t, body, engine.Mapping{}, lines...)
	}
	if n := len(body.Fields[0].Type.Fields); n != MaxMembers {
		t.Fatalf("%d members", n)
	}
	out := NewConformer(body, engine.Mapping{}, nil).Conform([]byte(`{"o":{"later":1,"after":"x"}}`))
	if out.Unknown || len(out.Conflicts) != 2 || out.Conflicts[1].Path != "o.*" || out.Conflicts[1].Example != `"after":"x"` {
		t.Fatalf("%+v", out)
	}
}
