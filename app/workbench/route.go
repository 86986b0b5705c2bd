package workbench

import (
	"context"
	"strings"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/store"
)

// OverRoute says that a source has more values to route by than it may make
// datasets of; its JSON is part of the contract.
type OverRoute struct {
	Source  string `json:"source"`
	Tables  int    `json:"tables"`
	Dataset string `json:"dataset" doc:"Where the records of further values went."`
	Records int64  `json:"records"`
}

// routing is what a routed pull needs besides its options.
type routing struct {
	guards  map[string]protection
	release []func()
}

func (r *routing) done() {
	for _, f := range r.release {
		f()
	}
}

// routeRecords gives a source's options the ways into other datasets.
func (b *Workbench) routeRecords(ctx context.Context, c workspace.Source, opt *pipeline.Options) (*routing, error) {
	r := &routing{guards: map[string]protection{}}
	if c.Route.Path == "" || opt.Dataset != c.Dataset {
		ledger, err := b.Store.LedgerOf(ctx, opt.Dataset, c.Name)
		opt.Ledger = ledger
		return r, err
	}
	path, err := engine.ParsePath(c.Route.Path)
	if err != nil {
		return r, err
	}
	routes, err := b.Store.Routes(ctx, c.Name)
	if err != nil {
		return r, err
	}
	made, err := b.Store.Datasets(ctx)
	if err != nil {
		return r, err
	}
	opt.Route = &pipeline.Route{
		Path: path, Known: routes[c.Dataset], Most: c.Route.Tables,
		Dataset: func(value string) string { return b.spelled(c, made, c.Route.Dataset(value)) },
		Options: func(ctx context.Context, dataset string) (pipeline.Options, error) {
			return b.routed(ctx, c, dataset, r)
		},
	}
	return r, nil
}

// routed are the options of one of the datasets: its own settings, if it has
// any.
func (b *Workbench) routed(ctx context.Context, c workspace.Source, dataset string, r *routing) (pipeline.Options, error) {
	d := b.Current().Config.Dataset(dataset)
	if err := store.CheckName(d.Name); err != nil {
		return pipeline.Options{}, err
	}
	if b.attachedTo(d.Name) {
		return pipeline.Options{}, engine.Errorf(engine.Invalid, "pull "+c.Name, "sources.%s.route: records go to the dataset %s, which is attached and takes no rows", c.Name, d.Name).
			WithHint("give the routed datasets other names: route: {path: %s, name: \"%s_{%s}\"}", c.Route.Path, c.Dataset, c.Route.Path)
	}
	opt, guard, release, err := b.recordOptions(ctx, c, d)
	if err != nil {
		return opt, err
	}
	r.guards[d.Name] = guard
	r.release = append(r.release, release)
	return opt, b.seam(c, d, &opt)
}

func (b *Workbench) attachedTo(dataset string) bool {
	for _, e := range b.Current().Config.Sources {
		if e.Value.Attach && strings.EqualFold(e.Value.Dataset, dataset) {
			return true
		}
	}
	return b.Store.Attached(dataset)
}

// spelled is the name as the dataset already has it: capitals make no
// difference to tables.
func (b *Workbench) spelled(c workspace.Source, made []engine.Dataset, name string) string {
	if strings.EqualFold(name, c.Dataset) {
		return c.Dataset
	}
	for _, e := range b.Current().Config.Datasets {
		if strings.EqualFold(name, e.Key.Value) {
			return e.Key.Value
		}
	}
	for _, d := range made {
		if strings.EqualFold(name, d.Name) {
			return d.Name
		}
	}
	return name
}

// checkRoutes refuses a source whose ledger is with another dataset than its
// own while rows of it lie in others: they would come twice.
func (b *Workbench) checkRoutes(ctx context.Context, c workspace.Source) error {
	routes, err := b.Store.Routes(ctx, c.Name)
	for ledger, routed := range routes {
		if ledger != c.Dataset {
			return engine.Errorf(engine.Conflict, "pull "+c.Name, "sources.%s.dataset: what it brought to %s is in the ledger of %s, not of %s", c.Name, strings.Join(routed, ", "), ledger, c.Dataset).
				WithHint("write dataset: %s again, or drop those datasets and pull", ledger)
		}
	}
	return err
}

// rowsByObject counts the rows of a source by the URL of their object, in all
// the datasets that it goes to; dedup says that one of them leaves out
// duplicates.
func (b *Workbench) rowsByObject(ctx context.Context, c workspace.Source) (rows map[string]int64, dedup bool, err error) {
	routes, err := b.Store.Routes(ctx, c.Name)
	if err != nil {
		return nil, false, err
	}
	rows = map[string]int64{}
	for _, name := range append([]string{c.Dataset}, routes[c.Dataset]...) {
		some, err := b.Store.RowsByObject(ctx, name, c.Name)
		if err != nil {
			return nil, false, err
		}
		for url, n := range some {
			rows[url] += n
		}
		dedup = dedup || b.Current().Config.Dataset(name).Dedup != ""
	}
	return rows, dedup, nil
}

// RoutedFrom is the source whose records were routed to a dataset, if its
// ledger is with another one; else "".
func (b *Workbench) RoutedFrom(ctx context.Context, dataset string) (string, error) {
	for _, e := range b.Current().Config.Sources {
		ledger, err := b.Store.LedgerOf(ctx, dataset, e.Key.Value)
		if err != nil || ledger != dataset {
			return e.Key.Value, err
		}
	}
	return "", nil
}

// tailed are the datasets that are being tailed into.
func (b *Workbench) tailed() (names []string) {
	for _, t := range b.tails.list() {
		names = append(names, t.dataset.Name)
	}
	return names
}
