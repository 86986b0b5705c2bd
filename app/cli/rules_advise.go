package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
)

func (a *app) rulesCompare() *cobra.Command {
	var from, to timeFlag
	var set []string
	var zone, with string
	var windows bool
	cmd := &cobra.Command{
		Use:   "compare RULE [OTHER]",
		Short: "Say what another version of a rule would have done differently",
		Long: "Say what another version of a rule would have done differently: another rule, or\n" +
			"the same with --set. Precision and recall are held against the incidents that\n" +
			"RULE names.\n" +
			"With --with, say how far a deployed copy of the rule did what it does here. FILE\n" +
			"is JSON: the answer of Prometheus to /api/v1/query_range?query=ALERTS{...}, or\n" +
			"that of aws cloudwatch describe-alarm-history.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if with != "" {
				return a.compareHistory(cmd, args[0], with, from.Time, to.Time)
			}
			other, err := settings(set)
			if err != nil {
				return err
			}
			if len(args) == 1 && len(other) == 0 {
				return engine.Errorf(engine.Invalid, "compare", "there is nothing to compare %s with", args[0]).WithHint("name another rule, or give --set when=...")
			}
			run := workbench.CompareRun{A: workbench.BacktestRun{From: from.pointer(), To: to.pointer()}, TimeZone: zone, Windows: windows}
			run.A.Name = args[0]
			run.B = run.A
			run.B.Set, run.B.Name = other, args[len(args)-1]
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				c, err := b.Compare(ctx, run)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(c)
				}
				return a.printComparison(c)
			})
		},
	}
	cmd.Flags().Var(&from, "from", "only windows from this time on")
	cmd.Flags().Var(&to, "to", "only windows before this time")
	cmd.Flags().StringArrayVar(&set, "set", nil, "the other version: when='error_rate > 0.1', alarm.datapoints=2")
	cmd.Flags().StringVar(&zone, "time-zone", "", "where the night is (default UTC)")
	cmd.Flags().BoolVar(&windows, "windows", false, "say which windows are judged differently, too")
	cmd.Flags().StringVar(&with, "with", "", "the file with the history of the rule's exported copy")
	return cmd
}

// settings reads key=value.
func settings(set []string) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, engine.Errorf(engine.Invalid, "backtest", "--set %s has no =", s).WithHint("write --set alarm.datapoints=2")
		}
		out[key] = value
	}
	return out, nil
}

// pointer is nil for a flag that was not given.
func (t *timeFlag) pointer() *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}

func (a *app) printComparison(c rule.Comparison) error {
	t := newTable("", ">A", ">B")
	for _, line := range outcomeLines(c.A, c.B) {
		t.add(line...)
	}
	if err := t.write(a.stdout); err != nil {
		return err
	}
	for _, list := range []struct {
		title    string
		episodes []rule.Episode
	}{{"only in A", c.Gone}, {"only in B", c.Came}} {
		for _, e := range list.episodes {
			end := "still in alarm"
			if e.End != nil {
				end = moment(e.End)
			}
			fmt.Fprintf(a.stdout, "%s: %s to %s %s\n", list.title, moment(&e.Start), end, safeCell(pairs(e.Key)))
		}
	}
	if c.Windows == 0 {
		return nil
	}
	fmt.Fprintf(a.stdout, "%s of %s judged differently\n", thousands(int64(len(c.Differ))), plural(c.Windows, "window"))
	t = newTable("WINDOW", "KEY", "A", "B")
	for _, d := range c.Differ {
		t.add(moment(&d.Start), pairs(d.Key), judgement(d.A), judgement(d.B))
	}
	return t.write(a.stdout)
}

// judgement is what a version of a rule takes a window for.
func judgement(j *rule.Judged) string {
	switch {
	case j == nil:
		return "no records"
	case j.Breaching.IsNull():
		return "missing"
	case j.Breaching.True():
		return "breaching"
	}
	return "not breaching"
}

// outcomeLines are the rows of a table, one column an outcome.
func outcomeLines(outcomes ...rule.Outcome) (lines [][]string) {
	line := func(name string, value func(rule.Outcome) string) {
		cells := []string{name}
		for _, o := range outcomes {
			cells = append(cells, value(o))
		}
		lines = append(lines, cells)
	}
	line("episodes", func(o rule.Outcome) string { return fmt.Sprint(o.Episodes) })
	line("a week", func(o rule.Outcome) string { return fmt.Sprintf("%.1f", o.PerWeek) })
	line("at night", func(o rule.Outcome) string { return fmt.Sprint(o.Night) })
	line("in alarm", func(o rule.Outcome) string {
		return engine.FormatDuration(time.Duration(o.Seconds) * time.Second)
	})
	for _, o := range outcomes {
		if o.Score == nil {
			return lines
		}
	}
	line("precision", func(o rule.Outcome) string { return percentage(o.Score.Precision) })
	line("recall", func(o rule.Outcome) string { return percentage(o.Score.Recall) })
	line("found after", func(o rule.Outcome) string {
		if o.Score.Delay == nil {
			return "-"
		}
		return engine.FormatDuration(time.Duration(*o.Score.Delay) * time.Second)
	})
	return lines
}

func percentage(f *float64) string {
	if f == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", *f*100)
}

func (a *app) rulesAdvise() *cobra.Command {
	var from, to timeFlag
	var zone string
	cmd := &cobra.Command{
		Use:   "advise [RULE...]",
		Short: "Say what a rule's own history says about its settings",
		Long: "Say what a rule's own history says about its settings: other thresholds, M of N\n" +
			"and treatments of missing datapoints with the alarms that each would have\n" +
			"raised, rules that never or always fire, and trends that will reach a threshold.\n" +
			"With incidents in the rule there are rates of false alarms and of misses, and\n" +
			"a suggestion. Without RULE every rule is looked at.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if len(args) == 0 {
					for _, info := range b.Rules(ctx, nil) {
						if info.State == "ok" {
							args = append(args, info.Name)
						}
					}
				}
				list := []rule.Advice{}
				for _, name := range args {
					run := workbench.AdviseRun{From: from.pointer(), To: to.pointer(), TimeZone: zone}
					run.Name = name
					advice, err := b.Advise(ctx, run)
					if err != nil {
						return err
					}
					list = append(list, advice)
				}
				if a.json {
					return a.printJSON(list)
				}
				for i, advice := range list {
					if i > 0 {
						fmt.Fprintln(a.stdout)
					}
					if err := a.printAdvice(advice, len(list) == 1); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().Var(&from, "from", "only windows from this time on")
	cmd.Flags().Var(&to, "to", "only windows before this time")
	cmd.Flags().StringVar(&zone, "time-zone", "", "where the night is (default UTC)")
	return cmd
}

// printAdvice prints what is worth knowing; all attempts only if they are
// wanted.
func (a *app) printAdvice(advice rule.Advice, all bool) error {
	verdict := map[string]string{"never": "never fires", "always": "always fires", "fires": plural(int64(advice.Now.Episodes), "episode")}[advice.Verdict]
	fmt.Fprintf(a.stdout, "%s: %s, %.1f%% of slots breach, %.1f%% are missing\n", safeCell(advice.Rule), verdict, advice.Breaching*100, advice.Missing*100)
	for _, n := range advice.Notes {
		fmt.Fprintln(a.stdout, "  "+safeCell(n))
	}
	for _, t := range advice.Trends {
		fmt.Fprintf(a.stdout, "  %s of %s moves by %.3g a day over %d days: from %.4g now it reaches %.4g on %s\n",
			safeCell(t.Measure), safeCell(pairs(t.Key)), t.PerDay, t.Days, t.Now, t.Limit, t.Reaches.Format(time.DateOnly))
	}
	if s := advice.Suggested; s != nil {
		fmt.Fprintf(a.stdout, "  suggested: %s\n", safeCell(s.Text()))
	}
	if !all || len(advice.Tried) == 0 {
		return nil
	}
	fmt.Fprintln(a.stdout)
	t := newTable(">EPISODES", ">NIGHT", ">FALSE", ">MISSED", "SETTINGS")
	row := func(o rule.Outcome, falseAlarms, misses *float64, text string) {
		t.add(fmt.Sprint(o.Episodes), fmt.Sprint(o.Night), percentage(falseAlarms), percentage(misses), text)
	}
	var falseNow, missNow *float64
	if s := advice.Now.Score; s != nil {
		falseNow, missNow = other(s.Precision), other(s.Recall)
	}
	row(advice.Now, falseNow, missNow, "as it is")
	for _, x := range advice.Tried {
		row(x.Outcome, x.FalseAlarms, x.Misses, x.Text())
	}
	return t.write(a.stdout)
}

func other(f *float64) *float64 {
	if f == nil {
		return nil
	}
	v := 1 - *f
	return &v
}
