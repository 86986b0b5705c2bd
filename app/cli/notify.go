package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

func (a *app) notifyVerb() *cobra.Command {
	group := &cobra.Command{Use: "notify", Short: "Test channels, and look at what was sent", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(a.notifyTest(), a.notifyList(), a.notifyRetry())
	return group
}

func (a *app) notifyTest() *cobra.Command {
	return &cobra.Command{
		Use:   "test NAME",
		Short: "Send a message to a channel now",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if err := b.TestChannel(ctx, args[0]); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]string{"channel": args[0], "state": "sent"})
				}
				a.say("sent to %s", args[0])
				return nil
			})
		},
	}
}

func (a *app) notifyList() *cobra.Command {
	var state string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List notifications, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				list, err := b.Store.Notifications(ctx, state, limit)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(list)
				}
				t := newTable(">ID", "CHANNEL", "KIND", "STATE", ">TRIES", "KEY", "ERROR")
				for _, n := range list {
					t.add(strconv.FormatInt(n.ID, 10), n.Channel, n.Kind, n.State, strconv.Itoa(n.Attempts), n.Key, n.Error)
				}
				return t.write(a.stdout)
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only those that are pending, sent, suppressed or dead")
	cmd.Flags().IntVar(&limit, "limit", 1000, "at most so many")
	return cmd
}

func (a *app) notifyRetry() *cobra.Command {
	var dead bool
	cmd := &cobra.Command{
		Use:   "retry [ID]",
		Short: "Try a notification again that was given up, or all of them",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var id int64
			if len(args) == 1 {
				n, err := strconv.ParseInt(args[0], 10, 64)
				if err != nil || n < 1 {
					return engine.Errorf(engine.Invalid, "notify retry", "%q is no number of a notification", args[0]).WithHint("tidemark notify list --state dead shows them")
				}
				id = n
			} else if !dead {
				return engine.Errorf(engine.Invalid, "notify retry", "nothing was named").WithHint("give a number, or --dead for all that were given up")
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				n, err := b.RetryNotices(ctx, id)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]int64{"retried": n})
				}
				a.say("%s will be tried again", plural(n, "notification"))
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&dead, "dead", false, "all that were given up")
	return cmd
}

func (a *app) silencesVerb() *cobra.Command {
	group := &cobra.Command{Use: "silences", Short: "Keep notifications back for a time", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(a.silencesList(), a.silencesAdd(), a.silencesEnd())
	return group
}

func (a *app) silencesList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List silences that are not over",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				list, err := b.Silences(ctx)
				if err != nil {
					return err
				}
				return a.printSilences(list)
			})
		},
	}
}

func (a *app) printSilences(list []store.Silence) error {
	if a.json {
		return a.printJSON(list)
	}
	t := newTable("ID", "FROM", "TO", "RULE", "MATCH", "WHO", "REASON")
	for _, s := range list {
		match := map[string]any{}
		for k, v := range s.Match {
			match[k] = v
		}
		t.add(s.ID, moment(&s.From), moment(&s.To), s.Rule, anyPairs(match), s.Who, s.Reason)
	}
	return t.write(a.stdout)
}

func (a *app) silencesAdd() *cobra.Command {
	var s store.Silence
	var from, to timeFlag
	var span time.Duration
	var match []string
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Keep the notifications of a rule, or of what matches, back for a time",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.From, s.To, s.Match = from.Time, to.Time, map[string]string{}
			for _, m := range match {
				name, value, ok := strings.Cut(m, "=")
				if !ok {
					return engine.Errorf(engine.Invalid, "silences add", "--match %s has no =", m).WithHint("write --match team=payments")
				}
				s.Match[name] = value
			}
			if s.Who == "" {
				s.Who = userName()
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if span > 0 {
					begin := s.From
					if begin.IsZero() {
						begin = time.Now().UTC()
					}
					s.To = begin.Add(span)
				}
				made, err := b.Silence(ctx, s)
				if err != nil {
					return err
				}
				return a.printSilences([]store.Silence{made})
			})
		},
	}
	cmd.Flags().StringVar(&s.Rule, "rule", "", "only this rule")
	cmd.Flags().StringArrayVar(&match, "match", nil, "only incidents with this label or group value: team=payments, service=cart*")
	cmd.Flags().DurationVar(&span, "for", 0, "for how long")
	cmd.Flags().Var(&from, "from", "from when; now without it")
	cmd.Flags().Var(&to, "to", "until when")
	cmd.Flags().StringVar(&s.Reason, "reason", "", "why")
	cmd.Flags().StringVar(&s.Who, "who", "", "who says so")
	return cmd
}

func (a *app) silencesEnd() *cobra.Command {
	return &cobra.Command{
		Use:   "end ID",
		Short: "End a silence now",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if err := b.EndSilence(ctx, args[0]); err != nil {
					return err
				}
				a.say("silence %s is over", args[0])
				return nil
			})
		},
	}
}
