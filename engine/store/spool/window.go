package spool

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/result"
)

// Window is a range of the rows of a result.
type Window struct {
	// Columns are how the rows arrive.
	Columns result.Delivered
	// First is the number of the first row, Rows how many there are.
	First, Rows int64

	spool *Spool
	head  []byte
	parts []part
}

// Window gives limit rows from offset on, or as many as there are. It waits
// for rows that are still being computed. A result that failed has none.
func (s *Spool) Window(ctx context.Context, offset, limit int64) (*Window, error) {
	st := s.Wait(ctx, func(st Status) bool { return st.Rows >= offset+limit })
	switch {
	case st.Err != nil:
		return nil, st.Err
	case !st.Over() && ctx.Err() != nil:
		return nil, engine.Errorf(engine.Canceled, op, "%w", ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || st.Columns == nil {
		return nil, gone()
	}
	w := &Window{Columns: *st.Columns, First: offset, Rows: max(0, min(limit, st.Rows-offset)), spool: s, head: s.head}
	if w.Rows == 0 {
		return w, nil
	}
	from, _ := slices.BinarySearchFunc(s.parts, offset, func(p part, row int64) int {
		if p.first+p.rows <= row {
			return -1
		}
		return 1
	})
	for _, p := range s.parts[from:] {
		if p.first >= offset+w.Rows {
			break
		}
		w.parts = append(w.parts, p)
	}
	return w, nil
}

func gone() error {
	return engine.Errorf(engine.NotFound, op, "this result is no longer kept").WithHint("run it again")
}

// bytes reads a part.
func (w *Window) bytes(p part) ([]byte, error) {
	if p.bytes != nil {
		return p.bytes, nil
	}
	data := make([]byte, p.size)
	if _, err := w.spool.file.ReadAt(data, p.at); err != nil {
		w.spool.mu.Lock()
		defer w.spool.mu.Unlock()
		if w.spool.closed {
			return nil, gone()
		}
		return nil, engine.Errorf(engine.Unavailable, "read the result", "%w", err)
	}
	return data, nil
}

// WriteArrow writes the rows as an Arrow IPC stream.
func (w *Window) WriteArrow(to io.Writer) error {
	if _, err := to.Write(w.head); err != nil {
		return err
	}
	for _, p := range w.parts {
		data, err := w.bytes(p)
		if err == nil && !w.whole(p) {
			data, err = w.cut(p, data)
		}
		if err != nil {
			return err
		}
		if _, err := to.Write(data); err != nil {
			return err
		}
	}
	_, err := to.Write(endOfStream)
	return err
}

func (w *Window) whole(p part) bool {
	return p.first >= w.First && p.first+p.rows <= w.First+w.Rows
}

// cut writes the rows of a part that are in the window anew.
func (w *Window) cut(p part, data []byte) ([]byte, error) {
	var out []byte
	err := w.decode(p, data, func(batch arrow.RecordBatch) error {
		var e encoder
		if _, err := e.begin(batch.Schema()); err != nil {
			return err
		}
		var err error
		out, err = e.encode([]arrow.RecordBatch{batch})
		return err
	})
	return out, err
}

// decode reads a part and hands on its rows that are in the window.
func (w *Window) decode(p part, data []byte, use func(arrow.RecordBatch) error) error {
	r, err := ipc.NewReader(io.MultiReader(bytes.NewReader(w.head), bytes.NewReader(data), bytes.NewReader(endOfStream)))
	if err != nil {
		return engine.Errorf(engine.Internal, "read the result", "%w", err)
	}
	defer r.Release()
	if !r.Next() {
		return engine.Errorf(engine.Internal, "read the result", "%w", errors.Join(r.Err(), io.ErrUnexpectedEOF))
	}
	from := max(0, w.First-p.first)
	to := min(p.rows, w.First+w.Rows-p.first)
	batch := r.RecordBatch().NewSlice(from, to)
	defer batch.Release()
	return use(batch)
}

// Each hands on the rows, batch by batch.
func (w *Window) Each(use func(arrow.RecordBatch) error) error {
	for _, p := range w.parts {
		data, err := w.bytes(p)
		if err != nil {
			return err
		}
		if err := w.decode(p, data, use); err != nil {
			return err
		}
	}
	return nil
}

// WriteJSON writes the rows as a JSON array of arrays.
func (w *Window) WriteJSON(to io.Writer) error {
	line := []byte{'['}
	first := true
	err := w.Each(func(batch arrow.RecordBatch) error {
		for i := range int(batch.NumRows()) {
			if !first {
				line = append(line, ',')
			}
			first = false
			line = w.Columns.AppendRow(line, batch, i)
			if len(line) >= 64<<10 {
				if _, err := to.Write(line); err != nil {
					return err
				}
				line = line[:0]
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = to.Write(append(line, ']'))
	return err
}

// merged makes one batch of several, whose columns have the names of schema.
func merged(schema *arrow.Schema, batches []arrow.RecordBatch) (arrow.RecordBatch, error) {
	if len(batches) == 1 {
		return array.NewRecordBatch(schema, batches[0].Columns(), batches[0].NumRows()), nil
	}
	var rows int64
	for _, b := range batches {
		rows += b.NumRows()
	}
	columns := make([]arrow.Array, schema.NumFields())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range columns {
		parts := make([]arrow.Array, len(batches))
		for j, b := range batches {
			parts[j] = b.Column(i)
		}
		var err error
		if columns[i], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(schema, columns, rows), nil
}
