package workbench

import (
	"context"
	"encoding/json"
	"strings"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// SchemaFormats are the forms that a schema can be shown in.
var SchemaFormats = []string{"json", "duckdb", "hive", "glue", "avro", "jsonschema"}

// RenderSchema writes a dataset's newest version in one of SchemaFormats.
func (b *Workbench) RenderSchema(name, format string) ([]byte, error) {
	d, err := b.Store.Dataset(name)
	if err != nil {
		return nil, err
	}
	switch format {
	case "json":
		v, _ := b.Store.Schema(name)
		return json.MarshalIndent(v, "", "  ")
	case "duckdb":
		return []byte(schema.DuckDB(name, d.Body)), nil
	case "hive":
		return []byte(schema.Hive(d.Body)), nil
	case "glue":
		return schema.Glue(d.Body)
	case "avro":
		return schema.Avro(name, d.Body)
	case "jsonschema":
		return schema.JSONSchema(name, d.Body)
	}
	e := engine.Errorf(engine.Invalid, "show the schema", "there is no format %s", format)
	return nil, e.WithHint("there are json, duckdb, hive, glue, avro and jsonschema")
}

// SetType gives a body path another type, on a person's word.
func (b *Workbench) SetType(ctx context.Context, name, path, typ string) (engine.SchemaVersion, error) {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	return b.setType(ctx, name, path, typ)
}

// Promote gives a path a column that stands in rest for want of room, with the
// type that most of its values have.
func (b *Workbench) Promote(ctx context.Context, name, path string) (engine.SchemaVersion, error) {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	p, err := engine.ParsePath(strings.TrimPrefix(path, "body."))
	if err != nil {
		return engine.SchemaVersion{}, err
	}
	var seen schema.Observation
	err = b.Store.RestValues(ctx, name, p.String(), func(value []byte) {
		seen.Observe(append(append([]byte(`{"v":`), value...), '}'), nil)
	})
	if err != nil {
		return engine.SchemaVersion{}, err
	}
	found := schema.Evolve(engine.Type{Kind: engine.Struct}, &seen, func(string) bool { return false }).Body
	if !found.Known() {
		return engine.SchemaVersion{}, b.nothingToPromote(ctx, name, p.String())
	}
	return b.setType(ctx, name, "body."+p.String(), found.Fields[0].Type.String())
}

func (b *Workbench) nothingToPromote(ctx context.Context, name, path string) error {
	e := engine.Errorf(engine.NotFound, "promote "+path, "no value of it stands in rest")
	const most = 10_000
	if waiting, err := b.Store.RestPaths(ctx, name, most); err == nil {
		if near := engine.Nearest(path, waiting); near != "" {
			return e.WithHint("did you mean %s?", near)
		}
	}
	return e.WithHint("tidemark schema conflicts %s lists what stands there; tidemark schema set gives a type to a path without values", name)
}

func (b *Workbench) setType(ctx context.Context, name, path, typ string) (engine.SchemaVersion, error) {
	var none engine.SchemaVersion
	to, err := schema.ParseType(typ)
	if err != nil {
		return none, err
	}
	if !to.Known() {
		return none, engine.Errorf(engine.Invalid, "set a type", "%s holds no values", typ)
	}
	to.AsText = to.Kind == engine.Varchar
	d, err := b.Store.Dataset(name)
	if err != nil {
		return none, err
	}
	p, err := engine.ParsePath(path)
	if err != nil {
		return none, err
	}
	if p[0] != "body" {
		p = append(engine.Path{"body"}, p...)
	}
	if len(p) < 2 {
		return none, engine.Errorf(engine.Invalid, "set a type", "body itself is always a struct").WithHint("name a path below it: body.NAME")
	}
	v, _ := b.Store.Schema(name)
	body, change, err := schema.SetType(d.Body, p[1:], to)
	if err != nil {
		return none, err
	}
	if change == (schema.Change{}) {
		return v, nil
	}
	v.Version++
	v.Author, v.At, v.Position = "person", b.clock.Now(), ""
	v.Body, v.Changes, v.Major = body, []string{change.String()}, change.Major()
	if err := b.Store.Retype(ctx, v, p); err != nil {
		return v, err
	}
	b.changed(name)
	return v, nil
}

// SetMapping changes in tidemark.yaml where a dataset finds its event time,
// envelope and labels. It holds for records that come, or are replayed, once
// the workspace is loaded again. The mapping is given as it is then.
func (b *Workbench) SetMapping(dataset string, to workspace.MappingSpec) (workspace.MappingSpec, error) {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	files := workspace.NewFiles(b.Current().Root)
	text, err := files.Read(workspace.FileName)
	if err != nil {
		return to, err
	}
	now, err := workspace.WithMapping(text, dataset, to)
	if err != nil {
		return to, err
	}
	_, err = files.Write(workspace.FileName, now, workspace.Version(text))
	return b.Mapping(dataset).Over(to), err
}

// Mapping is the mapping that tidemark.yaml gives a dataset.
func (b *Workbench) Mapping(dataset string) workspace.MappingSpec {
	return b.Current().Config.Dataset(dataset).Mapping()
}

// ImportSchema takes a dataset's type from a file. What the dataset has and
// the file does not stays; where they differ, nothing is changed and the
// differences are the error.
func (b *Workbench) ImportSchema(ctx context.Context, name, file string, src []byte) (engine.SchemaVersion, error) {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	var none engine.SchemaVersion
	wanted, err := schema.Import(src)
	if err != nil {
		return none, err
	}
	v, has := b.Store.Schema(name)
	if !has {
		v = engine.SchemaVersion{Dataset: name, Body: engine.Type{Kind: engine.Struct}}
		if v.Mapping, _, err = mappingOf(b.Current().Config.Dataset(name)); err != nil {
			return none, err
		}
	}
	body, changes := schema.Join(v.Body, wanted)
	if !schema.Holds(body, wanted) {
		return none, engine.Errorf(engine.Conflict, "import "+file, "dataset %s has other types for some of its paths", name).
			WithHint("compare with tidemark schema show %s, and use tidemark schema set for the paths that differ", name)
	}
	v.Version++
	v.Author, v.At, v.Position, v.Body, v.Major, v.Changes = "person", b.clock.Now(), "", body, false, nil
	for _, c := range changes {
		v.Changes = append(v.Changes, c.String())
	}
	return v, b.Store.Adopt(ctx, v)
}

// Drop deletes a dataset.
func (b *Workbench) Drop(ctx context.Context, name string) error {
	b.pulls.Lock()
	defer b.pulls.Unlock()
	defer b.forgetAlarms()
	if err := b.Store.Drop(ctx, name); err != nil {
		return err
	}
	b.changed(name)
	return nil
}
