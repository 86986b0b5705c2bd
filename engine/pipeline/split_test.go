package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
)

// shapeOf draws the type that every record of a data set agrees on: a struct,
// a list, or a scalar.
func shapeOf(depth int) *rapid.Generator[engine.Type] {
	return rapid.Custom(func(t *rapid.T) engine.Type {
		top := 5
		if depth == 0 {
			top = 2
		}
		switch rapid.IntRange(0, top).Draw(t, "shape") {
		case 0:
			return engine.Scalar(engine.BigInt)
		case 1:
			return engine.Scalar(engine.Varchar)
		case 2:
			return engine.Scalar(engine.Bool)
		case 3:
			return engine.ListOf(shapeOf(depth-1).Draw(t, "elem"))
		default:
			return structShape(depth).Draw(t, "struct")
		}
	})
}

func structShape(depth int) *rapid.Generator[engine.Type] {
	return rapid.Custom(func(t *rapid.T) engine.Type {
		out := engine.Type{Kind: engine.Struct}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "x y", `q"'.`}), 1, 3, rapid.ID).Draw(t, "names") {
			out.Fields = append(out.Fields, engine.Field{Name: name, Type: shapeOf(depth-1).Draw(t, name)})
		}
		return out
	})
}

// agreeing draws a value of a type, or one of those that have no type yet.
func agreeing(t *rapid.T, of engine.Type) any {
	if rapid.IntRange(0, 3).Draw(t, "null") == 0 {
		return nil
	}
	switch of.Kind {
	case engine.BigInt:
		return rapid.IntRange(-9, 9).Draw(t, "int")
	case engine.Varchar:
		return rapid.SampledFrom([]string{"", "x", "2026-01-01", "é\n"}).Draw(t, "text")
	case engine.Bool:
		return rapid.Bool().Draw(t, "bool")
	case engine.List:
		list := []any{}
		for range rapid.IntRange(0, 2).Draw(t, "len") {
			list = append(list, agreeing(t, *of.Elem))
		}
		return list
	}
	object := map[string]any{}
	for _, f := range of.Fields {
		if rapid.Bool().Draw(t, "has") {
			object[f.Name] = agreeing(t, f.Type)
		}
	}
	return object
}

// anything draws a value of any shape.
func anything(t *rapid.T, depth int) any {
	top := 7
	if depth == 0 {
		top = 5
	}
	switch rapid.IntRange(0, top).Draw(t, "any") {
	case 0:
		return nil
	case 1:
		return []any{}
	case 2:
		return map[string]any{}
	case 3:
		return rapid.SampledFrom([]json.Number{"1", "-7", "2.5", "9007199254740993", "92233720368547758070", "1e3", "1.7"}).Draw(t, "number")
	case 4:
		return rapid.SampledFrom([]string{"", "x", "12", "true"}).Draw(t, "text")
	case 5:
		return rapid.Bool().Draw(t, "bool")
	case 6:
		list := []any{}
		for range rapid.IntRange(1, 2).Draw(t, "len") {
			list = append(list, anything(t, depth-1))
		}
		return list
	}
	object := map[string]any{}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "A", "x.y"}), 1, 3, rapid.ID).Draw(t, "names") {
		object[name] = anything(t, depth-1)
	}
	return object
}

// splitPulls loads lines as up to some pulls; the types of each are learned
// from a sample first, or while it runs.
func (b *bench) splitPulls(t *rapid.T, lines []string, label string, pulls int) string {
	name := fmt.Sprintf("d%d", datasets.Add(1))
	opt := b.options()
	opt.Dataset, opt.FindTime, opt.Mapping = name, false, engine.Mapping{}
	fetch := opt.Fetch
	for at := 0; at < len(lines); {
		n := len(lines) - at
		if pulls--; pulls > 0 {
			n = rapid.IntRange(1, n).Draw(t, label)
		}
		task := b.object(fmt.Sprintf("%s-%d", name, at), strings.Join(lines[at:at+n], "\n"))
		task.Modified = task.Modified.Add(1)
		blind := rapid.Bool().Draw(t, label+" blind")
		opt.Fetch = func(ctx context.Context, o engine.Object) (pipeline.Local, error) {
			if blind { // the sample is the first to ask
				blind = false
				return pipeline.Local{}, errors.New("not now")
			}
			return fetch(ctx, o)
		}
		counts, err := pipeline.Pull(context.Background(), opt, []pipeline.Task{task})
		if err != nil || counts.Records != int64(n) {
			t.Fatalf("%+v %v", counts, err)
		}
		if at += n; rapid.IntRange(0, 3).Draw(t, label+" merges") == 0 || at == len(lines) {
			if err := b.Merge(context.Background(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return name
}

var datasets atomic.Int64

// inOrder reads rows in the order of their lines: objects are named by the
// number of the first.
const inOrder = `SELECT to_json(body)::VARCHAR, rest::VARCHAR FROM %s
	ORDER BY regexp_extract(_position, '-([0-9]+)#', 1)::INTEGER + regexp_extract(_position, '#([0-9]+)$', 1)::INTEGER`

// TestSplitsAgree is the first law: how records fall into micro-batches does
// not show in the table. Where no path has a conflict, body and rest are the
// same each.
func TestSplitsAgree(t *testing.T) {
	b := newBench(t)
	rapid.Check(t, func(t *rapid.T) {
		shape := structShape(3).Draw(t, "shape")
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			v := agreeing(t, shape)
			if v == nil {
				v = map[string]any{}
			}
			return asJSON(v)
		}), 1, 7).Draw(t, "lines")
		one, two := b.splitPulls(t, lines, "one", 1), b.splitPulls(t, lines, "two", 3)
		rows := func(name string) (out []string) {
			for _, row := range b.rows(fmt.Sprintf(inOrder, name)) {
				out = append(out, sortedRow(row))
			}
			return out
		}
		if diff := cmp.Diff(rows(one), rows(two)); diff != "" {
			t.Fatalf("%s\n%s", strings.Join(lines, "\n"), diff)
		}
		for _, name := range []string{one, two} {
			if err := b.Drop(context.Background(), name); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSplitsAgreeOnConflicts: with values that disagree on a path's type, body
// and rest together are the same.
func TestSplitsAgreeOnConflicts(t *testing.T) {
	b := newBench(t)
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			object := map[string]any{}
			for _, name := range []string{"a", "b"} {
				if rapid.Bool().Draw(t, "has") {
					object[name] = anything(t, 2)
				}
			}
			return asJSON(object)
		}), 1, 7).Draw(t, "lines")
		for label, pulls := range map[string]int{"one": 1, "two": 3} {
			name := b.splitPulls(t, lines, label, pulls)
			for i, row := range b.rows(fmt.Sprintf(inOrder, name)) {
				body, rest, _ := strings.Cut(row, " | ")
				if diff := cmp.Diff(withoutNulls(fromJSON(lines[i])), together(body, rest)); diff != "" {
					t.Fatalf("%s\n%s\n%s", lines[i], row, diff)
				}
			}
			if err := b.Drop(context.Background(), name); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func fromJSON(s string) any {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(s + ": " + err.Error())
	}
	return v
}

// sortedRow writes a row's body and rest with their members in order.
func sortedRow(row string) string {
	var parts []string
	for part := range strings.SplitSeq(row, " | ") {
		if part != "-" {
			part = asJSON(fromJSON(part))
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " | ")
}

// together puts what stands in rest back where it came from. Null members say
// nothing: a column has a null where a record has no such member.
func together(body, rest string) any {
	record := withoutNulls(fromJSON(body))
	if rest == "-" {
		return record
	}
	members := fromJSON(rest).(map[string]any)
	var keys []string
	for k := range members {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, key := range keys {
		p, err := engine.ParsePath(key)
		if err != nil {
			panic(err)
		}
		at := record.(map[string]any)
		for _, name := range p[:len(p)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[name] = next
			}
			at = next
		}
		at[p[len(p)-1]] = members[key]
	}
	return withoutNulls(record)
}

// withoutNulls leaves out null members, and numbers become one spelling.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, m := range v {
			if m = withoutNulls(m); m != nil {
				if o, is := m.(map[string]any); !is || len(o) > 0 {
					out[k] = m
				}
			}
		}
		return out
	case []any:
		out := []any{}
		for _, m := range v {
			out = append(out, withoutNulls(m))
		}
		return out
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return fmt.Sprint(i)
		}
		if !strings.ContainsAny(v.String(), ".e") {
			return v.String()
		}
		f, err := v.Float64()
		if err != nil {
			panic(err)
		}
		if f == float64(int64(f)) {
			return fmt.Sprint(int64(f))
		}
		return fmt.Sprint(f)
	}
	return v
}

// TestManyRowsSettle: updates of more rows than one row group have crashed the
// database.
func TestManyRowsSettle(t *testing.T) {
	b := newBench(t)
	const rows = 300_000
	b.pull(b.options(), b.object("a", strings.Repeat(`{"a":[],"b":null,"n":1}`+"\n", rows)))
	b.pull(b.options(), b.object("b", `{"a":[1],"b":null}`))
	if err := b.Merge(context.Background(), "logs"); err != nil {
		t.Fatal(err)
	}
	b.pull(b.options(), b.object("c", `{"b":{"c":[]}}`)) // another version of the same columns
	if err := b.Merge(context.Background(), "logs"); err != nil {
		t.Fatal(err)
	}
	b.want(`SELECT count(*)::VARCHAR, count(*) FILTER (WHERE body.a = [])::VARCHAR, count(rest)::VARCHAR FROM logs`,
		fmt.Sprintf("%d | %d | 1", rows+2, rows))
	b.reopen()
	b.want(`SELECT count(*)::VARCHAR, sum(body.n)::VARCHAR FROM logs`, fmt.Sprintf("%d | %d", rows+2, rows))
}

func (b *bench) reopen() {
	b.t.Helper()
	if err := b.Store.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.open()
}
