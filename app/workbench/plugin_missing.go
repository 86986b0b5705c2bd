package workbench

import (
	"errors"
	"regexp"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
)

// missingFunction is how DuckDB, and the cage of what was there before, say
// that there is no function of a name.
var missingFunction = regexp.MustCompile(`(?i)\bfunction (?:with name )?"?([a-z0-9_]+)"? (?:does not exist|is no longer there)`)

// explained says of a function that there would be, if its plugin could be had,
// why that is not so and what to do: that it does not exist is no help to
// somebody who has just put it there.
func (b *Workbench) explained(err error) error {
	var e *engine.Error
	if !errors.As(err, &e) || !b.Current().Trusted {
		return err
	}
	found := missingFunction.FindStringSubmatch(e.Error())
	if found == nil {
		return err
	}
	name := strings.TrimPrefix(strings.ToLower(found[1]), "try_")
	for _, m := range b.modules() {
		var why *engine.Error
		if !errors.As(m.problem(), &why) || !m.wouldGive(name) {
			continue
		}
		told := *e
		told.Err = engine.Errorf(why.Kind, "the function "+name+" is one of the plugin "+m.name+", which cannot run", "%w", why.Err)
		told.Hint = why.Hint
		return &told
	}
	return err
}

func (m *module) problem() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// wouldGive reports whether a module has a function, as far as it can be seen
// without running it: one that carries no manifest is known by its own name.
func (m *module) wouldGive(function string) bool {
	about := plugins.Look(m.wasm).About
	if about == nil {
		return strings.EqualFold(m.name, function)
	}
	for _, f := range about.Functions {
		if f.Kind == plugins.KindFunction && strings.EqualFold(f.Name, function) {
			return true
		}
	}
	return false
}
