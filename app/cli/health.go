package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/health"
)

func (a *app) healthVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Say how the datasets and sources are",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				h, err := b.Health(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(h)
				}
				return a.printHealth(h)
			})
		},
	}
}

func (a *app) printHealth(h workbench.Health) error {
	if len(h.Datasets) == 0 {
		a.say("no dataset yet: run tidemark pull")
	}
	t := newTable("DATASET", "STATE", ">ROWS", ">LATE", ">SET ASIDE", "WATERMARK", "LAST EVENT", ">RECORDS/S", ">AGE")
	for _, d := range h.Datasets {
		t.add(d.Name, d.State, thousands(d.Rows), thousands(d.Late), thousands(d.Quarantined), moment(d.Watermark), moment(d.LastEventTime), rate(d.RecordsPerSecond), millis(d.FreshnessMS))
	}
	if err := t.write(a.stdout); err != nil {
		return err
	}
	s := newTable("SOURCE", "STATE", ">OBJECTS", ">BYTES", "STORED", ">RECORDS/S", ">BEHIND", ">BUSY")
	for _, x := range h.Sources {
		s.add(x.Name, x.State, thousands(x.Objects), formatBytes(x.Bytes), moment(x.PulledAt), rate(x.RecordsPerSecond), millis(x.LagMS), share(x.Saturation))
	}
	if err := s.write(a.stdout); err != nil {
		return err
	}
	return a.printFindings(h)
}

// printFindings says what is the matter and what helps, the worst first.
func (a *app) printFindings(h workbench.Health) error {
	t := newTable("SEVERITY", "OF", "WHY", "WHAT TO DO")
	for _, severity := range []health.Severity{health.Alarm, health.Warn, health.Note} {
		add := func(of string, found []health.Finding) {
			for _, f := range found {
				if f.Severity == severity {
					t.add(string(severity), of, f.Cause, f.Action.Command)
				}
			}
		}
		add("this machine", h.Machine.Findings)
		for _, s := range h.Sources {
			add(s.Name, s.Findings)
		}
		for _, d := range h.Datasets {
			add(d.Name, d.Findings)
		}
	}
	return t.write(a.stdout)
}

func rate(n *float64) string {
	if n == nil {
		return "-"
	}
	return thousands(int64(*n + 0.5))
}

func millis(n *int64) string {
	if n == nil {
		return "-"
	}
	return engine.FormatDuration((time.Duration(*n) * time.Millisecond).Round(100 * time.Millisecond))
}

func share(n *float64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", *n*100)
}

// moment shows a time in UTC, or a dash.
func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
