package workbench

import (
	"errors"

	"tidemark.dev/tidemark/engine"
)

// errNotAllowed says that a plugin is new or changed in a workspace that came
// from somebody else.
var errNotAllowed = errors.New("its file is new or was changed since you trusted this workspace")

// mayRun says why a plugin's file may not be run.
func (b *Workbench) mayRun(m *module) error {
	w := b.Current()
	if own, has := w.Plugin(m.name); !has || own.File == "" || w.Allowed == nil || w.Allowed(m.sha256) {
		return nil
	}
	return engine.Errorf(engine.Conflict, "load plugin "+m.name, "%w", errNotAllowed).
		WithHint("look at where it comes from, then run: tidemark plugin allow %s", m.name)
}
