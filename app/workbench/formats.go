package workbench

import "tidemark.dev/tidemark/engine/format"

// formats is what objects of this workspace may hold: the formats that come
// with Tidemark. Decoders of plugins join them here, by Register.
func (b *Workbench) formats() *format.Table { return format.Builtin() }
