package pipeline

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/schema"
)

// wholeTable is a columnar file that was decoded to its end and can be loaded
// as it is.
type wholeTable struct {
	path    string
	source  string // the file as it was before the transforms
	columns []engine.ForeignColumn
	mapped  map[string]string
	labels  []engine.StagedLabel
	// number is the column that has the numbers of the rows; "" where they
	// are where they were.
	number        string
	rows, untimed int64
}

// readTable decodes a columnar file, ahead of its turn. Where values must be
// looked at one by one it sends them as lines.
func (p *puller) readTable(ctx context.Context, r *reading, s *format.Stream) {
	path, err := p.localTable(r, s)
	if err != nil {
		r.damaged = err
		return
	}
	if err := p.decodeTable(ctx, r, path, s.Format); err != nil {
		switch {
		case ctx.Err() != nil:
		case engine.KindOf(err) == engine.Invalid:
			r.damaged = err
		default:
			_ = r.send(ctx, &piece{err: err})
		}
	}
}

func (p *puller) decodeTable(ctx context.Context, r *reading, path string, as format.Format) error {
	path, err := p.readable(r, path)
	if err != nil {
		return err
	}
	if err := enter(ctx, p.decoding); err != nil {
		return err
	}
	lines, err := p.decode(ctx, r, path, string(as))
	<-p.decoding
	if err != nil || lines == "" {
		return err
	}
	defer os.Remove(lines)
	f, err := os.Open(lines)
	if err != nil {
		return err
	}
	defer f.Close()
	return p.feed(ctx, r, p.rows(r, f))
}

// rows reads the lines that a columnar file was written as.
func (p *puller) rows(r *reading, from io.Reader) format.Reader {
	rows, known := p.opt.Formats.Rows(r.columns, from, p.hint(r.task), chunkBytes)
	if known != nil {
		r.format = string(known.Format)
	}
	return rows
}

// knownRows reports whether the columns are those of a format whose rows must
// be looked at to fill the envelope.
func knownRows(formats *format.Table, columns []engine.ForeignColumn) bool {
	_, known := formats.Rows(columnNames(columns), nil, format.Hint{}, 0)
	return known != nil
}

func columnNames(columns []engine.ForeignColumn) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

// decode reads every value of a columnar file: into a file of lines, or to see
// that it can be read.
func (p *puller) decode(ctx context.Context, r *reading, path, as string) (lines string, err error) {
	t, err := p.opt.Store.OpenForeign(ctx, path, as, p.opt.Scratch)
	if err != nil {
		return "", err
	}
	defer func() { r.onRelease(t.Detach()) }()
	if r.whole, err = p.wholeTable(ctx, r, t); err != nil || r.whole != nil {
		return "", err
	}
	if lines, err = p.writeLines(ctx, t); err != nil {
		return "", err
	}
	return lines, r.send(ctx, &piece{columns: t.Columns()})
}

// wholeTable decodes a table and takes it through the transforms as columns.
// It gives nil where values must be looked at one by one.
func (p *puller) wholeTable(ctx context.Context, r *reading, t engine.ForeignTable) (*wholeTable, error) {
	mapped := envelopeOf(t.Columns(), p.opt.Mapping)
	r.columns = columnNames(t.Columns())
	labels, plain := labelsOf(t.Columns(), p.opt.Mapping)
	if mapped == nil || knownRows(p.opt.Formats, t.Columns()) || !plain || len(labels) > 0 && mapped["labels"] != "" || numbered(t.Columns()) || r.task.Skip > 0 || len(p.opt.Policies) > 0 || p.opt.lines {
		return nil, nil
	}
	if len(p.opt.Stages) > 0 && (r.task.Size > directBytes || p.indirect.Load()) {
		return nil, nil
	}
	rows, untimed, err := t.Verify(ctx, mapped["event_time"])
	if err != nil {
		return nil, err
	}
	if p.opt.Strict && untimed > 0 {
		return nil, nil
	}
	w := &wholeTable{path: t.Path(), source: t.Path(), columns: t.Columns(), mapped: mapped, labels: labels, rows: rows, untimed: untimed}
	if len(p.opt.Stages) == 0 {
		return w, nil
	}
	w.path, err = p.transformTable(ctx, t)
	switch {
	case errors.Is(err, errIndirect):
		return nil, nil
	case err != nil:
		return nil, err
	case w.path != w.source:
		w.number = rowNumber
		r.onRelease(func() { os.Remove(w.path) })
	}
	return w, nil
}

// readable gives a path inside the folders that the database may read.
func (p *puller) readable(r *reading, path string) (string, error) {
	if rel, err := filepath.Rel(p.opt.Scratch, path); err == nil && filepath.IsLocal(rel) {
		return path, nil
	}
	link := tempName(p.opt.Scratch)
	if err := os.Link(path, link); err != nil {
		if err := copyFile(path, link); err != nil {
			return "", stagingError(err)
		}
	}
	r.onRelease(func() { os.Remove(link) })
	return link, nil
}

// writeLines writes a file's rows as JSON lines into a new file.
func (p *puller) writeLines(ctx context.Context, t engine.ForeignTable) (path string, err error) {
	path = tempName(p.opt.Scratch)
	if err := t.WriteLines(ctx, path); err != nil {
		os.Remove(path)
		return "", err
	}
	return path, nil
}

// table takes in a columnar file that can be loaded as it is, if the dataset
// holds its columns as they are; else values must be looked at after all.
func (p *puller) table(ctx context.Context, o *objectRun) error {
	t := o.whole
	if err := p.adoptTable(ctx, o, t.columns); err != nil {
		return err
	}
	if schema.Holds(p.version.Body, tableBody(t.columns, t.mapped)) {
		p.tableWhole(o, t)
		return nil
	}
	err := p.tableLines(ctx, o, t)
	if engine.KindOf(err) == engine.Invalid && ctx.Err() == nil {
		o.reading.damaged = err
		return nil
	}
	return err
}

// numbered reports whether a column has a name that the loader gives to a
// file's rows.
func numbered(columns []engine.ForeignColumn) bool {
	return slices.ContainsFunc(columns, func(c engine.ForeignColumn) bool {
		return slices.ContainsFunc([]string{"file_row_number", "file_index", rowNumber}, func(name string) bool { return strings.EqualFold(c.Name, name) })
	})
}

// adoptTable takes a file's columns into the dataset's type. What is staged
// belongs to the version before, and may itself change the type: it goes first.
func (p *puller) adoptTable(ctx context.Context, o *objectRun, columns []engine.ForeignColumn) error {
	if p.opt.Strict && p.begun {
		return nil
	}
	file := tableBody(columns, envelopeOf(columns, p.opt.Mapping))
	if _, changes := schema.Join(p.version.Body, file); len(changes) == 0 {
		return nil
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	body, changes := schema.Join(p.version.Body, file)
	p.adopt(body, changes, o.task.URL)
	p.noteOriginals(columns)
	return nil
}

// tableWhole adds the file to the batch.
func (p *puller) tableWhole(o *objectRun, t *wholeTable) {
	p.ensureBatch(o)
	if t.rows > 0 {
		p.batch.tables = append(p.batch.tables, engine.StagedTable{
			Path: t.path, Rows: t.rows, FirstSeq: p.opt.Store.AllocateSeq(t.rows), Origin: o.origin, Columns: t.columns, Envelope: t.mapped,
			Labels: t.labels, Number: t.number,
		})
		p.batch.rows += t.rows
	}
	// The commit reads the file, so it stays until then.
	if o.local.Release != nil {
		p.batch.free = append(p.batch.free, o.local.Release)
		o.local.Release = nil
	}
	o.next = t.rows + 1
	o.state.Stored = t.rows
	p.counts.Read += t.rows
	p.counts.Records += t.rows
	p.counts.Untimed += t.untimed
}

// tableLines takes the file's rows in as JSON lines.
func (p *puller) tableLines(ctx context.Context, o *objectRun, whole *wholeTable) error {
	t, err := p.opt.Store.OpenForeign(ctx, whole.source, string(format.Parquet), p.opt.Scratch)
	if err != nil {
		return err
	}
	defer t.Close()
	path, err := p.writeLines(ctx, t)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	split, prepare := format.NewSplitter(f, chunkBytes), p.preparer(o.task)
	defer prepare.done()
	for {
		c, err := split.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.take(ctx, o, prepare.piece(ctx, c)); err != nil {
			return err
		}
	}
}

// noteOriginals keeps the types a file declared that the lattice does not have.
func (p *puller) noteOriginals(columns []engine.ForeignColumn) {
	for _, c := range columns {
		if c.Declared == c.Type.DuckDB() || !c.Type.Known() {
			continue
		}
		// The version that is being committed shares the map: it is never changed.
		originals := maps.Clone(p.version.Originals)
		if originals == nil {
			originals = map[string]string{}
		}
		originals[engine.Ident(c.Name)] = c.Declared
		p.version.Originals = originals
	}
}

// envelopeOf finds the file's column for each envelope column, or gives nil
// when a value would have to be looked at to tell.
func envelopeOf(columns []engine.ForeignColumn, m engine.Mapping) map[string]string {
	byName := map[string]engine.ForeignColumn{}
	for _, c := range columns {
		byName[c.Name] = c
	}
	mapped := map[string]string{}
	for column, candidates := range m.Envelope {
		for _, p := range candidates {
			c, has := byName[p[0]]
			if !has {
				continue
			}
			if len(p) > 1 || c.Type.Kind != engine.Varchar || c.Declared != "VARCHAR" {
				return nil
			}
			mapped[column] = c.Name
			break
		}
	}
	for _, p := range m.EventTime {
		c, has := byName[p[0]]
		if !has {
			continue
		}
		if len(p) > 1 || c.Type.Kind != engine.Timestamp || c.Declared == "TIMESTAMP_NS" {
			return nil
		}
		mapped["event_time"] = c.Name
		break
	}
	if c, has := byName["labels"]; has && c.Declared == "MAP(VARCHAR, VARCHAR)" {
		mapped["labels"] = c.Name
	}
	return mapped
}

// tableBody is the type of the columns that the envelope does not take.
func tableBody(columns []engine.ForeignColumn, mapped map[string]string) engine.Type {
	taken := map[string]bool{}
	for _, name := range mapped {
		taken[name] = true
	}
	out := engine.Type{Kind: engine.Struct}
	for _, c := range columns {
		if !taken[c.Name] {
			out.Fields = append(out.Fields, engine.Field{Name: c.Name, Type: c.Type})
		}
	}
	return out
}
