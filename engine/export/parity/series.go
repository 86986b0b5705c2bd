package parity

import (
	"context"
	"sort"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// Scrape is how often counters are read.
const Scrape = 15 * time.Second

// sample is one value of a series.
type sample struct {
	t int64 // milliseconds
	f float64
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// counter is a series that is scraped from its first step until an end. Its
// steps hold the value from a time on.
type counter struct {
	steps []sample
	end   int64
}

func (c *counter) Len() int {
	return max(0, int((c.end-c.steps[0].t)/Scrape.Milliseconds())+1)
}

func (c *counter) Get(i int) chunks.Sample {
	t := c.steps[0].t + int64(i)*Scrape.Milliseconds()
	at := sort.Search(len(c.steps), func(j int) bool { return c.steps[j].t > t }) - 1
	return sample{t, c.steps[at].f}
}

// recorded is a series that rules wrote.
type recorded []sample

func (r recorded) Len() int                { return len(r) }
func (r recorded) Get(i int) chunks.Sample { return r[i] }

// series is a named list of samples.
type series struct {
	labels  labels.Labels
	counter *counter
	written recorded
}

func (s *series) samples() storage.Samples {
	if s.counter != nil {
		return s.counter
	}
	return s.written
}

// Storage holds counters and what rules wrote. One goroutine uses it.
type Storage struct {
	byKey  map[string]*series
	byName map[string][]*series
}

// NewStorage is an empty one.
func NewStorage() *Storage {
	return &Storage{map[string]*series{}, map[string][]*series{}}
}

func (s *Storage) find(l labels.Labels) *series {
	key := string(l.Bytes(nil))
	found := s.byKey[key]
	if found == nil {
		found = &series{labels: l}
		s.byKey[key] = found
		name := l.Get(metricName)
		s.byName[name] = append(s.byName[name], found)
	}
	return found
}

// Count adds to a counter what was counted before the scrape at a time. The
// steps of one counter come in the order of time.
func (s *Storage) Count(metric string, values map[string]string, at time.Time, n float64, end time.Time) {
	b := labels.NewBuilder(labels.FromMap(values))
	found := s.find(b.Set(metricName, metric).Labels())
	if found.counter == nil {
		found.counter = &counter{end: end.UnixMilli()}
	}
	c := found.counter
	if len(c.steps) > 0 {
		n += c.steps[len(c.steps)-1].f
	}
	c.steps = append(c.steps, sample{at.UnixMilli(), n})
}

// write adds a sample of a rule.
func (s *Storage) write(l labels.Labels, t time.Time, f float64) {
	found := s.find(l)
	found.written = append(found.written, sample{t.UnixMilli(), f})
}

// Querier reads the storage.
func (s *Storage) Querier(int64, int64) (storage.Querier, error) { return querier{s}, nil }

type querier struct{ *Storage }

// Select finds the series that all matchers fit.
func (q querier) Select(_ context.Context, sorted bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []*series
	for _, m := range matchers {
		if m.Name == metricName && m.Type == labels.MatchEqual {
			for _, s := range q.byName[m.Value] {
				if fits(s, matchers) {
					found = append(found, s)
				}
			}
		}
	}
	if sorted {
		sort.Slice(found, func(i, j int) bool { return labels.Compare(found[i].labels, found[j].labels) < 0 })
	}
	return &set{found, -1}
}

func fits(s *series, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(s.labels.Get(m.Name)) {
			return false
		}
	}
	return true
}

// LabelValues is not asked for by rules.
func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames is not asked for by rules.
func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (querier) Close() error { return nil }

// set goes through series.
type set struct {
	list []*series
	i    int
}

func (s *set) Next() bool                        { s.i++; return s.i < len(s.list) }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }
func (s *set) At() storage.Series {
	at := s.list[s.i]
	return &storage.SeriesEntry{Lset: at.labels, SampleIteratorFn: func(chunkenc.Iterator) chunkenc.Iterator {
		return storage.NewListSeriesIterator(at.samples())
	}}
}

// metricName is the label that holds a series' name.
const metricName = "__name__"
