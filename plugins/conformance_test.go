package plugins_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	. "tidemark.dev/tidemark/plugins/internal/wasmtest"
)

var update = flag.Bool("update", false, "write the conformance suite anew")

// suiteFile holds the modules and what a host makes of them, for any host to
// run; sdk/conformance/README.md explains it.
const suiteFile = "../sdk/conformance/suite.json"

// suiteCase is a module, and what becomes of it and of a batch.
type suiteCase struct {
	Name    string        `json:"name"`
	Module  []byte        `json:"module"`
	Refused string        `json:"refused,omitempty"`
	Kind    string        `json:"kind,omitempty"`
	Input   []suiteColumn `json:"input,omitempty"`
	Src     []int32       `json:"src,omitempty"`
	Output  []suiteColumn `json:"output,omitempty"`
	Failed  string        `json:"failed,omitempty"`
}

// suiteColumn has its values as texts, so that none loses a digit.
type suiteColumn struct {
	Field  string    `json:"field"`
	Type   string    `json:"type"`
	Values []*string `json:"values"`
}

// largestInSuite keeps modules of megabytes, whose size is all there is to
// them, out of the suite.
const largestInSuite = 64 << 10

func suiteCases() []suiteCase {
	var cases []suiteCase
	for _, c := range hostileModules() {
		cases = append(cases, suiteCase{Name: "module: " + c.name, Module: c.wasm, Refused: c.want})
	}
	ab, one := column("message", "utf8", "ab", "c"), column("message", "utf8", "one")
	for _, c := range hostileAnswers() {
		x := suiteCase{Name: "transform: " + c.name, Module: some(c.answer).Bytes(), Kind: "transform", Input: []suiteColumn{one}, Failed: c.want}
		if c.name == "good" {
			x.Src, x.Output = []int32{0, 0}, []suiteColumn{ab}
		}
		if c.want != "" || c.name == "good" { // what else is taken differs in what it holds
			cases = append(cases, x)
		}
	}
	for _, c := range hostileFunctions {
		cases = append(cases, suiteCase{
			Name: "function: " + c.name, Module: of(someFunction, frame(0, emptyText()), c.answer),
			Kind: "function", Input: []suiteColumn{column("a", "utf8", "x")}, Failed: c.want,
		})
	}
	for _, c := range hostileDecoders {
		cases = append(cases, suiteCase{
			Name: "decoder: " + c.name, Module: of(someDecoder, frame(0, src(), emptyText()), c.answer),
			Kind: "decoder", Input: []suiteColumn{column("bytes", "utf8", "abcde")}, Failed: c.want,
		})
	}
	cases = append(cases, suiteCase{
		Name: "decoder: good", Module: of(someDecoder, frame(0, src(), emptyText()), decoded(0, 5)),
		Kind: "decoder", Input: []suiteColumn{column("bytes", "utf8", "abcde")}, Output: []suiteColumn{column("b", "utf8", "a")},
	})
	return append(append(cases, identities()...), finds()...)
}

func column(field, kind string, values ...string) suiteColumn {
	c := suiteColumn{Field: field, Type: kind}
	for _, v := range values {
		c.Values = append(c.Values, &v)
	}
	return c
}

// identities answer with the frame they were given, so that it must be right
// in every type, with nulls and without.
func identities() []suiteCase {
	var cases []suiteCase
	for _, c := range []suiteColumn{
		column("a", "bool", "true", "false", "true"),
		column("a", "i64", "0", "-1", "9223372036854775807", "-9223372036854775808", "9007199254740993"),
		column("a", "f64", "0", "-0", "0.1", "1.7976931348623157e+308", "5e-324", "-2.5"),
		column("a", "utf8", "", "plain", "日本語 🙂", "a\x00b", "\u202e"),
		column("a", "timestamp", "0", "-1", "1767225600000000", "253402300799999999"),
		column("a", "json", `{"b":[1,null]}`, `"text"`, `null`, `1e400`),
	} {
		nulls := c
		for i := range 9 { // over the end of a byte of the validity
			if values := append(nulls.Values, nil); i%2 == 0 {
				nulls.Values = values
			} else {
				nulls.Values = append(nulls.Values, c.Values[i%len(c.Values)])
			}
		}
		for _, in := range []suiteColumn{c, nulls} {
			out := in
			out.Field = "b"
			cases = append(cases, suiteCase{
				Name: fmt.Sprintf("function: identity of %d %s", len(in.Values), c.Type), Module: identity(c.Type), Kind: "function",
				Input: []suiteColumn{in}, Output: []suiteColumn{out},
			})
		}
	}
	return cases
}

// identity is a function whose answer is the request itself.
func identity(kind string) []byte {
	const extend, shift, or = 0xad, 0x86, 0x84
	manifest := strings.ReplaceAll(`{"name":"some","version":"1.0.0","abi":"1.1","functions":[{"name":"some","kind":"function","nulls":"pass",`+
		`"inputs":[{"field":"a","type":"T"}],"outputs":[{"field":"b","type":"T"}]}]}`, `"T"`, `"`+kind+`"`)
	m := some(nil,
		Func{Name: "tm_manifest", Results: i64, Code: Packed(manifestAt, uint32(len(manifest)))},
		Func{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Code(
			Get(1), Op(extend), Const64(32), Op(shift), Get(2), Op(extend), Op(or))})
	m.Data = []Data{At(manifestAt, []byte(manifest))}
	return m.Bytes()
}

// TestConformance runs the suite as any host can: from its file alone.
func TestConformance(t *testing.T) {
	want := suiteText(t)
	if *update {
		if err := os.WriteFile(suiteFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(suiteFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Error("the suite is not what the cases make: write it anew with -update")
	}
	var suite struct{ Cases []suiteCase }
	if err := json.Unmarshal(text, &suite); err != nil {
		t.Fatal(err)
	}
	s, hurried := surround(t), surroundFor(t, time.Second/2)
	for _, c := range suite.Cases {
		t.Run(c.Name, func(t *testing.T) {
			if strings.Contains(c.Refused, "it ran longer") {
				c.run(t, hurried.host, 60*time.Millisecond)
			} else {
				c.run(t, s.host, patience)
			}
		})
	}
}

// suiteText is the suite, a case a line.
func suiteText(t *testing.T) []byte {
	var lines [][]byte
	for _, c := range suiteCases() {
		if len(c.Module) > largestInSuite {
			continue
		}
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return fmt.Appendf(nil, "{\"abi\": \"1.2\", \"deadline_ms\": 60, \"memory_mib\": 16, \"cases\": [\n%s\n]}\n", bytes.Join(lines, []byte(",\n")))
}

func (c suiteCase) run(t *testing.T, host *plugins.Host, deadline time.Duration) {
	p, err := host.Load(context.Background(), "hostile", c.Module, plugins.Settings{Memory: 16 << 20, Deadline: deadline})
	if c.Refused != "" {
		if err == nil || !strings.Contains(err.Error(), c.Refused) {
			t.Errorf("got %v, want it refused: %s", err, c.Refused)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.Background())
	got, failed := c.call(t, p)
	if c.Failed != "" {
		if !strings.Contains(failed, c.Failed) {
			t.Errorf("got %q, want it to fail: %s", failed, c.Failed)
		}
		return
	}
	if failed != "" {
		t.Fatal(failed)
	}
	if got, want := fmt.Sprint(got), fmt.Sprint(c.Src, values(c.Output)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// call gives what comes of the input as text, or why nothing does.
func (c suiteCase) call(t *testing.T, p *plugins.Plugin) (got, failed string) {
	t.Helper()
	switch c.Kind {
	case "transform":
		r := must(p.Transform(t.Context(), []engine.Column{c.Input[0].engine(t)}, len(c.Input[0].Values)))
		for _, rejected := range r.Rejected {
			failed += rejected.Reason
		}
		return fmt.Sprint(r.Src, shown(r.Columns[0])), failed
	case "function":
		v := must(p.Call(t.Context(), "some", []engine.Column{c.Input[0].engine(t)}, len(c.Input[0].Values)))
		for _, why := range v.Errors {
			failed += why
		}
		if failed != "" {
			return "", failed
		}
		return fmt.Sprint(c.Src, shown(v.Column)), ""
	}
	var records []string
	err := p.Decode(t.Context(), strings.NewReader(*c.Input[0].Values[0]), func(d plugins.Decoded) error {
		var record map[string]string
		if err := json.Unmarshal(d.JSON, &record); err != nil {
			return err
		}
		records = append(records, record["b"])
		return nil
	})
	if err != nil {
		return "", err.Error()
	}
	return fmt.Sprint(c.Src, records), ""
}

func values(columns []suiteColumn) []string {
	var out []string
	for _, v := range columns[0].Values {
		if v == nil {
			out = append(out, "NULL")
		} else {
			out = append(out, *v)
		}
	}
	return out
}

// engine is the column as the host takes it.
func (c suiteColumn) engine(t *testing.T) engine.Column {
	t.Helper()
	out := engine.Column{Name: c.Field, Type: map[string]engine.TypeKind{
		"bool": engine.Bool, "i64": engine.BigInt, "f64": engine.Double, "utf8": engine.Varchar, "timestamp": engine.Timestamp, "json": engine.JSON,
	}[c.Type], Null: make([]bool, len(c.Values)), Offsets: []uint32{0}}
	for i, v := range c.Values {
		text := ""
		if out.Null[i] = v == nil; v != nil {
			text = *v
		}
		var err error
		switch {
		case c.Type == "utf8" || c.Type == "json":
			out.Bytes = append(out.Bytes, text...)
			out.Offsets = append(out.Offsets, uint32(len(out.Bytes)))
		case v == nil:
			out.Ints, out.Floats = append(out.Ints, 0), append(out.Floats, 0)
		case c.Type == "bool":
			out.Ints = append(out.Ints, map[string]int64{"true": 1}[text])
		case c.Type == "f64":
			var f float64
			f, err = strconv.ParseFloat(text, 64)
			out.Floats = append(out.Floats, f)
		default:
			var n int64
			n, err = strconv.ParseInt(text, 10, 64)
			out.Ints = append(out.Ints, n)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// shown is a column as the suite writes it.
func shown(c engine.Column) []string {
	var out []string
	for i := range c.Len() {
		switch {
		case c.IsNull(i):
			out = append(out, "NULL")
		case c.Type == engine.Varchar || c.Type == engine.JSON:
			out = append(out, string(c.Text(i)))
		case c.Type == engine.Double:
			out = append(out, strconv.FormatFloat(c.Floats[i], 'g', -1, 64))
		case c.Type == engine.Bool:
			out = append(out, strconv.FormatBool(c.Ints[i] != 0))
		default:
			out = append(out, strconv.FormatInt(c.Ints[i], 10))
		}
	}
	return out
}
