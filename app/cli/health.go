package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
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
	t := newTable("DATASET", "STATE", ">ROWS", ">LATE", ">SET ASIDE", "WATERMARK", "LAST EVENT", "WHY", "WHAT TO DO")
	for _, d := range h.Datasets {
		t.add(d.Name, d.State, thousands(d.Rows), thousands(d.Late), thousands(d.Quarantined), moment(d.Watermark), moment(d.LastEventTime), d.Cause, d.Action)
	}
	if err := t.write(a.stdout); err != nil {
		return err
	}
	s := newTable("SOURCE", "STATE", ">OBJECTS", ">BYTES", "PULLED", "WHY", "WHAT TO DO")
	for _, x := range h.Sources {
		s.add(x.Name, x.State, thousands(x.Objects), formatBytes(x.Bytes), moment(x.PulledAt), x.Cause, x.Action)
	}
	return s.write(a.stdout)
}

// moment shows a time in UTC, or a dash.
func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
