package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

func (a *app) sourcesVerb() *cobra.Command {
	group := &cobra.Command{Use: "sources", Short: "Look at the workspace's sources", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List the sources, where each is and what came of it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				all, err := b.Sources(ctx)
				if err != nil {
					return err
				}
				return a.listSources(all)
			})
		},
	}, &cobra.Command{
		Use:               "test [SOURCE...]",
		Short:             "Reach each source, list what it has, look into a few objects",
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				reports, err := b.TestSources(ctx, args)
				if err != nil {
					return err
				}
				return a.printSources(reports)
			})
		},
	})
	return group
}

func (a *app) listSources(all []workbench.Source) error {
	if a.json {
		return a.printJSON(all)
	}
	if len(all) == 0 {
		a.say("no sources: write one into tidemark.yaml, or run tidemark open PATH")
		return nil
	}
	t := newTable("SOURCE", "TYPE", "WHERE", "INTO", "STATE", ">OBJECTS", ">BYTES", "STORED")
	for _, s := range all {
		t.add(s.Name, s.Type, s.Location, s.Dataset, s.State, thousands(s.Objects), formatBytes(s.Bytes), moment(s.PulledAt))
	}
	return t.write(a.stdout)
}

func helpOf(cmd *cobra.Command, _ []string) error { return cmd.Help() }

func (a *app) printSources(reports []workbench.SourceReport) error {
	bad := 0
	for _, r := range reports {
		if !r.OK {
			bad++
		}
	}
	if a.json {
		if err := a.printJSON(reports); err != nil {
			return err
		}
		if bad > 0 {
			return exitError{exitFailed}
		}
		return nil
	}
	for _, r := range reports {
		if !r.OK {
			fmt.Fprintf(a.stdout, "✗ %s (%s): %s\n", r.Name, r.Type, safeText(r.Error))
			if r.Hint != "" {
				fmt.Fprintf(a.stdout, "  hint: %s\n", safeText(r.Hint))
			}
			continue
		}
		if st := r.Stream; st != nil {
			fmt.Fprintf(a.stdout, "✓ %s (%s): %s open, %d closed, records kept for %g h, into %s\n", r.Name, r.Type, plural(int64(st.Open), "shard"), st.Closed, st.RetentionHours, r.Dataset)
			continue
		}
		fmt.Fprintf(a.stdout, "✓ %s (%s): %s, %s, into %s\n", r.Name, r.Type, plural(r.Objects, "object"), formatBytes(r.Bytes), r.Dataset)
		for _, s := range r.Samples {
			what := s.Format
			if len(s.Compression) > 0 {
				what += " in " + strings.Join(s.Compression, " in ")
			}
			if s.Error != "" {
				what = s.Error
			}
			fmt.Fprintf(a.stdout, "  %s: %s, %s\n", safeText(s.Key), what, formatBytes(s.Bytes))
			if s.Error == "" {
				fmt.Fprintf(a.stdout, "    %s\n", evidence(s))
			}
			if len(s.Partitions) > 0 {
				fmt.Fprintf(a.stdout, "    labels from its key: %s\n", partitions(s.Partitions))
			}
		}
	}
	if bad > 0 {
		return engine.Errorf(engine.Unavailable, "test the sources", "%d of %d did not work", bad, len(reports))
	}
	return nil
}

// evidence says how sure a format is, and why.
func evidence(s workbench.SampleReport) string {
	why := make([]string, len(s.Reasons))
	for i, r := range s.Reasons {
		why[i] = safeText(r.Says) + " (" + r.By + ")"
	}
	return fmt.Sprintf("%.0f %% sure: %s", 100*s.Confidence, strings.Join(why, "; "))
}

func partitions(list []engine.Partition) string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = safeText(p.Name + "=" + p.Value)
	}
	return strings.Join(out, ", ")
}
