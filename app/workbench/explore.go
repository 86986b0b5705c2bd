package workbench

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/explore"
)

// Exploration says what to look for in a dataset.
type Exploration struct {
	Dataset string       `json:"dataset"`
	From    *time.Time   `json:"from,omitempty" doc:"Absent: since the first record."`
	To      *time.Time   `json:"to,omitempty" doc:"Absent: to the last record."`
	Search  string       `json:"search,omitempty" doc:"A text that the message holds, in any case."`
	Deep    bool         `json:"search_body,omitempty" doc:"Search the texts in body and rest too, which takes some seconds in large datasets."`
	Filters []PathFilter `json:"filters,omitempty"`
	Buckets int          `json:"buckets,omitempty" minimum:"1" maximum:"2000" default:"120" doc:"About how many the histogram has, at most."`
	Facets  []string     `json:"facets,omitempty" maxItems:"32" doc:"Paths whose values are counted."`
	Top     int          `json:"top,omitempty" minimum:"1" maximum:"1000" default:"10" doc:"How many values a facet lists."`
	Limit   *int         `json:"limit,omitempty" minimum:"0" maximum:"5000000" doc:"How many rows the SQL selects; 0 is all, absent is 10000."`
}

// PathFilter is a condition on one path.
type PathFilter struct {
	Path  string `json:"path"`
	Op    string `json:"op" enum:"=,!=,contains,!contains,<,<=,>,>=,exists,!exists"`
	Value any    `json:"value,omitempty" doc:"Text, a number, true or false, or null; a list for any of them."`
}

// Explored is how what matches lies in time, and what its fields hold.
type Explored struct {
	From          time.Time         `json:"from"`
	To            time.Time         `json:"to"`
	BucketSeconds float64           `json:"bucket_seconds"`
	Histogram     []HistogramBucket `json:"histogram"`
	Levels        []string          `json:"levels" doc:"Those in the histogram, the worst first."`
	Total         int64             `json:"total" doc:"Records in the range."`
	Matched       int64             `json:"matched"`
	Outside       int64             `json:"outside" doc:"Matched, but outside of the histogram: clocks that run ahead."`
	Untimed       int64             `json:"untimed" doc:"Records of the dataset without an event time."`
	Late          int64             `json:"late" doc:"Matched, and late when they came."`
	Facets        []FacetCounts     `json:"facets"`
	SQL           string            `json:"sql"`
	Params        map[string]any    `json:"params"`
	Limit         int               `json:"limit" doc:"How many rows the SQL selects at most; 0 is all."`
	Watermark     *time.Time        `json:"watermark"`
	Seconds       float64           `json:"seconds"`
}

// HistogramBucket is a span of time.
type HistogramBucket struct {
	Start  time.Time        `json:"start"`
	Counts map[string]int64 `json:"counts" doc:"By level."`
}

// FacetCounts are the values of a path, the most frequent first.
type FacetCounts struct {
	Path     string       `json:"path"`
	Type     string       `json:"type"`
	Distinct int64        `json:"distinct" doc:"How many values there are, null not counted."`
	Values   []ValueCount `json:"values"`
	More     bool         `json:"more" doc:"There are others."`
}

// ValueCount is a value and how often it is there.
type ValueCount struct {
	Value *string `json:"value" doc:"As text; null for records without a value."`
	Count int64   `json:"count"`
}

// ComposedQuery is SQL that the page can run and show.
type ComposedQuery struct {
	SQL    string         `json:"sql"`
	Params map[string]any `json:"params"`
}

const (
	defaultBuckets = 120
	defaultTop     = 10
	defaultRows    = 10_000
)

// Explore counts what matches. The same question is answered from memory
// while the data stays the same.
func (b *Workbench) Explore(ctx context.Context, e Exploration) (Explored, error) {
	defer b.asking.begin()()
	key, err := json.Marshal(e)
	if err != nil {
		return Explored{}, err
	}
	began := time.Now()
	out, err := cached(b, "explore\x00"+string(key), func() (Explored, error) { return b.explore(ctx, e) })
	out.Seconds = time.Since(began).Seconds()
	return out, err
}

func (b *Workbench) explore(ctx context.Context, e Exploration) (Explored, error) {
	out := Explored{Levels: []string{}, Facets: []FacetCounts{}, Limit: defaultRows}
	if e.Limit != nil {
		out.Limit = *e.Limit
	}
	ds, err := b.Store.Dataset(e.Dataset)
	if err != nil {
		return out, err
	}
	if out.From, out.To, err = b.spanOf(ctx, e.Dataset); err != nil {
		return out, err
	}
	q := e.question(ds)
	if e.From != nil {
		out.From = q.From
	}
	if e.To != nil {
		out.To = q.To
	}
	selection, err := explore.Select(q)
	if err != nil {
		return out, err
	}
	var facets []explore.Facet
	for _, path := range e.Facets {
		f, err := explore.NewFacet(ds, path)
		if err != nil {
			return out, err
		}
		facets = append(facets, f)
		out.Facets = append(out.Facets, FacetCounts{Path: path, Type: f.Type.String(), Values: []ValueCount{}})
	}
	if !out.From.Before(out.To) { // the other end is data's
		out.To = out.From.Add(time.Microsecond)
	}
	buckets := explore.Cut(out.From, out.To, cmp.Or(e.Buckets, defaultBuckets))
	if err := b.count(ctx, selection, buckets, facets, e.Top, &out); err != nil {
		return out, err
	}
	if err := b.totals(ctx, q, &out); err != nil {
		return out, err
	}
	rows := selection.Rows(out.Limit, newest(&out, out.Limit))
	out.SQL, out.Params = rows.SQL, rows.Params
	if w, ok, err := b.Store.Watermark(ctx, e.Dataset); err != nil {
		return out, err
	} else if ok {
		out.Watermark = &w
	}
	return out, nil
}

// question is which records of the dataset are looked at.
func (e Exploration) question(ds engine.Dataset) explore.Question {
	q := explore.Question{Dataset: ds, Search: e.Search, Deep: e.Deep}
	if e.From != nil {
		q.From = e.From.UTC()
	}
	if e.To != nil {
		q.To = e.To.UTC()
	}
	for _, f := range e.Filters {
		q.Filters = append(q.Filters, explore.Filter(f))
	}
	return q
}

// spanOf is the time that a dataset covers; of an empty one it is a day up
// to now.
func (b *Workbench) spanOf(ctx context.Context, dataset string) (from, to time.Time, err error) {
	type span struct{ from, to time.Time }
	s, err := cached(b, "span\x00"+dataset, func() (span, error) {
		from, to, ok, err := b.Store.Span(ctx, dataset, b.Current().Config.Dataset(dataset).Watermark.MaxFuture)
		if !ok {
			to = b.clock.Now()
			from = to.Add(-24 * time.Hour)
		}
		return span{from, to}, err
	})
	return s.from, s.to, err
}

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

// queryFailed tells a caller who left from a failure of ours.
func queryFailed(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return engine.Errorf(engine.Canceled, "query", "%w", context.Cause(ctx))
	}
	return err
}

func namedArgs(params map[string]any) []any {
	var out []any
	for name, v := range params {
		out = append(out, sql.Named(name, v))
	}
	return out
}

// ShownValue is a value of a record and its column.
type ShownValue struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// Record reads one record.
func (b *Workbench) Record(ctx context.Context, dataset string, seq int64) ([]ShownValue, error) {
	if _, err := b.Store.Dataset(dataset); err != nil {
		return nil, err
	}
	t, err := notebookHost{b}.Query(ctx, "SELECT * FROM "+engine.QuoteIdent(dataset)+" WHERE _seq = $seq", []sql.NamedArg{sql.Named("seq", seq)}, 1)
	if err != nil {
		return nil, err
	}
	if len(t.Rows) == 0 {
		return nil, engine.Errorf(engine.NotFound, "read a record", "%s has no record %d", dataset, seq).WithHint("it may have been replaced by a newer pull: search for it again")
	}
	out := make([]ShownValue, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = ShownValue{Name: c.Name, Type: c.Type, Value: t.Rows[0][i]}
	}
	return out, nil
}

// Surroundings says which neighbours of a record are wanted.
type Surroundings struct {
	Dataset string   `json:"dataset"`
	Seq     int64    `json:"seq"`
	Before  int      `json:"before" minimum:"0" maximum:"100000"`
	After   int      `json:"after" minimum:"0" maximum:"100000"`
	Same    []string `json:"same,omitempty" doc:"Paths that have the same value there as in the record."`
}

// Context composes the query for the records around one.
func (b *Workbench) Context(ctx context.Context, s Surroundings) (ComposedQuery, error) {
	var out ComposedQuery
	ds, err := b.Store.Dataset(s.Dataset)
	if err != nil {
		return out, err
	}
	paths := []engine.Path{{"event_time"}, {"_seq"}}
	for _, text := range s.Same {
		f, err := explore.NewFacet(ds, text)
		if err != nil {
			return out, err
		}
		paths = append(paths, f.Path)
	}
	relation, err := b.Store.Relation(s.Dataset, paths)
	if err != nil {
		return out, err
	}
	list := "event_time"
	for _, p := range paths[2:] {
		list += ", " + engine.QuoteIdent(p.String()) + "::VARCHAR"
	}
	var at sql.NullTime
	values := make([]sql.NullString, len(s.Same))
	into := []any{&at}
	for i := range values {
		into = append(into, &values[i])
	}
	err = b.Store.DB().QueryRowContext(ctx, "SELECT "+list+" FROM "+relation+" WHERE _seq = ?", s.Seq).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return out, engine.Errorf(engine.NotFound, "look around a record", "%s has no record %d", s.Dataset, s.Seq).WithHint("search for it again")
	}
	if err != nil {
		return out, queryFailed(ctx, err)
	}
	place := explore.Place{Seq: s.Seq}
	if at.Valid {
		place.At = at.Time
	}
	for i, v := range values {
		f := explore.Filter{Path: s.Same[i], Op: "="}
		if v.Valid {
			f.Value = v.String
		}
		place.Same = append(place.Same, f)
	}
	q, err := explore.Around(ds, place, s.Before, s.After)
	return ComposedQuery{q.SQL, q.Params}, err
}
