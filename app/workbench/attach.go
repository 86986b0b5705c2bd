package workbench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
	"tidemark.dev/tidemark/engine/source/parquet"
	"tidemark.dev/tidemark/engine/store"
)

// fresh is how long a listing of an attached source holds.
const fresh = time.Minute

// attached are the attached datasets of a workbench, as far as they were
// looked at.
type attached struct {
	mu sync.Mutex
	by map[string]*attachment
}

// attachment is an attached dataset: what its sources hold. One query at a
// time brings it up to date.
type attachment struct {
	dataset string

	mu      sync.Mutex
	sources []*attachedSource
	config  string // that it was made of
	listed  time.Time
	// unpaid is what was fetched to get to know the objects and no query has
	// been told of.
	unpaid  int64
	mapping engine.Mapping
	columns map[string][]engine.ForeignColumn // of a file, by its empty cut
	shapes  map[string]*shape
	footers map[string]*parquet.Footer
}

type attachedSource struct {
	*archive
	objects []store.AttachedObject // by key
}

// footerWorkers is how many footers are asked for at once. They are small, so
// that waiting is most of what they take.
const footerWorkers = 32

// maxFooters is how many footers stay in memory.
const maxFooters = 4096

// AttachedSources lists the attached sources of a dataset; none means that it
// is pulled.
func (b *Workbench) AttachedSources(dataset string) []workspace.Source {
	var out []workspace.Source
	for _, e := range b.Current().Config.Sources {
		if e.Value.Attach && strings.EqualFold(e.Value.Dataset, dataset) {
			out = append(out, e.Value)
		}
	}
	return out
}

// lender lends what a workbench has attached.
type lender struct{ b *Workbench }

// Knows attaches the datasets among the words that were never looked at.
func (l lender) Knows(ctx context.Context, words map[string]bool) error {
	w := l.b.Current()
	for _, e := range w.Config.Sources {
		s := e.Value
		if !s.Attach || !words[strings.ToLower(s.Dataset)] || l.b.Store.Attached(s.Dataset) {
			continue
		}
		if !w.Trusted {
			return workspace.ErrUntrusted(w.Root, "query "+s.Dataset)
		}
		a, err := l.b.attachment(ctx, s.Dataset)
		if err != nil {
			return err
		}
		a.mu.Lock()
		_, err = l.b.refresh(ctx, a, false)
		a.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// attachment finds or makes what is known of an attached dataset.
func (b *Workbench) attachment(ctx context.Context, dataset string) (*attachment, error) {
	sources := b.AttachedSources(dataset)
	if len(sources) == 0 {
		return nil, engine.Errorf(engine.NotFound, "query "+dataset, "no source is attached to it any more").
			WithHint("write attach: true at a source of it, or: tidemark dataset drop %s", dataset)
	}
	if !b.Current().Trusted {
		return nil, workspace.ErrUntrusted(b.Current().Root, "query "+dataset)
	}
	d := b.Current().Config.Dataset(sources[0].Dataset)
	for _, s := range sources {
		if err := attachable(s, d); err != nil {
			return nil, err
		}
	}
	config := fmt.Sprintf("%+v %+v", sources, d)
	b.attached.mu.Lock()
	defer b.attached.mu.Unlock()
	if a := b.attached.by[d.Name]; a != nil && a.config == config {
		return a, nil
	}
	mapping, _, err := mappingOf(d)
	if err != nil {
		return nil, err
	}
	a := &attachment{dataset: d.Name, config: config, mapping: mapping, columns: map[string][]engine.ForeignColumn{}, shapes: map[string]*shape{}, footers: map[string]*parquet.Footer{}}
	for _, s := range sources {
		archive, err := b.openSource(ctx, s)
		if err != nil {
			return nil, err
		}
		a.sources = append(a.sources, &attachedSource{archive: archive})
	}
	if b.attached.by == nil {
		b.attached.by = map[string]*attachment{}
	}
	b.attached.by[d.Name] = a
	return a, nil
}

// Refreshed is what bringing an attached dataset up to date cost.
type Refreshed struct {
	Objects, Known, Broken, Bytes, Fetched int64
}

// refresh lists the sources and reads the footers that are not in the ledger.
// The caller holds the attachment's lock.
func (b *Workbench) refresh(ctx context.Context, a *attachment, force bool) (out Refreshed, err error) {
	if !force && b.clock.Now().Sub(a.listed) < fresh {
		return out, nil
	}
	if a.listed.IsZero() { // its files will be decoded, once they are known
		b.counting.Go(func() { b.Store.ReadyDecoder(context.WithoutCancel(ctx)) })
	}
	for _, s := range a.sources {
		done, err := b.refreshSource(ctx, a, s)
		a.unpaid += done.Fetched
		out.Objects += done.Objects
		out.Known += done.Known
		out.Broken += done.Broken
		out.Bytes += done.Bytes
		out.Fetched += done.Fetched
		if err != nil {
			return out, err
		}
	}
	w := b.Current().Config.Dataset(a.dataset).Watermark
	if b.Store.Attached(a.dataset) {
		if _, err := b.Store.AdvanceWatermark(ctx, a.dataset, w.Lateness, w.MaxFuture); err != nil {
			return out, err
		}
	}
	a.listed = b.clock.Now()
	return out, nil
}

// look is an object that is looked at for the first time.
type look struct {
	object  engine.Object
	footer  *parquet.Footer
	fetched int64
	seconds float64
	damage  error
}

func (b *Workbench) refreshSource(ctx context.Context, a *attachment, s *attachedSource) (out Refreshed, err error) {
	known, err := b.Store.AttachedObjects(ctx, a.dataset, s.config.Name)
	if err != nil {
		return out, err
	}
	all, err := listed(ctx, s.archive)
	if err != nil {
		return out, err
	}
	var looks []*look
	var objects []store.AttachedObject
	for _, o := range all {
		has, ok := known[o.Key]
		delete(known, o.Key)
		switch {
		case ok && has.ETag == o.Version():
			has.Object = o
			objects = append(objects, has)
			out.Known++
		default:
			looks = append(looks, &look{object: o})
		}
	}
	if err := b.affordLooks(a.dataset, looks); err != nil {
		return out, err
	}
	if err := b.lookAt(ctx, a, s, looks); err != nil {
		return out, err
	}
	added, err := b.enter(ctx, a, s, looks, known)
	if err != nil {
		return out, err
	}
	s.objects = append(objects, added...)
	for _, l := range looks {
		if l.damage != nil {
			s.objects = append(s.objects, store.AttachedObject{Object: l.object, Broken: true})
		}
	}
	slices.SortFunc(s.objects, func(x, y store.AttachedObject) int { return strings.Compare(x.Key, y.Key) })
	for _, l := range looks {
		out.Objects++
		out.Bytes += l.object.Size
		out.Fetched += l.fetched
		if l.damage != nil {
			out.Broken++
		}
	}
	return out, nil
}

// listed lists a source. A listing that names an object twice, as one that
// changes between two pages can, has it once, as it was named last.
func listed(ctx context.Context, a *archive) ([]engine.Object, error) {
	var out []engine.Object
	at := map[string]int{}
	err := a.List(ctx, func(o engine.Object) bool {
		o.Source = a.config.Name
		if a.config.Type == "file" {
			o.URL = o.Key // relative to the workspace, which may move
		}
		if i, twice := at[o.Key]; twice {
			out[i] = o
			return true
		}
		at[o.Key] = len(out)
		out = append(out, o)
		return true
	})
	return out, err
}

// affordLooks refuses to read more footers than a query may cost.
func (b *Workbench) affordLooks(dataset string, looks []*look) error {
	var bytes int64
	for _, l := range looks {
		bytes += min(l.object.Size, parquet.TailGuess)
	}
	limit := int64(b.Current().Config.Limits.Fetch)
	if bytes <= limit {
		return nil
	}
	return engine.Errorf(engine.Unavailable, "query "+dataset, "reading the footers of its %d new objects takes %s, more than limits.fetch, %s", len(looks), sizeText(bytes), sizeText(limit)).
		WithHint("raise limits.fetch in tidemark.yaml for the first time, or narrow the source's url")
}

// lookAt reads footers, several at a time.
func (b *Workbench) lookAt(ctx context.Context, a *attachment, s *attachedSource, looks []*look) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(footerWorkers)
	for _, l := range looks {
		g.Go(func() error {
			began := time.Now()
			var err error
			l.footer, l.fetched, err = b.readFooter(ctx, s.archive, l.object)
			l.seconds = time.Since(began).Seconds()
			if engine.KindOf(err) == engine.Invalid {
				l.damage, err = err, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, l := range looks {
		if l.footer != nil {
			a.keepFooter(l.object, l.footer)
		}
	}
	return nil
}

// enter writes what was looked at into the registry, the ledger and, if it
// cannot be read, into quarantine.
func (b *Workbench) enter(ctx context.Context, a *attachment, s *attachedSource, looks []*look, gone map[string]store.AttachedObject) ([]store.AttachedObject, error) {
	var found []store.AttachedObject
	if err := b.settleTime(ctx, a, looks); err != nil {
		return nil, err
	}
	for _, l := range looks {
		if l.damage == nil {
			l.damage = b.adopt(ctx, a, l)
		}
		if l.damage != nil {
			if engine.KindOf(l.damage) != engine.Invalid {
				return nil, l.damage
			}
			if err := b.setAside(ctx, a.dataset, l.object, l.damage, l.fetched); err != nil {
				return nil, err
			}
			continue
		}
		o := store.AttachedObject{Object: l.object, Rows: l.footer.Rows, Fetched: l.fetched, Seconds: l.seconds}
		if low, high, ok := l.footer.Span(a.timePath(l.footer)); ok {
			o.MinTime, o.MaxTime = time.UnixMicro(low).UTC(), time.UnixMicro(high).UTC()
		}
		found = append(found, o)
	}
	var keys []string
	for key := range gone {
		keys = append(keys, key)
	}
	if len(found) == 0 && len(keys) == 0 {
		return nil, nil
	}
	return b.Store.KnowAttached(ctx, a.dataset, s.config.Name, found, keys)
}

// setAside puts an object that cannot be read into quarantine, once.
func (b *Workbench) setAside(ctx context.Context, dataset string, o engine.Object, why error, fetched int64) error {
	var e *engine.Error
	reason := why.Error()
	if errors.As(why, &e) && e.Err != nil {
		reason = e.Err.Error()
	}
	_, err := b.Store.Commit(ctx, engine.Batch{
		Dataset: dataset, Ingest: b.clock.Now(), Replace: []string{o.URL},
		Quarantine: []engine.Quarantined{{Source: o.Source, Position: o.URL, Reason: reason, Size: o.Size}},
		Objects:    []engine.ObjectState{{Object: o, Done: true, Undecodable: true, Read: 1, Quarantined: 1, Fetched: fetched, Format: "parquet"}},
	})
	return err
}

// adopt brings the dataset's type up to a new object.
func (b *Workbench) adopt(ctx context.Context, a *attachment, l *look) error {
	sh, err := b.shapeOf(ctx, a, l.footer)
	if err != nil {
		return err
	}
	v, has := b.Store.Schema(a.dataset)
	if !has {
		v = engine.SchemaVersion{Dataset: a.dataset, Body: engine.Type{Kind: engine.Struct}, Mapping: a.mapping}
	}
	body, changes := schema.Join(v.Body, sh.body)
	if has && len(changes) == 0 {
		return nil
	}
	v.Version++
	v.Author, v.At, v.Position, v.Body, v.Mapping = "inference", b.clock.Now(), l.object.URL, body, a.mapping
	v.Changes, v.Major = nil, false
	for _, c := range changes {
		v.Changes = append(v.Changes, c.String())
		v.Major = v.Major || c.Major()
	}
	return b.Store.Attach(ctx, v)
}
