package workbench

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
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
