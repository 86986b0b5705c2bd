package workbench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/s3"
	"tidemark.dev/tidemark/engine/store"
)

// Archived says what was aged out.
type Archived struct {
	Dataset string              `json:"dataset"`
	Place   string              `json:"place"`
	Before  time.Time           `json:"before"`
	Rows    int64               `json:"rows"`
	Bytes   int64               `json:"bytes"`
	Parts   []store.ArchivePart `json:"parts"`
}

// vault is where archived parts lie.
type vault interface {
	// put brings a file to its name and reads back what lies there then.
	put(ctx context.Context, name, file string) (back io.ReadCloser, err error)
	remove(ctx context.Context, name string) error
}

// Archive moves the whole days of a dataset that are older than its retention
// into its archive, a Parquet file a day. Rows are deleted once the file has
// been read back. With dryRun it only says what would be moved.
func (b *Workbench) Archive(ctx context.Context, dataset string, dryRun bool) (out Archived, err error) {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	out = Archived{Dataset: dataset, Parts: []store.ArchivePart{}}
	w := b.Current()
	if !w.Trusted {
		return out, workspace.ErrUntrusted(w.Root, "archive")
	}
	d := w.Config.Dataset(dataset)
	if d.Retention.Archive == "" {
		return out, engine.Errorf(engine.Invalid, "archive "+dataset, "it has no archive").
			WithHint("add to it in %s: retention: {hot: 33d, archive: archive/}", workspace.FileName)
	}
	out.Place = d.Retention.Archive
	if err := b.clearUnfinished(ctx); err != nil {
		return out, err
	}
	_, newest, ok, err := b.Store.Span(ctx, dataset, d.Watermark.MaxFuture)
	if err != nil || !ok {
		return out, err
	}
	if mark, has, err := b.Store.Watermark(ctx, dataset); err != nil {
		return out, err
	} else if has {
		newest = mark
	}
	out.Before = newest.Add(-d.Retention.Hot).Truncate(24 * time.Hour)
	days, err := b.Store.ArchiveDays(ctx, dataset, out.Before)
	if err != nil {
		return out, err
	}
	v, err := b.openVault(ctx, d.Retention.Archive)
	if err != nil {
		return out, err
	}
	if !dryRun && len(days) > 0 {
		defer func() {
			if settled := b.settleArchived(context.WithoutCancel(ctx), dataset); err == nil {
				err = settled
			}
		}()
	}
	for _, p := range days {
		if !dryRun {
			if err := b.archivePart(ctx, v, &p, out.Place); err != nil {
				return out, err
			}
			b.changed(dataset)
		}
		out.Rows += p.Rows
		out.Bytes += p.Bytes
		out.Parts = append(out.Parts, p)
	}
	return out, nil
}

// settleArchived ends an archive, also one that came only as far as some days:
// a segment that is mostly gone is written again, and the rollups count what
// is left.
func (b *Workbench) settleArchived(ctx context.Context, dataset string) error {
	if err := b.Store.Merge(ctx, dataset); err != nil {
		return err
	}
	return b.RefreshRollups(ctx, dataset)
}

// archivePart moves one day: written, read back, put in its place, read back
// from there, and only then deleted.
func (b *Workbench) archivePart(ctx context.Context, v vault, p *store.ArchivePart, place string) error {
	file := filepath.Join(b.Current().TempDir(), "archive.parquet")
	defer os.Remove(file)
	if err := b.Store.WriteArchivePart(ctx, *p, file); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return engine.Errorf(engine.Unavailable, "archive "+p.Dataset, "%w", err)
	}
	p.SHA256, p.Bytes, err = digest(f)
	if err != nil {
		return engine.Errorf(engine.Unavailable, "archive "+p.Dataset, "%w", err)
	}
	// By its content: _seq may be given again to other rows.
	p.Name = path.Join(path.Dir(p.Name), "part-"+p.SHA256[:16]+".parquet")
	if err := b.Store.BeginArchive(ctx, *p, place); err != nil {
		return err
	}
	back, err := v.put(ctx, p.Name, file)
	if err != nil {
		return err
	}
	sum, size, err := digest(back)
	if err != nil {
		return engine.Errorf(engine.Unavailable, "read back "+p.Name, "%w", err)
	}
	if sum != p.SHA256 || size != p.Bytes {
		return engine.Errorf(engine.Unavailable, "archive "+p.Dataset, "%s does not hold what was written; nothing was deleted", p.Name).WithHint("archive again")
	}
	return b.Store.FinishArchive(ctx, *p, place)
}

func digest(r io.ReadCloser) (sum string, size int64, err error) {
	defer r.Close()
	h := sha256.New()
	size, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// clearUnfinished removes what an archive that was interrupted has put in its
// place: the rows are all still in the table.
func (b *Workbench) clearUnfinished(ctx context.Context) error {
	parts, places, err := b.Store.Unfinished(ctx)
	if err != nil {
		return err
	}
	for i, p := range parts {
		v, err := b.openVault(ctx, places[i])
		if err != nil {
			return err
		}
		if err := v.remove(ctx, p.Name); err != nil {
			return err
		}
		if err := b.Store.AbandonArchive(ctx, p, places[i]); err != nil {
			return err
		}
	}
	return nil
}

// clearLocal is clearUnfinished for what lies on this machine, before anybody
// can look.
func (b *Workbench) clearLocal(ctx context.Context) error {
	_, places, err := b.Store.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, place := range places {
		if strings.HasPrefix(place, "s3:") {
			return nil
		}
	}
	return b.clearUnfinished(ctx)
}

func (b *Workbench) openVault(ctx context.Context, place string) (vault, error) {
	if !strings.HasPrefix(place, "s3://") {
		if !filepath.IsAbs(place) {
			place = b.Workspace.Path(place)
		}
		return folderVault{place}, nil
	}
	s, err := s3.New(ctx, b.vaultConfig(place))
	if err != nil {
		return nil, err
	}
	return bucketVault{s}, nil
}

// vaultConfig reaches a bucket as the first source does that reads it; one
// that no source reads, as the environment says.
func (b *Workbench) vaultConfig(place string) s3.Config {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(place, "s3://"), "/")
	for _, e := range b.Current().Config.Sources {
		c := e.Value
		if of, _, _ := strings.Cut(strings.TrimPrefix(c.URL, "s3://"), "/"); c.Type == "s3" && of == bucket {
			return s3.Config{Name: "archive", URL: place, Endpoint: c.Endpoint, Region: c.Region, PathStyle: c.PathStyle, Profile: c.Profile, RoleARN: c.RoleARN}
		}
	}
	endpoint := os.Getenv("AWS_ENDPOINT_URL_S3")
	if endpoint == "" {
		endpoint = os.Getenv("AWS_ENDPOINT_URL")
	}
	return s3.Config{Name: "archive", URL: place, Endpoint: endpoint, PathStyle: endpoint != ""}
}

// bucketVault keeps parts in a bucket.
type bucketVault struct{ source *s3.Source }

func (v bucketVault) put(ctx context.Context, name, file string) (io.ReadCloser, error) {
	o, err := v.source.Put(ctx, name, file)
	if err != nil {
		return nil, err
	}
	return v.source.Open(ctx, o)
}

func (v bucketVault) remove(ctx context.Context, name string) error {
	return v.source.Remove(ctx, name)
}

// folderVault keeps parts in a folder.
type folderVault struct{ dir string }

func (v folderVault) put(_ context.Context, name, file string) (io.ReadCloser, error) {
	at := filepath.Join(v.dir, filepath.FromSlash(name))
	fail := func(err error) (io.ReadCloser, error) {
		return nil, engine.Errorf(engine.Unavailable, "write "+at, "%w", err).WithHint("check that the folder can be written to and has space")
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return fail(err)
	}
	// A name with a dot in front is no data to anybody.
	part := filepath.Join(filepath.Dir(at), "."+filepath.Base(at)+".part")
	if err := copyDurably(file, part); err != nil {
		os.Remove(part)
		return fail(err)
	}
	if err := os.Rename(part, at); err != nil {
		return fail(err)
	}
	if dir, err := os.Open(filepath.Dir(at)); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	back, err := os.Open(at)
	if err != nil {
		return fail(err)
	}
	return back, nil
}

func copyDurably(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

func (v folderVault) remove(_ context.Context, name string) error {
	at := filepath.Join(v.dir, filepath.FromSlash(name))
	for _, p := range []string{at, filepath.Join(filepath.Dir(at), "."+filepath.Base(at)+".part")} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return engine.Errorf(engine.Unavailable, "remove "+p, "%w", err)
		}
	}
	return nil
}

// Compacted is the size of the database before and after.
type Compacted struct {
	Before int64 `json:"bytes_before"`
	After  int64 `json:"bytes_after"`
}

// Compact gives the space of deleted rows back to the disk. Queries that run
// meanwhile fail.
func (b *Workbench) Compact(ctx context.Context) (out Compacted, err error) {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	out.Before, out.After, err = b.Store.Compact(ctx)
	return out, err
}
