package workbench

import (
	"context"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/store/cage"
)

// Catalog is all that SQL may name.
type Catalog struct {
	Tables    []CatalogTable   `json:"tables"`
	Functions []store.Function `json:"functions"`
	Keywords  []string         `json:"keywords"`
}

// CatalogTable is a table, with the paths inside its columns.
type CatalogTable struct {
	Name    string          `json:"name"`
	Kind    string          `json:"kind" enum:"dataset,rollup,system,all"`
	Columns []CatalogColumn `json:"columns"`
}

// CatalogColumn is a column, or a path inside one.
type CatalogColumn struct {
	Path string `json:"path" doc:"As filters, rules and dashboards write it: body.http.status, labels.region."`
	Name string `json:"name" doc:"Its last part, unquoted."`
	Type string `json:"type"`
	SQL  string `json:"sql" doc:"As SQL writes it: body.http.status, labels['region']."`
}

// Catalog lists tables, functions and keywords.
func (b *Workbench) Catalog(ctx context.Context) (Catalog, error) {
	out := Catalog{Tables: []CatalogTable{}, Functions: []store.Function{}, Keywords: []string{}}
	datasets, err := b.Store.Datasets(ctx)
	if err != nil {
		return out, err
	}
	for _, d := range datasets {
		columns, err := b.Paths(ctx, d.Name)
		if err != nil {
			return out, err
		}
		out.Tables = append(out.Tables, CatalogTable{Name: d.Name, Kind: "dataset", Columns: columns})
	}
	system, err := b.Store.SystemColumns(ctx)
	if err != nil {
		return out, err
	}
	for _, c := range system {
		last := len(out.Tables) - 1
		if last < 0 || out.Tables[last].Name != c.Table {
			kind := "system"
			switch {
			case c.Table == "all_events":
				kind = "all"
			case !strings.HasPrefix(c.Table, "tidemark."):
				kind = "rollup"
			}
			out.Tables = append(out.Tables, CatalogTable{Name: c.Table, Kind: kind})
			last++
		}
		out.Tables[last].Columns = append(out.Tables[last].Columns, CatalogColumn{Path: c.Name, Name: c.Name, Type: c.Type, SQL: engine.Ident(c.Name)})
	}
	functions, err := b.Store.Functions(ctx)
	if err != nil {
		return out, err
	}
	for _, f := range functions {
		if cage.Allowed(f.Name) || b.Store.HasFunction(f.Name) {
			out.Functions = append(out.Functions, b.plugins.shown(f))
		}
	}
	words, err := b.Store.Keywords(ctx)
	out.Keywords = append(out.Keywords, words...)
	return out, err
}

// Paths lists everything that can be named in a dataset: its columns, the
// labels it has, and the paths of body and of the structs in it.
func (b *Workbench) Paths(ctx context.Context, name string) ([]CatalogColumn, error) {
	d, err := b.Store.Dataset(name)
	if err != nil {
		return nil, err
	}
	keys, err := b.labelKeys(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []CatalogColumn
	add := func(p engine.Path, t engine.Type) {
		out = append(out, CatalogColumn{Path: p.String(), Name: p[len(p)-1], Type: t.String(), SQL: p.Short()})
	}
	for _, c := range engine.Envelope {
		add(engine.Path{c.Name}, c.Type)
		if c.Name != "labels" {
			continue
		}
		for _, key := range keys {
			add(engine.Path{"labels", key}, engine.Scalar(engine.Varchar))
		}
		add(engine.Path{"body"}, d.Body)
		d.Walk(add)
		add(engine.Path{"rest"}, engine.Scalar(engine.JSON))
	}
	return out, nil
}

// labelKeys lists the labels that a dataset has or is said to have.
func (b *Workbench) labelKeys(ctx context.Context, name string) ([]string, error) {
	found, err := cached(b, "labels\x00"+name, func() ([]string, error) { return b.Store.LabelKeys(ctx, name) })
	if err != nil {
		return nil, err
	}
	keys := slices.Clone(found)
	for _, path := range b.Current().Config.Dataset(name).Labels {
		if p, err := engine.ParsePath(path); err == nil {
			keys = append(keys, p[len(p)-1])
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// DatasetDetail is one dataset.
type DatasetDetail struct {
	Name           string          `json:"name"`
	Rows           int64           `json:"rows"`
	Columns        []CatalogColumn `json:"columns"`
	Watermark      *time.Time      `json:"watermark"`
	FirstEventTime *time.Time      `json:"first_event_time"`
	LastEventTime  *time.Time      `json:"last_event_time"`
	Untimed        int64           `json:"untimed" doc:"Records without an event time."`
	Late           int64           `json:"late"`
	Quarantined    int64           `json:"quarantined"`
	Segments       int             `json:"segments"`
}

// Dataset tells all about a dataset.
func (b *Workbench) Dataset(ctx context.Context, name string) (DatasetDetail, error) {
	d, err := b.Store.Detail(ctx, name)
	if err != nil {
		return DatasetDetail{}, err
	}
	out := DatasetDetail{
		Name: name, Rows: d.Rows, Watermark: d.Watermark, FirstEventTime: d.FirstEventTime, LastEventTime: d.LastEventTime,
		Untimed: d.Untimed, Late: d.Late, Quarantined: d.Quarantined, Segments: d.Segments,
	}
	out.Columns, err = b.Paths(ctx, name)
	return out, err
}
