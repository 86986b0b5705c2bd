package export

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Source is how the records of a dataset lie where they come from, and what
// is done to them before they are counted. Targets that read the records
// themselves go by it.
type Source struct {
	// Mapping says where records have what the envelope's columns and the
	// labels hold.
	Mapping engine.Mapping
	// Body is the type of what remains of a record.
	Body engine.Type
	// Policies protect columns, Transforms are plugins; both come before
	// anything is counted.
	Policies   []engine.Policy
	Transforms []Transform
	// Strategy is how the watermark follows event time, Lateness how far it
	// stays behind, Idle when a silent shard is left out; an event time that is
	// MaxFuture ahead of its arrival does not move it, unless that is zero.
	Strategy                  string
	Lateness, Idle, MaxFuture time.Duration
	// Dedup is where records have a value that is unique; Keyed says that only
	// the newest record of each key is kept.
	Dedup engine.Path
	Keyed bool
	// Quota says that live records over a limit are left out.
	Quota bool
}

// Transform is a plugin that changes records.
type Transform struct {
	Name string
	// Writes are the paths of the table that it may change.
	Writes []engine.Path
}

// Place is where records have a path of the table that an exported rule reads:
// the first place that a copy looks at.
func (s Source) Place(p engine.Path) engine.Path { return s.raw(&refuser{}, p)[0] }

// raw lists where records have a path of the table, the first that is there
// counts. It refuses what only Tidemark knows.
func (s Source) raw(r *refuser, p engine.Path) []engine.Path {
	switch p[0] {
	case "body":
		return []engine.Path{p[1:]}
	case "labels":
		for _, l := range s.Mapping.Labels {
			if l.String() == p[1] {
				return []engine.Path{l}
			}
		}
		return []engine.Path{p[1:]}
	case "event_time":
		if len(s.Mapping.EventTime) > 0 {
			return s.Mapping.EventTime
		}
	case "ingest_time", "arrival_time", "_seq", "_source", "_position", "_late":
		r.no(p.String(), "records do not have it; Tidemark adds it when it reads them", "use a field of the record")
	}
	var known []engine.Path
	for _, from := range s.Mapping.Envelope[p[0]] {
		if !strings.HasPrefix(from[0], "tm:") { // what a decoder says is not in the record
			known = append(known, from)
		}
	}
	if known == nil {
		known = []engine.Path{p}
	}
	return known
}

// columns lists the paths of the table that a rule reads of records.
func columns(rule Rule, read []*plan.Aggregate) []engine.Path {
	needed := &plan.Plan{Where: rule.Plan.Where, Keys: rule.Plan.Keys, Aggregates: read}
	return needed.Columns()[2:]
}

// readable refuses a rule that reads what only becomes so before Tidemark
// counts it, for targets that read records as they are written.
func (s Source) readable(r *refuser, paths []engine.Path) {
	s.plain(r)
	for _, p := range paths {
		for _, policy := range s.Policies {
			if within(p, policy.Path) {
				r.no(p.String(), fmt.Sprintf("the dataset's policy for it is %s, and %s reads records before that", policy, r.target), "read a field without a policy, or export to connect, which applies policies")
			}
		}
		for _, t := range s.Transforms {
			for _, w := range t.Writes {
				if within(p, w) {
					r.no(p.String(), fmt.Sprintf("the plugin %s writes it, and %s reads records before that", t.Name, r.target), "read a field that no plugin writes, or export to connect, which runs the plugins")
				}
			}
		}
	}
}

// plain refuses a dataset whose rows are not its records.
func (s Source) plain(r *refuser) {
	if s.Keyed {
		r.no("a dataset with key", "of each key the newest record is kept, and "+r.target+" counts them all", "watch a dataset without key over the same records")
	}
}

// within reports whether one path is the other, or below or above it.
func within(a, b engine.Path) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}

// differences says what is not done to records where the target reads them.
func (s Source) differences(paths []engine.Path) (list []Difference) {
	for _, t := range s.Transforms {
		list = append(list, Difference{"plugin", fmt.Sprintf("%s does not run there; the rule reads none of the fields that it writes, but it counts records that the plugin may leave out", t.Name)})
	}
	if s.Dedup != nil {
		list = append(list, Difference{"dedup", "records with the same " + s.Dedup.String() + " count each time they come"})
	}
	if s.Quota {
		list = append(list, Difference{"quota", "there is none; every record counts"})
	}
	for _, p := range paths {
		if from := s.Mapping.Envelope[p[0]]; len(p) == 1 && len(from) > 2 {
			names := make([]string, len(from)-1)
			for i, f := range from[1:] {
				names[i] = f.String()
			}
			list = append(list, Difference{p.String(), fmt.Sprintf("Tidemark takes the first of %s that a record has, the copy %s alone", strings.Join(names, ", "), names[0])})
		}
	}
	return list
}
