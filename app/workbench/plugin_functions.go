package workbench

import (
	"context"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/plugins"
)

// offerFunctions gives SQL the functions of all plugins that may run. A plugin
// is loaded when the first query uses it.
func (b *Workbench) offerFunctions(ctx context.Context) {
	if !b.Current().Trusted {
		b.Store.SetFunctions(ctx, nil)
		return
	}
	var functions []engine.ScalarFunction
	refused := map[string]error{}
	from := map[string]string{}
	offered := map[string]store.Function{}
	for _, m := range b.modules() {
		about, err := b.describe(ctx, m)
		if err != nil {
			continue // the list of plugins says why
		}
		for _, f := range about.Functions {
			if f.Kind != plugins.KindFunction {
				continue
			}
			if other := from[f.Name]; other != "" {
				refused[f.Name] = engine.Errorf(engine.Conflict, "add the function "+f.Name, "the plugin %s gives one of that name already", other)
				continue
			}
			from[f.Name] = m.name
			for _, s := range b.functionsOf(m, f) {
				functions = append(functions, s)
				f.Name = s.Name
				offered[s.Name] = store.Function{Name: s.Name, Signature: signatureOf(f), Doc: s.Doc}
			}
		}
	}
	for name, err := range b.Store.SetFunctions(ctx, functions) {
		refused[name] = err
	}
	h := &b.plugins
	h.mu.Lock()
	h.refused, h.offered = refused, offered
	h.mu.Unlock()
}

// modules lists the plugins there are, the workspace's own before the bundled.
func (b *Workbench) modules() []*module {
	var out []*module
	seen := map[string]bool{}
	names := b.pluginNames()
	for i := len(names) - 1; i >= 0; i-- {
		if seen[names[i]] {
			continue
		}
		seen[names[i]] = true
		if m, err := b.module(names[i]); err == nil {
			out = append(out, m)
		}
	}
	return out
}

// functionsOf makes a function and its try_ twin, which gives null where the
// function has no value.
func (b *Workbench) functionsOf(m *module, f plugins.Function) []engine.ScalarFunction {
	doc := f.Doc
	if doc == "" {
		doc = "From the plugin " + m.name + "."
	}
	strict := engine.ScalarFunction{Name: f.Name, Doc: doc, Output: f.Outputs[0].Kind(), PassNulls: f.Nulls == "pass"}
	for _, x := range f.Inputs {
		strict.Inputs = append(strict.Inputs, x.Kind())
	}
	begin := func(lenient bool) func() (engine.ScalarCall, func(), error) {
		return func() (engine.ScalarCall, func(), error) {
			p, release, err := b.use(context.Background(), m)
			return callOf(p, f.Name, lenient), release, err
		}
	}
	strict.Begin = begin(false)
	lenient := strict
	lenient.Name, lenient.Doc, lenient.Begin = "try_"+f.Name, "As "+f.Name+", but null where that fails.", begin(true)
	return []engine.ScalarFunction{strict, lenient}
}

func callOf(p *plugins.Plugin, name string, lenient bool) engine.ScalarCall {
	return func(ctx context.Context, in []engine.Column, rows int) (engine.Column, map[int]string, error) {
		v, err := p.Call(ctx, name, in, rows)
		if lenient {
			v.Errors = nil
		}
		return v.Column, v.Errors, err
	}
}
