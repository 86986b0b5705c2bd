package cli

import (
	"context"
	"fmt"
	"maps"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

func (a *app) incidentsVerb() *cobra.Command {
	group := &cobra.Command{Use: "incidents", Short: "Alarms that went off: list, acknowledge, assign, comment and label them", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(
		a.incidentsList(), a.incidentsShow(),
		a.incidentVerb("ack ID", "Say that somebody looks after it", 1, func(args []string) workbench.IncidentAction {
			return workbench.IncidentAction{Do: "acknowledge", Text: strings.Join(args, " ")}
		}),
		a.incidentVerb("assign ID PERSON", "Say who looks after it", 2, func(args []string) workbench.IncidentAction {
			return workbench.IncidentAction{Do: "assign", Text: strings.Join(args, " ")}
		}),
		a.incidentVerb("comment ID TEXT...", "Write something into its timeline", 2, func(args []string) workbench.IncidentAction {
			return workbench.IncidentAction{Do: "comment", Text: strings.Join(args, " ")}
		}),
		a.incidentVerb("label ID true|false|none", "Say whether the alarm was right", 2, func(args []string) workbench.IncidentAction {
			return workbench.IncidentAction{Do: "label", Text: strings.TrimSuffix(strings.Join(args, " "), "none")}
		}),
		a.incidentsReport(), a.incidentsRunbook(),
	)
	return group
}

func (a *app) incidentsList() *cobra.Command {
	var f store.IncidentFilter
	var from, to timeFlag
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List incidents, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.From, f.To = from.Time, to.Time
			if f.State != "" && f.State != "open" && f.State != "closed" && f.State != "withdrawn" {
				return engine.Errorf(engine.Invalid, "list incidents", "%q is no state", f.State).WithHint("write open, closed or withdrawn")
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				list, err := b.Store.Incidents(ctx, f)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(list)
				}
				if len(list) == 0 {
					a.say("no incidents: rules are evaluated while tidemark tail runs")
				}
				t := newTable("ID", "START", "END", "RULE", "KEY", "SEVERITY", "WHO", "LABEL", "SUMMARY")
				for _, i := range list {
					t.add(i.ID, moment(&i.Start), endOf(i), i.Rule, anyPairs(i.Key), i.Severity, who(i), i.Label, i.Summary)
				}
				return t.write(a.stdout)
			})
		},
	}
	cmd.Flags().StringVar(&f.State, "state", "", "only incidents that are open, closed or withdrawn")
	cmd.Flags().StringVar(&f.Rule, "rule", "", "only incidents of this rule")
	cmd.Flags().StringVar(&f.Dataset, "dataset", "", "only incidents of this dataset")
	cmd.Flags().IntVar(&f.Limit, "limit", 0, "at most so many")
	cmd.Flags().Var(&from, "from", "only incidents that lasted until after this time")
	cmd.Flags().Var(&to, "to", "only incidents that began before this time")
	return cmd
}

func endOf(i store.IncidentRow) string {
	switch {
	case i.State == "withdrawn":
		return "withdrawn"
	case i.End == nil:
		return "still in alarm"
	}
	return moment(i.End)
}

func who(i store.IncidentRow) string {
	switch {
	case i.Assignee != "":
		return i.Assignee
	case i.Acked != nil && i.AckedBy != "":
		return i.AckedBy
	case i.Acked != nil:
		return "acknowledged"
	}
	return ""
}

func anyPairs(m map[string]any) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s=%v", k, m[k]))
	}
	return strings.Join(parts, " ")
}

func (a *app) incidentsShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one incident and its timeline",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				i, err := b.Incident(ctx, args[0])
				if err != nil {
					return err
				}
				return a.printIncident(i)
			})
		},
	}
}

func (a *app) printIncident(i workbench.IncidentDetail) error {
	if a.json {
		return a.printJSON(i)
	}
	fmt.Fprintf(a.stdout, "%s %s %s\n", i.ID, i.Rule, anyPairs(i.Key))
	for _, line := range [][2]string{
		{"start", moment(&i.Start)},
		{"end", endOf(i.IncidentRow)},
		{"severity", i.Severity},
		{"summary", i.Summary},
		{"peak", anyPairs(i.Peak)},
		{"assignee", i.Assignee},
		{"label", i.Label},
		{"runbook", i.Runbook},
	} {
		if line[1] != "" {
			fmt.Fprintf(a.stdout, "  %-9s %s\n", line[0], line[1])
		}
	}
	for _, r := range i.Runbooks {
		fmt.Fprintf(a.stdout, "  %-9s %s\n", "report", reportLine(r))
	}
	fmt.Fprintln(a.stdout)
	t := newTable("AT", "WHAT", "WHO", "TEXT")
	for _, e := range i.Timeline {
		t.add(e.At.Format(time.RFC3339), e.Kind, e.Who, e.Text)
	}
	return t.write(a.stdout)
}

// incidentVerb is a verb that does something with an incident; args after the
// id make the action.
func (a *app) incidentVerb(use, short string, least int, action func(args []string) workbench.IncidentAction) *cobra.Command {
	var who string
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.MinimumNArgs(least),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				do := action(args[1:])
				if do.Who = who; who == "" {
					do.Who = userName()
				}
				i, err := b.ActOnIncident(ctx, args[0], do)
				if err != nil {
					return err
				}
				return a.printIncident(i)
			})
		},
	}
	cmd.Flags().StringVar(&who, "who", "", "who does it; the name that this computer knows you by without it")
	return cmd
}

func userName() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}
