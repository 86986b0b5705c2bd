package workbench

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/parquet"
	"tidemark.dev/tidemark/engine/store"
)

// Use is what a query cost of an attached dataset.
type Use struct {
	Dataset     string `json:"dataset"`
	Objects     int64  `json:"objects" doc:"Of the dataset."`
	ObjectsRead int64  `json:"objects_read" doc:"Those that may hold what the query asks for."`
	// RowGroups are those of the objects that are read.
	RowGroups      int64 `json:"row_groups"`
	RowGroupsRead  int64 `json:"row_groups_read"`
	Bytes          int64 `json:"bytes" doc:"Of all objects of the dataset."`
	BytesNeeded    int64 `json:"bytes_needed" doc:"Of the columns and row groups that the query needs."`
	BytesEstimated int64 `json:"bytes_estimated" doc:"What was expected to be fetched: what is needed and not in the cache, and small gaps."`
	BytesFetched   int64 `json:"bytes_fetched"`
	// BytesMost is set of a query with a LIMIT that is fetched in steps.
	BytesMost int64 `json:"bytes_most,omitempty" doc:"What would be fetched at most, of a query whose LIMIT ends that as soon as it has its rows: then bytes_estimated is what the steps taken were expected to bring, and of a query that did not run yet the first one."`
	Requests  int64 `json:"requests"`
	// CostUSD is what was fetched at the prices of the dry run.
	CostUSD float64 `json:"cost_usd"`
	// Broken objects stand in quarantine, and their rows are missing.
	Broken  int64   `json:"broken"`
	Seconds float64 `json:"seconds"`
}

type useKey struct{}

// WithUse has fn told what the queries under a context cost of attached
// datasets. It is called from several goroutines.
func WithUse(ctx context.Context, fn func(Use)) context.Context {
	return context.WithValue(ctx, useKey{}, fn)
}

// enough reports whether a query has all the rows it wants of what was
// fetched so far.
type enough func(context.Context, store.LentTable) (bool, error)

// Lend fetches what a query needs.
func (l lender) Lend(ctx context.Context, needs []engine.Need, has func(context.Context, store.LentTable) (bool, error)) (*store.Loan, error) {
	loan, err := l.b.lend(ctx, needs, has, false)
	switch engine.KindOf(err) {
	case engine.Conflict, engine.NotFound: // the listing is not true any more
		return l.b.lend(ctx, needs, has, true)
	}
	return loan, err
}

func (b *Workbench) lend(ctx context.Context, needs []engine.Need, has enough, again bool) (*store.Loan, error) {
	loan := &store.Loan{}
	var made []*order
	loan.Return = func() {
		for _, o := range made {
			o.remove()
		}
	}
	for _, need := range needs {
		o, err := b.order(ctx, need, has != nil, again)
		if err != nil {
			loan.Return()
			return nil, err
		}
		made = append(made, o)
	}
	err := estimated(ctx, made)
	if err == nil {
		err = b.afford(made)
	}
	for _, o := range made {
		if err == nil {
			err = b.deliver(ctx, o)
		}
		if err == nil && has != nil {
			err = b.widen(ctx, o, has)
		}
		loan.Tables = append(loan.Tables, o.table())
	}
	if err != nil {
		loan.Return()
		return nil, err
	}
	for _, o := range made {
		o.report(ctx)
	}
	return loan, nil
}

// afford refuses what is over the budget of one query, before it is fetched.
func (b *Workbench) afford(orders []*order) error {
	limit := int64(b.Current().Config.Limits.Fetch)
	var size, estimate int64
	var names []string
	for _, o := range orders {
		names = append(names, o.need.Dataset)
		estimate += o.use.BytesEstimated
		for _, c := range o.cuts {
			size += c.cut.Size()
		}
	}
	if estimate > limit {
		return engine.Errorf(engine.Unavailable, "query "+strings.Join(names, ", "), "it would fetch %s, more than limits.fetch, %s", sizeText(estimate), sizeText(limit)).
			WithHint("ask for less time or fewer columns, or raise limits.fetch in tidemark.yaml; about $%.4f at S3's prices", float64(estimate)/1e9*usdPerGB)
	}
	if temp := int64(b.Current().Config.Limits.Temp); size > temp {
		return engine.Errorf(engine.Unavailable, "query "+strings.Join(names, ", "), "what it reads takes %s on this disk, more than limits.temp, %s", sizeText(size), sizeText(temp)).
			WithHint("ask for less time or fewer columns, or raise limits.temp in tidemark.yaml")
	}
	return nil
}

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
	// The query need not wait for what is only counted.
	b.counting.Go(func() { _ = b.countFetched(context.WithoutCancel(ctx), o.need.Dataset, cuts, fetched) })
	return nil
}

// countFetched writes into the ledger what was fetched of which object.
func (b *Workbench) countFetched(ctx context.Context, dataset string, cuts []*orderedCut, fetched []int64) error {
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
		Origin:   engine.Origin{Source: c.source.config.Name, URL: c.object.URL, Arrival: c.object.Modified},
		Envelope: c.shape.envelope, Labels: c.shape.labels, Taken: c.shape.taken, Aside: c.aside,
	}
	return nil
}
