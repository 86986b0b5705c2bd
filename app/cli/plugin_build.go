package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins/build"
)

func (a *app) pluginNewVerb() *cobra.Command {
	language, kind := "", ""
	cmd := &cobra.Command{
		Use:   "new NAME --lang go|rust|assemblyscript|c --kind transform|function|decoder",
		Short: "Begin a plugin in a folder NAME, with its SDK beside it",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := build.New(".", args[0], build.Language(language), kind)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"dir": args[0], "files": files})
			}
			for _, f := range files {
				a.say("wrote %s", filepath.Join(args[0], f))
			}
			input := "input.ndjson"
			if kind == "decoder" {
				input = "input.txt"
			}
			a.say("next: tidemark plugin build %s, then tidemark plugin test %s --input %s", args[0],
				filepath.Join(args[0], args[0]+".wasm"), filepath.Join(args[0], input))
			return nil
		},
	}
	cmd.Flags().StringVar(&language, "lang", "rust", "go, rust, assemblyscript or c")
	cmd.Flags().StringVar(&kind, "kind", "transform", "transform, function or decoder")
	_ = cmd.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"go", "rust", "assemblyscript", "c"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(build.Kinds, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) pluginBuildVerb() *cobra.Command {
	out := ""
	cmd := &cobra.Command{
		Use:   "build [DIR]",
		Short: "Compile the plugin in a folder with the ordinary compiler of its language",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return a.buildPlugin(cmd.Context(), dir, out)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the module to write; DIR/NAME.wasm without it")
	return cmd
}

func (a *app) buildPlugin(ctx context.Context, dir, out string) error {
	full, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(filepath.Base(full), "-", "_")
	if out == "" {
		out = filepath.Join(dir, name+".wasm")
	}
	language, _, err := build.Detect(dir)
	if err != nil {
		return err
	}
	if err := build.Build(ctx, dir, out, build.SDK{}); err != nil {
		return err
	}
	info, err := os.Stat(out)
	if err != nil {
		return engine.Errorf(engine.Unavailable, "build plugin", "%w", err)
	}
	if a.json {
		return a.printJSON(map[string]any{"path": out, "lang": language, "bytes": info.Size()})
	}
	fmt.Fprintf(a.stdout, "%s: %s, from %s\n", out, formatBytes(info.Size()), language)
	return nil
}
