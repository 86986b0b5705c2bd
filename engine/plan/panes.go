package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// PaneQuery is the statement that yields the plan's windows of any kind that
// hold an instant of the range, whole, over a parenthesised SELECT of Columns:
// one row for every window and group with records, by group and then by the
// window's end. Finisher.ScanPane reads its rows. In a time zone cuts are
// where windows begin and end, for each slice that CutQuery lists.
func (p *Plan) PaneQuery(relation string, r Range, cuts []time.Time) (string, error) {
	w := recordWriter()
	var s string
	err := w.try(func() { s = p.panes(w, relation, r, cuts) })
	return s, err
}

// CutQuery lists the slices of event time that have records, in microseconds:
// where windows in a time zone begin and end is computed for each of them.
func (p *Plan) CutQuery(relation string, r Range) (string, error) {
	w := recordWriter()
	var s string
	err := w.try(func() {
		s = "SELECT DISTINCT " + p.sliceSQL("epoch_us("+w.column(eventTime)+")") + " FROM " + relation + " AS r WHERE " + strings.Join(p.within(w, r), " AND ")
	})
	return s, err
}

// CountQuery counts the records of a span that where keeps, and the late ones
// among them.
func (p *Plan) CountQuery(relation string, r Range) (string, error) {
	w := recordWriter()
	var s string
	err := w.try(func() {
		at := w.column(eventTime)
		where := append([]string{at + " >= " + literalSQL(Time(r.From)), at + " < " + literalSQL(Time(r.To))}, p.kept(w)...)
		s = "SELECT count(*), count(*) FILTER (WHERE " + w.column(late) + ") FROM " + relation + " AS r WHERE " + strings.Join(where, " AND ")
	})
	return s, err
}

// DistinctQuery counts the values of each key, roughly.
func (p *Plan) DistinctQuery(relation string) (string, error) {
	w := recordWriter()
	var s string
	err := w.try(func() {
		var columns []string
		for _, k := range p.Keys {
			columns = append(columns, "approx_count_distinct("+w.raw(k.Column)+")")
		}
		s = "SELECT " + strings.Join(columns, ", ") + " FROM " + relation + " AS r WHERE " + strings.Join(append([]string{"true"}, p.kept(w)...), " AND ")
	})
	return s, err
}

func (p *Plan) panes(w *sqlWriter, relation string, r Range, cuts []time.Time) string {
	if p.Window.Kind == Session {
		return p.sessions(w, relation, r)
	}
	at := "epoch_us(" + w.column(eventTime) + ")"
	from, parts := relation, p.rowParts(w)
	where := p.within(w, r)
	if p.mergeable() {
		from, parts, at = p.partial(w, relation, where), p.mergedParts(), `r."#slice"`
		where = nil
	}
	spread := p.spread(from, at, where, cuts)
	columns, group := []string{`"#start"`, `"#end"`}, []string{"1", "2"}
	for i, k := range p.Keys {
		name := engine.QuoteIdent(k.Name)
		if !p.mergeable() {
			name = w.raw(k.Column) + " AS " + name
		}
		columns, group = append(columns, name), append(group, fmt.Sprint(i+3))
	}
	return "SELECT " + strings.Join(append(columns, parts...), ",\n       ") +
		"\nFROM " + spread + " AS r" +
		"\nWHERE " + touches(r) +
		"\nGROUP BY " + strings.Join(group, ", ") +
		"\nORDER BY " + strings.Join(append(group[2:len(group):len(group)], "2"), ", ")
}

// touches keeps the windows that hold an instant of the range.
func touches(r Range) string {
	if r.From.IsZero() {
		return "true"
	}
	if r.To.IsZero() {
		return fmt.Sprintf(`"#end" > %d`, r.From.UnixMicro())
	}
	return fmt.Sprintf(`"#end" > %d AND "#start" < %d`, r.From.UnixMicro(), r.To.UnixMicro())
}

// within keeps the records that lie in windows of the range. A session may
// reach as far as there are records.
func (p *Plan) within(w *sqlWriter, r Range) []string {
	at := w.column(eventTime)
	where := []string{"isfinite(" + at + ")"}
	if p.Window.Kind != Session && !r.From.IsZero() {
		reach := p.Window.reach()
		where = append(where, at+" >= "+literalSQL(Time(r.From.Add(-reach))))
		if !r.To.IsZero() {
			where = append(where, at+" < "+literalSQL(Time(r.To.Add(reach))))
		}
	}
	return append(where, p.kept(w)...)
}

// reach is as long as any window, whatever the clock on the wall does.
func (w Window) reach() time.Duration {
	if w.Zone == nil {
		return w.Size
	}
	return w.Size + 48*time.Hour
}

// spread writes every row once for each window that holds it.
func (p *Plan) spread(from, at string, where []string, cuts []time.Time) string {
	size, every, offset := p.Window.Size.Microseconds(), p.Window.Every.Microseconds(), p.Window.Offset.Microseconds()
	filter := ""
	if len(where) > 0 {
		filter = " WHERE " + strings.Join(where, " AND ")
	}
	if p.Window.Zone != nil {
		return "(SELECT r.*, c.start AS \"#start\", c.finish AS \"#end\" FROM " + from + " AS r JOIN (" + p.cutRows(cuts) + ") AS c(slice, start, finish) ON c.slice = " +
			p.sliceSQL(at) + filter + ")"
	}
	x := fmt.Sprintf("(%s - %d)", at, offset)
	starts, start, end := floorSQL(x, size), `"#at"`, fmt.Sprintf(`"#at" + %d`, size)
	switch p.Window.Kind {
	case Hopping:
		starts = fmt.Sprintf("unnest(range(%s + %d, %s + 1, %d))", floorSQL(fmt.Sprintf("(%s - %d)", x, size), every), every, floorSQL(x, every), every)
	case Cumulate:
		starts = fmt.Sprintf("unnest(range(%s + %d, %s + %d, %d))", floorSQL(x, every), every, floorSQL(x, size), size+1, every)
		start, end = floorSQL(`("#at" - 1)`, size), `"#at"`
	}
	return fmt.Sprintf(`(SELECT *, %s + %d AS "#start", %s + %d AS "#end" FROM (SELECT r.*, %s AS "#at" FROM %s AS r%s))`, start, offset, end, offset, starts, from, filter)
}

// cutRows lists slice, start and end of the windows in a time zone.
func (p *Plan) cutRows(cuts []time.Time) string {
	var rows []string
	for _, at := range cuts {
		for _, s := range p.Window.Spans(at) {
			rows = append(rows, fmt.Sprintf("(%d, %d, %d)", at.UnixMicro(), s.Start.UnixMicro(), s.End.UnixMicro()))
		}
	}
	if len(rows) == 0 {
		return "SELECT 0, 0, 0 WHERE false"
	}
	return "VALUES " + strings.Join(rows, ", ")
}

// sliceSQL is the start of the slice that holds an instant in microseconds.
func (p *Plan) sliceSQL(at string) string {
	offset := p.Window.Offset.Microseconds()
	return fmt.Sprintf("%s + %d", floorSQL(fmt.Sprintf("(%s - %d)", at, offset), p.Window.slice().Microseconds()), offset)
}

// floorSQL rounds a whole number down to a multiple.
func floorSQL(x string, unit int64) string {
	return fmt.Sprintf("(%[1]s - (%[1]s %% %[2]d + %[2]d) %% %[2]d)", x, unit)
}

// rowParts computes the parts of a row of a pane from records.
func (p *Plan) rowParts(w *sqlWriter) []string {
	columns := []string{`count(*) AS "#records"`, "count(*) FILTER (WHERE " + w.column(late) + `) AS "#late"`}
	for i, a := range p.Aggregates {
		for j, s := range a.sql(w) {
			columns = append(columns, s+" AS "+engine.QuoteIdent(partName(i, j)))
		}
	}
	return columns
}

// mergeable reports whether overlapping windows are computed from slices that
// are computed once.
func (p *Plan) mergeable() bool {
	return p.Window.Kind != Tumbling && p.addsUp()
}

// addsUp reports whether the aggregates of some records can be made of those
// of parts of them.
func (p *Plan) addsUp() bool {
	return !slices.ContainsFunc(p.Aggregates, func(a *Aggregate) bool {
		return !slices.Contains([]AggregateFunc{Count, Sum, Avg, Min, Max}, a.Func)
	})
}

// partial computes every slice once.
func (p *Plan) partial(w *sqlWriter, relation string, where []string) string {
	columns, group := []string{p.sliceSQL("epoch_us("+w.column(eventTime)+")") + ` AS "#slice"`}, []string{"1"}
	for i, k := range p.Keys {
		columns, group = append(columns, w.raw(k.Column)+" AS "+engine.QuoteIdent(k.Name)), append(group, fmt.Sprint(i+2))
	}
	return "(SELECT " + strings.Join(append(columns, p.rowParts(w)...), ", ") + " FROM " + relation + " AS r WHERE " + strings.Join(where, " AND ") + " GROUP BY " + strings.Join(group, ", ") + ")"
}

// mergedParts adds the parts of slices up.
func (p *Plan) mergedParts() []string {
	columns := mergedCounts()
	for i, a := range p.Aggregates {
		columns = append(columns, a.mergedParts(i)...)
	}
	return columns
}

func mergedCounts() []string {
	return []string{`CAST(sum("#records") AS BIGINT) AS "#records"`, `CAST(sum("#late") AS BIGINT) AS "#late"`}
}

// mergedParts adds the parts of aggregate i up.
func (a *Aggregate) mergedParts(i int) (columns []string) {
	for j := range a.parts() {
		name := engine.QuoteIdent(partName(i, j))
		merged := "sum(" + name + ")"
		switch {
		case a.Func == Min || a.Func == Max:
			merged = string(a.Func) + "(" + name + ")"
		case a.Func == Count || j > 0:
			merged = "CAST(" + merged + " AS BIGINT)"
		}
		columns = append(columns, merged+" AS "+name)
	}
	return columns
}

// sessions numbers the islands of each group: a piece begins one if the one
// before it ended a gap ago.
func (p *Plan) sessions(w *sqlWriter, relation string, r Range) string {
	from, parts := p.instants(w, relation, r), p.rowParts(w)
	if p.mergeable() {
		from, parts = p.pieces(w, relation, r), p.mergedParts()
	}
	over, columns, group := `ORDER BY "#first"`, []string(nil), []string(nil)
	for i, k := range p.Keys {
		name := engine.QuoteIdent(k.Name)
		if !p.mergeable() {
			name = w.raw(k.Column) + " AS " + name
		}
		columns, group = append(columns, name), append(group, fmt.Sprint(i+3))
	}
	if len(p.Keys) > 0 {
		over = "PARTITION BY " + strings.Join(p.sessionKeys(w), ", ") + " " + over
	}
	gap := p.Window.Gap.Microseconds()
	begun := fmt.Sprintf(`(SELECT r.*, CASE WHEN "#first" - lag("#last") OVER (%s) < %d THEN 0 ELSE 1 END AS "#new" FROM %s AS r)`, over, gap, from)
	// Records of the same instant are peers and share the sum.
	islands := fmt.Sprintf(`(SELECT r.*, sum("#new") OVER (%s) AS "#island" FROM %s AS r)`, over, begun)
	columns = append([]string{`min("#first") AS "#start"`, fmt.Sprintf(`max("#last") + %d AS "#end"`, gap)}, append(columns, parts...)...)
	return "SELECT * FROM (SELECT " + strings.Join(columns, ",\n       ") +
		"\nFROM " + islands + " AS r" +
		"\nGROUP BY " + strings.Join(append(group, `"#island"`), ", ") +
		")\nWHERE " + touches(r) + "\nORDER BY " + strings.Join(append(group, "2"), ", ")
}

// sessionKeys are the keys as the pieces of sessions have them.
func (p *Plan) sessionKeys(w *sqlWriter) (keys []string) {
	for _, k := range p.Keys {
		if p.mergeable() {
			keys = append(keys, engine.QuoteIdent(k.Name))
		} else {
			keys = append(keys, w.raw(k.Column))
		}
	}
	return keys
}

// instants are pieces of one record each.
func (p *Plan) instants(w *sqlWriter, relation string, r Range) string {
	at := "epoch_us(" + w.column(eventTime) + ")"
	return fmt.Sprintf(`(SELECT r.*, %[1]s AS "#first", %[1]s AS "#last" FROM %[2]s AS r WHERE %[3]s)`, at, relation, strings.Join(p.within(w, r), " AND "))
}

// pieces adds up records that are less than a gap apart for certain, since no
// more than a gap of time holds them: of a busy group, most of what would have
// to be sorted.
func (p *Plan) pieces(w *sqlWriter, relation string, r Range) string {
	at := "epoch_us(" + w.column(eventTime) + ")"
	columns, group := []string{"min(" + at + `) AS "#first"`, "max(" + at + `) AS "#last"`}, []string{floorSQL(at, p.Window.Gap.Microseconds())}
	for i, k := range p.Keys {
		columns, group = append(columns, w.raw(k.Column)+" AS "+engine.QuoteIdent(k.Name)), append(group, fmt.Sprint(i+3))
	}
	return "(SELECT " + strings.Join(append(columns, p.rowParts(w)...), ", ") + " FROM " + relation + " AS r WHERE " + strings.Join(p.within(w, r), " AND ") + " GROUP BY " + strings.Join(group, ", ") + ")"
}
