package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
)

func (a *app) rulesVerb() *cobra.Command {
	group := &cobra.Command{Use: "rules", Short: "Check alert rules, run them over what is stored, and export them", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(a.rulesCheck(), a.rulesList(), a.rulesBacktest(), a.rulesCompare(), a.rulesAdvise(), a.rulesExplain(), a.rulesTest(), a.rulesRunbook(), a.rulesExport(), a.rulesParity())
	return group
}

func (a *app) rulesCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Check rules against their datasets",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				infos := b.Rules(ctx, a.filesHereOrIn(b.Current().Root, args))
				var problems []error
				unchecked := map[string]int{}
				for _, r := range infos {
					problems = append(problems, r.Err())
					if r.State == "unchecked" {
						unchecked[b.FilledBy(r.Dataset)]++
					}
				}
				if err := errors.Join(problems...); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(infos)
				}
				a.say("%s, no problems", plural(int64(len(infos)), "rule"))
				for _, how := range slices.Sorted(maps.Keys(unchecked)) {
					a.say("%d could not be checked against a dataset that has no data yet: %s", unchecked[how], how)
				}
				return nil
			})
		},
	}
}

// filesHereOrIn finds the files that somebody names: in the folder they are in,
// or else in the workspace. One that is in neither stays as it was typed.
func (a *app) filesHereOrIn(root string, names []string) []string {
	out := slices.Clone(names)
	for i, name := range names {
		for _, place := range []string{a.path(name), filepath.Join(root, name)} {
			if _, err := os.Stat(place); err == nil {
				out[i] = place
				break
			}
		}
	}
	return out
}

func (a *app) rulesList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the rules",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				infos := b.Rules(ctx, nil)
				if a.json {
					return a.printJSON(infos)
				}
				if len(infos) == 0 {
					a.say("no rules: write one into rules/")
				}
				t := newTable("RULE", "STATE", "LIVE", "SEVERITY", "WHEN", "ALARM", "FILE")
				for _, r := range infos {
					t.add(r.Name, r.State, liveState(r), r.Severity, r.When, r.Alarm, r.File)
				}
				return t.write(a.stdout)
			})
		},
	}
}

// liveState is where a rule's alarm stands: "ALARM (2 of 5)".
func liveState(r workbench.RuleInfo) string {
	switch {
	case r.Live == nil:
		return ""
	case r.Live.InAlarm > 0 && r.Live.Groups > 1:
		return fmt.Sprintf("%s (%d of %d)", r.Live.State, r.Live.InAlarm, r.Live.Groups)
	}
	return r.Live.State
}

func (a *app) rulesBacktest() *cobra.Command {
	var from, to timeFlag
	var set []string
	var sql, asArrived bool
	cmd := &cobra.Command{
		Use:   "backtest RULE",
		Short: "Say when a rule would have raised its alarm over what is stored",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt := rule.BacktestOptions{From: from.Time, To: to.Time}
			var err error
			if opt.Set, err = settings(set); err != nil {
				return err
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				run := b.Backtest
				if asArrived {
					run = b.BacktestAsArrived
				}
				report, r, err := run(ctx, args[0], opt)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(report)
				}
				if sql {
					_, err := fmt.Fprintln(a.stdout, r.SQL())
					return err
				}
				return a.printReport(r, report)
			})
		},
	}
	cmd.Flags().Var(&from, "from", "only windows from this time on")
	cmd.Flags().Var(&to, "to", "only windows before this time")
	cmd.Flags().StringArrayVar(&set, "set", nil, "run it with another value: when='error_rate > 0.1', alarm.datapoints=2, window.tumbling=5m")
	cmd.Flags().BoolVar(&asArrived, "as-arrived", false, "replay records in the order they arrived, and say what late ones changed")
	cmd.Flags().BoolVar(&sql, "sql", false, "print the SQL that the rule becomes")
	return cmd
}

func (a *app) printReport(r *rule.Rule, report *rule.Report) error {
	span := "no records"
	if report.From != nil && report.To != nil {
		span = moment(report.From) + " to " + moment(report.To)
	}
	fmt.Fprintf(a.stdout, "%s: %s\n%s, %s\n", r.Name, plural(int64(len(report.Episodes)), "episode"), span,
		plural(report.Windows, "window")+" of "+plural(report.Records, "record"))
	if report.Late > 0 {
		fmt.Fprintf(a.stdout, "%s came late\n", plural(report.Late, "record"))
	}
	if report.Overflows > 0 {
		fmt.Fprintf(a.stdout, "%s had a value too large to add up; their sums are null\n", plural(report.Overflows, "window"))
	}
	a.printArrived(report.AsArrived)
	if s := report.Score; s != nil {
		fmt.Fprintf(a.stdout, "%s of %s found, %s of %s true\n", plural(int64(s.Found), "incident"), fmt.Sprint(s.Incidents), plural(int64(s.True), "episode"), fmt.Sprint(s.True+s.False))
		if s.Unjudged > 0 {
			fmt.Fprintf(a.stdout, "%s not labelled\n", plural(int64(s.Unjudged), "episode"))
		}
		for _, m := range s.Missed {
			fmt.Fprintf(a.stdout, "missed: %s to %s %s\n", moment(&m.From), moment(&m.To), safeCell(m.Note))
		}
	}
	if len(report.Episodes) == 0 {
		return nil
	}
	fmt.Fprintln(a.stdout)
	t := newTable("START", "END", ">LASTED", "KEY", "PEAK")
	for _, e := range report.Episodes {
		end, lasted := "still in alarm", ""
		if e.End != nil {
			end, lasted = moment(e.End), engine.FormatDuration(e.End.Sub(e.Start).Round(time.Second))
		}
		t.add(moment(&e.Start), end, lasted, pairs(e.Key), pairs(e.Peak))
	}
	return t.write(a.stdout)
}

// printArrived says what late records changed.
func (a *app) printArrived(v *rule.AsArrived) {
	if v == nil {
		return
	}
	if v.Watermark == nil {
		fmt.Fprintln(a.stdout, "as arrived: no window was done")
		return
	}
	fmt.Fprintf(a.stdout, "as arrived: %s came late for their windows, %d of them too late; %s had other values when they were shown\n",
		plural(v.Late, "record"), v.Dropped, plural(int64(len(v.Changed)), "window"))
	fmt.Fprintf(a.stdout, "with all records: %s; %d only as arrived, %d only with all records; late records changed a state %s\n",
		plural(int64(len(v.Final)), "episode"), len(v.Gone), len(v.Came), plural(int64(len(v.Revised)), "time"))
}

// pairs writes a mapping as name=value, by name.
func pairs[M ~map[string]V, V fmt.Stringer](m M) string {
	var out []string
	for k, v := range m {
		out = append(out, k+"="+v.String())
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}
