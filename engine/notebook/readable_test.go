package notebook

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestReadable(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{0.4745762711864407, "0.475"},
		{0.0000123456, "0.0000123"},
		{-0.0038022813688212928, "-0.0038"},
		{13230.318750333821, "13230.319"},
		{0.9999999, "1"},
		{76.0, "76"},
		{int64(2005113), "2005113"},
		{"2026-01-09T14:25:36.276Z", "2026-01-09 14:25:36.276Z"},
		{"2026-01-09Tea", "2026-01-09Tea"},
		{"0.4745762711864407", "0.4745762711864407"}, // text, or a DECIMAL, whose digits are its type
		{nil, ""},
	} {
		if got := readable(c.v); got != c.want {
			t.Errorf("%v is shown as %s, want %s", c.v, got, c.want)
		}
	}
	if got := readablePairs("error_rate=0.4745762711864407 requests=76 worst=a=0.5 x"); got != "error_rate=0.475 requests=76 worst=a=0.5 x" {
		t.Error(got)
	}
}

// What is shown is within half a unit of its third digit or decimal.
func TestReadableNumberIsNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "v")
		got, err := strconv.ParseFloat(readableNumber(v), 64)
		if err != nil {
			t.Fatal(err)
		}
		if off := math.Abs(got - v); math.Abs(v) >= 1 && off > 0.0006 || math.Abs(v) < 1 && off > 0.0051*math.Abs(v) {
			t.Fatalf("%v is shown as %v", v, got)
		}
	})
}

// A page shows what is read, and has the exact value beside it.
func TestPageKeepsExactNumbers(t *testing.T) {
	rows := [][]any{}
	for i := range 30 {
		rows = append(rows, []any{"2026-01-09T14:08:00Z", 0.4745762711864407 + float64(i)})
	}
	page := string(HTML(&Result{Cells: []CellResult{
		{Kind: SQL, Name: "q", Table: &Table{Columns: []Column{{"time", "TIMESTAMP WITH TIME ZONE"}, {"rate", "DOUBLE"}}, Rows: rows}},
		{Kind: Rule, Backtest: &Backtest{Rule: "r", Episodes: []Episode{{Peak: "error_rate=0.4745762711864407 requests=76"}}}},
	}}))
	for _, want := range []string{
		`<td class="n" title="0.4745762711864407">0.475</td>`,
		`<td class="t" title="2026-01-09T14:08:00Z">2026-01-09 14:08:00Z</td>`,
		`<td title="error_rate=0.4745762711864407 requests=76">error_rate=0.475 requests=76</td>`,
		`show all 30 rows`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s:\n%s", want, page)
		}
	}
}
