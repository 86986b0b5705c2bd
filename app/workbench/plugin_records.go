package workbench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/schema"
)

// RawRecord is a record as it came, before any transform.
type RawRecord struct {
	Source   string `json:"source"`
	Position string `json:"position"`
	Record   string `json:"record"`
}

// Bounds of what is held of records that are read again.
const (
	maxRawRecords = 10_000
	maxRawBytes   = 64 << 20
	rawObjects    = 200 // are looked into at most
)

// lastRecords reads the last records that a dataset was made of once more from
// where they came, the oldest first. There may be fewer.
func (b *Workbench) lastRecords(ctx context.Context, d workspace.Dataset, n int) ([]RawRecord, error) {
	objects, err := b.lastObjects(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	var out []RawRecord
	var failed error
	for _, o := range objects {
		r := ring{n: n - len(out)}
		if err := b.eachRaw(ctx, o, false, func(row int64, raw []byte) error {
			r.add(RawRecord{o.Source, fmt.Sprintf("%s#%d", o.URL, row), string(raw)})
			return nil
		}); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			failed = err // it may be gone by now; others are there
			continue
		}
		out = append(r.records(), out...)
		if len(out) >= n {
			break
		}
	}
	if len(out) == 0 {
		return nil, noRecords(d.Name, failed)
	}
	return out, nil
}

func noRecords(dataset string, cause error) error {
	e := engine.Errorf(engine.NotFound, "read records of "+dataset+" again", "none of its objects can be read")
	if cause != nil {
		e = engine.Errorf(engine.KindOf(cause), "read records of "+dataset+" again", "%w", cause)
	}
	return e.WithHint("give records by a file: --input FILE; what came by a stream is not kept as it came")
}

// recordAt reads the record of a stored row as it came.
func (b *Workbench) recordAt(ctx context.Context, d workspace.Dataset, seq int64) ([]RawRecord, error) {
	var source, position string
	rows, err := b.Store.QueryContext(ctx, "SELECT _source, _position FROM "+engine.QuoteIdent(d.Name)+" WHERE _seq = ?", seq)
	if err != nil {
		return nil, queryFailed(ctx, err)
	}
	defer rows.Close()
	found := rows.Next()
	if found {
		err = rows.Scan(&source, &position)
	}
	if err = errors.Join(err, rows.Err()); err != nil {
		return nil, queryFailed(ctx, err)
	}
	if !found {
		return nil, engine.Errorf(engine.NotFound, "read a record", "%s has no record %d", d.Name, seq).WithHint("it may have been replaced by a newer pull: search for it again")
	}
	url, row := cutPosition(position)
	o, pulled, err := b.Store.PulledObject(ctx, d.Name, source, url)
	if err != nil {
		return nil, err
	}
	if !pulled || row == 0 {
		return nil, noRecords(d.Name, nil)
	}
	var out []RawRecord
	err = b.eachRaw(ctx, o, true, func(at int64, raw []byte) error {
		if at < row {
			return nil
		}
		if at == row {
			out = append(out, RawRecord{source, position, string(raw)})
		}
		return errEnough
	})
	if err == nil && len(out) == 0 {
		return nil, noRecords(d.Name, nil)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// protector applies a dataset's policies; nil when it has none.
func (b *Workbench) protector(ctx context.Context, d workspace.Dataset) (*schema.Protector, error) {
	guard, err := b.protection(ctx, d, false)
	if err != nil || len(guard.policies) == 0 {
		return nil, err
	}
	m, _, err := mappingOf(d)
	return schema.NewProtector(guard.policies, m, guard.key), err
}

// lastObjects are the objects that were pulled with the newest records.
func (b *Workbench) lastObjects(ctx context.Context, dataset string) ([]engine.Object, error) {
	rows, err := b.Store.QueryContext(ctx, `SELECT source, key, url, etag, size, modified FROM tidemark.objects
		WHERE dataset = ? AND state <> 'replaced' ORDER BY max_event_time DESC NULLS LAST, pulled_at DESC, key DESC LIMIT ?`, dataset, rawObjects)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []engine.Object
	for rows.Next() {
		var o engine.Object
		var modified sql.NullTime
		if err := rows.Scan(&o.Source, &o.Key, &o.URL, &o.ETag, &o.Size, &modified); err != nil {
			return nil, err
		}
		o.Modified = modified.Time.UTC()
		out = append(out, o)
	}
	return out, rows.Err()
}

// ring keeps the last records of many.
type ring struct {
	n, bytes int
	all      []RawRecord
}

func (r *ring) add(x RawRecord) {
	r.all = append(r.all, x)
	r.bytes += len(x.Record)
	for len(r.all) > r.n || r.bytes > maxRawBytes && len(r.all) > 1 {
		r.bytes -= len(r.all[0].Record)
		r.all = r.all[1:]
	}
}

func (r *ring) records() []RawRecord { return slices.Clip(r.all) }

// eachRaw reads an object's records as they came, with their numbers. take ends
// it with errEnough. A file that was changed since it was pulled has other
// records by now, which will do unless it is exact.
func (b *Workbench) eachRaw(ctx context.Context, o engine.Object, exact bool, take func(row int64, raw []byte) error) error {
	c, has := b.Current().Config.Source(o.Source)
	if !has {
		return engine.Errorf(engine.NotFound, "read "+o.URL, "there is no source %s any more", o.Source)
	}
	a, err := b.openSource(ctx, c)
	if err != nil {
		return err
	}
	if c.Type == "file" { // its time of change is finer than the ledger's
		now, same, err := stands(ctx, a, o)
		if err != nil {
			return err
		}
		if now.Key == "" || exact && !same {
			return engine.Errorf(engine.NotFound, "read "+o.URL, "it is gone, or another one than was pulled").WithHint("pull first")
		}
		o = now
	}
	local, err := a.fetch(ctx, o)
	if err != nil {
		return err
	}
	if local.Release != nil {
		defer local.Release()
	}
	from := local.Stream
	if from == nil {
		if from, err = os.Open(local.Path); err != nil {
			return engine.Errorf(engine.Unavailable, "read "+o.URL, "%w", err)
		}
	}
	defer from.Close()
	err = b.eachOf(ctx, from, local.Path, o, c.Format, take)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (b *Workbench) eachOf(ctx context.Context, from io.Reader, path string, o engine.Object, want string, take func(int64, []byte) error) error {
	s, err := b.formats().Open(from, format.Hint{Want: want, Key: o.Key, Modified: o.Modified})
	if err != nil {
		return err
	}
	defer s.Close()
	number := int64(0)
	yield := func(raw []byte) error {
		number++
		return take(number, raw)
	}
	switch {
	case s.Columnar() && path == "":
		return engine.Errorf(engine.Invalid, "read "+o.URL, "the rows of a table whose dataset has columns: are not written anywhere as they came").
			WithHint("give records by a file: --input FILE")
	case s.Columnar():
		r := &replayed{b: b, format: want}
		return r.readTable(ctx, path, s, func(raw []byte, err error) bool { return err == nil && yield(raw) == nil })
	case s.Format == format.Unknown || s.Format == format.Empty:
		return nil
	}
	return eachNumbered(s.Records(replayChunk), take)
}

// eachNumbered gives records the numbers that positions have: what is no
// record has one too.
func eachNumbered(records format.Reader, take func(int64, []byte) error) error {
	number := int64(0)
	for {
		c, err := records.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, rec := range c.Records {
			number++
			if rec.Dropped || rec.Problem != "" {
				continue
			}
			if err := take(number, c.Bytes(rec)); err != nil {
				return err
			}
		}
	}
}

// veil hides from texts what a dataset's policies keep from being stored: it is
// not for showing either.
type veil struct{ p *schema.Protector }

func (v veil) on() bool { return v.p != nil }

func (v veil) text(record string) string {
	if !v.on() {
		return record
	}
	return string(v.p.Protect([]byte(record)))
}

// reason leaves out the words of a plugin, which may hold values.
func (v veil) reason(why string) string {
	if why == "" || !v.on() {
		return why
	}
	return "the transform could not take it"
}

func (v veil) step(s LensStep) LensStep {
	out := LensStep{In: make([]string, len(s.In)), Out: make([]string, len(s.Out)), Rejected: v.reason(s.Rejected), MS: s.MS}
	for i, r := range s.In {
		out.In[i] = v.text(r)
	}
	for i, r := range s.Out {
		out.Out[i] = v.text(r)
	}
	return out
}
