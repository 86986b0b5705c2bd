package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// sequence counts the rows of a dataset in the order of their commits.
var sequence = engine.Path{"_seq"}

// CellColumns lists the paths that SliceQuery and CellQuery read from a
// record, each once.
func (p *Plan) CellColumns() []engine.Path {
	paths := p.Columns()
	if slices.ContainsFunc(paths, func(q engine.Path) bool { return slices.Equal(q, sequence) }) {
		return paths
	}
	return append(paths, sequence)
}

// SliceQuery is the statement that says where rows with after < _seq <= upTo
// fall, over a parenthesised SELECT of CellColumns: for every group and slice
// of event time the first instant, the last one and the number of rows. Rows
// without an event time, and those that where leaves out, are not counted.
func (p *Plan) SliceQuery(relation string, after, upTo int64) (string, error) {
	w := recordWriter()
	var s string
	err := w.try(func() {
		at, seq := w.column(eventTime), w.column(sequence)
		slice := at
		if unit := p.Window.slice().Microseconds(); unit > 0 {
			x := fmt.Sprintf("(epoch_us(%s) - %d)", at, p.Window.Offset.Microseconds())
			slice = fmt.Sprintf("%[1]s - (%[1]s %% %[2]d + %[2]d) %% %[2]d", x, unit)
		}
		columns, group := []string{slice + ` AS "#slice"`}, []string{"1"}
		for i, k := range p.Keys {
			columns = append(columns, w.raw(k.Column)+" AS "+engine.QuoteIdent(k.Name))
			group = append(group, fmt.Sprint(i+2))
		}
		columns = append(columns, "epoch_us(min("+at+"))", "epoch_us(max("+at+"))", "count(*)")
		where := append([]string{fmt.Sprintf("%s > %d", seq, after), fmt.Sprintf("%s <= %d", seq, upTo), "isfinite(" + at + ")"}, p.kept(w)...)
		s = "SELECT " + strings.Join(columns, ", ") + " FROM " + relation + " AS r WHERE " + strings.Join(where, " AND ") + " GROUP BY " + strings.Join(group, ", ")
	})
	return s, err
}

func (p *Plan) kept(w *sqlWriter) []string {
	if p.Where == nil {
		return nil
	}
	return []string{w.truth(p.Where)}
}

// Piece is a part of a cell: event times in a span, of rows after a _seq.
type Piece struct {
	Span
	After int64
}

// Cell is what one pane is computed from: the rows of a group, up to a _seq,
// in some pieces that do not overlap.
type Cell struct {
	Keys   []Value
	Pieces []Piece
	UpTo   int64
	// Except lists rows that do not count.
	Except []Piece
	// ExceptUpTo bounds each of Except by _seq.
	ExceptUpTo []int64
}

// CellQuery is the statement that computes cells: one row for each that has
// rows, read by Finisher.Scan, whose Row.Window is the cell's place in the
// list.
func (p *Plan) CellQuery(relation string, cells []Cell) (string, error) {
	w := recordWriter()
	var s string
	err := w.try(func() { s = p.cells(w, relation, cells) })
	return s, err
}

func (p *Plan) cells(w *sqlWriter, relation string, cells []Cell) string {
	at, seq := w.column(eventTime), w.column(sequence)
	columns := []string{`c.i AS "#window"`}
	group := []string{"1"}
	on := []string{at + " >= c.start", at + " < c.finish", seq + " > c.since", seq + " <= c.upto"}
	names := []string{"i", "start", "finish", "since", "upto"}
	for i, k := range p.Keys {
		name := fmt.Sprintf("k%d", i)
		columns = append(columns, "c."+name+" AS "+engine.QuoteIdent(k.Name))
		group = append(group, fmt.Sprint(i+2))
		names = append(names, name)
		on = append(on, "("+w.raw(k.Column)+") IS NOT DISTINCT FROM c."+name)
	}
	columns = append(columns, `count(*) AS "#records"`, "count(*) FILTER (WHERE "+w.column(late)+`) AS "#late"`)
	for i, a := range p.Aggregates {
		for j, part := range a.sql(w) {
			columns = append(columns, part+" AS "+engine.QuoteIdent(partName(i, j)))
		}
	}
	rows, where := p.cellRows(cells, at, seq)
	where = append(where, p.kept(w)...)
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + relation + " AS r JOIN (VALUES " + strings.Join(rows, ", ") + ") AS c(" + strings.Join(names, ", ") +
		") ON " + strings.Join(on, " AND ") + " WHERE " + strings.Join(where, " AND ") + " GROUP BY " + strings.Join(group, ", ")
}

// cellRows writes the cells as rows to join with, and the conditions that hold
// for all of them, by which the table's zone maps keep most of it unread.
func (p *Plan) cellRows(cells []Cell, at, seq string) (rows, where []string) {
	var first, last time.Time
	since, upTo := int64(-1), int64(0)
	for i, c := range cells {
		for _, piece := range c.Pieces {
			values := []string{fmt.Sprint(i), literalSQL(Time(piece.Start)), literalSQL(Time(piece.End)), fmt.Sprintf("%d::BIGINT", piece.After), fmt.Sprintf("%d::BIGINT", c.UpTo)}
			for j, v := range c.Keys {
				text := "NULL"
				if !v.IsNull() {
					text = literalSQL(v)
				}
				values = append(values, "CAST("+text+" AS "+engine.Scalar(p.Keys[j].Column.Type()).DuckDB()+")")
			}
			rows = append(rows, "("+strings.Join(values, ", ")+")")
			if first.IsZero() || piece.Start.Before(first) {
				first = piece.Start
			}
			if piece.End.After(last) {
				last = piece.End
			}
			if since < 0 || piece.After < since {
				since = piece.After
			}
		}
		upTo = max(upTo, c.UpTo)
		for j, e := range c.Except {
			where = append(where, fmt.Sprintf("NOT (c.i = %d AND %s >= %s AND %s < %s AND %s > %d AND %s <= %d)", i, at, literalSQL(Time(e.Start)), at, literalSQL(Time(e.End)), seq, e.After, seq, c.ExceptUpTo[j]))
		}
	}
	bounds := []string{at + " >= " + literalSQL(Time(first)), at + " < " + literalSQL(Time(last)), fmt.Sprintf("%s > %d", seq, since), fmt.Sprintf("%s <= %d", seq, upTo)}
	slices.Sort(where)
	return rows, append(bounds, slices.Compact(where)...)
}
