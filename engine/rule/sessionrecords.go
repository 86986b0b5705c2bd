package rule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// maxCame is how many records are put in order at once.
const maxCame = 1 << 17

// cameRecords are records on their way into sessions. The shards of a stream
// come one after the other, so that each would begin sessions that the next one
// joins: they are put in order first, group by group.
type cameRecords struct {
	// chunks are used again; so many of them hold records.
	chunks []*plan.Records
	used   int
	count  int
	groups []*keptGroup // that have records
	name   []byte
}

// cameRecord is where a record is.
type cameRecord struct {
	at         int64 // microseconds since 1970
	chunk, row int32
}

// addRecords is add record by record, which takes half of the time in which
// DuckDB would sort them and make sessions of them. ok is false, and nothing was
// added, where they do not come by the column.
func (c *computation) addRecords(ctx context.Context, q engine.Columnar, kept *keptSessions) (ok, added bool, err error) {
	relation, err := c.relation(c.shared.Plan, fmt.Sprintf("x._seq > %d", kept.seq))
	if err != nil {
		return false, false, err
	}
	query, err := c.shared.RecordQuery(relation)
	if err != nil {
		return false, false, err
	}
	c.ran.Panes++
	added = true
	ok, err = q.QueryColumns(ctx, query, func(columns []engine.Column, n int) error {
		if added = added && kept.take(c, columns, n); added && kept.came.count >= maxCame {
			kept.settle(c)
		}
		return nil
	})
	if added = added && err == nil; added {
		kept.settle(c)
	}
	return ok, added, err
}

// take notes down which record is of which group. It is false if one may belong
// to a session that is not kept.
func (k *keptSessions) take(c *computation, columns []engine.Column, n int) bool {
	came := &k.came
	if came.used == len(came.chunks) {
		came.chunks = append(came.chunks, c.shared.NewRecords())
	}
	chunk := int32(came.used) //nolint:gosec // they hold thousands of records
	records, row := came.chunks[chunk], 0
	records.Take(columns)
	came.used, came.count = came.used+1, came.count+n
	after, keys := k.after.UnixMicro(), func() []plan.Value { return records.Keys(row) }
	for row = range n {
		at := records.At(row)
		if at < after {
			return false
		}
		came.name = records.AppendKey(came.name[:0], row)
		g := k.group(came.name, keys)
		if len(g.came) == 0 {
			came.groups = append(came.groups, g)
		}
		g.came = append(g.came, cameRecord{at, chunk, int32(row)}) //nolint:gosec // a chunk has thousands of rows
	}
	return true
}

// settle puts what came in order and adds it to the sessions.
func (k *keptSessions) settle(c *computation) {
	came, gap := &k.came, c.shared.Plan.Window.Gap.Microseconds()
	for _, g := range came.groups {
		slices.SortFunc(g.came, func(a, b cameRecord) int { return cmp.Compare(a.at, b.at) })
		for first := 0; first < len(g.came); {
			next := first + 1
			for next < len(g.came) && g.came[next].at-g.came[next-1].at < gap {
				next++
			}
			into, fresh := k.reach(c, g, plan.Span{Start: time.UnixMicro(g.came[first].at).UTC(), End: time.UnixMicro(g.came[next-1].at + gap).UTC()})
			if r := g.came[first]; fresh {
				came.chunks[r.chunk].Begin(&into.Partial, int(r.row))
				first++
			}
			for ; first < next; first++ {
				r := g.came[first]
				came.chunks[r.chunk].Add(&into.Partial, int(r.row))
			}
		}
		g.came = g.came[:0]
	}
	clear(came.groups)
	came.groups, came.used, came.count = came.groups[:0], 0, 0
}
