package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
)

func (a *app) pluginShowVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show what a plugin is, and what changed since it last ran, without running it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				d, err := b.ShowPlugin(ctx, args[0])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(d)
				}
				a.showPlugin(d)
				return nil
			})
		},
	}
}

func (a *app) showPlugin(d workbench.PluginDetail) {
	line := func(what, text string) { fmt.Fprintf(a.stdout, "%-9s %s\n", what, safeText(text)) }
	line("plugin", strings.TrimSpace(d.Name+" "+d.Version))
	line("state", d.State)
	if d.Problem != "" {
		line("", d.Problem)
	}
	line("file", fmt.Sprintf("%s, %s", d.Path, formatBytes(d.Now.Bytes)))
	line("sha256", d.Now.SHA256)
	line("imports", strings.Join(d.Now.Imports, ", "))
	for _, f := range d.Now.Functions {
		line(f.Kind, f.Name+": "+f.Signature)
	}
	if len(d.Now.Functions) == 0 && d.Now.Problem == "" {
		line("", "what it has is known once it may run: it carries no manifest")
	}
	if d.Now.Problem != "" {
		line("problem", d.Now.Problem)
	}
	if d.Before != nil {
		line("before", strings.TrimSpace(d.Before.Version+" "+d.Before.SHA256[:12]))
		for _, c := range d.Changed {
			line("changed", c)
		}
	}
}
