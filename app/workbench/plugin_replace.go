package workbench

import (
	"context"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/app/workspace/atomicfile"
	"tidemark.dev/tidemark/engine"
)

// ReplacePlugin puts a module in the place of a plugin's file, or beside the
// bundled one of the name, once it was seen to load. allow remembers that its
// hash may run. The caller lets the workspace look again.
func (b *Workbench) ReplacePlugin(ctx context.Context, name string, wasm []byte, allow func(sha256 string) error) (PluginInfo, error) {
	w := b.Current()
	if !w.Trusted {
		return PluginInfo{}, workspace.ErrUntrusted(w.Root, "replace plugin "+name)
	}
	if _, err := b.pluginBytes(name); err != nil {
		return PluginInfo{}, err
	}
	file := "plugins/" + name + ".wasm"
	info, err := inspect(ctx, file, wasm)
	if err != nil {
		return info, err
	}
	if err := allow(info.SHA256); err != nil {
		return info, err
	}
	if err := atomicfile.Write(w.Path(file), wasm, 0o644); err != nil {
		return info, engine.Errorf(engine.Unavailable, "replace plugin "+name, "%w", err)
	}
	return info, nil
}
