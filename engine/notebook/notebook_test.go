package notebook

import (
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

func strict(_ string, _ int, src []byte, out any) error {
	return yaml.UnmarshalWithOptions(src, out, yaml.Strict())
}

func TestParse(t *testing.T) {
	n, err := Parse("n.md", []byte("# Title\n\n```sql errors\nSELECT 1\n```\ntext\n```python\n```sql\n```\n\n```chart\ndata: errors\ntype: bar\nx: a\ny: [b, c]\n```\n```check\nSELECT 2 WHERE false\n```"), strict)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range n.Cells {
		got = append(got, string(c.Kind)+" "+c.Name)
	}
	if want := "markdown |sql errors|markdown |chart |check "; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if c := n.Cells[1]; c.Line != 4 || c.Text != "SELECT 1" {
		t.Errorf("%+v", c)
	}
	if ys := n.Cells[3].Chart.ys(); len(ys) != 2 || ys[1] != "c" {
		t.Error(ys)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"---\ntitle: x\n", "the front matter is not closed"},
		{"```sql a\nSELECT 1\n", "the sql cell is not closed"},
		{"```sql a\n```\n```sql A\n```\n", "stands on line 1 already"},
		{"```chart\ndata: a\nx: x\ny: y\n```\n", "there is no cell a"},
		{"```sql a\n```\n```chart\ndata: a\ntype: pie\nx: x\ny: y\n```\n", "no chart type pie"},
	} {
		if _, err := Parse("n.md", []byte(c.src), strict); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.src, err)
		}
	}
}

func TestSpliceLeavesTheQueryAlone(t *testing.T) {
	named := map[string]Cell{
		"a": {Name: "a", Text: "SELECT 1 AS x;"},
		"b": {Name: "b", Text: "SELECT x FROM a"},
	}
	order := []string{"a", "b"}
	for _, c := range []struct{ query, want string }{
		{"SELECT 1 -- a\n, 'b', $b, \"c d\"", "SELECT 1 -- a\n, 'b', $b, \"c d\""},
		{"FROM b", "WITH \"a\" AS (\nSELECT 1 AS x \n), \"b\" AS (\nSELECT x FROM a\n)\nFROM b"},
		{"WITH z AS (FROM a) FROM z", "WITH \"a\" AS (\nSELECT 1 AS x \n),\n     z AS (FROM a) FROM z"},
		{"with recursive z AS (FROM a) FROM z", "WITH RECURSIVE \"a\" AS (\nSELECT 1 AS x \n),\n               z AS (FROM a) FROM z"},
	} {
		if got, _ := splice(c.query, named, order); got != c.want {
			t.Errorf("%s\n got  %q\n want %q", c.query, got, c.want)
		}
	}
}

func TestSpan(t *testing.T) {
	now, mark := time.Unix(1e9, 0).UTC(), time.Unix(9e8, 0).UTC()
	for text, end := range map[string]time.Time{"6h": mark, "": mark, "6h as of now": now} {
		_, to, err := (&Notebook{Time: text}).span(mark, now)
		if err != nil || !to.Equal(end) {
			t.Errorf("%q ends %v: %v", text, to, err)
		}
	}
	from, to, err := (&Notebook{Time: "2026-01-09T12:00:00Z/2026-01-09T14:00:00+01:00"}).span(mark, now)
	if err != nil || from.Format(time.RFC3339) != "2026-01-09T12:00:00Z" || to.Sub(from) != time.Hour {
		t.Errorf("two times span %s to %s, %v", from, to, err)
	}
	if _, _, err := (&Notebook{Time: "2026-01-09T14:00:00Z/2026-01-09T12:00:00Z"}).span(mark, now); err == nil {
		t.Error("a range that ends before it begins is taken")
	}
	if _, _, err := (&Notebook{Time: "soon"}).span(mark, now); err == nil {
		t.Error("soon is a time range")
	}
}

func TestPageShowsHostileValuesSafely(t *testing.T) {
	r := &Result{Title: "<script>alert(1)</script>", Cells: []CellResult{
		{Kind: Markdown, Text: "<img src=x onerror=alert(1)> **bold** [x](javascript:alert(1))"},
		{Kind: SQL, Name: "q", Text: "SELECT '</pre>'", Table: &Table{Columns: []Column{{"<b>", "VARCHAR"}}, Rows: [][]any{{"<script>"}, {"\x1b[31m\u202e"}, {nil}}}},
		{Kind: ChartKind, Chart: &Chart{Data: "q", Type: "bar", X: "x", Y: "y", Title: "</svg><script>"}, Table: &Table{
			Columns: []Column{{"x", "VARCHAR"}, {"y", "BIGINT"}}, Rows: [][]any{{"<i>", int64(1)}},
		}},
	}}
	page := string(HTML(r))
	for _, bad := range []string{"<script>", "<img", "javascript:", "\x1b", "\u202e", "<i>"} {
		if strings.Contains(strings.ReplaceAll(page, `<i style=`, ""), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

func TestLinesBreakAtNulls(t *testing.T) {
	c := &Chart{Data: "q", Type: "line", X: "x", Y: "y"}
	table := &Table{Columns: []Column{{"x", "BIGINT"}, {"y", "DOUBLE"}}, Rows: [][]any{
		{int64(1), 1.0}, {int64(2), 2.0}, {int64(3), nil}, {int64(4), 4.0}, {int64(5), 5.0},
	}}
	if n := strings.Count(SVG(c, table), `fill="none" stroke=`); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
}

func TestGoldenDiff(t *testing.T) {
	cells := func(v any) Golden {
		return Record(&Result{Cells: []CellResult{{Kind: SQL, Name: "q", Table: &Table{Columns: []Column{{"a", "BIGINT"}}, Rows: [][]any{{v}}}}}})
	}
	if d := cells(1).Diff(cells(1)); len(d) != 0 {
		t.Error(d)
	}
	if d := cells(1).Diff(cells(2)); len(d) != 1 || d[0] != "cell q: 1 rows differ\n  - [1]\n  + [2]" {
		t.Errorf("%q", d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("---\ntitle: x\nparams: {a: {type: text}}\n---\n```sql a\nSELECT $a\n```\n```chart\ndata: a\nx: a\ny: a\n```")
	f.Fuzz(func(t *testing.T, src string) {
		n, err := Parse("n.md", []byte(src), strict)
		if err != nil {
			return
		}
		named := map[string]Cell{}
		for _, c := range n.Cells {
			splice(c.Text, named, nil)
			variables(c.Text)
		}
	})
}
