package workbench

import (
	"context"
	"maps"
	"slices"

	"tidemark.dev/tidemark/plugins"
)

// pluginsOf are the modules that a tail's records go through, by name: those of
// its dataset's transforms, and one that decodes.
func (b *Workbench) pluginsOf(t *tailing) map[string]*module {
	b.plugins.mu.Lock()
	defer b.plugins.mu.Unlock()
	out := map[string]*module{}
	for _, name := range append([]string{t.source.Format}, t.dataset.Transforms...) {
		if m := b.plugins.known[name]; m != nil {
			out[name] = m
		}
	}
	return out
}

// renewTails has the tails whose plugins were replaced begin anew: what such a
// tail has is committed, and what comes behind it goes through the new ones. A
// tail stays with what it has until all of those can be loaded and do what the
// old ones did, and where one is gone.
func (b *Workbench) renewTails(ctx context.Context) {
	for _, t := range b.tails.list() {
		fresh := b.pluginsOf(t)
		if t.runs(fresh) {
			continue
		}
		if b.fit(ctx, t, fresh) {
			t.again()
		}
	}
}

// fit reports whether a tail can run with these modules.
func (b *Workbench) fit(ctx context.Context, t *tailing, fresh map[string]*module) bool {
	for name, m := range fresh {
		p, err := b.load(ctx, m)
		if err != nil {
			return false
		}
		if slices.Contains(t.dataset.Transforms, name) {
			if _, err := newStage(name, p); err != nil {
				return false
			}
		}
		if name == t.source.Format && !p.Has(plugins.KindDecoder) {
			return false
		}
	}
	return true
}

func (t *tailing) begins(with map[string]*module) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plugins = with
}

// runs reports whether a tail is at work with these modules, or not at work:
// then it takes those that there are when it goes on.
func (t *tailing) runs(fresh map[string]*module) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stop == nil || len(fresh) < len(t.plugins) || maps.Equal(fresh, t.plugins)
}

// again interrupts a tail that is at work; it goes on from what is stored.
func (t *tailing) again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop != nil {
		t.stop()
	}
}
