package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
)

func (a *app) pluginVerb() *cobra.Command {
	group := &cobra.Command{Use: "plugin", Short: "Write, try and list plugins", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List the plugins there are, and whether they run",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				infos := b.Plugins(ctx)
				if a.json {
					return a.printJSON(infos)
				}
				if len(infos) == 0 {
					a.say("no plugins: put a .wasm file into plugins/")
				}
				t := newTable("PLUGIN", "KIND", "VERSION", "STATE", "FROM", ">CALLS", ">RECORDS", ">ERRORS", "PROBLEM")
				for _, p := range infos {
					t.add(p.Name, p.Kind, p.Version, p.State, p.Path, fmt.Sprint(p.Calls), thousands(p.Records), thousands(p.Errors), p.Problem)
				}
				return t.write(a.stdout)
			})
		},
	})
	group.AddCommand(a.pluginNewVerb(), a.pluginBuildVerb(), a.pluginTestVerb(),
		a.pluginShowVerb(), a.pluginAllowVerb(), a.pluginLensVerb(), a.pluginDiffVerb(), a.pluginReplaceVerb())
	return group
}
