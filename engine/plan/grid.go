package plan

import "time"

// grid cuts time at every multiple of unit after offset. In a zone it is the
// clock on the wall that is cut: a day there has 23, 24 or 25 hours. Where the
// clock is set by a multiple of unit, units keep their length; else the unit
// that the change falls into is longer or shorter. All lengths are
// microseconds.
type grid struct {
	unit, offset int64
	zone         *time.Location
}

func (w Window) grid(unit time.Duration) grid {
	return grid{unit.Microseconds(), w.Offset.Microseconds(), w.Zone}
}

// floor is the last cut at or before an instant.
func (g grid) floor(t time.Time) time.Time {
	wall := g.wall(t)
	cut := wall - floorMod(wall, g.unit)
	start := g.instant(cut, t)
	if start.After(t) { // the wall shows the cut twice, and t is before the second
		return g.floor(start.Add(-time.Microsecond))
	}
	for { // the wall has shown later cuts before its clock was set back
		cut += g.unit
		next := g.instant(cut, t)
		if next.After(t) {
			return start
		}
		start = next
	}
}

// after is the first cut after an instant.
func (g grid) after(t time.Time) time.Time {
	wall := g.wall(t)
	for cut := wall - floorMod(wall, g.unit); ; cut += g.unit {
		if end := g.instant(cut, t); end.After(t) {
			return end
		}
	}
}

// wall is what a clock in the zone shows, less the grid's offset, since 1970
// there.
func (g grid) wall(t time.Time) int64 { return t.UnixMicro() + g.shift(t) - g.offset }

// shift is how far the zone is ahead of UTC.
func (g grid) shift(t time.Time) int64 {
	if g.zone == nil {
		return 0
	}
	_, seconds := t.In(g.zone).Zone()
	return int64(seconds) * 1e6
}

// instant is when the wall shows a cut, near the instant t: as it would be
// without a change of the clock, if the change is a multiple of unit; else the
// first time that the wall shows it or something later. Changes are more than
// two days apart.
func (g grid) instant(cut int64, t time.Time) time.Time {
	at := func(shift int64) time.Time { return time.UnixMicro(cut + g.offset - shift).UTC() }
	plain := at(g.shift(t))
	if g.zone == nil {
		return plain
	}
	before, behind := g.shift(plain.AddDate(0, 0, -1)), g.shift(plain.AddDate(0, 0, 1))
	switch {
	case before == behind:
		return at(before)
	case (before-behind)%g.unit == 0:
		return plain
	}
	early, late := at(max(before, behind)), at(min(before, behind))
	if g.shift(early) == max(before, behind) {
		return early
	}
	if _, change := early.In(g.zone).ZoneBounds(); !change.IsZero() && change.Before(late) {
		return change.UTC() // the wall jumped over it
	}
	return late
}

func floorMod(a, b int64) int64 { return a - b*floorDiv(a, b) }
