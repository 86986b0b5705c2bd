package plan

import (
	"database/sql"
	"math/big"
	"slices"
	"time"
)

// Partial is a window of one group before its aggregates are finished, so that
// the records of several stretches can become one window.
type Partial struct {
	Span
	// Keys must not be changed: others share them.
	Keys          []Value
	Records, Late int64
	parts         []Value // of all aggregates, one after the other
}

// Mergeable reports whether Merge can make one window of two.
func (s *Shared) Mergeable() bool { return s.Plan.mergeable() }

// Addable reports whether windows, no more than so many of which hold an
// instant, can be made of Slices.
func (s *Shared) Addable(most int64) bool {
	w := s.Plan.Window
	return w.Kind != Session && w.Zone == nil && s.Plan.addsUp() && int64(w.Size/w.Step()) <= most
}

// Slices is the shared plan over stretches of event time all of whose instants
// lie in the same windows. ScanPartial reads its PaneQuery, too.
func (s *Shared) Slices() *Plan {
	p := *s.Plan
	p.Window = Window{Size: s.Plan.Window.slice(), Offset: s.Plan.Window.Offset}
	return &p
}

// Copy is a window of its own.
func (s *Shared) Copy(p Partial) *Partial {
	p.parts = slices.Clone(p.parts)
	return &p
}

// ScanPartial reads one row of the PaneQuery of the shared plan.
func (s *Shared) ScanPartial(rows *sql.Rows) (Partial, error) {
	f, keys := s.fin, len(s.Plan.Keys)
	if err := rows.Scan(f.targets...); err != nil {
		return Partial{}, err
	}
	f.takeCells()
	start, _ := f.values[0].Int64()
	end, _ := f.values[1].Int64()
	out := Partial{
		Span: Span{time.UnixMicro(start).UTC(), time.UnixMicro(end).UTC()},
		Keys: f.group(f.values[2 : 2+keys]), parts: slices.Clone(f.values[4+keys:]),
	}
	out.Records, _ = f.values[2+keys].Int64()
	out.Late, _ = f.values[3+keys].Int64()
	return out, nil
}

// Merge takes the records of another window of the same group into p, and
// makes p reach as far as both.
func (s *Shared) Merge(p *Partial, other Partial) {
	if other.Start.Before(p.Start) {
		p.Start = other.Start
	}
	if other.End.After(p.End) {
		p.End = other.End
	}
	p.Records, p.Late = p.Records+other.Records, p.Late+other.Late
	at := 0
	for _, a := range s.Plan.Aggregates {
		n := a.parts()
		a.mergeParts(p.parts[at:at+n], other.parts[at:at+n])
		at += n
	}
}

// mergeParts adds to one window's parts those of another.
func (a *Aggregate) mergeParts(to, from []Value) {
	if a.Func == Min || a.Func == Max {
		best := extreme{sign: 1, best: to[0]}
		if a.Func == Min {
			best.sign = -1
		}
		best.take(from[0])
		to[0] = best.best
		return
	}
	for i := range to {
		to[i] = sumOf(to[i], from[i])
	}
}

// sumOf adds whole numbers of any size; null is none.
func sumOf(a, b Value) Value {
	switch {
	case a.IsNull():
		return b
	case b.IsNull():
		return a
	}
	return BigInt(new(big.Int).Add(a.bigInt(), b.bigInt()))
}

// Finish makes a row of a window.
func (s *Shared) Finish(p Partial) Row {
	row := Row{Window: p.End.UnixMicro(), Records: p.Records, Late: p.Late, Env: Env{Keys: p.Keys}}
	rest := p.parts
	for i, a := range s.Plan.Aggregates {
		s.fin.parts[i], rest = rest[:a.parts()], rest[a.parts():]
	}
	s.fin.Finish(&row.Env, s.fin.parts)
	return row
}
