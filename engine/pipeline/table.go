package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// table takes in a columnar file. Where the dataset holds its columns as they
// are it is verified and loaded whole; where values must be looked at one by
// one (transforms, conflicts, labels) it goes through as lines.
func (p *puller) table(ctx context.Context, o *objectRun) error {
	path, err := p.readable(o)
	if err != nil {
		return err
	}
	t, err := p.opt.Store.OpenForeign(ctx, path, o.format, p.opt.Scratch)
	if err == nil {
		err = p.tableRows(ctx, o, t)
	}
	if engine.KindOf(err) == engine.Invalid && ctx.Err() == nil {
		o.reading.damaged = err
		return nil
	}
	return err
}

// readable gives a path inside the folders that the database may read.
func (p *puller) readable(o *objectRun) (string, error) {
	if rel, err := filepath.Rel(p.opt.Scratch, o.reading.table); err == nil && filepath.IsLocal(rel) {
		return o.reading.table, nil
	}
	link := tempName(p.opt.Scratch)
	if err := os.Link(o.reading.table, link); err != nil {
		if err := copyFile(o.reading.table, link); err != nil {
			return "", stagingError(err)
		}
	}
	release := o.local.Release
	o.local.Release = func() {
		os.Remove(link)
		if release != nil {
			release()
		}
	}
	return link, nil
}

func (p *puller) tableRows(ctx context.Context, o *objectRun, t engine.ForeignTable) error {
	mapped := envelopeOf(t.Columns(), p.opt.Mapping)
	file := tableBody(t.Columns(), mapped)
	if err := p.adoptTable(ctx, o, t, file); err != nil {
		t.Close()
		return err
	}
	if len(p.stages) > 0 || len(p.opt.Mapping.Labels) > 0 || mapped == nil || numbered(t.Columns()) || !schema.Holds(p.version.Body, file) {
		defer t.Close()
		return p.tableLines(ctx, o, t)
	}
	err := p.tableWhole(ctx, o, t, mapped)
	if err != nil {
		t.Close()
	}
	return err
}

// numbered reports whether a column has a name that the loader gives to a
// file's rows.
func numbered(columns []engine.ForeignColumn) bool {
	return slices.ContainsFunc(columns, func(c engine.ForeignColumn) bool {
		return strings.EqualFold(c.Name, "file_row_number") || strings.EqualFold(c.Name, "file_index")
	})
}

// adoptTable takes the file's columns into the dataset's type. What is staged
// belongs to the version before, and may itself change the type: it goes first.
func (p *puller) adoptTable(ctx context.Context, o *objectRun, t engine.ForeignTable, file engine.Type) error {
	if p.opt.Strict && p.begun {
		return nil
	}
	if _, changes := schema.Join(p.version.Body, file); len(changes) == 0 {
		return nil
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	body, changes := schema.Join(p.version.Body, file)
	p.adopt(body, changes, o.task.URL)
	p.noteOriginals(t.Columns())
	return nil
}

// tableWhole adds the file to the batch.
func (p *puller) tableWhole(ctx context.Context, o *objectRun, t engine.ForeignTable, mapped map[string]string) error {
	rows, untimed, err := t.Verify(ctx, mapped["event_time"])
	if err != nil {
		return err
	}
	p.ensureBatch(o)
	if rows > 0 {
		p.batch.tables = append(p.batch.tables, engine.StagedTable{
			Path: t.Path(), Rows: rows, FirstSeq: p.opt.Store.AllocateSeq(rows), Origin: o.origin, Columns: t.Columns(), Envelope: mapped,
		})
		p.batch.rows += rows
	}
	// The commit reads the file, so it stays until then.
	p.batch.free = append(p.batch.free, t.Detach())
	if o.local.Release != nil {
		p.batch.free = append(p.batch.free, o.local.Release)
		o.local.Release = nil
	}
	o.next = rows + 1
	o.state.Stored = rows
	p.counts.Read += rows
	p.counts.Records += rows
	p.counts.Untimed += untimed
	return nil
}

// tableLines takes the file's rows in as JSON lines.
func (p *puller) tableLines(ctx context.Context, o *objectRun, t engine.ForeignTable) error {
	path := tempName(p.opt.Scratch)
	defer os.Remove(path)
	if err := t.WriteLines(ctx, path); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return p.eachChunk(ctx, o, f)
}

// noteOriginals keeps the types a file declared that the lattice does not have.
func (p *puller) noteOriginals(columns []engine.ForeignColumn) {
	for _, c := range columns {
		if c.Declared == c.Type.DuckDB() || !c.Type.Known() {
			continue
		}
		if p.version.Originals == nil {
			p.version.Originals = map[string]string{}
		}
		p.version.Originals[engine.Ident(c.Name)] = c.Declared
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
