package plan

import (
	"database/sql"
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
	"time"
	"unsafe"

	"tidemark.dev/tidemark/engine"
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

// PartialSize is how many bytes what Copy makes takes of memory, without its keys
// and what lies in texts and lists.
func (s *Shared) PartialSize() int {
	size := int(unsafe.Sizeof(Partial{}))
	for _, a := range s.Plan.Aggregates {
		size += a.parts() * int(unsafe.Sizeof(Value{}))
	}
	return size
}

// Copy is a window of its own, but for its keys.
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

// RecordQuery is the statement that gives each record as a session of its own,
// over a parenthesised SELECT of Columns, in any order, for Records to read. The
// plans must be Mergeable.
func (s *Shared) RecordQuery(relation string) (string, error) {
	p, w := s.Plan, recordWriter()
	var query string
	err := w.try(func() {
		columns := []string{"epoch_us(" + w.column(eventTime) + ")", "coalesce(" + w.column(late) + ", false)"}
		for _, k := range p.Keys {
			columns = append(columns, w.raw(k.Column))
		}
		for _, a := range p.Aggregates {
			columns = append(columns, a.recordSQL(w)...)
		}
		query = "SELECT " + strings.Join(columns, ", ") + " FROM " + relation + " AS r WHERE " + strings.Join(p.within(w, Range{}), " AND ")
	})
	return query, err
}

// Records are rows of RecordQuery, by the column.
type Records struct {
	shared  *Shared
	columns []engine.Column
	from    [3]Value // parts of one aggregate of one record
}

// NewRecords has no rows before Take.
func (s *Shared) NewRecords() *Records { return &Records{shared: s} }

// Take keeps columns, and leaves in their place those that it had.
func (r *Records) Take(columns []engine.Column) {
	if len(r.columns) != len(columns) {
		r.columns = make([]engine.Column, len(columns))
	}
	for i := range columns {
		r.columns[i], columns[i] = columns[i], r.columns[i]
	}
}

// At is when record i happened, in microseconds since 1970.
func (r *Records) At(i int) int64 { return r.columns[0].Ints[i] }

// Begin makes p a window of record i alone, but for its span and its keys.
func (r *Records) Begin(p *Partial, i int) {
	p.Records, p.Late, p.parts = 1, r.columns[1].Ints[i], make([]Value, r.parts())
	for j := range p.parts {
		p.parts[j] = r.part(i, j, Null)
	}
}

// Add takes record i into p.
func (r *Records) Add(p *Partial, i int) {
	p.Records++
	p.Late += r.columns[1].Ints[i]
	at := 0
	for _, a := range r.shared.Plan.Aggregates {
		n := a.parts()
		switch a.Func {
		case Count:
			p.parts[at] = sumOf(p.parts[at], r.part(i, at, Null))
		case Min, Max:
			p.parts[at] = a.extreme(p.parts[at], r.part(i, at, p.parts[at]))
		default:
			for j := range n {
				r.from[j] = r.part(i, at+j, p.parts[at+j])
			}
			a.mergeParts(p.parts[at:at+n], r.from[:n])
		}
		at += n
	}
}

func (r *Records) parts() int { return len(r.columns) - 2 - len(r.shared.Plan.Keys) }

// part is part j of record i.
func (r *Records) part(i, j int, before Value) Value {
	return cell(&r.columns[2+len(r.shared.Plan.Keys)+j], i, before)
}

// Keys are those of record i.
func (r *Records) Keys(i int) []Value {
	keys := make([]Value, len(r.shared.Plan.Keys))
	for k := range keys {
		keys[k] = cell(&r.columns[2+k], i, Null)
	}
	return keys
}

// AppendKey adds the bytes that Value.AppendKey adds for each of the keys of
// record i.
func (r *Records) AppendKey(to []byte, i int) []byte {
	for k := range r.shared.Plan.Keys {
		c := &r.columns[2+k]
		if c.Type != engine.Varchar || c.IsNull(i) {
			to = cell(c, i, Null).AppendKey(to)
			continue
		}
		text := c.Text(i)
		to = append(binary.AppendUvarint(append(to, byte(textValue)), uint64(len(text))), text...)
	}
	return to
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
		to[0] = a.extreme(to[0], from[0])
		return
	}
	for i := range to {
		to[i] = sumOf(to[i], from[i])
	}
}

// extreme is the least of two values, or the greatest; null is none.
func (a *Aggregate) extreme(x, y Value) Value {
	switch {
	case y.IsNull():
		return x
	case x.IsNull():
		return y
	}
	if order := Compare(y, x); a.Func == Min && order < 0 || a.Func == Max && order > 0 {
		return y
	}
	return x
}

// sumOf adds whole numbers of any size; null is none.
func sumOf(a, b Value) Value {
	switch {
	case a.IsNull():
		return b
	case b.IsNull():
		return a
	case !a.huge() && !b.huge():
		if sum := a.n + b.n; (sum > a.n) == (b.n > 0) {
			return Int(sum)
		}
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
