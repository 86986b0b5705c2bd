package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// The oracle says with encoding/json and big numbers, slowly, what a conformed
// row has to be: body, rest and envelope together hold every value of the
// record, and what stands in body is of its column's type already.

// decode reads one JSON text, numbers as written.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows")
	}
	return v, nil
}

// conformed is a row as the loader reads it.
type conformed struct {
	body, rest map[string]any
	envelope   map[string]string
	labels     map[string]any
	micros     *int64
}

func readRow(line []byte) (conformed, error) {
	var r conformed
	v, err := decode(line)
	if err != nil {
		return r, err
	}
	row := v.(map[string]any)
	r.body = row["body"].(map[string]any)
	r.envelope = map[string]string{}
	for _, column := range envelopeColumns {
		if text, has := row[column]; has {
			r.envelope[column] = text.(string)
		}
	}
	r.labels, _ = row["labels"].(map[string]any)
	if rest, has := row["rest"]; has {
		v, err := decode([]byte(rest.(string)))
		if err != nil {
			return r, fmt.Errorf("rest: %w", err)
		}
		r.rest = v.(map[string]any)
	}
	if t, has := row["_t"]; has {
		n, err := t.(json.Number).Int64()
		if err != nil {
			return r, err
		}
		r.micros = &n
	}
	return r, nil
}

// judge compares a row with its record. It gives what is wrong, or "".
func judge(record map[string]any, r conformed, body engine.Type, m engine.Mapping) string {
	o := &judgement{row: r, used: map[string]bool{}, mapped: map[string][]string{}}
	for column, candidates := range m.Envelope {
		for _, p := range candidates {
			o.mapped[p.String()] = append(o.mapped[p.String()], column)
		}
	}
	for _, p := range m.Labels {
		o.mapped[p.String()] = append(o.mapped[p.String()], "label")
	}
	for _, p := range m.EventTime {
		o.mapped[p.String()] = append(o.mapped[p.String()], "time")
	}
	o.object("", record, r.body, body)
	for path := range r.rest {
		if !o.used[path] && path != "_raw" {
			o.say("%s stands in rest, and the record does not have it", path)
		}
	}
	return strings.Join(o.wrong, "; ")
}

type judgement struct {
	row    conformed
	used   map[string]bool
	mapped map[string][]string
	wrong  []string
}

func (o *judgement) say(format string, args ...any) {
	o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
}

// object checks every member of the record, and that the body has no others
// that its type would take in. What the body's text leaves out is null.
func (o *judgement) object(path string, record, body map[string]any, t engine.Type) {
	for name, value := range record {
		full := pathOf(path, name)
		in, has := body[name]
		if has && in == nil {
			o.say("%s is null in the body's text, and could be left out", full)
		}
		o.member(full, value, in, t, name)
	}
	for name := range body {
		if _, has := record[name]; !has {
			o.say("%s stands in body, and the record does not have it", pathOf(path, name))
		}
	}
}

func (o *judgement) member(path string, value, in any, t engine.Type, name string) {
	ft, declared := t.Field(name)
	aside, kept := o.row.rest[path]
	if kept {
		o.used[path] = true
		if !same(value, aside) {
			o.say("%s is %v in the record and %v in rest", path, value, aside)
			return
		}
	}
	record, isObject := value.(map[string]any)
	columns, inBody := in.(map[string]any)
	switch {
	case isObject && len(record) > 0 && in == nil && !ft.Known() && !kept:
		o.object(path, record, nil, ft) // each of its members must stand elsewhere
	case isObject && inBody && (!declared || ft.Kind == engine.Struct || ft.Kind == engine.Unknown) && !kept:
		if ft.Kind == engine.Unknown && len(record) > 0 && !o.below(path) {
			o.say("%s is an object in body, and has no type there", path)
		}
		o.object(path, record, columns, ft)
	case declared && ft.Known():
		if why := loads(in, ft); why != "" {
			o.say("%s: %s", path, why)
		}
		if !kept && !holds(value, in, ft) && !o.enveloped(path, value) {
			o.say("%s is %v in the record and %v in body, and not in rest", path, value, in)
		}
		if kept && same(value, in) && value != nil && complete(value, ft) {
			o.say("%s stands in body and in rest", path)
		}
	case !kept && !o.enveloped(path, value) && !(value == nil && declared && ft.Kind != engine.Unknown):
		o.say("%s is %v in the record and nowhere in the row", path, value)
	}
}

// below reports whether a mapped path lies below.
func (o *judgement) below(path string) bool {
	for p := range o.mapped {
		if strings.HasPrefix(p, path+".") {
			return true
		}
	}
	return false
}

// enveloped reports whether a column or a label that the path is mapped to
// says the value.
func (o *judgement) enveloped(path string, value any) bool {
	for _, column := range o.mapped[path] {
		switch s, isText := value.(string); {
		case column == "label" && isText && o.row.labels[path] == s, column != "label" && column != "time" && isText && o.row.envelope[column] == s:
			return true
		case column == "time" && o.row.micros != nil:
			if isText {
				t, err := time.Parse(time.RFC3339Nano, strings.Replace(strings.ToUpper(s), " ", "T", 1))
				_, offset := t.Zone()
				if err == nil && offset == 0 && t.UnixNano()%1000 == 0 && t.UnixMicro() == *o.row.micros {
					return true
				}
			}
			if n, is := value.(json.Number); is && epochSays(n.String(), *o.row.micros) {
				return true
			}
		}
	}
	return false
}

var uuidText = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// check conforms lines as one batch does and judges every row.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, m engine.Mapping, body engine.Type, lines ...[]byte,
) engine.Type {
	t.Helper()
	refused := map[string]string{}
	var seen Observation
	c := NewConformer(body, m, nil)
	for _, line := range lines {
		if out := c.Conform(line); out.Reason == "" && out.Unknown {
			seen.Observe(c.Line(), c.Except())
		}
	}
	e := Evolve(body, &seen, func(string) bool { return !c.LongIntegers() })
	for k, v := range e.Refused {
		refused[k] = v
	}
	c = NewConformer(e.Body, m, refused)
	for _, line := range lines {
		out := c.Conform(line)
		want, err := decode(line)
		record, isObject := want.(map[string]any)
		switch {
		case out.Reason != "":
			if err == nil && isObject && utf8.Valid(line) && !loneSurrogate(line) && !deep(want, 200) {
				t.Fatalf("%s\nis refused: %s", line, out.Reason)
			}
			continue
		case err != nil || !isObject:
			t.Fatalf("%s\nis taken in, and is no JSON object: %v", line, err)
		}
		row := c.Append(nil, 0, 1, 7)
		if bytes.IndexByte(row, '\n') != len(row)-1 {
			t.Fatalf("%s\nbecame several lines: %q", line, row)
		}
		got, err := readRow(row)
		if err != nil {
			t.Fatalf("%s\nbecame %s\nwhich cannot be read: %v", line, row, err)
		}
		if out.Unknown {
			t.Fatalf("%s\nstill asks for a type of %s", line, e.Body)
		}
		if c.raw != nil { // names repeat: the whole text is kept, a member of that name in it
			if got.rest["_raw"] != string(line) {
				t.Fatalf("%s\nrepeats a name, and rest has %v", line, got.rest["_raw"])
			}
			delete(got.rest, "_raw")
			if _, has := record["_raw"]; has {
				continue
			}
		}
		if wrong := judge(record, got, e.Body, m); wrong != "" {
			t.Fatalf("%s\nat %s\nbecame %s\n%s", line, e.Body, row, wrong)
		}
	}
	return e.Body
}

var oracleMapping = engine.Mapping{
	EventTime: []engine.Path{{"ts"}, {"o", "t"}}, Envelope: DefaultEnvelope(), Labels: []engine.Path{{"region"}, {"o", "l"}},
}

// typedBefore is a body with types that are only given by files and people.
var typedBefore = engine.StructOf(
	engine.Field{Name: "a", Type: engine.Scalar(engine.Double)}, engine.Field{Name: "b", Type: engine.Scalar(engine.Timestamp)},
	engine.Field{Name: "l", Type: engine.ListOf(engine.Scalar(engine.Double))}, engine.Field{Name: "name", Type: engine.Scalar(engine.JSON)},
	engine.Field{Name: "o", Type: engine.MapOf(engine.Scalar(engine.Varchar))}, engine.Field{Name: "t", Type: engine.ListOf(engine.Scalar(engine.Timestamp))},
	engine.Field{Name: "u", Type: engine.Scalar(engine.UUID)}, engine.Field{Name: "d", Type: engine.Type{Kind: engine.Decimal, Precision: 8, Scale: 2}},
	engine.Field{Name: "on", Type: engine.Scalar(engine.Date)}, engine.Field{Name: "h", Type: engine.Scalar(engine.HugeInt)},
	engine.Field{Name: "many", Type: engine.MapOf(engine.ListOf(engine.Type{Kind: engine.Decimal, Precision: 30, Scale: 10}))},
)

func TestConformerAgreesWithTheOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom([]engine.Mapping{{}, oracleMapping}).Draw(t, "mapping")
		body := rapid.SampledFrom([]engine.Type{{Kind: engine.Struct}, typedBefore}).Draw(t, "body")
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			var lines [][]byte
			for _, line := range rapid.SliceOfN(objectText(3), 1, 4).Draw(t, "lines") {
				lines = append(lines, []byte(line))
			}
			body = check(t, m, body, lines...)
		}
	})
}

// TestConformerOnOtherSuites runs the files of other projects' test suites.
func TestConformerOnOtherSuites(t *testing.T) {
	root := os.Getenv("TIDEMARK_CORPUS")
	if root == "" {
		t.Skip("TIDEMARK_CORPUS is not set")
	}
	files := 0
	for _, dir := range []string{"json-suite", "json-duckdb", "applogs", "otlp", "aws-events", "cloudtrail"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.Contains(d.Name(), "json") && !strings.HasSuffix(d.Name(), ".log") {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil || len(data) > 4<<20 {
				return err
			}
			files++
			t.Run(dir+"/"+d.Name(), func(t *testing.T) {
				wrapped := append(append([]byte(`{"a":`), bytes.TrimSpace(data)...), '}')
				for _, m := range []engine.Mapping{{}, oracleMapping} {
					check(t, m, engine.Type{Kind: engine.Struct}, data)
					check(t, m, engine.Type{Kind: engine.Struct}, wrapped)
					lines := bytes.Split(data, []byte("\n"))
					check(t, m, engine.Type{Kind: engine.Struct}, lines[:min(len(lines), 2000)]...)
				}
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files == 0 {
		t.Fatal("no files found")
	}
}

// FuzzConform reads two lines as two batches.
func FuzzConform(f *testing.F) {
	for _, pair := range [][2]string{
		{`{"foo": [], "bar": {}, "baz": null}`, `{"foo": [{"hello": ["world"]}], "bar": {"a": 1}, "baz": "x"}`},
		{`{"a":1,"a":2}`, `{"a":1.5,"A":2}`},
		{`{"ts":"2026-01-01T02:00:00+02:00","n":1e400}`, `{"ts":1767225600.1234567,"n":[1.7,"x"]}`},
		{`{"service":{"name":"x"},"body":"m"}`, `{"service":"y","message":3}`},
	} {
		f.Add([]byte(pair[0]), []byte(pair[1]), true)
	}
	f.Fuzz(func(t *testing.T, one, two []byte, mapped bool) {
		m := engine.Mapping{}
		if mapped {
			m = oracleMapping
		}
		body := check(t, m, engine.Type{Kind: engine.Struct}, one)
		check(t, m, body, two, one)
	})
}

// TestFitTimes: the moment in body is the one that the time package reads.
func TestFitTimes(t *testing.T) {
	body := engine.StructOf(engine.Field{Name: "t", Type: engine.Scalar(engine.Timestamp)})
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-62135596800000000, 253402300799999999).Draw(t, "micros"))
		zone := time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "offset"))
		text := at.In(zone).Format(rapid.SampledFrom([]string{time.RFC3339Nano, "2006-01-02 15:04:05.999999Z07:00", "2006-01-02T15:04:05,999999-0700"}).Draw(t, "layout"))
		if y := at.In(zone).Year(); y < 1 || y > 9999 {
			t.Skip("a year of another length")
		}
		c := NewConformer(body, engine.Mapping{}, nil)
		c.Conform([]byte(`{"t":"` + text + `"}`))
		r, err := readRow(c.Append(nil, 0, 1, 1))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(at.UTC().Format("2006-01-02T15:04:05.000000Z"), r.body["t"]); diff != "" {
			t.Fatalf("%s: %s", text, diff)
		}
		if _, kept := r.rest["t"]; kept != (strings.HasSuffix(text, ":00") && !strings.HasSuffix(text, "+00:00") || strings.ContainsAny(text[10:], "+-")) && zone.String() != "UTC" {
			if _, offset := at.In(zone).Zone(); kept != (offset != 0) {
				t.Fatalf("%s: rest %v", text, r.rest)
			}
		}
	})
}
