package store_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/store/cage"
)

// shout is a function of SQL that marks its texts; a text "bad" has no value.
func shout(mark string) engine.ScalarFunction {
	return engine.ScalarFunction{
		Name: "shout", Inputs: []engine.TypeKind{engine.Varchar}, Output: engine.Varchar,
		Begin: begin(func(_ context.Context, in []engine.Column, rows int) (engine.Column, map[int]string, error) {
			out := engine.Column{Type: engine.Varchar, Offsets: []uint32{0}}
			for r := range rows {
				if string(in[0].Text(r)) == "bad" {
					return out, map[int]string{r: "row with bad"}, nil
				}
				out.Bytes = append(append(out.Bytes, bytes.ToUpper(in[0].Text(r))...), mark...)
				out.Offsets = append(out.Offsets, uint32(len(out.Bytes)))
			}
			return out, nil, nil
		}),
	}
}

func begin(call engine.ScalarCall) func() (engine.ScalarCall, func(), error) {
	return func() (engine.ScalarCall, func(), error) { return call, func() {}, nil }
}

func ask(t *testing.T, s *store.Store, query string) string {
	t.Helper()
	rows, err := cage.Query(t.Context(), s.DB(), query, nil, cage.Options{Own: s.HasFunction})
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(v))
	}
	return strings.Join(out, " ")
}

func TestFunctions(t *testing.T) {
	s := newDesk(t).Store
	ctx := t.Context()
	if failed := s.SetFunctions(ctx, []engine.ScalarFunction{shout("!")}); len(failed) > 0 {
		t.Fatal(failed)
	}
	for _, c := range [][2]string{
		{"SELECT shout('a')", "A!"},
		{"SELECT shout(x) FROM (VALUES ('a text longer than twelve'), (NULL), ('b'), ('')) t(x)", "A TEXT LONGER THAN TWELVE! <nil> B! !"},
		{"SELECT count(DISTINCT shout('n' || (i % 7)::VARCHAR)) FROM range(100000) t(i)", "7"},
		{"SELECT sum(length(shout(repeat('x', 50)))) FROM range(5000)", "255000"},
		{"SELECT count(*) FROM range(5000) t(i) WHERE shout(i::VARCHAR) = '7!'", "1"},
	} {
		if got := ask(t, s, c[0]); got != c[1] {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
	}
	if got := ask(t, s, "SELECT shout('bad')"); !strings.Contains(got, "row with bad") {
		t.Error(got)
	}
	if got := ask(t, s, "SELECT shout(1, 2)"); !strings.Contains(got, "no function matches") {
		t.Error(got)
	}
}

// TestFunctionsAreReplaced goes through what happens to a plugin's file.
func TestFunctionsAreReplaced(t *testing.T) {
	s := newDesk(t).Store
	ctx := t.Context()
	held := 0
	first := shout("!")
	call, _, _ := first.Begin()
	first.Begin = func() (engine.ScalarCall, func(), error) { held++; return call, func() { held-- }, nil }
	s.SetFunctions(ctx, []engine.ScalarFunction{first})
	ask(t, s, "SELECT shout('a')")
	s.SetFunctions(ctx, []engine.ScalarFunction{shout("?")})
	if got := ask(t, s, "SELECT shout('a')"); got != "A?" {
		t.Error(got)
	}
	if held != 0 {
		t.Errorf("%d queries still hold what was replaced", held)
	}
	s.SetFunctions(ctx, nil)
	if got := ask(t, s, "SELECT shout('a')"); !strings.Contains(got, "no longer there") || s.HasFunction("shout") {
		t.Error(got)
	}
	numeric := shout("!")
	numeric.Output = engine.BigInt
	if failed := s.SetFunctions(ctx, []engine.ScalarFunction{numeric}); failed["shout"] == nil || !strings.Contains(failed["shout"].Error(), "would now give bigint") {
		t.Error(failed)
	}
}

func TestFunctionNamesAreNotTaken(t *testing.T) {
	s := newDesk(t).Store
	for name, want := range map[string]string{"upper": "DuckDB has a function", "select": "word of SQL"} {
		f := shout("!")
		f.Name = name
		if failed := s.SetFunctions(t.Context(), []engine.ScalarFunction{f}); failed[name] == nil || !strings.Contains(failed[name].Error(), want) {
			t.Errorf("%s: %v", name, failed)
		}
	}
	if got := ask(t, s, "SELECT upper('a')"); got != "A" {
		t.Error(got)
	}
}

// TestFunctionBreaks looks at what leaves a function that goes wrong.
func TestFunctionBreaks(t *testing.T) {
	s := newDesk(t).Store
	broken := shout("!")
	broken.Begin = begin(func(context.Context, []engine.Column, int) (engine.Column, map[int]string, error) { panic("broken") })
	s.SetFunctions(t.Context(), []engine.ScalarFunction{broken})
	if got := ask(t, s, "SELECT shout('a' || i) FROM range(3) t(i)"); !strings.Contains(got, "shout broke: broken") {
		t.Error(got)
	}
	s.SetFunctions(t.Context(), []engine.ScalarFunction{shout("!")})
	if got := ask(t, s, "SELECT shout('a')"); got != "A!" {
		t.Error(got)
	}
}
