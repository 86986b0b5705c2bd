package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
)

func (a *app) lookupVerb() *cobra.Command {
	group := &cobra.Command{Use: "lookup", Short: "List and try what records are looked up in", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List the lookups, what they fill and what they did",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(_ context.Context, b *workbench.Workbench) error {
				all := b.Lookups()
				if a.json {
					return a.printJSON(all)
				}
				t := newTable("LOOKUP", "KIND", "FROM", "BY", "FILLS", "USED BY", ">RECORDS", ">ASKED", ">MISSING", ">FAILED")
				for _, l := range all {
					t.add(l.Name, l.Kind, l.From, strings.Join(l.Key, ", "), strings.Join(l.Take, ", "), strings.Join(l.Used, ", "),
						thousands(l.Records), thousands(l.Asked), thousands(l.Missing), thousands(l.Failed))
				}
				return t.write(a.stdout)
			})
		},
	}, &cobra.Command{
		Use:   "try NAME KEY...",
		Short: "Look up one key, and show what a record with it would get",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				t, err := b.TryLookup(ctx, args[0], args[1:])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(t)
				}
				for _, v := range t.Values {
					fmt.Fprintf(a.stdout, "%s = %s\n", v.Path, safeText(v.Value))
				}
				switch {
				case t.Dropped:
					fmt.Fprintln(a.stdout, "the record would be dropped")
				case t.Rejected != "":
					fmt.Fprintf(a.stdout, "the record would go to quarantine: %s\n", safeText(t.Rejected))
				}
				return nil
			})
		},
	})
	return group
}
