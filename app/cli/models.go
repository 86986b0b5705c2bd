package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
)

func (a *app) modelsVerb() *cobra.Command {
	group := &cobra.Command{Use: "models", Short: "List derived datasets, and bring them up to date", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(a.modelsList(), a.modelsRun())
	return group
}

func (a *app) modelsList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List derived datasets and what they are made of",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				all, err := b.Models(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(all)
				}
				t := newTable("MODEL", "REFRESH", "PARTITION", ">ROWS", "REFRESHED", "READS", "PROBLEM")
				for _, m := range all {
					t.add(m.Name, m.Refresh, m.Partition, thousands(m.Rows), moment(m.RefreshedAt), strings.Join(m.Inputs, ", "), m.Problem)
				}
				return t.write(a.stdout)
			})
		},
	}
}

func (a *app) modelsRun() *cobra.Command {
	var whole bool
	cmd := &cobra.Command{
		Use:   "run [MODEL...]",
		Short: "Bring derived datasets up to date",
		Long:  "Bring derived datasets up to date: the parts whose records changed, of the named\nmodels or of all, those that others read first.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				runs, err := b.RunModels(ctx, args, whole)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(runs)
				}
				for _, r := range runs {
					a.sayModelRun(r)
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&whole, "whole", false, "compute everything anew")
	return cmd
}

func (a *app) sayModelRun(r workbench.ModelRun) {
	switch {
	case r.Fresh:
		a.say("%s: nothing has changed", r.Name)
	case len(r.Parts) > 0:
		a.say("%s: %s computed, %s in all, in %.1f s", r.Name, plural(int64(len(r.Parts)), "part"), plural(r.Rows, "row"), r.Seconds)
	default:
		a.say("%s: %s, in %.1f s", r.Name, plural(r.Rows, "row"), r.Seconds)
	}
	if r.Left > 0 {
		a.say("%s of it changed and are older than last lets it compute: tidemark models run %s --whole", plural(r.Left, "part"), r.Name)
	}
}
