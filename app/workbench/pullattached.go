package workbench

import (
	"context"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/parquet"
)

// pullAttached brings the ledgers of the attached sources among those of a
// pull up to date. It fetches footers and no rows.
func (b *Workbench) pullAttached(ctx context.Context, opt PullOptions, r *PullResult) error {
	return b.eachAttached(ctx, opt, func(a *attachment) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		done, err := b.refresh(ctx, a, true)
		a.unpaid = 0
		r.Attached += done.Objects + done.Known
		r.Fetched += done.Fetched
		r.Quarantined += done.Broken
		r.Read += done.Broken
		return err
	})
}

// eachAttached calls fn for the datasets of the attached sources of a pull.
func (b *Workbench) eachAttached(ctx context.Context, opt PullOptions, fn func(*attachment) error) error {
	sources, err := b.chosen(opt.Sources)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, c := range sources {
		if !c.Attach || seen[c.Dataset] {
			continue
		}
		seen[c.Dataset] = true
		if err := attachable(c, b.Current().Config.Dataset(c.Dataset)); err != nil {
			return err
		}
		a, err := b.attachment(ctx, c.Dataset)
		if err != nil {
			return err
		}
		if err := fn(a); err != nil {
			return err
		}
	}
	return nil
}

// attachable refuses what rows that stay where they are cannot have.
func attachable(c workspace.Source, d workspace.Dataset) error {
	for what, has := range map[string]bool{
		"columns": len(d.Columns) > 0, "transforms": len(d.Transforms) > 0, "dedup": d.Dedup != "", "key": len(d.Key) > 0,
	} {
		if has {
			return engine.Errorf(engine.Invalid, "attach "+c.Name, "datasets.%s.%s works on rows as they are stored, and those of an attached source are not", d.Name, what).
				WithHint("take %s out, or attach: true", what)
		}
	}
	if c.Format != "auto" && c.Format != "parquet" {
		return engine.Errorf(engine.Invalid, "attach "+c.Name, "only Parquet can be read in part, not %s", c.Format).WithHint("take attach: true out and pull")
	}
	return nil
}

// dryAttached adds the footers that a pull would fetch.
func (b *Workbench) dryAttached(ctx context.Context, opt PullOptions, out *DryRun) error {
	return b.eachAttached(ctx, opt, func(a *attachment) error {
		for _, s := range a.sources {
			before := s.requests()
			known, err := b.Store.AttachedObjects(ctx, a.dataset, s.config.Name)
			if err != nil {
				return err
			}
			objects, err := listed(ctx, s.archive)
			if err != nil {
				return err
			}
			var bytes, gets int64
			for _, o := range objects {
				out.Attached++
				if has, ok := known[o.Key]; ok && has.ETag == o.Version() {
					continue
				}
				bytes += min(o.Size, parquet.TailGuess)
				gets++
			}
			out.Bytes += bytes
			if s.place == "" {
				continue
			}
			lists := s.requests() - before
			out.Requests += lists + gets
			out.CostUSD += float64(lists)*usdPerList + float64(gets)*usdPerGet + float64(bytes)/1e9*usdPerGB
		}
		return nil
	})
}
