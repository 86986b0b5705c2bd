package pipeline

import (
	"io"
	"os"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// writeAt is how much is gathered before the staging file is written to.
const writeAt = 1 << 20

// seqBlock is how many values of _seq are reserved at a time.
const seqBlock = 1 << 16

// smallObjectBytes is up to which size an object that cannot be decoded is
// kept whole in quarantine; a larger one is fetched again when needed.
const smallObjectBytes = 1 << 20

// staging is the micro-batch being built: conformed rows in a memory-backed
// file, and everything else that its transaction will make true.
type staging struct {
	dir     string
	file    *os.File
	buf     []byte
	rows    int64
	bytes   int64
	longest int

	origins  []engine.Origin
	held     []engine.Quarantined
	released []engine.Released
	heldSize int64
	clashes  map[clash]*engine.ConflictCount
	since    *engine.Type // what the first rows were conformed to, if not the batch's type
	states   []engine.ObjectState
	later    []putOff // lines that wait for their paths to get types
	laterLen int64
	replace  []string
	tables   []engine.StagedTable
	runs     []engine.BlockRun
	free     []func() // what tables and blocks need until the commit

	seq, seqEnd int64

	// Of a live batch: where the records came from that are not in a block (a
	// line's row is its place here), and how far the stream is read with it.
	places []place
	live   *engine.LiveState
}

type clash struct{ path, want, got, object string }

type putOff struct {
	line
	origin int
}

func newStaging(dir string) *staging {
	return &staging{dir: dir, clashes: map[clash]*engine.ConflictCount{}}
}

func (b *staging) full() bool {
	return b.bytes+b.laterLen >= batchBytes || b.rows+int64(len(b.later)) >= batchRows || b.heldSize >= quarantineBytes
}

func (b *staging) origin(o engine.Origin) int {
	b.origins = append(b.origins, o)
	return len(b.origins) - 1
}

func (b *staging) quarantine(q engine.Quarantined) {
	b.held = append(b.held, q)
	b.heldSize += int64(len(q.Raw)) + 256
}

func (b *staging) conflicts(source string, origin int, found []schema.Conflict) {
	for _, c := range found {
		key := clash{c.Path, c.Want, c.Got, b.origins[origin].URL}
		n := b.clashes[key]
		if n == nil {
			n = &engine.ConflictCount{Path: c.Path, Want: c.Want, Got: c.Got, Source: source, Object: key.object, Example: c.Example}
			b.clashes[key] = n
		}
		n.Count++
	}
}

func (b *staging) object(s engine.ObjectState) { b.states = append(b.states, s) }

func (b *staging) putOff(l line, origin int) {
	b.later = append(b.later, putOff{l, origin})
	b.laterLen += int64(len(l.raw))
}

// nextSeq is the _seq of the row after this one.
func (b *staging) nextSeq(store Store) int64 {
	if b.seq == b.seqEnd {
		b.seq = store.AllocateSeq(seqBlock)
		b.seqEnd = b.seq + seqBlock
	}
	b.seq++
	return b.seq - 1
}

// appendRow stages a row of a block that keep will be told of.
func (b *staging) appendRow(origin int, block *engine.Block, row int, store Store) {
	seq := b.nextSeq(store)
	b.rows++
	if n := len(b.runs); n > 0 {
		if r := &b.runs[n-1]; r.Block == block && r.First+r.Rows == row && r.FirstSeq+int64(r.Rows) == seq {
			r.Rows++
			return
		}
	}
	b.runs = append(b.runs, engine.BlockRun{Block: block, First: row, Rows: 1, FirstSeq: seq, Origin: origin})
}

// keep keeps a block until the commit.
func (b *staging) keep(block *engine.Block) {
	b.bytes += int64(block.Bytes)
	b.free = append(b.free, block.Free)
}

// placed keeps where a line of a live piece came from: its row is its place
// here then, and no longer its place in the piece.
func (b *staging) placed(c *piece, l line) line {
	if c.places != nil {
		b.places = append(b.places, c.places[l.row])
		l.row = int64(len(b.places) - 1)
	}
	return l
}

// append stages a row; values writes what comes after its position.
func (b *staging) append(origin int, row int64, store Store, values func([]byte) []byte) error {
	seq := b.nextSeq(store)
	before := len(b.buf)
	if len(b.places) > 0 {
		p := b.places[row]
		position := p.append(append([]byte(b.origins[origin].URL), '#'))
		b.buf = values(schema.AppendArrival(b.buf, origin, p.at, seq, position))
	} else {
		b.buf = values(schema.AppendPosition(b.buf, origin, row, seq))
	}
	n := len(b.buf) - before
	b.rows++
	b.bytes += int64(n)
	b.longest = max(b.longest, n)
	if len(b.buf) >= writeAt {
		return b.write()
	}
	return nil
}

func (b *staging) write() error {
	if len(b.buf) == 0 {
		return nil
	}
	if b.file == nil {
		f, err := os.CreateTemp(b.dir, "batch-*.ndjson")
		if err != nil {
			return stagingError(err)
		}
		b.file = f
	}
	if _, err := b.file.Write(b.buf); err != nil {
		return stagingError(err)
	}
	b.buf = b.buf[:0]
	return nil
}

func stagingError(err error) error {
	e := &engine.Error{Kind: engine.Unavailable, Op: "stage a batch", Err: err}
	return e.WithHint("free some space there, or set limits.memory lower")
}

// discard removes what was staged.
func (b *staging) discard() {
	if b.file != nil {
		b.file.Close()
		os.Remove(b.file.Name())
		b.file = nil
	}
	for _, f := range b.free {
		f()
	}
	b.free = nil
}

// smallObject gives the bytes of an object that is small enough to keep.
func smallObject(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, smallObjectBytes+1))
	if err != nil || len(raw) > smallObjectBytes {
		return nil
	}
	return raw
}
