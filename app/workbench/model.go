package workbench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/dashboard"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/store/cage"
)

// ModelInfo is a derived dataset; its JSON is part of the contract.
type ModelInfo struct {
	Name      string `json:"name"`
	File      string `json:"file"`
	Refresh   string `json:"refresh"`
	Partition string `json:"partition"` // "" is all in one
	Last      int    `json:"last"`
	Retention string `json:"retention"`
	// Inputs are what it reads, and UsedBy the models that read it.
	Inputs      []string   `json:"inputs"`
	UsedBy      []string   `json:"used_by"`
	Rows        int64      `json:"rows"`
	Parts       int64      `json:"parts"`
	RefreshedAt *time.Time `json:"refreshed_at"` // null: never
	Problem     string     `json:"problem"`
	Hint        string     `json:"hint"`
}

// ModelRun is what a run of a model did; its JSON is part of the contract.
type ModelRun struct {
	Name string `json:"name"`
	// Parts are the parts that were computed, the oldest first.
	Parts []time.Time `json:"parts"`
	Left  int64       `json:"left"` // changed, and older than last lets it compute
	Rows  int64       `json:"rows"`
	Whole bool        `json:"whole"`
	Fresh bool        `json:"fresh"` // nothing had changed
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
}

// model is a model file and what it reads.
type model struct {
	workspace.Model
	datasets, models []string
	err              error
}

// readModels reads the model files, those first that others read. What is
// wrong with one stands in it.
func (b *Workbench) readModels(ctx context.Context) []*model {
	w := b.Current()
	var all []*model
	for _, file := range w.Models {
		m := &model{}
		m.Model, m.err = w.ReadModel(file)
		all = append(all, m)
	}
	for _, m := range all {
		if m.err == nil {
			m.err = b.inputsOf(ctx, m, all)
		}
	}
	return inOrder(all)
}

// inputsOf finds the datasets and models that a model reads; a rollup is its
// dataset.
func (b *Workbench) inputsOf(ctx context.Context, m *model, all []*model) error {
	tables, err := b.tablesBy(ctx, m.SQL, cage.Read) // a model that it reads may not have run yet
	if err != nil {
		return inFile(engine.Text{File: m.File, Line: 1, Column: 1}, err)
	}
	for _, table := range tables {
		other := slices.IndexFunc(all, func(o *model) bool { return strings.EqualFold(o.Name, table) })
		switch ds, is := b.datasetNamed(b.rolledUp(table)); {
		case other >= 0:
			m.models = append(m.models, all[other].Name)
		case is && ds.Name == allEvents:
			names, err := b.Store.Datasets(ctx)
			if err != nil {
				return err
			}
			for _, d := range names {
				m.datasets = append(m.datasets, d.Name)
			}
		case is:
			m.datasets = append(m.datasets, ds.Name)
		}
	}
	slices.Sort(m.datasets)
	m.datasets = slices.Compact(m.datasets)
	return nil
}

// rolledUp is the dataset of a rollup's table, or the table itself.
func (b *Workbench) rolledUp(table string) string {
	if i := strings.LastIndexByte(table, '_'); i > 0 {
		if d, is := b.datasetNamed(table[:i]); is {
			if size, err := engine.ParseDuration(table[i+1:]); err == nil && slices.Contains(b.Current().Config.Dataset(d.Name).Rollups, size) {
				return d.Name
			}
		}
	}
	return table
}

// inOrder puts models after those that they read; what reads itself gets an
// error.
func inOrder(all []*model) []*model {
	byName := map[string]*model{}
	for _, m := range all {
		byName[m.Name] = m
	}
	var out []*model
	state := map[*model]int{} // 1: being visited, 2: done
	var visit func(m *model)
	visit = func(m *model) {
		state[m] = 1
		for _, name := range m.models {
			switch o := byName[name]; state[o] {
			case 0:
				visit(o)
			case 1:
				e := engine.Errorf(engine.Invalid, "", "it reads %s, which reads it", o.Name).WithHint("take one of both out of the other")
				e.File = m.File
				m.err = e
			}
		}
		state[m] = 2
		out = append(out, m)
	}
	for _, m := range all {
		if state[m] == 0 {
			visit(m)
		}
	}
	return out
}

// Models lists the derived datasets, and what they are made of.
func (b *Workbench) Models(ctx context.Context) ([]ModelInfo, error) {
	states, err := b.Store.ModelStates(ctx)
	if err != nil {
		return nil, err
	}
	all := b.readModels(ctx)
	out := []ModelInfo{}
	for _, m := range all {
		st := states[m.Name]
		info := ModelInfo{
			Name: m.Name, File: m.File, Refresh: m.Refresh.String(), Last: m.Last, Inputs: append(append([]string{}, m.datasets...), m.models...), UsedBy: []string{},
			Rows: st.Rows, Parts: st.Parts, RefreshedAt: st.RefreshedAt,
		}
		if m.Partition > 0 {
			info.Partition = engine.FormatDuration(m.Partition)
		}
		if m.Retention > 0 {
			info.Retention = engine.FormatDuration(m.Retention)
		}
		for _, o := range all {
			if slices.Contains(o.models, m.Name) {
				info.UsedBy = append(info.UsedBy, o.Name)
			}
		}
		if m.err == nil {
			m.err = b.modelTrouble(m.Name)
		}
		if m.err != nil {
			info.Problem, info.Hint = m.err.Error(), hintOf(m.err)
		}
		out = append(out, info)
	}
	slices.SortFunc(out, func(a, b ModelInfo) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// RunModels brings models up to date, those that they read first; no name is
// all. whole computes all parts anew.
func (b *Workbench) RunModels(ctx context.Context, names []string, whole bool) ([]ModelRun, error) {
	if !b.Current().Trusted {
		return nil, workspace.ErrUntrusted(b.Current().Root, "run models")
	}
	all := b.readModels(ctx)
	var known []string
	for _, m := range all {
		known = append(known, m.Name)
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			e := engine.Errorf(engine.NotFound, "run model "+n, "there is no models/%s.sql", n)
			if near := engine.Nearest(n, known); near != "" {
				return nil, e.WithHint("did you mean %s?", near)
			}
			return nil, e.WithHint("tidemark models list shows the models there are")
		}
	}
	out := []ModelRun{}
	if err := b.dropGoneModels(ctx, known, names); err != nil {
		return out, err
	}
	for _, m := range all {
		if len(names) > 0 && !slices.Contains(names, m.Name) {
			continue
		}
		run, err := b.runModel(ctx, m, whole)
		if err != nil {
			return out, err
		}
		out = append(out, run)
	}
	return out, nil
}

// dropGoneModels removes the tables of models whose files are gone, when all
// are run.
func (b *Workbench) dropGoneModels(ctx context.Context, known, names []string) error {
	if len(names) > 0 {
		return nil
	}
	states, err := b.Store.ModelStates(ctx)
	if err != nil {
		return err
	}
	for name := range states {
		if slices.Contains(known, name) {
			continue
		}
		if err := b.Store.DropModel(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (b *Workbench) runModel(ctx context.Context, m *model, whole bool) (ModelRun, error) {
	out := ModelRun{Name: m.Name, Parts: []time.Time{}}
	if m.err != nil {
		return out, m.err
	}
	b.models.run.Lock()
	defer b.models.run.Unlock()
	began := time.Now()
	sum := sha256.Sum256([]byte(m.SQL))
	done, err := b.Store.RunModel(ctx, store.Model{
		Name: m.Name, SQL: m.SQL, Definition: hex.EncodeToString(sum[:]), Inputs: m.datasets, Models: m.models,
		Partition: m.Partition, Last: m.Last, Retention: m.Retention,
		Within: func(query string, from, to time.Time) string { return b.withinPart(m, query, from, to) },
	}, b.Current().TempDir(), whole)
	if err != nil {
		err = inFile(engine.Text{File: m.File, Line: 1, Column: 1}, err)
	}
	b.models.note(m.Name, err)
	out.Parts, out.Left, out.Rows, out.Whole, out.Fresh = append(out.Parts, done.Parts...), done.Left, done.Rows, done.Whole, done.Fresh
	out.Seconds = time.Since(began).Seconds()
	if err == nil && !done.Fresh {
		b.changed(m.Name)
	}
	return out, err
}

// withinPart narrows what a model reads to a span: datasets by event time, and
// their rollups by the beginnings of windows.
func (b *Workbench) withinPart(m *model, query string, from, to time.Time) string {
	span := func(column string) string {
		return fmt.Sprintf("\nWHERE %[1]s >= make_timestamptz(%[2]d)\n  AND %[1]s < make_timestamptz(%[3]d)", column, from.UnixMicro(), to.UnixMicro())
	}
	var narrowed []dashboard.Narrowed
	tables, err := b.tablesOf(context.Background(), m.SQL) // was asked before, and answers at once
	if err != nil {
		return query
	}
	for _, table := range tables {
		ds, is := b.datasetNamed(table)
		switch rolled := b.rolledUp(table); {
		case is:
			narrowed = append(narrowed, dashboard.Narrowed{Name: ds.Name, Where: span("event_time")})
		case rolled != table:
			narrowed = append(narrowed, dashboard.Narrowed{Name: table, Where: span(`"time"`)})
		}
	}
	return dashboard.Within(query, narrowed)
}

// refreshModels runs the models that follow changes of a dataset. What is
// wrong with one is told where models are listed; it stops nobody else.
func (b *Workbench) refreshModels(ctx context.Context, dataset string) {
	if len(b.Current().Models) == 0 || !b.Current().Trusted {
		return
	}
	changed := map[string]bool{dataset: true}
	for _, m := range b.readModels(ctx) {
		reads := func(name string) bool { return changed[name] }
		if m.err != nil || !m.Refresh.OnChange || !slices.ContainsFunc(m.datasets, reads) && !slices.ContainsFunc(m.models, reads) {
			continue
		}
		if _, err := b.runModel(ctx, m, false); err != nil && ctx.Err() == nil {
			slog.Warn("a model could not be brought up to date", "model", m.Name, "error", err)
		}
		changed[m.Name] = true
	}
}

// RunDueModels runs the models whose time has come.
func (b *Workbench) RunDueModels(ctx context.Context) error {
	if len(b.Current().Models) == 0 || !b.Current().Trusted {
		return nil
	}
	states, err := b.Store.ModelStates(ctx)
	if err != nil {
		return err
	}
	for _, m := range b.readModels(ctx) {
		st := states[m.Name]
		due := st.RefreshedAt == nil || b.clock.Now().Sub(*st.RefreshedAt) >= m.Refresh.Every
		if m.err != nil || m.Refresh.Every == 0 || !due {
			continue
		}
		if _, err := b.runModel(ctx, m, false); err != nil && ctx.Err() == nil {
			slog.Warn("a model could not be brought up to date", "model", m.Name, "error", err)
		}
	}
	return nil
}
