package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/result"
)

func (a *app) tailVerb() *cobra.Command {
	var span, idle time.Duration
	var filter string
	var from, to timeFlag
	var speed float64
	cmd := &cobra.Command{
		Use:   "tail [SOURCE...]",
		Short: "Store and show what streams bring, as it comes",
		Long: "Store and show the records of kinesis and replay sources as they come, until\n" +
			"Ctrl-C. The next tail goes on where this one ended.",
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if span > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, span)
					defer cancel()
				}
				if cmd.Flags().Changed("speed") && !(speed > 0) {
					return engine.Errorf(engine.Invalid, "tail", "--speed %v is no speed", speed).WithHint("take a number above 0; 1 is as fast as it happened")
				}
				return a.tail(ctx, b, workbench.TailOptions{Sources: args, Idle: idle, Filter: filter, From: from.Time, To: to.Time, Speed: speed}, filter)
			})
		},
	}
	cmd.Flags().DurationVar(&span, "for", 0, "end after this time")
	cmd.Flags().DurationVar(&idle, "until-idle", 0, "end when all is read and nothing has come for this time")
	cmd.Flags().Var(&from, "from", "begin replays here, and not where they ended the last time")
	cmd.Flags().Var(&to, "to", "end replays before this time")
	cmd.Flags().Float64Var(&speed, "speed", 0, "how many times faster than it happened replays are played (default: as their source says)")
	cmd.Flags().StringVar(&filter, "filter", "", `show only records for which this is true, as in 'level == "ERROR"'; all are stored`)
	return cmd
}

func (a *app) tail(ctx context.Context, b *workbench.Workbench, opt workbench.TailOptions, filter string) error {
	show := &tailView{app: a, bench: b, filter: filter}
	opt.Committed = show.commit
	out, err := b.Tail(ctx, opt)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"summary": out})
	}
	a.say("%s stored, %s set aside, in %.1f s", plural(out.Records, "record"), thousands(out.Quarantined), out.Seconds)
	return nil
}

// tailView prints the records of each commit.
type tailView struct {
	*app
	bench  *workbench.Workbench
	filter string

	mu sync.Mutex
}

func (v *tailView) commit(ctx context.Context, c workbench.TailCommit) error {
	if v.quiet {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if c.Stored > 0 {
		if err := v.records(ctx, c); err != nil {
			return err
		}
	}
	return v.alarms(c.Alarms)
}

// alarms prints what the rules made of a commit.
func (v *tailView) alarms(news workbench.AlarmNews) error {
	for _, c := range news.Changes {
		if c.Kind == "" || c.Past {
			continue
		}
		if v.json {
			if err := v.printJSON(map[string]any{"alarm": workbench.AlarmLine(c)}); err != nil {
				return err
			}
			continue
		}
		line := workbench.AlarmLine(c)
		if _, err := fmt.Fprintln(v.stdout, line.String()); err != nil {
			return engine.Errorf(engine.Canceled, "show an alarm", "%w", err)
		}
	}
	for name, err := range news.Failing {
		v.say("rule %s could not be evaluated: %v", name, err)
	}
	return nil
}

func (v *tailView) records(ctx context.Context, c workbench.TailCommit) error {
	query, err := v.bench.Arrived(c, v.filter)
	if err != nil {
		return err
	}
	// This is the tail's own question: it does not stand aside for it.
	rows, err := v.bench.Store.Query(ctx, query, nil, 0, nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	if v.json {
		_, err = result.Write(v.stdout, rows, "ndjson", result.Options{})
		return err
	}
	return v.print(rows)
}

// print shows records as a line each: when, what kind, of whom, and the text.
func (v *tailView) print(rows interface {
	Next() bool
	Scan(...any) error
	Err() error
},
) error {
	for rows.Next() {
		var at *time.Time
		var service, level, message, labels, body, rest any
		if err := rows.Scan(&at, &service, &level, &message, &labels, &body, &rest); err != nil {
			return err
		}
		when := strings.Repeat(" ", len(time.RFC3339)+3)
		if at != nil {
			when = at.UTC().Format("2006-01-02T15:04:05.000Z")
		}
		text := result.Text(message, "VARCHAR")
		if message == nil {
			text = result.Text(body, "VARCHAR")
		}
		if _, err := fmt.Fprintf(v.stdout, "%s %-5s %s %s\n", when, blank(level), blank(service), result.Visible(text)); err != nil {
			return engine.Errorf(engine.Canceled, "show a record", "%w", err)
		}
	}
	return rows.Err()
}

func blank(v any) string {
	if v == nil {
		return "-"
	}
	return result.Visible(fmt.Sprint(v))
}
