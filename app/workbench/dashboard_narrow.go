package workbench

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/dashboard"
	"tidemark.dev/tidemark/engine/explore"
	"tidemark.dev/tidemark/engine/notebook"
	"tidemark.dev/tidemark/engine/store/cage"
)

// narrowing lets the range and the filters act on a query.
type narrowing struct {
	b        *Workbench
	from, to time.Time
	filters  []explore.Filter
	params   explore.Params
	// shown is the query as it is shown, once it ran.
	shown      string
	unfiltered []string
}

// run runs a person's query over what the range and the filters leave of the
// datasets that it names.
func (n *narrowing) run(ctx context.Context, query string) (*notebook.Table, error) {
	n.unfiltered = []string{}
	names, err := n.b.tablesOf(ctx, query)
	if err != nil {
		return nil, err
	}
	narrowed, err := n.narrow(names)
	if err != nil {
		return nil, err
	}
	n.params["from"], n.params["to"] = n.from, n.to
	rewrite := func(s *cage.Statement) (string, error) {
		n.shown = dashboard.Within(strings.TrimSpace(s.SQL), narrowed)
		if s.Catalog {
			return s.SQL, nil
		}
		return dashboard.WithinLine(s.SQL, narrowed), nil
	}
	table, err := n.b.table(ctx, query, namedArgs(n.params), notebook.MaxRows, rewrite)
	var e *engine.Error
	if errors.As(err, &e) && e.Kind == engine.Invalid && e.Line <= 1 {
		// What stands before it has hidden where in the first line it is.
		if _, plain := n.b.table(ctx, query, namedArgs(n.params), 1, nil); plain != nil {
			return nil, plain
		}
	}
	return table, err
}

// tablesOf lists the tables that a query names.
func (b *Workbench) tablesOf(ctx context.Context, query string) ([]string, error) {
	return b.tablesBy(ctx, query, cage.Check)
}

// tablesBy lists them as one of the cage's ways to read a query has them.
func (b *Workbench) tablesBy(ctx context.Context, query string, check func(context.Context, *sql.Conn, string, func(string) bool) (*cage.Statement, error)) ([]string, error) {
	conn, err := b.Store.DB().Conn(ctx)
	if err != nil {
		return nil, queryFailed(ctx, err)
	}
	defer conn.Close()
	s, err := check(ctx, conn, query, b.Store.HasFunction)
	if err != nil {
		return nil, queryFailed(ctx, err)
	}
	return s.Tables, nil
}

// narrow writes the conditions for each dataset that a query names.
func (n *narrowing) narrow(tables []string) ([]dashboard.Narrowed, error) {
	var out []dashboard.Narrowed
	has := map[string]bool{}
	var seen []string
	for _, table := range tables {
		ds, ok := n.b.datasetNamed(table)
		if !ok || slices.Contains(seen, ds.Name) {
			continue
		}
		seen = append(seen, ds.Name)
		q := explore.Question{Dataset: ds, From: n.from, To: n.to, Params: n.params}
		for _, f := range n.filters {
			_, t, err := explore.Resolve(ds, f.Path)
			if err != nil || ds.Name == allEvents && t.Kind == engine.JSON {
				continue
			}
			has[f.Path] = true
			q.Filters = append(q.Filters, f)
		}
		s, err := explore.Select(q)
		if err != nil {
			return nil, err
		}
		out = append(out, dashboard.Narrowed{Name: ds.Name, Where: s.Where()})
	}
	for _, f := range n.filters {
		if !has[f.Path] && !slices.Contains(n.unfiltered, f.Path) {
			n.unfiltered = append(n.unfiltered, f.Path)
		}
	}
	return out, nil
}

// allEvents is the union of all datasets.
const allEvents = "all_events"

// datasetNamed finds a dataset as SQL does, without regard to case. The union
// of all is one without a body.
func (b *Workbench) datasetNamed(name string) (engine.Dataset, bool) {
	if strings.EqualFold(name, allEvents) {
		return engine.Dataset{Name: allEvents}, true
	}
	all, _ := b.Store.Datasets(context.Background()) // reads memory only
	for _, d := range all {
		if strings.EqualFold(d.Name, name) {
			return d, true
		}
	}
	return engine.Dataset{}, false
}

// shownParams are the parameters as JSON has them.
func (n *narrowing) shownParams() map[string]any {
	out := map[string]any{}
	for name, v := range n.params {
		if t, ok := v.(time.Time); ok {
			v = t.UTC().Format(time.RFC3339Nano)
		}
		out[name] = v
	}
	return out
}
