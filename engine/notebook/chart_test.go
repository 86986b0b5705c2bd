package notebook

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func buckets(missing ...int) *Table {
	t := &Table{Columns: []Column{{"t", "TIMESTAMPTZ"}, {"k", "VARCHAR"}, {"n", "BIGINT"}}}
	for i := range 6 {
		for _, k := range []string{"a", "b"} {
			if k == "b" && len(missing) > 0 && i >= missing[0] && i <= missing[1] {
				continue
			}
			t.Rows = append(t.Rows, []any{time.Unix(int64(i)*60, 0).UTC().Format(time.RFC3339), k, int64(i + 1)})
		}
	}
	return t
}

func TestLinesBreakWhereABucketHasNoRow(t *testing.T) {
	c := &Chart{Data: "q", Type: "line", X: "t", Y: "n", Series: "k"}
	for _, test := range []struct {
		table *Table
		want  int
	}{{buckets(), 2}, {buckets(2, 3), 3}} {
		if n := strings.Count(SVG(c, test.table), `fill="none" stroke=`); n != test.want {
			t.Errorf("%d lines, want %d", n, test.want)
		}
	}
}

func TestHeatmapKeepsCellsAtTheirTime(t *testing.T) {
	svg := SVG(&Chart{Data: "q", Type: "heatmap", X: "t", Y: "n", Series: "k"}, buckets(2, 3))
	places := map[string][]string{}
	for _, part := range strings.Split(svg, "<rect ")[1:] {
		var x float64
		fmt.Sscanf(part, `x="%f"`, &x)
		for _, stamp := range []string{"00:05:00"} {
			if strings.Contains(part, stamp) {
				places[stamp] = append(places[stamp], fmt.Sprint(x))
			}
		}
	}
	if p := places["00:05:00"]; len(p) != 2 || p[0] != p[1] {
		t.Errorf("00:05 stands at %v", p)
	}
}

func TestHeatmapWithACategoryAsY(t *testing.T) {
	svg := SVG(&Chart{Data: "q", Type: "heatmap", X: "t", Y: "k", Series: "n"}, buckets())
	if n := strings.Count(svg, "<rect "); n != 12 {
		t.Errorf("%d cells, want 12", n)
	}
}

func TestChartsOfUnusualNumbersEnd(t *testing.T) {
	for name, rows := range map[string][][]any{
		"one large id":      {{"100000000000000001", 1.0}},
		"two near ids":      {{"100000000000000001", 1.0}, {"100000000000000017", 2.0}},
		"negative and near": {{1.0, -1e16 - 2}, {2.0, -1e16}},
		"huge":              {{1.0, -1.7e308}, {2.0, 1.7e308}},
		"tiny":              {{1.0, 5e-324}, {2.0, 1e-323}},
		"negative":          {{1.0, -5.0}, {2.0, -3.0}},
	} {
		for _, kind := range []string{"line", "bar", "scatter", "area"} {
			svg := SVG(&Chart{Data: "q", Type: kind, X: "x", Y: "y"}, &Table{Columns: []Column{{"x", "BIGINT"}, {"y", "DOUBLE"}}, Rows: rows})
			if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || len(svg) > 50_000 {
				t.Errorf("%s, %s: %d bytes", name, kind, len(svg))
			}
		}
	}
}

func TestSeriesOfBarsAndAreasStandOnEachOther(t *testing.T) {
	t.Parallel()
	table := &Table{
		Columns: []Column{{"k", "VARCHAR"}, {"part", "VARCHAR"}, {"n", "BIGINT"}},
		Rows:    [][]any{{"a", "x", int64(1)}, {"a", "y", int64(3)}, {"b", "y", int64(2)}},
	}
	for _, kind := range []string{"bar", "area"} {
		d := layout(&Chart{Data: "t", Type: kind, X: "k", Y: "n", Series: "part"}, table)
		if !d.stacks || d.maxY != 4 || d.series[1].points[0].base != 1 || d.series[1].points[1].base != 0 {
			t.Errorf("%s: %+v", kind, d)
		}
	}
	if d := layout(&Chart{Data: "t", Type: "line", X: "k", Y: "n", Series: "part"}, table); d.stacks || d.maxY != 3 {
		t.Errorf("lines: %+v", d)
	}
	table.Rows[0][2] = int64(-1)
	if d := layout(&Chart{Data: "t", Type: "bar", X: "k", Y: "n", Series: "part"}, table); d.stacks {
		t.Error("values below zero were stacked")
	}
}
