package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Rolled is a table of windows that were computed before: a row for each
// window and values of Keys, in UTC.
type Rolled struct {
	// Table is its name as SQL; its columns are time, records, late, the Keys,
	// and those of Fields.
	Table string
	Size  time.Duration
	// Keys are columns of records, which the table has under the same names.
	Keys []string
	// UpTo is the last _seq that it counts.
	UpTo   int64
	Fields []RolledField
}

// RolledField names the columns of a number: "" is one that the table does
// not have.
type RolledField struct {
	Path engine.Path
	Type engine.Type
	// Sum is as the first part of Sum and Avg, Over as the last.
	Sum, Count, Over, Min, Max string
	// Buckets is a list of {b, n}: a bucket and how many values it has.
	Buckets string
}

// source says where the parts of an aggregate are found in a row of a rollup.
// The parts are those of Aggregate.sql, but for a quantile, which has its
// buckets instead.
func (r Rolled) source(w *sqlWriter, a *Aggregate) (parts []string, ok bool) {
	if a.Func == Count {
		switch {
		case a.Arg == nil:
			return []string{"r.records"}, true
		case r.knows(a.Arg):
			return []string{"CASE WHEN " + w.truth(a.Arg) + " THEN r.records ELSE 0 END"}, true
		}
		return nil, false
	}
	for _, f := range r.Fields {
		x, err := NewColumn(f.Path, f.Type)
		if err != nil {
			continue
		}
		if a.Func == Quantile {
			x = widen(x, engine.Double)
		}
		if a.Arg != nil && fingerprint(a.Arg) == fingerprint(x) {
			if parts := f.parts(a); !slices.Contains(parts, "r.") {
				return parts, len(parts) > 0
			}
		}
	}
	return nil, false
}

func (f RolledField) parts(a *Aggregate) (parts []string) {
	switch a.Func {
	case Sum:
		parts = []string{"r." + f.Sum}
	case Avg:
		parts = []string{"r." + f.Sum, "r." + f.Count}
	case Min:
		return []string{"r." + f.Min}
	case Max:
		return []string{"r." + f.Max}
	case Quantile:
		return []string{"r." + f.Buckets}
	default:
		return nil
	}
	if a.guarded() {
		parts = append(parts, "r."+f.Over)
	}
	return parts
}

// knows reports whether an expression reads nothing but keys of the rollup.
func (r Rolled) knows(e Expr) bool {
	return !slices.ContainsFunc(Columns(e), func(p engine.Path) bool { return len(p) != 1 || !slices.Contains(r.Keys, p[0]) })
}

// Whole is the part of a range that windows of the rollup make up.
func (r Rolled) Whole(at Range) Range {
	size := r.Size.Microseconds()
	from := floorDiv(at.From.UnixMicro()+size-1, size) * size
	return Range{time.UnixMicro(from).UTC(), time.UnixMicro(floorDiv(at.To.UnixMicro(), size) * size).UTC()}
}

// CanAnswer reports whether the rollup gives the same as the records of a
// range: its windows lie within those of the plan, it has the keys, and of
// every measure what can be merged without loss.
func (r Rolled) CanAnswer(p *Plan, at Range) bool {
	whole := r.Whole(at)
	if p.Window.Kind != Tumbling || p.Window.Zone != nil || len(p.Pasts) > 0 || p.When != nil || at.From.UnixMicro() < 0 || !whole.From.Before(whole.To) {
		return false
	}
	aligned := p.Window.Size%r.Size == 0 && p.Window.Offset%r.Size == 0
	if !aligned && p.index(at.From) != p.index(at.To.Add(-time.Microsecond)) {
		return false
	}
	if p.Where != nil && !r.knows(p.Where) || slices.ContainsFunc(p.Keys, func(k Key) bool { return !r.knows(k.Column) }) {
		return false
	}
	w := recordWriter()
	ok := true
	err := w.try(func() {
		for _, a := range p.Aggregates {
			_, has := r.source(w, a)
			ok = ok && has
		}
	})
	return ok && err == nil
}

// index is the number of the tumbling window that holds an instant.
func (p *Plan) index(at time.Time) int64 {
	return floorDiv(at.UnixMicro()-p.Window.Offset.Microseconds(), p.Window.Size.Microseconds())
}

// RolledSQL is SQL over the range, with the same rows: whole windows of the
// rollup, and the records that these do not count, which are those at the ends
// of the range and those that are newer. kept are conditions on keys that the
// rollup's rows have to meet and ofRecords those of records, each either empty
// or beginning with WHERE; they are trusted. See CanAnswer.
func (p *Plan) RolledSQL(r Rolled, at Range, kept, ofRecords string) (string, error) {
	w := recordWriter()
	var s string
	err := w.try(func() {
		parts := indent(p.rolledParts(w, r, at, kept, ofRecords))
		s = "WITH parts AS (\n" + parts + "\n)\n" + p.measured(w, p.rolledWhole())
	})
	return s, err
}

func (p *Plan) rolledParts(w *sqlWriter, r Rolled, at Range, kept, ofRecords string) string {
	whole := r.Whole(at)
	records := p.recordParts(w, ofRecords)
	from, to, column := literalSQL(Time(whole.From)), literalSQL(Time(whole.To)), eventTime.SQL()
	parts := []string{p.tableParts(w, r, "time >= "+from+" AND time < "+to, kept)}
	if at.From.Before(whole.From) {
		parts = append(parts, records(column+" < "+from))
	}
	if whole.To.Before(at.To) {
		parts = append(parts, records(column+" >= "+to))
	}
	parts = append(parts, records(fmt.Sprintf("%s >= %s AND %s < %s AND _seq > %d -- newer than the table", column, from, column, to, r.UpTo)))
	return strings.Join(parts, "\nUNION ALL\n")
}

// windowSQL is the number of the window of an instant, as grouped has it.
func (p *Plan) windowSQL(at string) string {
	since := "epoch_us(" + at + ")"
	if p.Window.Offset != 0 {
		since = fmt.Sprintf("(%s - %d)", since, p.Window.Offset.Microseconds())
	}
	return fmt.Sprintf("%s // %d AS %s", since, p.Window.Size.Microseconds(), engine.QuoteIdent(windowName))
}

func (p *Plan) tableParts(w *sqlWriter, r Rolled, within, kept string) string {
	columns := []string{p.windowSQL("r.time")}
	for _, k := range p.Keys {
		columns = append(columns, w.raw(k.Column)+" AS "+engine.QuoteIdent(k.Name))
	}
	columns = append(columns, `r.records AS "#records"`, `r.late AS "#late"`)
	for i, a := range p.Aggregates {
		parts, _ := r.source(w, a)
		for j, part := range parts {
			columns = append(columns, part+" AS "+engine.QuoteIdent(partName(i, j)))
		}
	}
	where := append([]string{within}, p.kept(w)...)
	return "SELECT " + strings.Join(columns, ", ") + "\nFROM (SELECT * FROM " + r.Table + kept + ") AS r\nWHERE " + strings.Join(where, "\n  AND ")
}

// recordParts writes the same columns as tableParts, over records that meet a
// condition more.
func (p *Plan) recordParts(w *sqlWriter, ofRecords string) func(more string) string {
	var list []string
	for _, path := range p.Columns() {
		list = append(list, path.SQL()+" AS "+engine.QuoteIdent(path.String()))
	}
	columns, group := []string{p.windowSQL("r." + engine.QuoteIdent(eventTime.String()))}, []string{"1"}
	for i, k := range p.Keys {
		columns, group = append(columns, w.raw(k.Column)+" AS "+engine.QuoteIdent(k.Name)), append(group, fmt.Sprint(i+2))
	}
	columns = append(columns, `count(*) AS "#records"`, "count(*) FILTER (WHERE "+w.column(late)+`) AS "#late"`)
	for i, a := range p.Aggregates {
		parts := a.sql(w)
		if a.Func == Quantile {
			parts = []string{"list_transform(map_entries(histogram(" + w.charge(bucketSQL(w.raw(a.Arg))) + ")), lambda e: {'b': e.key, 'n': e.value::BIGINT})"}
		}
		for j, s := range parts {
			columns = append(columns, s+" AS "+engine.QuoteIdent(partName(i, j)))
		}
	}
	kept := ""
	if p.Where != nil {
		kept = "\nWHERE " + w.truth(p.Where)
	}
	return func(more string) string {
		where := ofRecords + " AND " + more
		if ofRecords == "" {
			where = " WHERE " + more
		}
		return "SELECT " + strings.Join(columns, ", ") + "\nFROM (SELECT " + strings.Join(list, ", ") + " FROM " + engine.QuoteIdent(p.Dataset) + where + "\n) AS r" + kept + "\nGROUP BY " + strings.Join(group, ", ")
	}
}

// rolledWhole adds the parts up to what grouped yields.
func (p *Plan) rolledWhole() string {
	keys := []string{engine.QuoteIdent(windowName)}
	for _, k := range p.Keys {
		keys = append(keys, engine.QuoteIdent(k.Name))
	}
	group := strings.Join(keys, ", ")
	sums, columns, from := mergedCounts(), []string{"m.*"}, ""
	for i, a := range p.Aggregates {
		if a.Func != Quantile {
			sums = append(sums, a.mergedParts(i)...)
			continue
		}
		alias := fmt.Sprintf("q%d", i+1)
		var on []string
		for _, k := range keys {
			on = append(on, "m."+k+" IS NOT DISTINCT FROM "+alias+"."+k)
		}
		from += "\nLEFT JOIN (\n" + indent(p.rolledQuantile(i, group)) + "\n) AS " + alias + " ON " + strings.Join(on, " AND ")
		columns = append(columns, alias+"."+engine.QuoteIdent(partName(i, 0)))
	}
	return "SELECT " + strings.Join(columns, ", ") + "\nFROM (SELECT " + strings.Join(append(keys, sums...), ", ") + " FROM parts GROUP BY " + group + ") AS m" + from
}

// rolledQuantile finds the bucket of a quantile in the buckets of all parts:
// the first that the rank falls into, as quantile_disc finds it among values.
func (p *Plan) rolledQuantile(i int, group string) string {
	name, at := engine.QuoteIdent(partName(i, 0)), p.Aggregates[i].At
	return fmt.Sprintf(`SELECT %[1]s, min(b) FILTER (upto >= greatest(1, (total * %[3]d + %[4]d - 1) // %[4]d)) AS %[2]s
FROM (SELECT *, sum(n) OVER (PARTITION BY %[1]s ORDER BY b) AS upto, sum(n) OVER (PARTITION BY %[1]s) AS total
      FROM (SELECT %[1]s, u.b AS b, sum(u.n) AS n FROM (SELECT %[1]s, unnest(%[2]s) AS u FROM parts) GROUP BY ALL))
GROUP BY %[1]s`, group, name, at.num, at.den)
}
