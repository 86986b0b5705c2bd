package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strconv"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/schema"
)

// livePreparer prepares records. It is used by one goroutine at a time.
type livePreparer struct {
	*preparer
	// plain remembers the looks of records that are plain JSON, so that not
	// each of them has to be looked at in every way.
	plain map[uint64]bool
	// quotas, if there are any, find by find what they count by.
	quotas *quotas
	find   *schema.Extractor
	rooms  *stack[*pieceRoom]
	// careful is for how many pieces nothing is guessed.
	careful int
}

func (l *live) newPreparer() *livePreparer {
	a := &livePreparer{preparer: l.preparer(Task{}), quotas: l.quotas, rooms: &l.rooms}
	if l.quotas != nil && len(l.quotas.By) > 0 {
		a.find = schema.NewExtractor([][]engine.Path{l.puller.opt.Mapping.Raw(l.quotas.By)})
	}
	return a
}

// place is where a live record came from and when it arrived.
type place struct {
	at       int64 // microseconds since 1970
	sequence string
	sub, nth int32 // nth of the records that one became; -1: there is one
	packed   bool
	look     look
}

// look says whether a record of a stream is plain JSON: one object that is
// nothing else.
type look uint8

const (
	unlike  look = iota // it was not, or something was made of it
	known               // it is
	guessed             // it may be: conforming it tells
)

func (p place) append(b []byte) []byte {
	b = append(b, p.sequence...)
	if p.packed {
		b = strconv.AppendInt(append(b, '.'), int64(p.sub), 10)
	}
	if p.nth >= 0 {
		b = strconv.AppendInt(append(b, '/'), int64(p.nth), 10)
	}
	return b
}

// maxLooks bounds what is remembered.
const maxLooks = 4096

// arrivals makes one piece of some records of a shard.
func (a *livePreparer) arrivals(ctx context.Context, url string, records []engine.Arrival) *piece {
	if a.mayGuess() {
		out := a.attempt(ctx, url, records, true)
		if !out.refuted {
			return out
		}
		out.done()
		a.careful = carefulPieces
	}
	return a.attempt(ctx, url, records, false)
}

// carefulPieces is how many pieces are looked at record by record after one in
// which a record was not what it was taken for.
const carefulPieces = 64

// mayGuess reports whether records may be taken for plain JSON, as those before
// them, until they are conformed. Nothing else may be done to them before that.
func (a *livePreparer) mayGuess() bool {
	if a.careful > 0 {
		a.careful--
		return false
	}
	return a.quotas == nil && len(a.stages) == 0 && a.protect == nil && len(a.met) > 0
}

func (a *livePreparer) attempt(ctx context.Context, url string, records []engine.Arrival, guess bool) *piece {
	room, idle := a.rooms.take()
	if !idle {
		room = &pieceRoom{home: a.rooms}
	}
	out := &piece{url: url, room: room, lines: room.lines, places: room.places, ends: room.ends, moments: room.moments}
	for i := range records {
		a.arrival(ctx, &records[i], out, guess)
	}
	if a.quotas != nil {
		if out.err = a.quotas.sift(ctx, a.find, out); out.err != nil {
			return out
		}
	}
	a.prepare(ctx, out)
	return out
}

// pieceRoom is what the pieces of a stream are made of, used again: it is as
// large as the records themselves.
type pieceRoom struct {
	home    *stack[*pieceRoom]
	lines   []line
	places  []place
	ends    []int
	moments []int64
}

// free gives back what a piece is made of.
func (r *pieceRoom) free(c *piece) {
	clear(c.lines[:cap(c.lines)])
	clear(c.places)
	*r = pieceRoom{r.home, c.lines[:0], c.places[:0], c.ends[:0], c.moments[:0]}
	c.lines, c.places, c.ends, c.moments = nil, nil, nil, nil
	r.home.put(r)
}

// arrival adds what one record of the stream holds: usually one record, but
// also many, or none.
func (a *livePreparer) arrival(ctx context.Context, r *engine.Arrival, out *piece, guess bool) {
	at := place{at: r.Time.UnixMicro(), sequence: r.Sequence, sub: int32(r.Sub), packed: r.Packed, nth: -1} //nolint:gosec // fewer than bytes in a record
	switch {
	case r.Broken != "":
		out.read++
		out.asides = append(out.asides, problem{line: out.placed(r.Data, at), reason: r.Broken})
	case guess && isObject(r.Data):
		at.look = guessed
		out.read++
		out.lines = append(out.lines, out.placed(bytes.TrimSpace(r.Data), at))
	case a.isPlain(r.Data):
		at.look = known
		out.read++
		out.lines = append(out.lines, out.placed(bytes.TrimSpace(r.Data), at))
	default:
		a.decode(ctx, r, at, out)
	}
}

// placed keeps where a line came from.
func (c *piece) placed(raw []byte, at place) line {
	c.places = append(c.places, at)
	return line{raw: raw, row: int64(len(c.places) - 1), came: raw}
}

// decode recognises a record and cuts it into those it holds.
func (a *livePreparer) decode(ctx context.Context, r *engine.Arrival, at place, out *piece) {
	first := len(out.places)
	err := a.decodeInto(ctx, r, at, out)
	if err != nil {
		out.read++
		out.asides = append(out.asides, problem{line: out.placed(r.Data, at), reason: err.Error()})
	}
	if n := len(out.places) - first; n > 1 {
		for i := range n {
			out.places[first+i].nth = int32(i) //nolint:gosec // fewer than bytes in a record
		}
	}
}

func (a *livePreparer) decodeInto(_ context.Context, r *engine.Arrival, at place, out *piece) error {
	s, err := a.p.opt.Formats.Open(bytes.NewReader(r.Data), format.Hint{Want: a.p.opt.Format, Modified: r.Time})
	if err != nil {
		return err
	}
	defer s.Close()
	switch {
	case s.Columnar():
		return errors.New("a table cannot come as a record of a stream")
	case s.Format == format.Unknown:
		return errors.New(s.Unrecognised())
	case s.Format == format.Empty:
		return nil
	}
	before := out.read
	split := s.Records(chunkBytes)
	for {
		c, err := split.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		out.take(c, at)
	}
	if s.Format == format.JSON && len(s.Layers) == 0 && out.read == before+1 {
		a.remember(r.Data)
	}
	return nil
}

// take adds a chunk of records that came in one.
func (c *piece) take(chunk format.Chunk, at place) {
	for _, rec := range chunk.Records {
		c.read++
		switch {
		case rec.Dropped:
			c.dropped++
		case rec.Problem != "":
			c.asides = append(c.asides, problem{line: c.placed(chunk.Bytes(rec), at), reason: rec.Problem})
		default:
			c.lines = append(c.lines, c.placed(chunk.Bytes(rec), at))
		}
	}
}

// settled takes in what conforming says of a record of a stream that may be plain
// JSON. It is false if it was only taken for that, and other members were in it
// than in one that was.
func (a *preparer) settled(l look, out schema.Outcome) bool {
	if l == unlike {
		return true
	}
	members, ok := a.conform.Members()
	ok = ok && out.Reason == "" && !out.Unknown
	switch {
	case !ok:
		return l == known
	case members == a.last && a.last != 0:
		return true
	case l == guessed:
		if _, ok := a.met[members]; !ok {
			return false
		}
	default:
		if a.met == nil || len(a.met) >= maxLooks {
			a.met = map[uint64]struct{}{}
		}
		a.met[members] = struct{}{}
	}
	a.last = members
	return true
}

// isObject reports whether a record may be a JSON object.
func isObject(data []byte) bool {
	data = bytes.TrimSpace(data)
	return len(data) >= 2 && data[0] == '{' && data[len(data)-1] == '}'
}

// isPlain reports whether a record looks like one that was recognised as
// plain JSON: the same members at its top.
func (a *livePreparer) isPlain(data []byte) bool {
	if len(a.plain) == 0 {
		return false
	}
	look, ok := lookOf(data)
	return ok && a.plain[look]
}

func (a *livePreparer) remember(data []byte) {
	look, ok := lookOf(data)
	if !ok {
		return
	}
	if a.plain == nil || len(a.plain) >= maxLooks {
		a.plain = map[uint64]bool{}
	}
	a.plain[look] = true
}

// looks is the seed of what lookOf makes.
var looks = maphash.MakeSeed()

// lookOf hashes the names of a JSON object's members, in their order. ok is false
// for everything that is not one object alone; it need not be a good one.
func lookOf(data []byte) (look uint64, ok bool) {
	data = bytes.TrimSpace(data)
	if len(data) < 2 || data[0] != '{' || data[len(data)-1] != '}' {
		return 0, false
	}
	escapes := bytes.IndexByte(data, '\\') >= 0
	depth, name := 0, false
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			depth++
			name = depth == 1
		case '}', ']':
			depth--
			if depth == 0 && i != len(data)-1 {
				return 0, false
			}
		case ',':
			name = depth == 1
		case ':':
			name = false
		case '"':
			end := i + 1 + bytes.IndexByte(data[i+1:], '"')
			if escapes {
				end = endOfText(data, i+1)
			}
			if end <= i {
				return 0, false
			}
			if name {
				look = (look ^ maphash.Bytes(looks, data[i:end])) * 1099511628211
			}
			i = end
		}
	}
	return look, depth == 0
}

// endOfText finds the quote that ends a text.
func endOfText(data []byte, i int) int {
	for quote := i; ; quote++ {
		n := bytes.IndexByte(data[quote:], '"')
		if n < 0 {
			return -1
		}
		quote += n
		for i <= quote {
			escape := bytes.IndexByte(data[i:quote], '\\')
			if escape < 0 {
				return quote
			}
			i += escape + 2 // what is escaped may be this quote
		}
	}
}

// position is where a line came from, for people.
func (p *puller) position(o *objectRun, l line) string {
	if len(p.batch.places) > 0 {
		return o.task.URL + "#" + string(p.batch.places[l.row].append(nil))
	}
	return fmt.Sprintf("%s#%d", o.task.URL, l.row)
}

// position is where a line that waits for its types came from.
func (b *staging) position(l putOff) string {
	url := b.origins[l.origin].URL
	if len(b.places) > 0 {
		return url + "#" + string(b.places[l.row].append(nil))
	}
	return fmt.Sprintf("%s#%d", url, l.row)
}

// moment keeps the event time of a line.
func (p *puller) moment(o *objectRun, l line, out schema.Outcome) {
	o.moments = appendMoment(o.moments, out, p.batch.places[l.row].at, len(p.opt.Mapping.EventTime) == 0)
}

// appendMoment adds a record's event time; without a time field that is when
// it arrived.
func appendMoment(to []int64, out schema.Outcome, arrived int64, arrivalIsTime bool) []int64 {
	switch {
	case out.HasTime:
		return append(to, out.EventTime)
	case arrivalIsTime:
		return append(to, arrived)
	}
	return to
}
