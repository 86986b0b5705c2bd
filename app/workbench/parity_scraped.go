package workbench

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/export"
	"tidemark.dev/tidemark/engine/export/parity"
	"tidemark.dev/tidemark/engine/plan"
)

// scraped counts records as the programs that wrote them would have, scrape
// by scrape, in the order in which they were delivered.
func (p *paritying) scraped(ctx context.Context) (*parity.Storage, error) {
	source, err := export.ScrapedFor(p.exported.Rules[0])
	if err != nil {
		return nil, err
	}
	counts := &plan.Plan{Dataset: p.rule.Plan.Dataset, Where: p.rule.Plan.Where, Window: plan.Window{Size: parity.Scrape}}
	for _, l := range source.Labels {
		k, err := plan.NewKey(l.Name, l.Column.Path, l.Column.Stored)
		if err != nil {
			return nil, err
		}
		counts.Keys = append(counts.Keys, k)
	}
	if err := addObserved(counts, source); err != nil {
		return nil, err
	}
	end := p.rule.Plan.Window.Start(p.end)
	s := parity.NewStorage()
	err = p.query(ctx, counts, plan.Range{From: p.rule.Plan.Window.Start(p.earliest), To: end}, func(row plan.Row) {
		values := map[string]string{}
		for i, l := range source.Labels {
			if v := row.Keys[i]; !v.IsNull() {
				values[l.Name] = v.String()
			}
		}
		at := p.rule.Plan.Window.Start(p.earliest).Add(time.Duration(row.Window+1) * parity.Scrape)
		s.Count(source.Counter, values, at, float64(row.Records), end)
		observe(s, source, values, at, row.Aggregates, end)
	})
	return s, err
}

// addObserved adds what the histograms hold: the sum, the number, and the
// number in each bucket.
func addObserved(counts *plan.Plan, source export.Scraped) error {
	for _, f := range source.Fields {
		sum, err := plan.NewAggregate(plan.Sum, []plan.Expr{f.Column})
		if err != nil {
			return err
		}
		counts.Aggregates = append(counts.Aggregates, sum)
		there, err := plan.NewBinary(plan.NotEqual, f.Column, plan.Nil())
		if err != nil {
			return err
		}
		conditions := []plan.Expr{there}
		for _, bound := range f.Bounds {
			literal, err := plan.NewLiteral(plan.Double(bound))
			if err != nil {
				return err
			}
			within, err := plan.NewBinary(plan.AtMost, f.Column, literal)
			if err != nil {
				return err
			}
			conditions = append(conditions, within)
		}
		for _, c := range conditions {
			n, err := plan.NewAggregate(plan.Count, []plan.Expr{c})
			if err != nil {
				return err
			}
			counts.Aggregates = append(counts.Aggregates, n)
		}
	}
	return nil
}

func observe(s *parity.Storage, source export.Scraped, values map[string]string, at time.Time, cells []plan.Value, end time.Time) {
	next := func() float64 {
		f, _ := cells[0].Float()
		cells = cells[1:]
		return f
	}
	for _, f := range source.Fields {
		s.Count(f.Metric+"_sum", values, at, next(), end)
		n := next()
		s.Count(f.Metric+"_count", values, at, n, end)
		bucket := func(le string, n float64) {
			labels := map[string]string{"le": le}
			for k, v := range values {
				labels[k] = v
			}
			s.Count(f.Metric+"_bucket", labels, at, n, end)
		}
		for _, bound := range f.Bounds {
			bucket(strconv.FormatFloat(bound, 'g', -1, 64), next())
		}
		bucket("+Inf", n)
	}
}

// query runs a plan over the records as they were delivered.
func (p *paritying) query(ctx context.Context, counts *plan.Plan, r plan.Range, each func(plan.Row)) error {
	relation, err := p.asDelivered(ctx, counts.Columns())
	if err != nil {
		return err
	}
	return p.rows(ctx, counts, relation, r, each)
}

func (p *paritying) rows(ctx context.Context, counts *plan.Plan, relation string, r plan.Range, each func(plan.Row)) error {
	query, err := counts.Query(relation, r)
	if err != nil {
		return err
	}
	rows, err := p.bench.Store.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	finisher := counts.NewFinisher()
	for rows.Next() {
		row, _, err := finisher.Scan(rows)
		if err != nil {
			return err
		}
		each(row)
	}
	return rows.Err()
}

// asDelivered is the dataset with the time at which each record was delivered
// in place of its event time.
func (p *paritying) asDelivered(ctx context.Context, paths []engine.Path) (string, error) {
	from, err := p.deliveries(ctx, paths)
	if err != nil {
		return "", err
	}
	return "(SELECT r.* REPLACE (" + deliveredAt + " AS event_time)\nFROM " + from + ")", nil
}

// deliveredAt is when a record was delivered, of the rows of deliveries. An
// archive knows that only by the delivery that a record came in: it was on time
// if it happened after the delivery before it of the same service had been cut,
// which is the shortest delay there is before that came.
const deliveredAt = "coalesce(least(greatest(r.event_time, f.floor), r.arrival_time), r.event_time)"

// deliveries joins records, as r, with what is known of their deliveries, as f.
func (p *paritying) deliveries(ctx context.Context, paths []engine.Path) (string, error) {
	for _, path := range []engine.Path{{"arrival_time"}, {"service"}} {
		if !slices.ContainsFunc(paths, func(p engine.Path) bool { return slices.Equal(p, path) }) {
			paths = append(paths, path)
		}
	}
	relation, err := p.bench.Store.Relation(p.rule.Plan.Dataset, paths)
	if err != nil {
		return "", err
	}
	if p.delivered == "" {
		if p.delivered, err = p.floors(ctx); err != nil {
			return "", err
		}
	}
	return relation + " AS r LEFT JOIN " + p.delivered + " AS f ON r.arrival_time = f.arrival_time AND r.service IS NOT DISTINCT FROM f.service", nil
}

// floors is a relation that says from when on a record of a delivery was on
// time. Where all deliveries are newer than every event, as in an archive that
// was copied, they tell nothing.
func (p *paritying) floors(ctx context.Context) (string, error) {
	relation, err := p.bench.Store.Relation(p.rule.Plan.Dataset, []engine.Path{{"arrival_time"}, {"event_time"}, {"service"}})
	if err != nil {
		return "", err
	}
	rows, err := p.bench.Store.QueryContext(ctx, "SELECT min(epoch_us(arrival_time) - epoch_us(event_time)), min(arrival_time) < max(event_time)\nFROM "+
		relation+" WHERE event_time <= arrival_time AND isfinite(event_time)")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var delay sql.NullInt64
	var told sql.NullBool
	for rows.Next() {
		if err := rows.Scan(&delay, &told); err != nil {
			return "", err
		}
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	floor := "NULL::TIMESTAMPTZ"
	if told.Bool {
		floor = fmt.Sprintf("lag(arrival_time) OVER (PARTITION BY service ORDER BY arrival_time) - to_microseconds(%d)", delay.Int64)
	}
	return "(SELECT arrival_time, service, " + floor + " AS floor FROM (SELECT DISTINCT arrival_time, service FROM " + relation + "))", nil
}

// moved counts, for each group and slot, the records that happened in it less
// those that the copy counted in it.
func (p *paritying) moved(ctx context.Context) (map[string]map[int64]int64, error) {
	counts := &plan.Plan{Dataset: p.rule.Plan.Dataset, Where: p.rule.Plan.Where, Keys: p.rule.Plan.Keys, Window: p.rule.Plan.Window}
	w := p.rule.Plan.Window
	r := plan.Range{From: w.Start(p.earliest), To: w.Start(p.end)}
	out := map[string]map[int64]int64{}
	add := func(sign int64) func(plan.Row) {
		return func(row plan.Row) {
			key := p.keyOf(row.Keys)
			if out[key] == nil {
				out[key] = map[int64]int64{}
			}
			out[key][p.earliest+row.Window] += sign * row.Records
		}
	}
	relation, err := p.bench.Store.Relation(p.rule.Plan.Dataset, counts.Columns())
	if err != nil {
		return nil, err
	}
	if err := p.rows(ctx, counts, relation, r, add(1)); err != nil {
		return nil, err
	}
	if p.said == nil {
		return out, p.query(ctx, counts, r, add(-1))
	}
	for key, slots := range p.said.records {
		for slot, n := range slots {
			if slot < p.earliest {
				continue
			}
			if out[key] == nil {
				out[key] = map[int64]int64{}
			}
			out[key][slot] -= n
		}
	}
	return out, nil
}
