package workbench

import (
	"context"
	"io"

	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/plugins"
)

// formats are the formats that a source may name: those that come with
// Tidemark, and the decoders among the plugins.
func (b *Workbench) formats() *format.Table {
	table := format.Builtin()
	for _, m := range b.modules() {
		about, err := b.describe(context.Background(), m)
		if err == nil && !about.Has(plugins.KindDecoder) {
			continue
		}
		// One that cannot be had is known by name, so that using it says why.
		_ = table.Register(m.name, decoder{b, m}) // a format that comes with Tidemark goes first
	}
	return table
}

// decoder fits a plugin into the formats. It is the file that was there when
// the pull began, even when that is replaced meanwhile.
type decoder struct {
	bench  *Workbench
	module *module
}

func (d decoder) Decode(ctx context.Context, r io.Reader, emit func(format.Emitted) error) error {
	p, release, err := d.bench.use(ctx, d.module)
	if err != nil {
		return err
	}
	defer release()
	return p.Decode(ctx, r, func(x plugins.Decoded) error {
		return emit(format.Emitted{JSON: x.JSON, Problem: x.Problem, Raw: x.Raw, Dropped: x.Dropped})
	})
}
