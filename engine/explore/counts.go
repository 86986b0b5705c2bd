package explore

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Facet is a path whose values are counted.
type Facet struct {
	Path engine.Path
	Type engine.Type
}

// NewFacet finds a path that has single values.
func NewFacet(ds engine.Dataset, text string) (Facet, error) {
	p, t, err := Resolve(ds, text)
	if err != nil {
		return Facet{}, err
	}
	switch t.Kind {
	case engine.List, engine.Struct, engine.Map:
		return Facet{}, engine.Errorf(engine.Invalid, "count the values of "+text, "it is a %s", t.Kind).
			WithHint("choose a path with single values")
	}
	return Facet{p, t}, nil
}

// Buckets are how a histogram cuts time: N of one size, from Start on. The
// size is in microseconds: a time.Duration ends after 292 years, and event
// times lie up to 9,998 apart.
type Buckets struct {
	Start  time.Time
	Micros int64
	N      int
}

// Size is the length of a bucket, or the longest duration there is.
func (b Buckets) Size() time.Duration {
	return time.Duration(min(b.Micros, math.MaxInt64/1000)) * time.Microsecond
}

// sizes are the lengths of buckets that people can read off an axis.
var sizes = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 2 * 24 * time.Hour, 7 * 24 * time.Hour, 14 * 24 * time.Hour, 28 * 24 * time.Hour,
}

// firstMicro is the first moment that RFC 3339 can say: 0001-01-01.
const firstMicro = -62135596800000000

// Cut divides [from, to) into at most about n buckets of a round size, aligned
// to the clock, except that none begins before the year 1.
func Cut(from, to time.Time, n int) Buckets {
	first, last := from.UnixMicro(), to.UnixMicro()
	us := roundSize(distance(first, last), uint64(max(n, 1)))
	start := first - (first%us+us)%us
	if start < firstMicro && first >= firstMicro || start > first {
		start = first
	}
	count := (distance(start, last) + uint64(us) - 1) / uint64(us)
	return Buckets{Start: time.UnixMicro(start).UTC(), Micros: us, N: int(max(count, 1))}
}

// distance is how far two moments are apart; it may be more than an int64.
func distance(from, to int64) uint64 {
	if to < from {
		return 0
	}
	return uint64(to) - uint64(from)
}

// roundSize is the smallest round size, in microseconds, of which n cover a
// span.
func roundSize(span, n uint64) int64 {
	for _, s := range sizes {
		if span <= uint64(s.Microseconds())*n {
			return s.Microseconds()
		}
	}
	us := sizes[len(sizes)-1].Microseconds()
	for span/uint64(us) > n && us < 1<<61 {
		us *= 2
	}
	return us
}

// At is where bucket i begins.
func (b Buckets) At(i int) time.Time {
	return time.UnixMicro(b.Start.UnixMicro() + int64(i)*b.Micros).UTC()
}

// Counts is the query that counts what matches, in one pass: per bucket and
// level, per value of each facet, and in all. Its columns are: what a row
// counts (see CountRow), the bucket, the level, the value as text, how many,
// and how many of them late. bounds are Relation's paths.
func (s *Selection) Counts(relation string, b Buckets, facets []Facet, top int) Query {
	list := []string{
		// What lies outside of all buckets is counted in -1 and N.
		fmt.Sprintf("if(%[1]s IS NULL, NULL, greatest(-1, least(%[2]d, (epoch_us(%[1]s) - %[3]d) // %[4]d))) AS bucket", flat(eventTime), b.N, b.Start.UnixMicro(), b.Micros),
		flat(level) + " AS level", flat(late) + " AS late",
	}
	names := []string{"bucket", "level"}
	sets := []string{"(bucket, level)", "()"}
	for i, f := range facets {
		name := fmt.Sprintf("f%d", i)
		list = append(list, flat(f.Path)+" AS "+name)
		names, sets = append(names, name), append(sets, "("+name+")")
	}
	var q strings.Builder
	fmt.Fprintf(&q, "WITH matched AS (\nSELECT %s\nFROM %s%s\n), counted AS MATERIALIZED (\n", strings.Join(list, ", "), relation, s.where(flat))
	fmt.Fprintf(&q, "SELECT grouping_id(%[1]s) AS g, %[1]s, count(*) AS n, count(*) FILTER (WHERE late) AS late\nFROM matched\nGROUP BY GROUPING SETS (%[2]s)\n)",
		strings.Join(names, ", "), strings.Join(sets, ", "))
	all := 1<<len(names) - 1
	fmt.Fprintf(&q, "\nSELECT %d AS what, NULL AS bucket, NULL AS level, NULL AS value, n, late FROM counted WHERE g = %d", CountAll, all)
	fmt.Fprintf(&q, "\nUNION ALL SELECT %d, bucket, level, NULL, n, 0 FROM counted WHERE g = %d", CountBucket, all&^(3<<(len(names)-2)))
	for i := range facets {
		g := all &^ (1 << (len(facets) - 1 - i))
		fmt.Fprintf(&q, "\nUNION ALL (SELECT %d, NULL, NULL, f%d::VARCHAR, n, 0 FROM counted WHERE g = %d ORDER BY n DESC, f%d NULLS LAST LIMIT %d)", CountFacet+i, i, g, i, top)
		fmt.Fprintf(&q, "\nUNION ALL SELECT %d, NULL, NULL, NULL, count(f%d), count(*) FROM counted WHERE g = %d", CountDistinct+i, i, g)
	}
	return Query{SQL: q.String(), Params: s.params}
}

// What a row of Counts counts.
const (
	// CountAll is all that matches.
	CountAll = 0
	// CountBucket is a level in a bucket.
	CountBucket = 1
	// CountFacet + i is a value of facet i, the most frequent first.
	CountFacet = 1000
	// CountDistinct + i is the number of values of facet i, and the same with
	// null as a value.
	CountDistinct = 2000
)

// Paths lists what a relation for Counts must have.
func (s *Selection) Paths(facets []Facet) []engine.Path {
	all := []engine.Path{eventTime, level, late}
	for _, t := range s.terms {
		all = append(all, t.paths...)
	}
	for _, f := range facets {
		all = append(all, f.Path)
	}
	var out []engine.Path
	for _, p := range all {
		if !slices.ContainsFunc(out, func(q engine.Path) bool { return slices.Equal(p, q) }) {
			out = append(out, p)
		}
	}
	return out
}

// Levels are the severities, the worst first; what is none of them is other.
var Levels = []string{"FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "other"}

var levelNames = map[string]string{
	"FATAL": "FATAL", "CRITICAL": "FATAL", "CRIT": "FATAL", "EMERGENCY": "FATAL", "EMERG": "FATAL", "ALERT": "FATAL", "PANIC": "FATAL",
	"ERROR": "ERROR", "ERR": "ERROR", "SEVERE": "ERROR", "WARN": "WARN", "WARNING": "WARN",
	"INFO": "INFO", "INFORMATION": "INFO", "NOTICE": "INFO", "DEBUG": "DEBUG", "TRACE": "TRACE", "VERBOSE": "TRACE",
}

// Level finds the severity that a record's level means.
func Level(s string) string {
	if l, ok := levelNames[strings.ToUpper(strings.TrimSpace(s))]; ok {
		return l
	}
	return "other"
}

// Dataset is what the selection is of.
func (s *Selection) Dataset() engine.Dataset { return s.dataset }

// Total is the query that counts what matches, over a relation with the
// selection's paths.
func (s *Selection) Total(relation string) Query {
	return Query{SQL: "SELECT count(*) FROM " + relation + s.where(flat), Params: s.params}
}
