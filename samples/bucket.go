package samples

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"
)

// The bucket's layout: data/logs/app/dt=2026-01-09/hh=14/checkout.ndjson.gz.
// data/ can be served as it is by an S3 server whose buckets are folders.
const bucketPrefix = "data/logs/app"

// shipping is how long after the end of its last hour a file reaches the
// bucket; it is what the file's modification time says.
const shipping = 20 * time.Second

// write makes the data of the week under dir.
func (w *week) write(ctx context.Context, dir string, progress func(done, total int)) (Summary, error) {
	var (
		mu   sync.Mutex
		sum  Summary
		done int
	)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for first := w.from / blockHours * blockHours; first < w.to; first += blockHours {
		group.Go(func() error {
			b := newBlock(w, dir, max(first, w.from), min(first+blockHours, w.to))
			err := b.write(ctx, func() {
				mu.Lock()
				defer mu.Unlock()
				done++
				if progress != nil {
					progress(done, w.to-w.from)
				}
			})
			mu.Lock()
			defer mu.Unlock()
			sum.add(b.sum)
			return err
		})
	}
	err := group.Wait()
	return sum, err
}

func (s *Summary) add(o Summary) {
	s.Records += o.Records
	s.Malformed += o.Malformed
	s.Files += o.Files
	s.Bytes += o.Bytes
}

// block makes the files of a few hours that share a Parquet file.
type block struct {
	week        *week
	dir         string
	first, last int // hours of the week, [first, last)
	sum         Summary

	lines    [serviceCount][]byte // of the NDJSON file at hand
	requests [serviceCount]int    // so far in it
	deploys  []byte
	catalog  *table
	payments *table
	packed   bytes.Buffer
	gzip     *gzip.Writer
}

func newBlock(w *week, dir string, first, last int) *block {
	b := &block{
		week: w, dir: dir, first: first, last: last,
		catalog:  newTable(catalogFields, compress.Codecs.Zstd),
		payments: newTable(paymentsFields, compress.Codecs.Snappy),
	}
	// The level is a known one, so this cannot fail.
	b.gzip, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return b
}

// write makes the block's hours one by one and calls done after each.
func (b *block) write(ctx context.Context, done func()) error {
	for n := b.first; n < b.last; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.week.makeHour(n, func(r *record) { b.take(n, r) })
		if err := b.hourly(n); err != nil {
			return err
		}
		if n == b.last-1 {
			if err := b.whole(); err != nil {
				return err
			}
		}
		done()
	}
	return nil
}

// take puts one record of hour n where its service writes to.
func (b *block) take(n int, r *record) {
	b.sum.Records++
	switch {
	case r.kind == kindDeploy:
		b.deploys = appendJSON(b.deploys, r)
	case r.service == catalog:
		b.catalog.add(r)
	case r.service == payments:
		b.payments.add(r)
	case r.kind != kindRequest:
		b.lines[r.service] = appendJSON(b.lines[r.service], r)
	default:
		b.takeRequest(n, r)
	}
}

// takeRequest writes a request as a line, with the mishap it may meet.
func (b *block) takeRequest(n int, r *record) {
	out := b.lines[r.service]
	kind := b.week.spoil(n, r.service, b.requests[r.service])
	b.requests[r.service]++
	start := len(out)
	switch kind {
	case stackTrace:
		out = append(out, "\tat shop.checkout.Tax.lookup(Tax.java:214)\n"...)
		b.sum.Malformed++
	case statusNA:
		r.statusNA = true
	}
	out = appendJSON(out, r)
	if kind == truncated {
		out = append(out[:start+(len(out)-start)*3/5], '\n')
		b.sum.Records--
		b.sum.Malformed++
	}
	b.lines[r.service] = out
}

// hourly writes the files that hold one hour.
func (b *block) hourly(n int) error {
	for _, s := range []service{storefront, cart, checkout} {
		if err := b.ndjson(n, n+1, s); err != nil {
			return err
		}
	}
	if err := b.parquet(n, n+1, "payments.snappy.parquet", b.payments); err != nil {
		return err
	}
	if len(b.deploys) == 0 {
		return nil
	}
	err := b.put(n, n+1, "deploys.ndjson", b.deploys)
	b.deploys = b.deploys[:0]
	return err
}

// whole writes the files that hold all of the block.
func (b *block) whole() error {
	if err := b.ndjson(b.first, b.last, probe); err != nil {
		return err
	}
	if err := b.putMail(); err != nil {
		return err
	}
	return b.parquet(b.first, b.last, "catalog.zstd.parquet", b.catalog)
}

func (b *block) ndjson(first, last int, s service) error {
	lines := b.lines[s]
	b.lines[s], b.requests[s] = lines[:0], 0
	if len(lines) == 0 {
		return nil
	}
	b.packed.Reset()
	b.gzip.Reset(&b.packed)
	if _, err := b.gzip.Write(lines); err != nil {
		return err
	}
	if err := b.gzip.Close(); err != nil {
		return err
	}
	return b.put(first, last, s.String()+".ndjson.gz", b.packed.Bytes())
}

func (b *block) parquet(first, last int, name string, t *table) error {
	if t.rows == 0 {
		return nil
	}
	defer t.reset()
	b.packed.Reset()
	if err := t.encode(&b.packed); err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return b.put(first, last, name, b.packed.Bytes())
}

// put stores one object of the services' logs that holds the hours
// [first, last).
func (b *block) put(first, last int, name string, data []byte) error {
	begin := Start.Add(time.Duration(first) * time.Hour)
	return b.store(filepath.Join(filepath.FromSlash(bucketPrefix), begin.Format("dt=2006-01-02"), begin.Format("hh=15"), name), last, data)
}

// store writes one object of the bucket, which was shipped after hour last.
func (b *block) store(name string, last int, data []byte) error {
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	b.sum.Files++
	b.sum.Bytes += int64(len(data))
	arrived := Start.Add(time.Duration(last) * time.Hour).Add(shipping)
	return os.Chtimes(path, arrived, arrived)
}
