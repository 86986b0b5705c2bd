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
	// them again. Their entries stay until then.
	Refetch []string `json:"refetch"`
	// Gone are records whose bytes were not kept and cannot be fetched: their
	// objects are gone or changed. They stay in quarantine.
	Gone []string `json:"gone,omitempty"`
}

func (r *Replayed) add(c pipeline.Counts) {
	r.Records += c.Records
	r.Quarantined += c.Quarantined
	r.Dropped += c.Dropped
	r.Duplicates += c.Duplicates
}

// Replay puts quarantined records through the pipeline once more, as they
// came. An entry leaves quarantine in the transaction that has what became of
// it; a replay that is interrupted has done its part of them.
func (b *Workbench) Replay(ctx context.Context, f store.QuarantineFilter) (Replayed, error) {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	out := Replayed{Refetch: []string{}}
	if !b.Current().Trusted {
		return out, workspace.ErrUntrusted(b.Current().Root, "replay")
	}
	entries, err := b.Store.Quarantine(ctx, f)
	if err != nil {
		return out, err
	}
	for _, j := range b.replays(entries) {
		if err := b.replay(ctx, j, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// replays makes one pull for each source of each dataset.
func (b *Workbench) replays(entries []store.QuarantineEntry) []*replayJob {
	var jobs []*replayJob
	at := map[[2]string]*replayJob{}
	for _, e := range entries {
		key := [2]string{e.Dataset, e.Source}
		if at[key] == nil {
			at[key] = b.newReplay(e.Dataset, e.Source)
			jobs = append(jobs, at[key])
		}
		object, row := cutPosition(e.Position)
		switch {
		case !e.Kept && row > 0 && e.Hash != "":
			at[key].fetched = append(at[key].fetched, e)
			continue
		case !e.Kept:
			at[key].again = append(at[key].again, object)
			continue
		}
		at[key].tasks = append(at[key].tasks, pipeline.Task{Entry: e.ID, Record: row, Head: e.Head, Object: engine.Object{
			Source: e.Source, Key: strconv.FormatInt(e.ID, 10), URL: object, ETag: e.At.Format(time.RFC3339Nano), Size: e.Bytes, Modified: e.At,
		}})
	}
	return jobs
}

// cutPosition takes a position apart: the object, and the number of the record
// in it, or 0 for all of it.
func cutPosition(position string) (object string, row int64) {
	i := strings.LastIndexByte(position, '#')
	if i < 0 {
		return position, 0
	}
	n, err := strconv.ParseInt(position[i+1:], 10, 64)
	if err != nil || n <= 0 {
		return position, 0
	}
	return position[:i], n
}

// replayJob is a pull of entries. Of those whose bytes were not kept, records
// that were to stay private are fetched one by one, and the objects of others
// are read by the next pull.
type replayJob struct {
	*job
	again   []string
	fetched []store.QuarantineEntry
}

// newReplay reads entries as if they were objects of their source; rows keep
// the position of the original.
func (b *Workbench) newReplay(dataset, source string) *replayJob {
	c, _ := b.Current().Config.Source(source)
	c.Name, c.Type = source, "file"
	if c.Format == "" {
		c.Format = "auto"
	}
	return &replayJob{job: &job{dataset: b.Current().Config.Dataset(dataset), archive: &archive{config: c, fetch: b.fetchEntry}}}
}

// fetchEntry writes an entry's bytes into a file.
func (b *Workbench) fetchEntry(ctx context.Context, o engine.Object) (pipeline.Local, error) {
	id, err := strconv.ParseInt(o.Key, 10, 64)
	if err != nil {
		return pipeline.Local{}, err
	}
	_, raw, err := b.Store.QuarantineRaw(ctx, id)
	if err != nil {
		return pipeline.Local{}, err
	}
	f, err := os.CreateTemp(b.Current().TempDir(), "replay-*")
	if err != nil {
		return pipeline.Local{}, engine.Errorf(engine.Unavailable, "replay", "%w", err)
	}
	defer f.Close()
	if _, err := f.Write(raw); err != nil {
		os.Remove(f.Name())
		return pipeline.Local{}, engine.Errorf(engine.Unavailable, "replay", "%w", err)
	}
	return pipeline.Local{Path: filepath.Clean(f.Name()), Release: func() { os.Remove(f.Name()) }}, nil
}

func (b *Workbench) replay(ctx context.Context, j *replayJob, out *Replayed) error {
	out.Replayed += int64(len(j.tasks) + len(j.again) + len(j.fetched))
	for _, object := range j.again {
		ledger, err := b.Store.LedgerOf(ctx, j.dataset.Name, j.archive.config.Name)
		if err != nil {
			return err
		}
		if err := b.Store.ReadAgain(ctx, ledger, j.archive.config.Name, object); err != nil {
			return err
		}
		out.Refetch = append(out.Refetch, object)
	}
	counts, err := b.run(ctx, j.job, func(pipeline.Counts) {})
	out.add(counts)
	b.changed(j.dataset.Name)
	if err != nil {
		return err
	}
	for _, e := range j.fetched {
		if err := b.replayFetched(ctx, e, out); err != nil {
			return err
		}
	}
	return nil
}

// replayFetched replays a record whose bytes were not kept, out of its object,
// if that is still what it was.
func (b *Workbench) replayFetched(ctx context.Context, e store.QuarantineEntry, out *Replayed) error {
	url, row := cutPosition(e.Position)
	c, there := b.Current().Config.Source(e.Source)
	ledger, err := b.Store.LedgerOf(ctx, e.Dataset, e.Source)
	if err != nil {
		return err
	}
	o, pulled, err := b.Store.PulledObject(ctx, ledger, e.Source, url)
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
	j := &job{archive: a, dataset: b.Current().Config.Dataset(e.Dataset), tasks: []pipeline.Task{{Object: o, Only: row, Entry: e.ID}}}
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
	return nil
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

// Discard takes entries out of quarantine; Restore brings them back, for a
// while.
func (b *Workbench) Discard(ctx context.Context, f store.QuarantineFilter) ([]int64, error) {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	entries, err := b.Store.Quarantine(ctx, f)
	if err != nil {
		return nil, err
	}
	ids, err := idsOf(f, entries, "quarantine has no entry %d", "run tidemark quarantine list")
	if err != nil {
		return nil, err
	}
	_, err = b.Store.Discard(ctx, ids)
	return ids, err
}

// Restore puts discarded entries back into quarantine.
func (b *Workbench) Restore(ctx context.Context, f store.QuarantineFilter) ([]int64, error) {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	entries, err := b.Store.Discarded(ctx, f)
	if err != nil {
		return nil, err
	}
	ids, err := idsOf(f, entries, "no discarded entry %d can be had back", "run tidemark quarantine list --discarded")
	if err != nil {
		return nil, err
	}
	_, err = b.Store.Restore(ctx, ids)
	return ids, err
}

// idsOf lists the entries that were found; each that was named must be there.
func idsOf(f store.QuarantineFilter, found []store.QuarantineEntry, missing, hint string) ([]int64, error) {
	ids, has := make([]int64, 0, len(found)), map[int64]bool{}
	for _, e := range found {
		ids, has[e.ID] = append(ids, e.ID), true
	}
	for _, id := range f.IDs {
		if !has[id] {
			return nil, engine.Errorf(engine.NotFound, "", missing, id).WithHint("%s", hint)
		}
	}
	return ids, nil
}
