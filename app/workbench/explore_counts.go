package workbench

import (
	"context"
	"database/sql"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/explore"
)

// newest finds a bucket since which there are at least limit records, so that
// only those need be sorted; zero when there are not that many, or when
// records may be newer than all buckets.
func newest(e *Explored, limit int) time.Time {
	if limit == 0 || e.Matched <= int64(limit) {
		return time.Time{}
	}
	n := int64(0)
	for i := len(e.Histogram) - 1; i > 0; i-- {
		for _, c := range e.Histogram[i].Counts {
			n += c
		}
		if n >= int64(limit) {
			return e.Histogram[i].Start
		}
	}
	return time.Time{}
}

// count runs the one pass over what matches.
func (b *Workbench) count(ctx context.Context, s *explore.Selection, buckets explore.Buckets, facets []explore.Facet, top int, out *Explored) error {
	if top == 0 {
		top = defaultTop
	}
	relation, err := b.Store.Relation(s.Dataset().Name, s.Paths(facets))
	if err != nil {
		return err
	}
	q := s.Counts(relation, buckets, facets, top)
	rows, err := b.Store.QueryContext(ctx, q.SQL, namedArgs(q.Params)...)
	if err != nil {
		return queryFailed(ctx, err)
	}
	defer rows.Close()
	h := newHistogram(buckets)
	for rows.Next() {
		var what, n, late int64
		var bucket sql.NullInt64
		var level, value *string
		if err := rows.Scan(&what, &bucket, &level, &value, &n, &late); err != nil {
			return err
		}
		switch {
		case what == explore.CountAll:
			out.Matched, out.Late = n, late
		case what == explore.CountBucket:
			out.Outside += h.add(bucket, level, n)
		case what < explore.CountDistinct:
			f := &out.Facets[what-explore.CountFacet]
			f.Values = append(f.Values, ValueCount{Value: value, Count: n})
		default:
			f := &out.Facets[what-explore.CountDistinct]
			f.Distinct, f.More = n, late > int64(top)
		}
	}
	out.Histogram, out.Levels, out.BucketSeconds = h.buckets, h.levels(), float64(buckets.Micros)/1e6
	return queryFailed(ctx, rows.Err())
}

// histogram gathers counts per bucket and level.
type histogram struct {
	buckets []HistogramBucket
	seen    map[string]bool
}

func newHistogram(b explore.Buckets) *histogram {
	h := &histogram{seen: map[string]bool{}}
	for i := range b.N {
		h.buckets = append(h.buckets, HistogramBucket{Start: b.At(i), Counts: map[string]int64{}})
	}
	return h
}

// add counts records, and gives how many of them lie outside of all buckets.
func (h *histogram) add(bucket sql.NullInt64, level *string, n int64) (outside int64) {
	switch {
	case !bucket.Valid:
		return 0 // they have no time
	case bucket.Int64 < 0 || bucket.Int64 >= int64(len(h.buckets)):
		return n
	}
	name := explore.Level("")
	if level != nil {
		name = explore.Level(*level)
	}
	h.seen[name] = true
	h.buckets[bucket.Int64].Counts[name] += n
	return 0
}

func (h *histogram) levels() []string {
	out := []string{}
	for _, l := range explore.Levels {
		if h.seen[l] {
			out = append(out, l)
		}
	}
	return out
}

// totals counts the range without search and filters, and what has no time.
func (b *Workbench) totals(ctx context.Context, q explore.Question, out *Explored) error {
	type counts struct{ total, untimed int64 }
	key := quoted("totals", q.Dataset.Name, q.From.String(), q.To.String())
	c, err := cached(b, key, func() (c counts, err error) {
		relation, err := b.Store.Relation(q.Dataset.Name, []engine.Path{{"event_time"}})
		if err != nil {
			return c, err
		}
		all, err := explore.Select(explore.Question{Dataset: q.Dataset, From: q.From, To: q.To})
		if err != nil {
			return c, err
		}
		total := all.Total(relation)
		if err := b.Store.DB().QueryRowContext(ctx, total.SQL, namedArgs(total.Params)...).Scan(&c.total); err != nil {
			return c, err
		}
		err = b.Store.DB().QueryRowContext(ctx, `SELECT count(*) FROM `+relation+` WHERE event_time IS NULL`).Scan(&c.untimed)
		return c, err
	})
	out.Total, out.Untimed = c.total, c.untimed
	return queryFailed(ctx, err)
}
