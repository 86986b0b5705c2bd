package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// reportFlags say how a report is written, and where to.
type reportFlags struct{ format, output string }

func (f *reportFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.format, "format", "", "md or html (default: md, or by the output's name)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write to this file instead of stdout")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"md", "html"}, cobra.ShellCompDirectiveNoFileComp))
}

func (a *app) incidentsReport() *cobra.Command {
	var f reportFlags
	var run int64
	cmd := &cobra.Command{
		Use:   "report ID",
		Short: "Show what the runbook of an incident found",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reportBy(cmd, &f, func(ctx context.Context, b *workbench.Workbench) (workbench.RunbookReport, error) {
				return b.Report(ctx, args[0], run)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().Int64Var(&run, "run", 0, "which run, by its number; the newest without it")
	return cmd
}

func (a *app) incidentsRunbook() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "runbook ID",
		Short: "Run the rule's runbook for an incident, and attach its report",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reportBy(cmd, &f, func(ctx context.Context, b *workbench.Workbench) (workbench.RunbookReport, error) {
				return b.RunRunbook(ctx, args[0], userName())
			})
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) rulesRunbook() *cobra.Command {
	var f reportFlags
	var at timeFlag
	var key string
	cmd := &cobra.Command{
		Use:   "runbook RULE",
		Short: "Run a rule's runbook on a time that it was in alarm",
		Long: "Run a rule's runbook on a time that it was in alarm: the newest, or the one that\n" +
			"--at lies in. The report is attached to the incident. Where there is none, for the\n" +
			"rule was not live then, a backtest says when it was in alarm.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reportBy(cmd, &f, func(ctx context.Context, b *workbench.Workbench) (workbench.RunbookReport, error) {
				return b.EpisodeReport(ctx, args[0], at.Time, strings.TrimSpace(key), userName())
			})
		},
	}
	f.add(cmd)
	cmd.Flags().Var(&at, "at", "a time in the alarm; the newest alarm without it")
	cmd.Flags().StringVar(&key, "key", "", "the group, where several were in alarm: service=cart")
	return cmd
}

// reportBy writes a report; it fails if the run did.
func (a *app) reportBy(cmd *cobra.Command, f *reportFlags, get func(context.Context, *workbench.Workbench) (workbench.RunbookReport, error)) error {
	if f.format == "" && strings.HasSuffix(f.output, ".html") {
		f.format = "html"
	}
	if f.format != "" && f.format != "md" && f.format != "html" {
		return engine.Errorf(engine.Invalid, "show a report", "there is no format %s", f.format).WithHint("there are md and html")
	}
	return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
		r, err := get(ctx, b)
		if err != nil {
			return err
		}
		if err := a.writeReport(r, f); err != nil {
			return err
		}
		if r.State == "failed" {
			return engine.Errorf(engine.Conflict, "run "+r.File, "%s", r.Error).WithHint("put it right, and run tidemark incidents runbook %s", r.Incident)
		}
		return nil
	})
}

func (a *app) writeReport(r workbench.RunbookReport, f *reportFlags) error {
	switch {
	case a.json:
		return a.printJSON(r)
	case f.format == "html":
		return a.writeOutput(f.output, []byte(r.HTML))
	}
	return a.writeOutput(f.output, []byte(r.Markdown))
}

// reportLine says of a run how far it came.
func reportLine(r store.Runbook) string {
	line := fmt.Sprintf("%d: %s, %s", r.ID, r.File, r.State)
	switch r.State {
	case "running":
		line += fmt.Sprintf(", %d of %d cells", r.Steps, r.Cells)
	case "failed":
		line += ": " + safeCell(r.Error)
	}
	return line
}
