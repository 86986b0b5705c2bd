package workbench

import (
	"context"
	"math"
	"os"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/parquet"
	"tidemark.dev/tidemark/engine/store"
)

// order is what one query needs of one dataset, to the byte.
type order struct {
	need  engine.Need
	at    *attachment
	use   Use
	began time.Time
	// lots are the objects, and what of them is not ordered yet; cuts is what
	// is, of which so many are delivered.
	lots      []*lot
	cuts      []*orderedCut
	delivered int
}

// lot is an object of which a query needs some row groups.
type lot struct {
	source         *attachedSource
	object         store.AttachedObject
	footer         *parquet.Footer
	shape          *shape
	aside          []string
	leaves, groups []int
	begun, broken  bool // something of it is ordered; cannot be read
}

// orderedCut is a part of an object that becomes a file.
type orderedCut struct {
	*lot
	cut    parquet.Cut
	path   string
	file   store.LentFile
	broken error
}

func (o *order) remove() {
	for _, c := range o.cuts {
		if c.path != "" {
			os.Remove(c.path)
		}
	}
}

func (o *order) report(ctx context.Context) {
	o.use.Seconds = time.Since(o.began).Seconds()
	if fn, ok := ctx.Value(useKey{}).(func(Use)); ok {
		fn(o.use)
	}
}

func (o *order) table() store.LentTable {
	t := store.LentTable{Need: o.need}
	for _, c := range o.cuts[:o.delivered] {
		if c.broken == nil {
			t.Files = append(t.Files, c.file)
		}
	}
	return t
}

// order finds out which bytes of which objects a query needs. In steps, it
// orders the first of what the query may need.
func (b *Workbench) order(ctx context.Context, need engine.Need, steps, again bool) (*order, error) {
	a, err := b.attachment(ctx, need.Dataset)
	if err != nil {
		return nil, err
	}
	o := &order{need: need, at: a, began: time.Now(), use: Use{Dataset: need.Dataset}}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := b.refresh(ctx, a, again); err != nil {
		return nil, err
	}
	o.use.BytesFetched, o.use.BytesEstimated = a.unpaid, a.unpaid
	a.unpaid = 0
	for _, s := range a.sources {
		for _, object := range s.objects {
			o.use.Objects++
			o.use.Bytes += object.Size
			if object.Broken {
				o.use.Broken++
				continue
			}
			if !mayHoldTime(object, need.Scans) {
				continue
			}
			if err := b.addLot(ctx, o, s, object); err != nil {
				return nil, err
			}
		}
	}
	if !steps {
		return o, b.takeGroups(o, math.MaxInt)
	}
	if err := b.most(o); err != nil {
		return nil, err
	}
	return o, b.takeRows(o, need.Scans[0].Limit)
}

// mayHoldTime decides by what the ledger has of an object's event times.
func mayHoldTime(o store.AttachedObject, scans []engine.Scan) bool {
	if o.MinTime.IsZero() || o.MaxTime.IsZero() {
		return len(scans) > 0
	}
	return slices.ContainsFunc(scans, func(s engine.Scan) bool {
		for _, c := range s.Conditions {
			if len(c.Path) != 1 || c.Path[0] != "event_time" || len(c.Values) != 1 {
				continue
			}
			t, ok := c.Values[0].(time.Time)
			if !ok {
				continue
			}
			if outside(o, c.Op, t) {
				return false
			}
		}
		return true
	})
}

// outside reports that no event time of an object passes a comparison.
func outside(o store.AttachedObject, op string, t time.Time) bool {
	switch op {
	case ">":
		return !o.MaxTime.After(t)
	case ">=":
		return o.MaxTime.Before(t)
	case "<":
		return !o.MinTime.Before(t)
	case "<=":
		return o.MinTime.After(t)
	case "=":
		return o.MaxTime.Before(t) || o.MinTime.After(t)
	}
	return false
}

// addLot adds an object to an order, if it may hold what the query asks for.
func (b *Workbench) addLot(ctx context.Context, o *order, s *attachedSource, object store.AttachedObject) error {
	f, fetched, err := b.footer(ctx, o.at, s.archive, object.Object)
	o.use.BytesFetched += fetched
	o.use.BytesEstimated += fetched
	if err != nil {
		return err
	}
	sh, err := b.shapeOf(ctx, o.at, f)
	if err != nil {
		return err
	}
	v, _ := b.Store.Schema(o.need.Dataset)
	aside := sh.aside(v.Body)
	groups := f.Prune(sh.scans(o.need.Scans, aside))
	o.use.RowGroups += int64(len(f.Groups))
	if len(groups) == 0 {
		return nil
	}
	leaves := f.Select(sh.wanted(o.need.Paths, aside))
	if len(leaves) == 0 {
		leaves = f.Smallest(groups)
	}
	o.lots = append(o.lots, &lot{source: s, object: object, footer: f, shape: sh, aside: aside, leaves: leaves, groups: groups})
	return nil
}

// ranges are the requests that a cut needs, those for what is in the cache
// apart.
func (b *Workbench) ranges(c *orderedCut) []parquet.Range {
	var away []parquet.Piece
	var out []parquet.Range
	for _, p := range c.cut.Pieces {
		if c.source.place != "" && b.cache.Holds(c.source.place, rangeObject(c.object.Object, p.Offset, p.Length)) {
			out = append(out, parquet.Range{Offset: p.Offset, Length: p.Length, Pieces: []parquet.Piece{p}})
			continue
		}
		away = append(away, p)
	}
	return append(out, parquet.Ranges(away)...)
}

func (b *Workbench) cached(c *orderedCut, r parquet.Range) bool {
	return len(r.Pieces) == 1 && b.cache.Holds(c.source.place, rangeObject(c.object.Object, r.Offset, r.Length))
}
