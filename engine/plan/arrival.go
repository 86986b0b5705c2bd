package plan

import (
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Arrival is how a live evaluation would have seen records come: in batches of
// a second of arrival, after each of which the watermark moves. The watermark
// is that of a single shard.
type Arrival struct {
	Lateness time.Duration
	// MaxFuture leaves clocks out of the watermark that run further ahead; zero
	// leaves none out.
	MaxFuture time.Duration
	// Quantile of a batch's event times is what it moves to; 1 is the newest.
	Quantile float64
	// Allowed is how long after its end a window takes late records; Forever
	// is for ever, and Never takes none.
	Allowed        time.Duration
	Forever, Never bool
}

var (
	arrivalTime = engine.Path{"arrival_time"}
	ingestTime  = engine.Path{"ingest_time"}
)

// ArrivalColumns lists the paths that the queries over arrivals read.
func (p *Plan) ArrivalColumns() []engine.Path {
	paths := p.Columns()
	for _, more := range []engine.Path{arrivalTime, ingestTime} {
		seen := false
		for _, q := range paths {
			seen = seen || q.String() == more.String()
		}
		if !seen {
			paths = append(paths, more)
		}
	}
	return paths
}

// arrivedSQL is the batch a record came with.
const arrivedSQL = `coalesce(r."arrival_time", r."ingest_time")`

// marks lists the batches, with the watermark before and after each, in
// microseconds.
func (a Arrival) marks(relation string) string {
	newest := "max(epoch_us(event_time))"
	if a.Quantile < 1 {
		newest = fmt.Sprintf("quantile_disc(epoch_us(event_time), %v)", a.Quantile)
	}
	sane := "true"
	if a.MaxFuture > 0 {
		sane = fmt.Sprintf("event_time <= %s + INTERVAL %d MICROSECOND", strings.ReplaceAll(arrivedSQL, "r.", ""), a.MaxFuture.Microseconds())
	}
	lateness := a.Lateness.Microseconds()
	return fmt.Sprintf(`(SELECT batch, max(newest) OVER (ORDER BY batch) - %[1]d AS mark, coalesce(max(newest) OVER (ORDER BY batch ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - %[1]d, %[2]d) AS before
	FROM (SELECT epoch_us(%[3]s) // 1000000 AS batch, %[4]s FILTER (WHERE %[5]s) AS newest FROM %[6]s AS r WHERE isfinite(event_time) GROUP BY 1))`,
		lateness, minTime.UnixMicro(), arrivedSQL, newest, sane, relation)
}

// WatermarkQuery gives the watermark after everything has come, in
// microseconds; null without records.
func (p *Plan) WatermarkQuery(relation string, a Arrival) string {
	return "SELECT max(mark) FROM " + a.marks(relation)
}

// arrived writes every record once for each window that holds it, with its
// batch and the watermark before that.
func (p *Plan) arrived(w *sqlWriter, relation string, r Range, cuts []time.Time, a Arrival) string {
	batched := fmt.Sprintf(`(SELECT r.*, m.batch AS "#batch", m.before AS "#before" FROM %s AS r JOIN %s AS m ON m.batch = epoch_us(%s) // 1000000)`, relation, a.marks(relation), arrivedSQL)
	return "(SELECT * FROM " + p.spread(batched, "epoch_us("+w.column(eventTime)+")", p.within(w, r), cuts) + " WHERE " + touches(r) + ")"
}

// taken says which of them their window takes.
func (a Arrival) taken() string {
	switch {
	case a.Never:
		return `r."#before" < r."#end"`
	case a.Forever:
		return "true"
	}
	return fmt.Sprintf(`r."#before" < r."#end" + %d`, a.Allowed.Microseconds())
}

// OnTimeQuery yields every window as it was when the watermark passed its end;
// Finisher.ScanPane reads its rows. Sessions have no such windows.
func (p *Plan) OnTimeQuery(relation string, r Range, cuts []time.Time, a Arrival) (string, error) {
	w := recordWriter()
	var s string
	err := w.try(func() {
		columns, group := p.paneColumns(w)
		s = "SELECT " + strings.Join(append(columns, p.rowParts(w)...), ", ") + " FROM " + p.arrived(w, relation, r, cuts, a) +
			` AS r WHERE r."#before" < r."#end" GROUP BY ` + strings.Join(group, ", ") + " ORDER BY " + strings.Join(append(group[2:len(group):len(group)], "2"), ", ")
	})
	return s, err
}

// paneColumns are the span and the keys of a window, and their places.
func (p *Plan) paneColumns(w *sqlWriter) (columns, group []string) {
	columns, group = []string{`r."#start"`, `r."#end"`}, []string{"1", "2"}
	for i, k := range p.Keys {
		columns, group = append(columns, w.raw(k.Column)+" AS "+engine.QuoteIdent(k.Name)), append(group, fmt.Sprint(i+3))
	}
	return columns, group
}

// RevisionQuery yields windows as they were after each batch with late records
// that they took, batch by batch. Finisher.ScanPane reads its rows; in place
// of the number of late records it has the watermark before the batch.
func (p *Plan) RevisionQuery(relation string, r Range, cuts []time.Time, a Arrival) (string, error) {
	w := recordWriter()
	var s string
	err := w.try(func() {
		columns, group := p.paneColumns(w)
		on := []string{`l."#start" = r."#start"`, `l."#end" = r."#end"`, `r."#batch" <= l."#batch"`, a.taken()}
		late := []string{`r."#start"`, `r."#end"`, `r."#batch"`, `r."#before"`}
		for i, k := range p.Keys {
			late = append(late, fmt.Sprintf("%s AS k%d", w.raw(k.Column), i))
			on = append(on, fmt.Sprintf("l.k%d IS NOT DISTINCT FROM (%s)", i, w.raw(k.Column)))
		}
		parts := p.rowParts(w)
		parts[1] = `max(l."#before") AS "#late"`
		s = "WITH s AS MATERIALIZED " + p.arrived(w, relation, r, cuts, a) +
			", l AS MATERIALIZED (SELECT DISTINCT " + strings.Join(late, ", ") + ` FROM s AS r WHERE r."#before" >= r."#end" AND ` + a.taken() + ")" +
			" SELECT " + strings.Join(append(columns, parts...), ", ") + " FROM l JOIN s AS r ON " + strings.Join(on, " AND ") +
			" GROUP BY " + strings.Join(group, ", ") + `, l."#batch" ORDER BY l."#batch"`
	})
	return s, err
}

// LateCountQuery counts, over all windows, the records that came late for
// theirs, and those that it did not take.
func (p *Plan) LateCountQuery(relation string, r Range, cuts []time.Time, a Arrival) (string, error) {
	w := recordWriter()
	var s string
	err := w.try(func() {
		s = `SELECT count(*) FILTER (WHERE r."#before" >= r."#end"), count(*) FILTER (WHERE NOT (` + a.taken() + ")) FROM " + p.arrived(w, relation, r, cuts, a) + " AS r"
	})
	return s, err
}
