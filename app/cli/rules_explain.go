package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

// momentFlags are the flags that name a time of a group.
func momentFlags(cmd *cobra.Command, at *timeFlag, key *[]string) {
	cmd.Flags().Var(at, "at", "the time")
	cmd.Flags().StringArrayVar(key, "key", nil, "the group: service=checkout")
}

// moment reads them.
func moments(name string, at timeFlag, key []string) (m workbench.Moment, err error) {
	m.Name, m.At = name, at.Time
	if at.IsZero() {
		return m, engine.Errorf(engine.Invalid, "rules", "--at is missing").WithHint("write --at 2026-01-09T14:05:00Z")
	}
	m.Key, err = settings(key)
	return m, err
}

func (a *app) rulesExplain() *cobra.Command {
	var at timeFlag
	var key []string
	cmd := &cobra.Command{
		Use:   "explain RULE --at TIME",
		Short: "Say why a rule was in alarm at some time, or why it was not",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := moments(args[0], at, key)
			if err != nil {
				return err
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				x, err := b.Explain(ctx, m)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(x)
				}
				_, err = fmt.Fprintln(a.stdout, safeText(x.Sentence))
				return err
			})
		},
	}
	momentFlags(cmd, &at, &key)
	return cmd
}

func (a *app) rulesTest() *cobra.Command {
	var at timeFlag
	var key []string
	cmd := &cobra.Command{
		Use:   "make-test RULE --at TIME",
		Short: "Make a test of what a rule saw at some time",
		Long: "Make a test of what a rule saw at some time: the records of the windows that its\n" +
			"alarm looked at, what they showed, and the state they come to. The test is run,\n" +
			"and written into tests/.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := moments(args[0], at, key)
			if err != nil {
				return err
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				made, err := b.MakeTest(ctx, m, true)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(made)
				}
				a.say("wrote %s with %s", safeText(made.File), plural(int64(made.Records), "record"))
				return nil
			})
		},
	}
	momentFlags(cmd, &at, &key)
	return cmd
}
