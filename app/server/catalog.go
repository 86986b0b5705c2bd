package server

import (
	"context"
	"encoding/base64"
	"strings"
	"time"
	"unicode/utf8"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// SchemaHistory is how the type of a dataset came about.
type SchemaHistory struct {
	Dataset  string                `json:"dataset"`
	Versions []SchemaVersionDetail `json:"versions" doc:"Newest first."`
	Types    []TypedPath           `json:"types" doc:"Of the newest version."`
}

// SchemaVersionDetail is one version of a dataset's type.
type SchemaVersionDetail struct {
	Version   int          `json:"version"`
	CreatedAt time.Time    `json:"created_at"`
	Author    string       `json:"author" doc:"inference or person."`
	Major     bool         `json:"major"`
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

// QuarantinedRecord is an entry with its bytes.
type QuarantinedRecord struct {
	store.QuarantineEntry
	Raw       *string `json:"raw" doc:"Null where the bytes were not kept: replay fetches the object again."`
	Base64    bool    `json:"base64,omitempty" doc:"raw is no text, and written in base64."`
	Truncated bool    `json:"truncated" doc:"raw is only its beginning."`
}

// DiscardedEntries says how many entries are gone.
type DiscardedEntries struct {
	Discarded int `json:"discarded"`
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
	handle(s, "POST", "/datasets/{name}/types", "setType", "Give a path another type", s.setType)
	handle(s, "GET", "/quarantine", "listQuarantine", "What was set aside, newest first", s.listQuarantine)
	handle(s, "GET", "/quarantine/{id}", "getQuarantine", "One entry with its bytes", s.getQuarantine)
	handle(s, "POST", "/quarantine/replay", "replayQuarantine", "Put what was set aside through the pipeline once more", s.replayQuarantine)
	handle(s, "POST", "/quarantine/discard", "discardQuarantine", "Remove entries for good", s.discardQuarantine)
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
		d := SchemaVersionDetail{Version: v.Version, CreatedAt: v.At, Author: v.Author, Major: v.Major, Changes: []TypeChange{}}
		for _, c := range v.Changes {
			d.Changes = append(d.Changes, readChange(c))
		}
		out.Versions = append(out.Versions, d)
	}
	columns, err := s.bench.Columns(ctx, name)
	for _, c := range columns {
		out.Types = append(out.Types, TypedPath{Path: c[0], Type: c[1]})
	}
	return out, err
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

type setTypeInput struct {
	Name string `path:"name"`
	Body struct {
		Path string `json:"path"`
		Type string `json:"type" doc:"varchar, bigint, list(double), …"`
	}
}

func (s *Server) setType(ctx context.Context, in *setTypeInput) (SchemaHistory, error) {
	if _, err := s.bench.SetType(ctx, in.Name, in.Body.Path, in.Body.Type); err != nil {
		return SchemaHistory{}, err
	}
	return s.schemaOf(ctx, in.Name)
}

type quarantineInput struct {
	Dataset string `query:"dataset"`
	Reason  string `query:"reason"`
	Offset  int    `query:"offset" minimum:"0"`
	Limit   int    `query:"limit" minimum:"1" maximum:"10000" default:"200"`
}

func (s *Server) listQuarantine(ctx context.Context, in *quarantineInput) (store.QuarantinePage, error) {
	return s.bench.Store.QuarantinePage(ctx, in.Dataset, in.Reason, in.Offset, in.Limit)
}

// rawLimit is how many bytes of an entry are shown.
const rawLimit = 256 << 10

func (s *Server) getQuarantine(ctx context.Context, in *struct {
	ID int64 `path:"id"`
},
) (QuarantinedRecord, error) {
	e, raw, err := s.bench.Store.QuarantineRaw(ctx, in.ID)
	if err != nil {
		return QuarantinedRecord{}, err
	}
	out := QuarantinedRecord{QuarantineEntry: e}
	if raw == nil {
		return out, nil
	}
	text := utf8.Valid(raw)
	if len(raw) > rawLimit {
		raw, out.Truncated = raw[:rawLimit], true
	}
	shown := strings.ToValidUTF8(string(raw), "")
	if !text {
		shown, out.Base64 = base64.StdEncoding.EncodeToString(raw), true
	}
	out.Raw = &shown
	return out, nil
}

func (s *Server) replayQuarantine(ctx context.Context, in *struct {
	Body struct {
		Reason string `json:"reason,omitempty" doc:"Only entries of this reason."`
	}
},
) (workbench.Replayed, error) {
	return s.bench.Replay(ctx, in.Body.Reason)
}

func (s *Server) discardQuarantine(ctx context.Context, in *struct {
	Body struct {
		IDs []int64 `json:"ids" minItems:"1"`
	}
},
) (DiscardedEntries, error) {
	for _, id := range in.Body.IDs {
		if _, _, err := s.bench.Store.QuarantineRaw(ctx, id); err != nil {
			return DiscardedEntries{}, err
		}
	}
	if err := s.bench.Discard(ctx, in.Body.IDs); err != nil {
		return DiscardedEntries{}, engine.Errorf(engine.KindOf(err), "discard", "%w", err)
	}
	return DiscardedEntries{len(in.Body.IDs)}, nil
}
