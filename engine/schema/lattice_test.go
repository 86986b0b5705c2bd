package schema

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", path, diff)
	}
}

// every lists one type of each kind, and the nested ones in the forms that
// matter to a join.
var every = func() []engine.Type {
	var out []engine.Type
	for _, s := range []string{
		"unknown", "bool", "bigint", "hugeint", "decimal(10,2)", "decimal(21,2)", "double", "timestamp", "date", "uuid", "varchar",
		"list(unknown)", "list(bigint)", "list(double)", "map(bigint)", "map(varchar)", "struct()", "struct(a bigint)", "struct(a double, b varchar)", "struct(A varchar)", "json",
	} {
		t, err := ParseType(s)
		if err != nil {
			panic(err)
		}
		out = append(out, t)
	}
	return out
}()

// TestEveryPairIsDefined keeps the table of joins: the column a path has, the
// values that come, what becomes of the column.
func TestEveryPairIsDefined(t *testing.T) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "COLUMN\tVALUES\tSTEP\tBECOMES")
	for _, have := range every {
		for _, come := range every {
			to, step := Meet(have, come)
			becomes := ""
			if !to.Equal(have) {
				becomes = to.String()
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", have, come, step, becomes)
		}
	}
	w.Flush()
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	golden(t, "joins.txt", strings.Join(lines, "\n"))
}

// TestLatticeLaws: a join holds what is joined, and never goes down.
func TestLatticeLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyType(2).Draw(t, "a"), anyType(2).Draw(t, "b")
		if rapid.Bool().Draw(t, "near") {
			b = vary(t, a)
		}
		if !repeats(a) && !repeats(b) {
			checkLattice(t, a, b)
		}
	})
}

func checkLattice(t interface {
	Helper()
	Fatalf(string, ...any)
}, a, b engine.Type,
) {
	t.Helper()
	if same, step := Meet(a, a); step != Stays || !same.Equal(a) {
		t.Fatalf("%s with itself is %s, %s", a, same, step)
	}
	to, step := Meet(a, b)
	if _, again := Meet(to, a); step <= WidensExact && again > Looks {
		t.Fatalf("%s with %s is %s, which does not hold the former: %s", a, b, to, again)
	}
	if settled, again := Meet(to, b); again == Widens || !settled.Equal(to) && again != WidensExact {
		t.Fatalf("%s with %s is %s, and with it once more %s (%s)", a, b, to, settled, again)
	}
	if step <= Looks && !to.Equal(a) {
		t.Fatalf("%s with %s changes to %s by %s", a, b, to, step)
	}
	if joined, changes := Join(a, b); (step == Stays || step == Looks) && len(changes) > 0 && !joined.Equal(a) {
		t.Fatalf("%s with %s changes by %v", a, b, changes)
	}
}

// vary changes a type a little.
func vary(t *rapid.T, a engine.Type) engine.Type {
	switch a.Kind {
	case engine.List:
		return engine.ListOf(vary(t, *a.Elem))
	case engine.Map:
		return engine.MapOf(vary(t, *a.Elem))
	case engine.Struct:
		out := engine.Type{Kind: engine.Struct}
		for _, f := range a.Fields {
			switch rapid.IntRange(0, 3).Draw(t, "member") {
			case 0:
			case 1:
				out.Fields = append(out.Fields, engine.Field{Name: f.Name, Type: vary(t, f.Type)})
			default:
				out.Fields = append(out.Fields, f)
			}
		}
		return out
	}
	return anyType(1).Draw(t, "instead")
}

// FuzzLattice joins two types that are given as text.
func FuzzLattice(f *testing.F) {
	for _, a := range every {
		f.Add(a.String(), "struct(a list(map(decimal(3,1))), A bigint)")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, err := ParseType(a)
		if err != nil || repeats(x) {
			return
		}
		y, err := ParseType(b)
		if err != nil || repeats(y) {
			return
		}
		checkLattice(t, x, y)
	})
}

// repeats reports whether a struct has names that differ only by case; no
// table has one.
func repeats(t engine.Type) bool {
	names := map[string]bool{}
	for _, f := range t.Fields {
		if names[fold(f.Name)] || repeats(f.Type) {
			return true
		}
		names[fold(f.Name)] = true
	}
	return t.Elem != nil && repeats(*t.Elem)
}

// values are texts whose own type is known.
var values = map[string][]string{
	"bool":      {"true", "false"},
	"bigint":    {"0", "-1", "1767225600", "9223372036854775807", "-9223372036854775808", "9007199254740993"},
	"hugeint":   {"9223372036854775808", "-170141183460469231731687303715884105727"},
	"double":    {"1.5", "-0.1", "1e300", "1767225600.25"},
	"timestamp": {`"2026-01-01T00:00:00.000000Z"`},
	"date":      {`"2026-01-01"`},
	"uuid":      {`"5b8aa5a2-d2c8-72e8-321c-f37308d69df2"`},
	"varchar":   {`"x"`, `""`, `"12"`, `"true"`, `"1767225600x"`},
	"json":      {`{"a":[1]}`, `"x"`, `1`},
}

// TestCheckingFollowsTheTable conforms values of one type to columns of
// another: what the table says of a pair is what happens to a line.
func TestCheckingFollowsTheTable(t *testing.T) {
	for _, column := range []string{"bool", "bigint", "hugeint", "decimal(21,2)", "double", "timestamp", "date", "uuid", "varchar", "json"} {
		have, _ := ParseType(column)
		c := NewConformer(engine.StructOf(engine.Field{Name: "a", Type: have}), engine.Mapping{}, map[string]string{"a": "it may not widen"})
		for kind, texts := range values {
			come, _ := ParseType(kind)
			_, step := Meet(have, come)
			for _, text := range texts {
				out := c.Conform([]byte(`{"a":` + text + `}`))
				row := string(c.Append(nil, 0, 1, 1))
				taken := !strings.Contains(row, `"body":{}`)
				switch {
				case step == Stays && (len(out.Conflicts) > 0 || !taken):
					t.Errorf("%s into %s stays, and %v: %s", kind, column, out.Conflicts, row)
				case step >= Widens && taken && kind != "json":
					t.Errorf("%s into %s is no value of it, and became %s", text, column, row)
				case taken == (len(out.Conflicts) > 0):
					t.Errorf("%s into %s is stored and a conflict, or neither: %s", text, column, row)
				}
			}
		}
	}
}

// TestEvolutionOnlyMovesUp: whatever comes, a path's next type is one that the
// lattice gives by a minor step.
func TestEvolutionOnlyMovesUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SampledFrom([]engine.Type{{Kind: engine.Struct}, typedBefore}).Draw(t, "body")
		for range 3 {
			var lines [][]byte
			for _, line := range rapid.SliceOfN(objectText(3), 1, 4).Draw(t, "lines") {
				lines = append(lines, []byte(line))
			}
			next := check(t, engine.Mapping{}, body, lines...)
			if up, step := Meet(body, next); step == Clashes || step == Looks || !up.Equal(next) {
				t.Fatalf("%s\nbecame\n%s\nby %s", body, next, step)
			}
			body = next
		}
	})
}

func TestDecimalsGrow(t *testing.T) {
	before, _ := ParseType("struct(d decimal(6,2), e decimal(38,30))")
	body, e := learn(t, before, engine.Mapping{}, `{"d":1234567,"e":123456789}`, `{"d":3}`)
	if got := body.String(); got != "struct(d decimal(21,2), e decimal(38,30))" || len(e.Changes) != 1 || e.Changes[0].Major() {
		t.Fatal(got, e.Changes)
	}
	if got := row(t, body, engine.Mapping{}, `{"d":1234567,"e":123456789}`); got != `"body":{"d":"1234567"},"rest":"{\"e\":123456789}"` {
		t.Fatal(got)
	}
}
