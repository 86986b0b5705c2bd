package rule

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The published tables of CloudWatch's documentation, one row a history: the
// state for each treatment of missing data, "retain" where it stays.
func TestCloudWatchTables(t *testing.T) {
	for _, row := range []struct {
		m, n                                     int
		points                                   string
		missing, ignore, breaching, notBreaching string
	}{
		{3, 3, "0 - X - X", "OK", "OK", "OK", "OK"},
		{3, 3, "0 - - - -", "OK", "OK", "OK", "OK"},
		{3, 3, "- - - - -", "INSUFFICIENT_DATA", "retain", "ALARM", "OK"},
		{3, 3, "0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"},
		{3, 3, "- - X - -", "ALARM", "retain", "ALARM", "OK"},
		{2, 3, "0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"},
		{2, 3, "0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"},
		{2, 3, "0 - X - -", "OK", "OK", "ALARM", "OK"},
		// not in the documentation, but said by its rules
		{1, 1, "X", "ALARM", "ALARM", "ALARM", "ALARM"},
		{1, 1, "X - -", "ALARM", "ALARM", "ALARM", "ALARM"},
		{1, 1, "- - -", "INSUFFICIENT_DATA", "retain", "ALARM", "OK"},
		{3, 3, "- - - - X", "INSUFFICIENT_DATA", "retain", "ALARM", "OK"},
		{3, 5, "X X - - -", "ALARM", "retain", "ALARM", "OK"},
		{3, 5, "X 0 - - -", "OK", "OK", "ALARM", "OK"},
		{2, 3, "X - X - - -", "ALARM", "ALARM", "ALARM", "ALARM"},
		{2, 2, "X X 0", "OK", "OK", "OK", "OK"},
	} {
		points, err := ParsePoints(text(row.points))
		if err != nil {
			t.Fatal(err)
		}
		for treatment, want := range map[Missing]string{
			MissingIsMissing: row.missing, MissingIsIgnored: row.ignore,
			MissingIsBreaching: row.breaching, MissingIsNotBreaching: row.notBreaching,
		} {
			for _, before := range []State{OK, Alarming, InsufficientData} {
				p := Policy{Datapoints: row.m, Of: row.n, Missing: treatment}
				wanted := State(want)
				if want == "retain" {
					wanted = before
				}
				if got, reason := p.Next(points, before); got != wanted || reason == "" {
					t.Errorf("%s: %s after %s is %s (%s), want %s", p, row.points, before, got, reason, wanted)
				}
			}
		}
	}
}

// Points beyond the newest Slots are not looked at by the backtest; a point
// more at the front only matters to it by standing in for a missing one.
func TestEnoughRealPointsIgnoreTreatment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		m := rapid.IntRange(1, n).Draw(t, "m")
		points := rapid.SliceOfN(rapid.SampledFrom([]Point{NotBreaching, Breaching, Absent}), 1, n+2).Draw(t, "points")
		states := map[State]bool{}
		for _, missing := range missings {
			s, _ := Policy{m, n, Missing(missing)}.Next(points, InsufficientData)
			states[s] = true
		}
		if tallyOf(points).real >= n && len(states) != 1 {
			t.Fatalf("%d of %d over %q: %v", m, n, points, states)
		}
	})
}

func TestParsePoints(t *testing.T) {
	_, err := ParsePoints(text("0 X o"))
	if err == nil || !strings.Contains(err.Error(), "1:5") {
		t.Error(err)
	}
}
