package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
)

func (a *app) archiveVerb() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "archive DATASET",
		Short: "Age old rows out to Parquet",
		Long: "Move the whole days of a dataset that are older than its retention into its\n" +
			"archive, a folder or s3://, as one Parquet file a day. Rows are deleted when the\n" +
			"file has been read back. A file source of that folder reads them again.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				r, err := b.Archive(ctx, args[0], dry)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(r)
				}
				return a.printArchived(r, dry)
			})
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be moved, and move nothing")
	return cmd
}

func (a *app) printArchived(r workbench.Archived, dry bool) error {
	if len(r.Parts) == 0 {
		_, err := fmt.Fprintf(a.stdout, "nothing of %s is older than its retention\n", r.Dataset)
		return err
	}
	what := "moved to"
	if dry {
		what = "would move to"
	}
	fmt.Fprintf(a.stdout, "%s records before %s %s %s\n", thousands(r.Rows), r.Before.Format(time.DateOnly), what, safeText(r.Place))
	for _, p := range r.Parts {
		fmt.Fprintf(a.stdout, "%12s %s\n", thousands(p.Rows), safeText(p.Name))
	}
	return nil
}

func (a *app) compactVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "compact",
		Short: "Give the space of deleted rows back to the disk",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				r, err := b.Compact(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(r)
				}
				_, err = fmt.Fprintf(a.stdout, "the database has %s, and had %s\n", formatBytes(r.After), formatBytes(r.Before))
				return err
			})
		},
	}
}
