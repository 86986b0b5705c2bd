package pipeline

import (
	"bufio"
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"strconv"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// directBytes is up to which size a columnar file goes through transforms as
// columns: its inputs are in memory together. A larger one goes as lines.
const directBytes = 64 << 20

// rowNumber is the column that a changed file has for the place of a row in
// the original, from 0.
const rowNumber = "tidemark row"

// errIndirect says that a file must go through the transforms line by line.
var errIndirect = errors.New("the transforms do more than change values")

// direct takes a columnar file through the transforms as columns. Only cells
// that they change are written, and put into a copy of the file.
type direct struct {
	stages []directStage
	// columns of the file that cross; changed are those that may come back.
	columns []engine.ForeignColumn
	changed []int
	changes *bufio.Writer
	any     bool
}

// directStage says which of the columns fill the fields of a transform; -1
// where the file has none.
type directStage struct {
	Stage
	in, out []int
}

// newDirect prepares the way of columns, if transforms and columns fit to each
// other as they are.
func newDirect(stages []Stage, m engine.Mapping, columns []engine.ForeignColumn) (*direct, bool) {
	d := &direct{}
	for _, s := range stages {
		one := directStage{Stage: s}
		for _, f := range s.Inputs() {
			i, ok := d.column(f, m, columns)
			if !ok {
				return nil, false
			}
			one.in = append(one.in, i)
		}
		for _, f := range s.Outputs() {
			i, ok := d.column(f, m, columns)
			if !ok || i >= 0 && f.Type == engine.BigInt && d.columns[i].Declared != "BIGINT" {
				return nil, false
			}
			one.out = append(one.out, i)
			if i >= 0 && !slices.Contains(d.changed, i) {
				d.changed = append(d.changed, i)
			}
		}
		d.stages = append(d.stages, one)
	}
	return d, true
}

// column finds the file's column for a field: the best candidate there is, as
// in a record. ok is false where the field reads it in another way than as it
// is.
func (d *direct) column(f StageField, m engine.Mapping, columns []engine.ForeignColumn) (i int, ok bool) {
	for _, p := range m.Raw(f.Path) {
		at := slices.IndexFunc(columns, func(c engine.ForeignColumn) bool { return c.Name == p[0] })
		if at < 0 {
			continue
		}
		c := columns[at]
		if len(p) > 1 || c.Type.Kind != f.Type || !plainColumn(c) {
			return 0, false
		}
		if have := slices.IndexFunc(d.columns, func(h engine.ForeignColumn) bool { return h.Name == c.Name }); have >= 0 {
			return have, true
		}
		d.columns = append(d.columns, c)
		return len(d.columns) - 1, true
	}
	return -1, true
}

// plainColumn reports whether a column's values are what a JSON line would
// say they are.
func plainColumn(c engine.ForeignColumn) bool {
	switch c.Type.Kind {
	case engine.Varchar:
		return c.Declared == "VARCHAR"
	case engine.Double:
		return c.Declared == "DOUBLE"
	}
	return c.Type.Kind == engine.BigInt || c.Type.Kind == engine.Bool
}

// transformTable runs the transforms over a table. The file it names is the
// table's own where nothing changed, else a copy with the changes.
func (p *puller) transformTable(ctx context.Context, t engine.ForeignTable) (path string, err error) {
	d, ok := newDirect(p.opt.Stages, p.opt.Mapping, t.Columns())
	if !ok || p.indirect.Load() {
		return "", errIndirect
	}
	f, err := os.CreateTemp(p.opt.Scratch, "changes-*.ndjson")
	if err != nil {
		return "", stagingError(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	d.changes = bufio.NewWriter(f)
	err = t.Scan(ctx, d.columns, func(batch []engine.Column, first int64, rows int) error { return d.run(ctx, batch, first, rows) })
	if err == nil {
		err = d.changes.Flush()
	}
	switch {
	case errors.Is(err, errIndirect):
		p.indirect.Store(true) // it would be again
		return "", err
	case err != nil || !d.any:
		return t.Path(), err
	}
	changed := make([]engine.ForeignColumn, len(d.changed))
	for i, c := range d.changed {
		changed[i] = d.columns[c]
	}
	path = tempName(p.opt.Scratch)
	if err := t.Patch(ctx, f.Name(), changed, rowNumber, path); err != nil {
		os.Remove(path)
		return "", errIndirect
	}
	return path, nil
}

// run takes a batch of rows through the transforms and writes what changed.
func (d *direct) run(ctx context.Context, batch []engine.Column, first int64, rows int) error {
	now := slices.Clone(batch)
	for _, s := range d.stages {
		if err := s.run(ctx, now, rows); err != nil {
			return err
		}
	}
	var line []byte
	for row := range rows {
		line = line[:0]
		for k, i := range d.changed {
			if sameValue(&batch[i], row, &now[i], row) {
				continue
			}
			n := strconv.Itoa(k)
			line = append(line, `,"s`+n+`":true,"c`+n+`":`...)
			line = schema.AppendValue(line, &now[i], row)
		}
		if len(line) == 0 {
			continue
		}
		d.any = true
		if _, err := d.changes.WriteString(`{"row":` + strconv.FormatInt(first+int64(row), 10)); err != nil {
			return err
		}
		if _, err := d.changes.Write(append(line, '}', '\n')); err != nil {
			return err
		}
	}
	return nil
}

// run puts what one transform gives for the columns in their place.
func (s *directStage) run(ctx context.Context, columns []engine.Column, rows int) error {
	fields, in := s.Inputs(), make([]engine.Column, len(s.in))
	for k, i := range s.in {
		if i < 0 {
			in[k] = nulls(fields[k].Type, rows)
		} else {
			in[k] = columns[i]
		}
		in[k].Name = fields[k].Path.String()
	}
	result, err := s.Run(ctx, in, rows)
	if err != nil || result.Loose || len(result.Rejected) > 0 || len(result.Src) != rows {
		return errIndirect // the way of lines says what is wrong, and with which
	}
	for row, from := range result.Src {
		if int(from) != row {
			return errIndirect
		}
	}
	for k, i := range s.out {
		out := result.Columns[k]
		switch {
		case i < 0 && !allNull(&out, rows), i >= 0 && out.Type != columns[i].Type, !finite(&out):
			return errIndirect
		case i >= 0:
			columns[i] = cloned(out)
		}
	}
	return nil
}

func nulls(kind engine.TypeKind, rows int) engine.Column {
	c := engine.Column{Type: kind, Null: make([]bool, rows)}
	for i := range c.Null {
		c.Null[i] = true
	}
	switch kind {
	case engine.Varchar, engine.JSON:
		c.Offsets = make([]uint32, rows+1)
	case engine.Double:
		c.Floats = make([]float64, rows)
	default:
		c.Ints = make([]int64, rows)
	}
	return c
}

func allNull(c *engine.Column, rows int) bool {
	for i := range rows {
		if !c.IsNull(i) {
			return false
		}
	}
	return true
}

func finite(c *engine.Column) bool {
	for i, f := range c.Floats {
		if !c.IsNull(i) && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return false
		}
	}
	return true
}

// cloned keeps a result beyond the next call of its transform.
func cloned(c engine.Column) engine.Column {
	c.Null, c.Ints, c.Floats = slices.Clone(c.Null), slices.Clone(c.Ints), slices.Clone(c.Floats)
	c.Offsets, c.Bytes = slices.Clone(c.Offsets), slices.Clone(c.Bytes)
	return c
}

// labelsOf finds the file's columns that become labels; ok is false where the
// values must be looked at to tell.
func labelsOf(columns []engine.ForeignColumn, m engine.Mapping) (labels []engine.StagedLabel, ok bool) {
	for _, p := range m.Labels {
		at := slices.IndexFunc(columns, func(c engine.ForeignColumn) bool { return c.Name == p[0] })
		if at < 0 || slices.ContainsFunc(labels, func(l engine.StagedLabel) bool { return l.Name == p.String() }) {
			continue
		}
		c := columns[at]
		if len(p) > 1 || c.Type.Kind == engine.Double || !plainColumn(c) {
			return nil, false
		}
		labels = append(labels, engine.StagedLabel{Name: p.String(), Column: c.Name, Moves: c.Type.Kind == engine.Varchar})
	}
	return labels, true
}
