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
	out.Records += counts.Records
	out.Quarantined += counts.Quarantined
	out.Dropped += counts.Dropped
	out.Duplicates += counts.Duplicates
	b.changed(e.Dataset)
	if isRecord {
		return b.Store.Replayed(ctx, e, counts.Records, counts.Dropped, counts.Quarantined)
	}
	return b.Store.Release(ctx, []int64{e.ID})
}

// Discard removes entries from quarantine for good.
func (b *Workbench) Discard(ctx context.Context, ids []int64) error {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	return b.Store.Release(ctx, ids)
}
