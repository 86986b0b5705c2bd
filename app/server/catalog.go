package server

import (
	"context"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// SchemaHistory is how the type of a dataset came about.
type SchemaHistory struct {
	Dataset  string                `json:"dataset"`
	Versions []SchemaVersionDetail `json:"versions" doc:"Newest first."`
	Types    []TypedPath           `json:"types" doc:"Of the newest version."`
	Typed    int                   `json:"typed" doc:"How many paths have columns."`
	MaxPaths int                   `json:"max_paths" doc:"How many get columns by themselves."`
}

// SchemaVersionDetail is one version of a dataset's type.
type SchemaVersionDetail struct {
	Version   int          `json:"version"`
	CreatedAt time.Time    `json:"created_at"`
	Author    string       `json:"author" doc:"inference or person."`
	Major     bool         `json:"major"`
	Position  string       `json:"position" doc:"The first record that needed it, if inference made it."`
	Changes   []TypeChange `json:"changes"`
}

// TypeChange is one difference between two versions.
type TypeChange struct {
	Path string `json:"path"`
	Op   string `json:"op" enum:"add,change"`
	From string `json:"from"`
	To   string `json:"to"`
}

// TypedPath is a path and its type.
type TypedPath struct {
	Path string `json:"path"`
	Type string `json:"type"`
	// Policy is what is done with its values before they are stored.
	Policy string `json:"policy,omitempty"`
}

// RenderedText is something written out as text.
type RenderedText struct {
	Text string `json:"text"`
}

// ConflictGroup is values of one shape that their path's type cannot hold.
type ConflictGroup struct {
	Path     string   `json:"path"`
	Got      string   `json:"got"`
	Want     string   `json:"want"`
	Count    int64    `json:"count"`
	Examples []string `json:"examples"`
	Sources  []string `json:"sources"`
}

// DroppedDataset says which dataset is gone.
type DroppedDataset struct {
	Dropped string `json:"dropped"`
}

// named are operations on one dataset.
type named struct {
	Name string `path:"name"`
}

func (s *Server) catalogAPI() {
	handle(s, "GET", "/catalog", "catalog", "What SQL may name", s.catalog)
	handle(s, "GET", "/datasets/{name}", "getDataset", "One dataset", s.getDataset)
	handle(s, "DELETE", "/datasets/{name}", "dropDataset", "Delete a dataset with its rows, schema, quarantine and ledger", s.dropDataset)
	handle(s, "GET", "/datasets/{name}/schema", "getSchema", "The versions of a dataset's type", s.getSchema)
	handle(s, "GET", "/datasets/{name}/schema/render", "renderSchema", "The newest version in another notation", s.renderSchema)
	handle(s, "GET", "/datasets/{name}/conflicts", "conflicts", "Values that stand in rest because their path has another type", s.conflicts)
	handle(s, "POST", "/datasets/{name}/promote", "promotePath", "Give a column to a path that stands in rest for want of room", s.promotePath)
	handle(s, "GET", "/datasets/{name}/mapping", "getMapping", "Where a dataset finds its event time, envelope and labels", s.getMapping)
	handle(s, "POST", "/datasets/{name}/mapping", "setMapping", "Write into tidemark.yaml where a dataset finds its event time, envelope and labels", s.setMapping)
	handle(s, "POST", "/datasets/{name}/types", "setType", "Give a path another type", s.setType)
}

func (s *Server) catalog(ctx context.Context, _ *struct{}) (workbench.Catalog, error) {
	return s.bench.Catalog(ctx)
}

func (s *Server) getDataset(ctx context.Context, in *named) (workbench.DatasetDetail, error) {
	return s.bench.Dataset(ctx, in.Name)
}

func (s *Server) dropDataset(ctx context.Context, in *named) (DroppedDataset, error) {
	return DroppedDataset{in.Name}, s.bench.Drop(ctx, in.Name)
}

func (s *Server) getSchema(ctx context.Context, in *named) (SchemaHistory, error) {
	return s.schemaOf(ctx, in.Name)
}

func (s *Server) schemaOf(ctx context.Context, name string) (SchemaHistory, error) {
	out := SchemaHistory{Dataset: name, Versions: []SchemaVersionDetail{}, Types: []TypedPath{}}
	versions, err := s.bench.Store.History(ctx, name)
	if err != nil {
		return out, err
	}
	for i := len(versions) - 1; i >= 0; i-- {
		v := versions[i]
		d := SchemaVersionDetail{Version: v.Version, CreatedAt: v.At, Author: v.Author, Major: v.Major, Position: v.Position, Changes: []TypeChange{}}
		for _, c := range v.Changes {
			d.Changes = append(d.Changes, readChange(c))
		}
		out.Versions = append(out.Versions, d)
	}
	if n := len(versions); n > 0 {
		out.Typed = schema.Leaves(versions[n-1].Body)
	}
	out.MaxPaths = schema.Limit(engine.Mapping{MaxPaths: s.bench.Current().Config.Dataset(name).MaxPaths})
	policies := s.bench.PoliciesOf(name)
	columns, err := s.bench.Columns(ctx, name)
	for _, c := range columns {
		out.Types = append(out.Types, TypedPath{Path: c[0], Type: c[1], Policy: policyOf(policies, c[0])})
	}
	return out, err
}

// policyOf is the policy that a column is under, by itself or by what it is in.
func policyOf(policies map[string]string, column string) string {
	for path, policy := range policies {
		if strings.EqualFold(path, column) || len(column) > len(path) && strings.EqualFold(column[:len(path)+1], path+".") {
			return policy
		}
	}
	if column == "labels" {
		for path, policy := range policies {
			if strings.HasPrefix(path, "labels.") {
				return policy
			}
		}
	}
	return ""
}

// readChange takes a change apart that the registry keeps as one line:
// "+ path type" or "~ path type -> type".
func readChange(line string) TypeChange {
	sign, rest, _ := strings.Cut(line, " ")
	path, types := cutPath(rest)
	if sign == "+" {
		return TypeChange{Path: path, Op: "add", To: types}
	}
	from, to, _ := strings.Cut(types, " -> ")
	return TypeChange{Path: path, Op: "change", From: from, To: to}
}

// cutPath cuts at the first space outside of quotes.
func cutPath(s string) (path, rest string) {
	inside := false
	for i, r := range s {
		switch {
		case r == '"':
			inside = !inside
		case r == ' ' && !inside:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

type renderInput struct {
	Name   string `path:"name"`
	Format string `query:"format" enum:"json,duckdb,hive,glue,avro,jsonschema" default:"duckdb"`
}

func (s *Server) renderSchema(_ context.Context, in *renderInput) (RenderedText, error) {
	text, err := s.bench.RenderSchema(in.Name, in.Format)
	return RenderedText{string(text)}, err
}

func (s *Server) conflicts(ctx context.Context, in *named) ([]ConflictGroup, error) {
	rows, err := s.bench.Store.Conflicts(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	out := []ConflictGroup{}
	at := map[[3]string]int{}
	for _, r := range rows {
		key := [3]string{r.Path, r.Got, r.Want}
		i, ok := at[key]
		if !ok {
			i, at[key] = len(out), len(out)
			out = append(out, ConflictGroup{Path: r.Path, Got: r.Got, Want: r.Want, Examples: []string{}, Sources: []string{}})
		}
		g := &out[i]
		g.Count += r.Count
		g.Examples = appendNew(g.Examples, r.Example)
		g.Sources = appendNew(g.Sources, r.Source)
	}
	return out, nil
}

func appendNew(list []string, s string) []string {
	for _, other := range list {
		if other == s {
			return list
		}
	}
	return append(list, s)
}

type promoteInput struct {
	Name string `path:"name"`
	Body struct {
		Path string `json:"path"`
	}
}

func (s *Server) promotePath(ctx context.Context, in *promoteInput) (SchemaHistory, error) {
	if _, err := s.bench.Promote(ctx, in.Name, in.Body.Path); err != nil {
		return SchemaHistory{}, err
	}
	return s.schemaOf(ctx, in.Name)
}

type setTypeInput struct {
	Name string `path:"name"`
	Body struct {
		Path string `json:"path"`
		Type string `json:"type" doc:"varchar, bigint, list(double), …"`
	}
}

func (s *Server) getMapping(_ context.Context, in *named) (workspace.MappingSpec, error) {
	return s.bench.Mapping(in.Name), nil
}

type setMappingInput struct {
	Name string `path:"name"`
	Body workspace.MappingSpec
}

func (s *Server) setMapping(_ context.Context, in *setMappingInput) (workspace.MappingSpec, error) {
	now, err := s.bench.SetMapping(in.Name, in.Body)
	if err != nil {
		return now, err
	}
	return now, s.folder.reload(false)
}

func (s *Server) setType(ctx context.Context, in *setTypeInput) (SchemaHistory, error) {
	if _, err := s.bench.SetType(ctx, in.Name, in.Body.Path, in.Body.Type); err != nil {
		return SchemaHistory{}, err
	}
	return s.schemaOf(ctx, in.Name)
}
