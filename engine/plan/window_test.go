package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Every window that Spans names holds the instant, no other one does, and
// tumbling windows leave no gap, also where clocks are changed.
func TestSpansHoldTheirInstants(t *testing.T) {
	zones := []*time.Location{nil, zone(t, "Europe/Berlin"), zone(t, "America/Havana"), zone(t, "Asia/Kolkata"), zone(t, "Australia/Lord_Howe"), zone(t, "America/Sao_Paulo"), zone(t, "Atlantic/Azores")}
	sizes := []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
	rapid.Check(t, func(t *rapid.T) {
		w := Window{
			Kind: rapid.SampledFrom([]WindowKind{Tumbling, Hopping, Cumulate}).Draw(t, "kind"),
			Size: rapid.SampledFrom(sizes).Draw(t, "size"), Zone: rapid.SampledFrom(zones).Draw(t, "zone"),
			Offset: rapid.SampledFrom([]time.Duration{0, time.Minute, 15 * time.Minute, 6 * time.Hour}).Draw(t, "offset"),
		}
		if w.Kind != Tumbling {
			w.Every = w.Size / rapid.SampledFrom([]time.Duration{1, 2, 3, 5}).Draw(t, "steps")
		}
		if problem, _ := w.Check(); problem != "" {
			t.Skip(problem)
		}
		at := time.Unix(rapid.Int64Range(1.3e9, 1.9e9).Draw(t, "at"), rapid.Int64Range(0, 999999).Draw(t, "us")*1000).UTC()
		if w.Zone != nil && rapid.Bool().Draw(t, "near a change") {
			if _, change := at.In(w.Zone).ZoneBounds(); !change.IsZero() {
				at = change.UTC().Add(time.Duration(rapid.Int64Range(-4*3600, 4*3600).Draw(t, "from it")) * time.Second)
			}
		}
		spans := w.Spans(at)
		if len(spans) == 0 {
			t.Fatalf("%v lies in no window", at)
		}
		for i, s := range spans {
			if !s.Contains(at) {
				t.Fatalf("%v is not in %v", at, s)
			}
			if i > 0 && !s.End.After(spans[i-1].End) {
				t.Fatalf("%v does not end after %v", s, spans[i-1])
			}
		}
		if w.Kind != Tumbling {
			return
		}
		s := spans[0]
		if before := w.Spans(s.Start.Add(-time.Microsecond))[0]; !before.End.Equal(s.Start) {
			t.Fatalf("%v follows %v", s, before)
		}
		inside := s.Start.Add(time.Duration(rapid.Int64Range(0, s.End.Sub(s.Start).Microseconds()-1).Draw(t, "inside")) * time.Microsecond)
		if got := w.Spans(inside)[0]; got != s {
			t.Fatalf("%v is in %v and not in %v", inside, got, s)
		}
	})
}

// All instants of a slice lie in the same windows.
func TestSlicesNest(t *testing.T) {
	zones := []*time.Location{nil, zone(t, "Europe/Berlin"), zone(t, "Asia/Kathmandu")}
	rapid.Check(t, func(t *rapid.T) {
		w := Window{
			Kind: rapid.SampledFrom([]WindowKind{Tumbling, Hopping, Cumulate}).Draw(t, "kind"), Size: 6 * time.Hour, Every: 2 * time.Hour,
			Zone: rapid.SampledFrom(zones).Draw(t, "zone"), Offset: rapid.SampledFrom([]time.Duration{0, time.Minute, 40 * time.Minute}).Draw(t, "offset"),
		}
		unit := w.slice().Microseconds()
		base := w.Offset.Microseconds()
		n := floorDiv(rapid.Int64Range(1.3e15, 1.9e15).Draw(t, "at")-base, unit)
		first, last := time.UnixMicro(n*unit+base), time.UnixMicro((n+1)*unit+base-1)
		if a, b := w.Spans(first), w.Spans(last); fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("%v lies in %v, and %v in %v", first, a, last, b)
		}
	})
}

func TestWindowsOnTheWall(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	for _, c := range []struct {
		what, at, want string
		w              Window
	}{
		{"a spring day has 23 hours", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z", Window{Size: 24 * time.Hour, Zone: berlin}},
		{"an autumn day has 25 hours", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z", Window{Size: 24 * time.Hour, Zone: berlin}},
		{"an hour stays an hour", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z", Window{Size: time.Hour, Zone: berlin}},
		{"the second two o'clock", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z 2026-10-25T02:00:00Z", Window{Size: time.Hour, Zone: berlin}},
		{"six hours on the wall are seven", "2026-10-25T03:30:00Z", "2026-10-24T22:00:00Z 2026-10-25T05:00:00Z", Window{Size: 6 * time.Hour, Zone: berlin}},
		{"a day from six to six", "2026-03-29T03:30:00Z", "2026-03-28T05:00:00Z 2026-03-29T04:00:00Z", Window{Size: 24 * time.Hour, Offset: 6 * time.Hour, Zone: berlin}},
		{"a day whose midnight does not exist", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z 2018-11-05T02:00:00Z", Window{Size: 24 * time.Hour, Zone: zone(t, "America/Sao_Paulo")}},
		{"an offset of four minutes", "2021-06-30T00:00:04Z", "2021-06-29T23:54:00Z 2021-06-30T00:04:00Z", Window{Size: 10 * time.Minute, Offset: 4 * time.Minute}},
		{"an offset of minus four", "2021-06-30T00:00:04Z", "2021-06-29T23:56:00Z 2021-06-30T00:06:00Z", Window{Size: 10 * time.Minute, Offset: -4 * time.Minute}},
		{"an offset beyond the size", "2021-06-30T00:00:04Z", "2021-06-29T23:56:00Z 2021-06-30T00:06:00Z", Window{Size: 10 * time.Minute, Offset: 16 * time.Minute}},
		{"an offset of the size", "2021-06-30T00:00:04Z", "2021-06-30T00:00:00Z 2021-06-30T00:10:00Z", Window{Size: 10 * time.Minute, Offset: 10 * time.Minute}},
		{"before 1970", "1969-12-31T23:59:59Z", "1969-12-31T23:59:00Z 1970-01-01T00:00:00Z", Window{Size: time.Minute}},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range c.w.Spans(at) {
			got = append(got, s.Start.Format(time.RFC3339)+" "+s.End.Format(time.RFC3339))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %s, want %s", c.what, strings.Join(got, ", "), c.want)
		}
	}
}
