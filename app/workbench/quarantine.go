package workbench

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/store"
)

// Replayed says what became of the entries of a replay.
type Replayed struct {
	Replayed    int64 `json:"replayed"`
	Records     int64 `json:"records"`
	Quarantined int64 `json:"quarantined"` // again, with the reason of today
	Dropped     int64 `json:"dropped"`
	Duplicates  int64 `json:"duplicates"`
	// Refetch lists objects whose bytes were not kept: the next pull reads
	// them again.
	Refetch []string `json:"refetch"`
	// Gone are records whose bytes were not kept and cannot be fetched: their
	// objects are gone or changed. They stay in quarantine.
	Gone []string `json:"gone,omitempty"`
}

// Replay puts quarantined records through the pipeline once more, as they
// came; reason "" means all of them.
func (b *Workbench) Replay(ctx context.Context, reason string) (Replayed, error) {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	out := Replayed{Refetch: []string{}}
	if !b.Current().Trusted {
		return out, workspace.ErrUntrusted(b.Current().Root, "replay")
	}
	entries, err := b.Store.Quarantine(ctx, reason)
	if err != nil {
		return out, err
	}
	for _, e := range entries {
		if err := b.replayOne(ctx, e, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// replayOne replays an entry: its bytes become an object of their own whose
// rows keep the position of the original.
func (b *Workbench) replayOne(ctx context.Context, e store.QuarantineEntry, out *Replayed) error {
	_, raw, err := b.Store.QuarantineRaw(ctx, e.ID)
	if err != nil {
		return err
	}
	object, number, isRecord := strings.Cut(e.Position, "#")
	row, err := strconv.ParseInt(number, 10, 64)
	isRecord = isRecord && err == nil && row > 0
	out.Replayed++
	if raw == nil && isRecord && e.Hash != "" {
		return b.replayFetched(ctx, e, object, row, out)
	}
	if raw == nil {
		out.Refetch = append(out.Refetch, object)
		if err := b.Store.Forget(ctx, e.Dataset, e.Source, object); err != nil {
			return err
		}
		return b.Store.Release(ctx, []int64{e.ID})
	}
	path := filepath.Join(b.Current().TempDir(), "replay")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return engine.Errorf(engine.Unavailable, "replay", "%w", err)
	}
	defer os.Remove(path)
	dataset := b.Current().Config.Dataset(e.Dataset)
	c, _ := b.Current().Config.Source(e.Source)
	c.Name, c.Type = e.Source, "file"
	if c.Format == "" {
		c.Format = "auto"
	}
	j := &job{dataset: dataset, archive: &archive{config: c, fetch: func(context.Context, engine.Object) (pipeline.Local, error) {
		return pipeline.Local{Path: path}, nil
	}}}
	j.tasks = []pipeline.Task{{Object: engine.Object{
		Source: e.Source, Key: "replay of " + e.Position, URL: object, ETag: e.At.Format(time.RFC3339Nano), Size: int64(len(raw)), Modified: e.At,
	}}}
	if isRecord {
		j.tasks[0].Record = row
	}
	counts, err := b.run(ctx, j, func(pipeline.Counts) {})
	if err != nil {
		return err
	}
	out.add(counts)
	b.changed(e.Dataset)
	if isRecord {
		return b.Store.Replayed(ctx, e, counts.Records, counts.Dropped, counts.Quarantined)
	}
	return b.Store.Release(ctx, []int64{e.ID})
}

func (r *Replayed) add(c pipeline.Counts) {
	r.Records += c.Records
	r.Quarantined += c.Quarantined
	r.Dropped += c.Dropped
	r.Duplicates += c.Duplicates
}

// replayFetched replays a record whose bytes were not kept, out of its object,
// if that is still what it was.
func (b *Workbench) replayFetched(ctx context.Context, e store.QuarantineEntry, url string, row int64, out *Replayed) error {
	c, there := b.Current().Config.Source(e.Source)
	o, pulled, err := b.Store.PulledObject(ctx, e.Dataset, e.Source, url)
	if err != nil {
		return err
	}
	if !there || !pulled {
		out.Gone = append(out.Gone, e.Position)
		return nil
	}
	a, err := b.openSource(ctx, c)
	if err != nil {
		return err
	}
	o, same, err := stands(ctx, a, o)
	if err != nil {
		return err
	}
	j := &job{archive: a, dataset: b.Current().Config.Dataset(e.Dataset), tasks: []pipeline.Task{{Object: o, Only: row}}}
	var counts pipeline.Counts
	if same {
		if counts, err = b.run(ctx, j, func(pipeline.Counts) {}); err != nil {
			return err
		}
	}
	if !same || counts.Read == 0 {
		out.Gone = append(out.Gone, e.Position)
		return nil
	}
	out.add(counts)
	b.changed(e.Dataset)
	return b.Store.Replayed(ctx, e, counts.Records, counts.Dropped, counts.Quarantined)
}

// stands finds an object as it is listed now; same is false when it is gone
// or another version.
func stands(ctx context.Context, a *archive, pulled engine.Object) (now engine.Object, same bool, err error) {
	err = a.List(ctx, func(o engine.Object) bool {
		if o.Key != pulled.Key {
			return true
		}
		o.Source, o.URL = pulled.Source, pulled.URL
		if a.config.Type == "file" {
			o.URL = o.Key
		}
		now, same = o, o.Version() == pulled.ETag
		return false
	})
	if engine.KindOf(err) == engine.NotFound {
		err = nil
	}
	return now, same, err
}

// Discard removes entries from quarantine for good.
func (b *Workbench) Discard(ctx context.Context, ids []int64) error {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	return b.Store.Release(ctx, ids)
}
