package workbench

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
)

// ScratchDataset is the table that a scratch workspace pulls into.
const ScratchDataset = "data"

// Scratch makes a workspace without any YAML for a file, a folder, a pattern
// or an s3:// prefix. Its state lies below state, in a folder of its own per
// target, so that opening the same thing again fetches nothing twice.
func Scratch(state, target string) (*workspace.Workspace, error) {
	c := workspace.Default()
	c.Name = "scratch"
	source := workspace.Source{Name: "opened", Dataset: ScratchDataset, Format: "auto"}
	if strings.HasPrefix(target, "s3://") {
		source.Type, source.URL = "s3", target
		source.Endpoint = os.Getenv("AWS_ENDPOINT_URL_S3")
		if source.Endpoint == "" {
			source.Endpoint = os.Getenv("AWS_ENDPOINT_URL")
		}
		source.PathStyle = source.Endpoint != ""
	} else {
		source.Type, source.Path = "file", target
		if info, err := os.Stat(target); err == nil && info.IsDir() {
			source.Path = filepath.Join(target, "**")
		}
	}
	c.Sources = engine.Entries[workspace.Source]{{Key: engine.Text{Value: source.Name}, Value: source}}
	root := filepath.Join(state, fingerprint(target))
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, engine.Errorf(engine.Unavailable, "open "+target, "%w", err)
	}
	w := workspace.New(root, c)
	w.Trusted = true // the user named the target
	return w, nil
}

// Columns lists a dataset's columns and types, the paths of body each on its
// own.
func (b *Workbench) Columns(_ context.Context, name string) ([][2]string, error) {
	d, err := b.Store.Dataset(name)
	if err != nil {
		return nil, err
	}
	var out [][2]string
	for _, c := range engine.Envelope {
		out = append(out, [2]string{c.Name, c.Type.String()})
		if c.Name == "labels" {
			out = append(out, bodyPaths(engine.Path{"body"}, d.Body)...)
			out = append(out, [2]string{"rest", "json"})
		}
	}
	return out, nil
}

func bodyPaths(at engine.Path, of engine.Type) [][2]string {
	var out [][2]string
	for _, f := range of.Fields {
		p := append(at[:len(at):len(at)], f.Name)
		if f.Type.Kind == engine.Struct && len(f.Type.Fields) > 0 {
			out = append(out, bodyPaths(p, f.Type)...)
			continue
		}
		out = append(out, [2]string{p.String(), f.Type.String()})
	}
	return out
}
