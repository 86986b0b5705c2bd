package workbench

import (
	"context"
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
	cuts  []*orderedCut
}

// orderedCut is a part of an object that becomes a file.
type orderedCut struct {
	source *attachedSource
	object store.AttachedObject
	shape  *shape
	aside  []string
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
	for _, c := range o.cuts {
		if c.broken == nil {
			t.Files = append(t.Files, c.file)
		}
	}
	return t
}

// order finds out which bytes of which objects a query needs.
func (b *Workbench) order(ctx context.Context, need engine.Need, again bool) (*order, error) {
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
			if err := b.orderObject(ctx, o, s, object); err != nil {
				return nil, err
			}
		}
	}
	return o, nil
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

func (b *Workbench) orderObject(ctx context.Context, o *order, s *attachedSource, object store.AttachedObject) error {
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
	o.use.ObjectsRead++
	o.use.RowGroupsRead += int64(len(groups))
	leaves := f.Select(sh.wanted(o.need.Paths, aside))
	if len(leaves) == 0 {
		leaves = f.Smallest(groups)
	}
	cuts, err := f.Cuts(leaves, groups)
	if err != nil {
		return err
	}
	for _, c := range cuts {
		one := &orderedCut{source: s, object: object, shape: sh, aside: aside, cut: c}
		o.cuts = append(o.cuts, one)
		for _, p := range c.Pieces {
			o.use.BytesNeeded += p.Length
		}
		for _, r := range b.ranges(one) {
			if s.place != "" && !b.cached(one, r) {
				o.use.BytesEstimated += r.Length
				o.use.Requests++
			}
		}
	}
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
