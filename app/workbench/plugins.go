package workbench

import (
	"context"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine/pipeline"
)

type pluginHost struct{}

func (pluginHost) close() error { return nil }

func (b *Workbench) stages(ctx context.Context, d workspace.Dataset) ([]pipeline.Stage, error) {
	return nil, nil
}
