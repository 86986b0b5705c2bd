package rule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// Comparison is what another version of a rule would have done differently.
type Comparison struct {
	A Outcome `json:"a"`
	B Outcome `json:"b"`
	// Gone are episodes of a that no episode of b of the same group overlaps,
	// Came those of b that none of a does.
	Gone []Episode `json:"gone"`
	Came []Episode `json:"came"`
	// Kept is how many of b overlap one of a; Both are they, each with the first
	// of a that it overlaps.
	Kept int    `json:"kept"`
	Both []Pair `json:"both"`
	// Differ are the windows that the two judge differently, in the order of
	// time, if they were asked for; Windows counts those that either has.
	Windows int64       `json:"windows,omitempty"`
	Differ  []Differing `json:"differ,omitempty"`
}

// Pair is an episode of one group as two versions of a rule have it.
type Pair struct {
	A Episode `json:"a"`
	B Episode `json:"b"`
}

// Differing is a window that breaches for one version of a rule and not, or is
// missing, for the other. One of A and B is nil where a version has no such
// window.
type Differing struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Key   Group     `json:"key"`
	A     *Judged   `json:"a"`
	B     *Judged   `json:"b"`
}

// Judged is what a version of a rule measures in a window, and takes it for.
type Judged struct {
	Values map[string]plan.Value `json:"values"`
	// Breaching is null for a missing datapoint.
	Breaching plan.Value `json:"breaching"`
}

// Compare holds two reports against each other.
func Compare(a, b *Report, known []Known, zone *time.Location) Comparison {
	out := Comparison{A: a.Outcome(known, zone), B: b.Outcome(known, zone), Gone: []Episode{}, Came: []Episode{}, Both: []Pair{}}
	for _, e := range a.Episodes {
		if b.like(a, e) < 0 {
			out.Gone = append(out.Gone, e)
		}
	}
	for _, e := range b.Episodes {
		if i := a.like(b, e); i >= 0 {
			out.Kept++
			out.Both = append(out.Both, Pair{a.Episodes[i], e})
		} else {
			out.Came = append(out.Came, e)
		}
	}
	out.windows(a, b)
	return out
}

// windows finds those that the reports judge differently. A version without a
// window takes it for a missing one.
func (c *Comparison) windows(a, b *Report) {
	of := map[string]*Differing{}
	take := func(list []Datapoint, side func(*Differing) **Judged) {
		for _, d := range list {
			id := fmt.Sprint(d.Start.UnixMicro(), " ", d.End.UnixMicro(), " ", jsonText(d.Key))
			if of[id] == nil {
				of[id] = &Differing{Start: d.Start, End: d.End, Key: d.Key}
			}
			*side(of[id]) = &Judged{d.Values, d.Breaching}
		}
	}
	take(a.Datapoints, func(d *Differing) **Judged { return &d.A })
	take(b.Datapoints, func(d *Differing) **Judged { return &d.B })
	for _, d := range of {
		if !d.A.verdict().Equal(d.B.verdict()) {
			c.Differ = append(c.Differ, *d)
		}
	}
	c.Windows = int64(len(of))
	slices.SortFunc(c.Differ, func(x, y Differing) int {
		return cmp.Or(x.End.Compare(y.End), x.Start.Compare(y.Start), strings.Compare(jsonText(x.Key), jsonText(y.Key)))
	})
}

func (j *Judged) verdict() plan.Value {
	if j == nil {
		return plan.Null
	}
	return j.Breaching
}

// like is the first episode here that overlaps one of another report, of the
// same group; -1 if there is none.
func (r *Report) like(other *Report, e Episode) int {
	if r.To == nil {
		return -1
	}
	end := other.ends(e)
	return slices.IndexFunc(r.Episodes, func(x Episode) bool {
		return sameKey(x.Key, e.Key) && !x.Start.After(end) && !e.Start.After(r.ends(x))
	})
}

func sameKey(a, b Group) bool {
	for name, v := range a {
		if w, ok := b[name]; !ok || !v.Equal(w) {
			return false
		}
	}
	return len(a) == len(b)
}
