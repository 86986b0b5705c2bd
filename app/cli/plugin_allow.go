package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"os"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/engine"
)

func (a *app) pluginAllowVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "allow NAME",
		Short: "Let a plugin run that is new or changed in a workspace from somebody else",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := a.loadWorkspace()
			if err != nil {
				return err
			}
			sum, err := a.allowPlugin(w.Root, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"name": args[0], "sha256": sum})
			}
			a.say("%s may run (%s)", args[0], sum[:12])
			return nil
		},
	}
}

// allowPlugin lets the plugin run whose file is there now.
func (a *app) allowPlugin(root, name string) (string, error) {
	w, err := a.loadWorkspace()
	if err != nil {
		return "", err
	}
	p, has := w.Plugin(name)
	if !has || p.File == "" {
		return "", engine.Errorf(engine.NotFound, "allow plugin "+name, "the workspace has no plugin of that name").
			WithHint("tidemark plugin list shows what there is")
	}
	wasm, err := os.ReadFile(w.Path(p.File))
	if err != nil {
		return "", engine.Errorf(engine.Unavailable, "allow plugin "+name, "%w", err)
	}
	store, err := a.trustStore()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(wasm)
	text := hex.EncodeToString(sum[:])
	return text, store.Allow(root, text)
}
