package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Summary is a dataset in a few figures.
type Summary struct {
	Rows          int64
	Late          int64
	Quarantined   int64
	TopReason     string // the most frequent one in quarantine
	Watermark     *time.Time
	LastEventTime *time.Time
	// FirstEventTime is the oldest.
	FirstEventTime *time.Time

	untimed, ahead int64
}

// Summary counts a dataset.
func (s *Store) Summary(ctx context.Context, name string) (Summary, error) {
	return s.summary(ctx, name, anyFuture)
}

func (s *Store) summary(ctx context.Context, name string, maxFuture time.Duration) (Summary, error) {
	var out Summary
	first, last, err := s.counted(ctx, name, maxFuture, &out)
	if err != nil {
		return out, err
	}
	out.FirstEventTime, out.LastEventTime = instant(first), instant(last)
	err = s.DB().QueryRowContext(ctx, `SELECT coalesce(sum(n), 0)::BIGINT, coalesce(arg_max(reason, n), '')
		FROM (SELECT reason, count(*) AS n FROM tidemark.quarantine WHERE dataset = ? GROUP BY reason)`, name).Scan(&out.Quarantined, &out.TopReason)
	if err != nil {
		return out, err
	}
	if w, ok, err := s.Watermark(ctx, name); err != nil {
		return out, err
	} else if ok {
		out.Watermark = &w
	}
	return out, nil
}

// counted counts rows and finds the span of their times: of an attached
// dataset those that the ledger has.
func (s *Store) counted(ctx context.Context, name string, maxFuture time.Duration, out *Summary) (first, last sql.NullTime, err error) {
	if s.Attached(name) {
		out.Rows, first, last, err = s.attachedSummary(ctx, name)
		return first, last, err
	}
	t, err := s.tallyOf(ctx, name, maxFuture)
	out.Rows, out.Late, out.untimed, out.ahead = t.rows, t.late, t.untimed, t.ahead
	return t.first, t.last, err
}

// Quarantined counts the entries in quarantine.
func (s *Store) Quarantined(ctx context.Context) (n int64, err error) {
	err = s.DB().QueryRowContext(ctx, `SELECT count(*) FROM tidemark.quarantine`).Scan(&n)
	return n, err
}

// SourceSummary is what the ledger says of a source.
type SourceSummary struct {
	Objects  int64
	Bytes    int64
	PulledAt *time.Time
}

// SourceSummary counts the objects pulled from a source.
func (s *Store) SourceSummary(ctx context.Context, dataset, source string) (SourceSummary, error) {
	var out SourceSummary
	var last sql.NullTime
	err := s.DB().QueryRowContext(ctx, `SELECT count(*), coalesce(sum(size), 0)::BIGINT, max(pulled_at) FROM tidemark.objects WHERE dataset = ? AND source = ? AND state <> 'replaced'`,
		dataset, source).Scan(&out.Objects, &out.Bytes, &last)
	out.PulledAt = instant(last)
	return out, err
}

func instant(t sql.NullTime) *time.Time {
	if !t.Valid {
		return nil
	}
	u := t.Time.UTC()
	return &u
}

// FirstOf is the earliest event time of a dataset's records that came from some
// sources; nil if there is none.
func (s *Store) FirstOf(ctx context.Context, name string, sources []any) (*time.Time, error) {
	relation, err := s.Relation(name, []engine.Path{{"event_time"}, {"_source"}})
	if err != nil {
		return nil, err
	}
	var first sql.NullTime
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(sources)), ", ")
	err = s.DB().QueryRowContext(ctx, "SELECT min(event_time) FROM "+relation+" WHERE _source IN ("+marks+")", sources...).Scan(&first)
	return instant(first), err
}
