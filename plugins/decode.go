package plugins

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Decoded is one record of a decoder, valid until the next one.
type Decoded struct {
	// JSON is the record: one JSON object.
	JSON []byte
	// Problem is set for bytes that are no record; Raw are those bytes then.
	Problem string
	Raw     []byte
	// Dropped says that the decoder left Raw out on purpose.
	Dropped bool
}

const (
	maxLine   = 1 << 20   // of one line that a decoder is given
	pieceSize = 256 << 10 // of an object whose decoder cuts it itself
	maxPiece  = 4 << 20   // what such a decoder may wait for
)

// Decode reads an object to its end and calls emit with its records in their
// order. Lines that break the plugin are emitted with their problem. Decode may
// be called from several goroutines.
func (p *Plugin) Decode(ctx context.Context, r io.Reader, emit func(Decoded) error) error {
	n := p.manifest.index(KindDecoder)
	if n < 0 {
		return engine.Errorf(engine.Invalid, "decode with "+p.name, "it has no decoder")
	}
	d := &decoding{p: p, n: n, f: p.manifest.Functions[n], emit: emit}
	if d.f.Framing == FramingLine {
		return d.lines(ctx, r)
	}
	return d.pieces(ctx, r)
}

// decoding is one object on its way through a decoder.
type decoding struct {
	p    *Plugin
	n    int
	f    Function
	emit func(Decoded) error
	out  []byte // a record
}

// lines gives the decoder batches of lines.
func (d *decoding) lines(ctx context.Context, r io.Reader) error {
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 64<<10), maxLine)
	batch := emptyColumns(decoderInputs[FramingLine])
	for scan.Scan() {
		line := bytes.TrimSuffix(scan.Bytes(), []byte("\r"))
		if len(line) == 0 {
			continue
		}
		c := &batch[0]
		c.Bytes = append(c.Bytes, line...)
		c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
		if c.Len() < batchRows && len(c.Bytes) < batchBytes/2 {
			continue
		}
		if err := d.batch(ctx, batch); err != nil {
			return err
		}
		c.Bytes, c.Offsets = c.Bytes[:0], c.Offsets[:1]
	}
	if batch[0].Len() > 0 {
		if err := d.batch(ctx, batch); err != nil {
			return err
		}
	}
	if errors.Is(scan.Err(), bufio.ErrTooLong) {
		return engine.Errorf(engine.Invalid, "decode with "+d.p.name, "a line is longer than %d MB", maxLine>>20)
	}
	return scan.Err()
}

func (d *decoding) batch(ctx context.Context, in []engine.Column) error {
	started, rows := time.Now(), in[0].Len()
	out, err := d.p.run(ctx, d.n, in, rows)
	if err != nil {
		return err
	}
	d.p.stats.add(rows, len(out.Rejected), time.Since(started))
	why := make(map[int]string, len(out.Rejected))
	for _, x := range out.Rejected {
		why[x.Row] = x.Reason
	}
	next := 0
	for row := range rows {
		before := next
		for ; next < len(out.Src) && int(out.Src[next]) == row; next++ {
			if why[row] != "" {
				continue
			}
			if err := d.record(out.Columns, next, in[0].Text(row)); err != nil {
				return err
			}
		}
		switch reason, bad := why[row]; {
		case bad:
			err = d.emit(Decoded{Problem: d.reason(reason), Raw: in[0].Text(row)})
		case next == before:
			err = d.emit(Decoded{Dropped: true, Raw: in[0].Text(row)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reason names who found a problem: the same record may fare otherwise with
// another version.
func (d *decoding) reason(why string) string {
	return fmt.Sprintf("the decoder %s@%s (%s): %s", d.p.name, d.p.manifest.Version, d.p.sha256[:12], why)
}

// record emits row i of the decoder's answer as JSON.
func (d *decoding) record(columns []engine.Column, i int, raw []byte) error {
	if d.f.Outputs[0].Field == Record {
		text := bytes.TrimSpace(columns[0].Text(i))
		if columns[0].IsNull(i) || len(text) == 0 || text[0] != '{' {
			return d.emit(Decoded{Problem: d.reason("it made something that is no JSON object"), Raw: raw})
		}
		d.out = d.out[:0]
		if bytes.ContainsAny(text, "\r\n") {
			var b bytes.Buffer
			_ = json.Compact(&b, text) // it is valid: readFrame looked
			text = b.Bytes()
		}
		return d.emit(Decoded{JSON: append(d.out, text...)})
	}
	d.out = append(d.out[:0], '{')
	for c := range columns {
		if columns[c].IsNull(i) {
			continue
		}
		if len(d.out) > 1 {
			d.out = append(d.out, ',')
		}
		name, _ := json.Marshal(columns[c].Name)
		d.out = append(append(d.out, name...), ':')
		d.out = appendJSON(d.out, &columns[c], i)
	}
	d.out = append(d.out, '}')
	return d.emit(Decoded{JSON: d.out})
}

// appendJSON writes a value that is not null.
func appendJSON(out []byte, c *engine.Column, i int) []byte {
	switch c.Type {
	case engine.Bool:
		return strconv.AppendBool(out, c.Ints[i] != 0)
	case engine.Double:
		if f := c.Floats[i]; math.IsNaN(f) || math.IsInf(f, 0) {
			return append(out, "null"...)
		}
		return strconv.AppendFloat(out, c.Floats[i], 'g', -1, 64)
	case engine.Timestamp:
		return time.UnixMicro(c.Ints[i]).UTC().AppendFormat(out, `"2006-01-02T15:04:05.999999Z"`)
	case engine.JSON:
		return append(out, c.Text(i)...)
	case engine.Varchar:
		text, _ := json.Marshal(string(c.Text(i)))
		return append(out, text...)
	}
	return strconv.AppendInt(out, c.Ints[i], 10)
}

// pieces gives the decoder piece after piece of the object; what it does not
// take comes again with more behind it.
func (d *decoding) pieces(ctx context.Context, r io.Reader) error {
	var rest []byte
	size := pieceSize
	for {
		piece, eof, err := fill(r, rest, size)
		if err != nil {
			return err
		}
		if len(piece) == 0 {
			return nil
		}
		taken, err := d.piece(ctx, piece, eof)
		switch {
		case err != nil:
			return err
		case taken > 0:
			size = pieceSize
		case eof:
			return engine.Errorf(engine.Invalid, "decode with "+d.p.name, "it leaves %d bytes at the end", len(piece))
		case size >= maxPiece:
			return engine.Errorf(engine.Invalid, "decode with "+d.p.name, "it found no record in %d MB", maxPiece>>20)
		default:
			size *= 2
		}
		rest = append([]byte{}, piece[taken:]...)
		if eof && len(rest) == 0 {
			return nil
		}
	}
}

// fill reads on until there are size bytes.
func fill(r io.Reader, have []byte, size int) (piece []byte, eof bool, err error) {
	if len(have) >= size {
		return have, false, nil
	}
	piece = append(make([]byte, 0, size), have...)
	n, err := io.ReadFull(r, piece[len(have):size])
	piece = piece[:len(have)+n]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return piece, true, nil
	}
	return piece, false, err
}

// piece decodes one piece. It cannot be halved: only the decoder knows where
// records end. So what breaks it ends the object there.
func (d *decoding) piece(ctx context.Context, piece []byte, eof bool) (taken int, err error) {
	in := emptyColumns(decoderInputs[FramingNone])
	in[0].Bytes, in[0].Offsets = piece, []uint32{0, uint32(len(piece))}
	in[1].Ints = []int64{0}
	if eof {
		in[1].Ints[0] = 1
	}
	started := time.Now()
	r, err := d.p.try(ctx, d.n, in, 0, 1, d.p.settings.Deadline)
	if ctx.Err() != nil {
		return 0, engine.Errorf(engine.Canceled, "decode with "+d.p.name, "%w", ctx.Err())
	}
	if err != nil {
		d.p.stats.add(1, 1, time.Since(started))
		return 0, engine.Errorf(engine.Invalid, "", "%s", strings.TrimSpace(d.reason(err.Error())))
	}
	d.p.stats.add(len(r.src), 0, time.Since(started))
	for i, at := range r.src {
		end := r.consumed
		if i+1 < len(r.src) {
			end = int(r.src[i+1])
		}
		raw := piece[min(int(at), len(piece)):max(int(at), min(end, len(piece)))]
		if r.errors != nil && !r.errors.IsNull(i) {
			err = d.emit(Decoded{Problem: d.reason(clean(string(r.errors.Text(i)))), Raw: raw})
		} else {
			err = d.record(r.columns, i, raw)
		}
		if err != nil {
			return 0, err
		}
	}
	return r.consumed, nil
}
