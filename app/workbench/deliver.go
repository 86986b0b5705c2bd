package workbench

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/source/parquet"
	"tidemark.dev/tidemark/engine/store"
)

// deliver fetches what is ordered, several ranges at a time, and decodes it
// where it can do no harm.
func (b *Workbench) deliver(ctx context.Context, o *order) error {
	cuts := o.cuts[o.delivered:]
	o.delivered = len(o.cuts)
	fetched, err := b.fetchCuts(ctx, cuts)
	for _, n := range fetched {
		o.use.BytesFetched += n
	}
	if err != nil {
		return err
	}
	o.use.CostUSD = float64(o.use.Requests)*usdPerGet + float64(o.use.BytesFetched)/1e9*usdPerGB
	for _, c := range cuts {
		if err := b.decodeCut(ctx, c); err != nil {
			return err
		}
		if c.broken != nil && !c.lot.broken {
			c.lot.broken = true
			o.use.Broken++
			if err := b.setAside(ctx, o.need.Dataset, c.object.Object, c.broken, c.object.Fetched); err != nil {
				return err
			}
			o.at.markBroken(c.object)
		}
	}
	// The query need not wait for what is only counted, and changes its order
	// meanwhile.
	dataset, by := o.need.Dataset, fetchedBy(cuts, fetched)
	b.counting.Go(func() { _ = b.countFetched(context.WithoutCancel(ctx), dataset, by) })
	return nil
}

// fetchedBy sums up the bytes that were fetched, by source and object.
func fetchedBy(cuts []*orderedCut, fetched []int64) map[string]map[string]int64 {
	by := map[string]map[string]int64{}
	for i, c := range cuts {
		name := c.source.config.Name
		if fetched[i] > 0 && by[name] == nil {
			by[name] = map[string]int64{}
		}
		if fetched[i] > 0 {
			by[name][c.object.Key] += fetched[i]
		}
	}
	return by
}

// countFetched writes into the ledger what was fetched of which object.
func (b *Workbench) countFetched(ctx context.Context, dataset string, by map[string]map[string]int64) error {
	for source, bytes := range by {
		if err := b.Store.CountFetched(ctx, dataset, source, bytes); err != nil {
			return err
		}
	}
	return nil
}

func (a *attachment) markBroken(o store.AttachedObject) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.sources {
		for i := range s.objects {
			if s.objects[i].Key == o.Key && s.objects[i].Source == o.Source {
				s.objects[i].Broken = true
			}
		}
	}
}

// fetchCuts makes the files of cuts.
func (b *Workbench) fetchCuts(ctx context.Context, cuts []*orderedCut) (fetched []int64, err error) {
	fetched = make([]int64, len(cuts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(pullWorkers)
	type part struct {
		cut *orderedCut
		i   int
		r   parquet.Range
		n   int64
	}
	var parts []*part
	for i, c := range cuts {
		for _, r := range b.ranges(c) {
			parts = append(parts, &part{cut: c, i: i, r: r})
		}
		if c.path, err = b.writeCut(&c.cut); err != nil {
			return fetched, err
		}
	}
	for _, p := range parts {
		g.Go(func() (err error) {
			into, err := os.OpenFile(p.cut.path, os.O_WRONLY, 0o600)
			if err != nil {
				return diskFull(err)
			}
			p.n, err = b.fill(ctx, p.cut.source.archive, p.cut.object.Object, p.r, into)
			if closed := into.Close(); err == nil && closed != nil {
				err = diskFull(closed)
			}
			return err
		})
	}
	err = g.Wait()
	for _, p := range parts {
		fetched[p.i] += p.n
	}
	return fetched, err
}

// decodeCut decodes every value of a cut in an instance that may fail. A cut
// that cannot be read is broken, which is no error.
func (b *Workbench) decodeCut(ctx context.Context, c *orderedCut) error {
	t, err := b.Store.OpenForeign(ctx, c.path, "parquet", b.Current().TempDir())
	if err == nil {
		defer t.Close()
		var rows int64
		rows, _, err = t.Verify(ctx, "")
		if err == nil && rows != c.cut.Rows {
			err = engine.Errorf(engine.Invalid, "", "its footer says %d rows of which %d are there", c.cut.Rows, rows)
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case engine.KindOf(err) == engine.Invalid:
		c.broken = fmt.Errorf("decode %s: %w", c.object.URL, err)
		return nil
	case err != nil:
		return err
	}
	c.file = store.LentFile{
		Path: c.path, Columns: t.Columns(), First: c.cut.First, FirstSeq: c.object.FirstSeq,
		Origin:   engine.Origin{Source: c.source.config.Name, URL: c.object.URL, Arrival: c.object.Modified, Partitions: format.Partitions(c.object.URL)},
		Envelope: c.shape.envelope, Labels: c.shape.labels, Taken: c.shape.taken, Aside: c.aside,
	}
	return nil
}
