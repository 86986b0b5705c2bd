package workbench

import (
	"context"

	"tidemark.dev/tidemark/engine"
)

var SchemaFormats = []string{}

func (b *Workbench) RenderSchema(name, format string) ([]byte, error) { return nil, nil }
func (b *Workbench) SetType(ctx context.Context, name, path, typ string) (engine.SchemaVersion, error) {
	return engine.SchemaVersion{}, nil
}
func (b *Workbench) ImportSchema(ctx context.Context, name, file string, src []byte) (engine.SchemaVersion, error) {
	return engine.SchemaVersion{}, nil
}
func (b *Workbench) Drop(ctx context.Context, name string) error { return b.Store.Drop(ctx, name) }
