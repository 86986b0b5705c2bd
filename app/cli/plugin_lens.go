package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

func (a *app) pluginLensVerb() *cobra.Command {
	in, seq, input := workbench.LensInput{}, int64(-1), ""
	cmd := &cobra.Command{
		Use:   "lens DATASET [--seq N | --last N | --input FILE]",
		Short: "Show records before and after each transform of a dataset, with time and memory",
		Long: "Read records once more from where they came, and take them through the transforms\n" +
			"of their dataset one by one. Nothing is stored.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Dataset = args[0]
			if seq >= 0 {
				in.Seq = &seq
			}
			if input != "" {
				text, err := os.ReadFile(a.path(input))
				if err != nil {
					return engine.Errorf(engine.NotFound, "read "+input, "%w", err)
				}
				in.Records = slices.DeleteFunc(strings.Split(string(text), "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				l, err := b.Lens(ctx, in)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(l)
				}
				a.showLens(l)
				return nil
			})
		},
	}
	cmd.Flags().Int64Var(&seq, "seq", -1, "the record of the stored row with this _seq")
	cmd.Flags().IntVar(&in.Last, "last", 1, "so many of the last records")
	cmd.Flags().StringVar(&input, "input", "", "records from a file, JSON lines")
	return cmd
}

func (a *app) showLens(l workbench.Lens) {
	if len(l.Stages) == 0 {
		a.say("%s has no transforms", l.Dataset)
	}
	for _, r := range l.Records {
		if r.Position != "" {
			fmt.Fprintf(a.stdout, "# %s\n", safeText(r.Position))
		}
		fmt.Fprintf(a.stdout, "  %s\n", safeText(r.Record))
		for k, s := range r.Steps {
			fmt.Fprintf(a.stdout, "%s %s\n", l.Stages[k].Name, l.Stages[k].Version)
			a.showOutcome(s)
		}
	}
	for _, s := range l.Stages {
		a.say("%s %s: %.3f ms for %s, %s of memory", s.Name, s.Version, s.MS, plural(int64(len(l.Records)), "record"), formatBytes(s.MemoryBytes))
	}
	if l.Veiled {
		a.say("what columns: of %s keeps from being stored is not shown", l.Dataset)
	}
}

// showOutcome shows what a stage made of a record; "=" where that is the same.
func (a *app) showOutcome(s workbench.LensStep) {
	switch {
	case s.Rejected != "":
		fmt.Fprintf(a.stdout, "! %s\n", safeText(s.Rejected))
	case len(s.Out) == 0 && len(s.In) > 0:
		fmt.Fprintln(a.stdout, "  dropped")
	case slices.Equal(s.In, s.Out):
		fmt.Fprintln(a.stdout, "= as it was")
	default:
		for _, o := range s.Out {
			fmt.Fprintf(a.stdout, "+ %s\n", safeText(o))
		}
	}
}

func (a *app) pluginDiffVerb() *cobra.Command {
	in := workbench.DiffInput{}
	cmd := &cobra.Command{
		Use:   "diff NAME [FILE.wasm]",
		Short: "Run a new version of a plugin beside the old one on the last records, and show what differs",
		Long: "Run a new version of a plugin beside the one in use, over the last records of a\n" +
			"dataset, and show what becomes different. Nothing is stored, and nothing switched.\n" +
			"Without a file it is the module in plugins/ beside the one that ran before it.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Plugin = args[0]
			if len(args) > 1 {
				wasm, err := os.ReadFile(a.path(args[1]))
				if err != nil {
					return engine.Errorf(engine.NotFound, "open "+args[1], "%w", err)
				}
				in.Wasm = wasm
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				d, err := b.DiffPlugin(ctx, in)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(d)
				}
				a.showDiff(d)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&in.Dataset, "dataset", "", "on whose records; needed where several datasets use the plugin")
	cmd.Flags().IntVar(&in.Last, "last", 1000, "so many of the last records, 10,000 at most")
	cmd.Flags().StringVar(&in.SHA256, "sha256", "", "run a file that is not allowed yet, this once: the one with this hash")
	return cmd
}

func (a *app) showDiff(d workbench.PluginDiff) {
	for _, r := range d.Differ {
		fmt.Fprintf(a.stdout, "# %s\n  %s\n", safeText(r.Position), safeText(r.Record))
		a.showSide("-", r.Old)
		a.showSide("+", r.New)
	}
	t := newTable("VERSION", "SHA256", ">RECORDS", ">DROPPED", ">REJECTED", ">MS", ">MEMORY")
	for _, s := range []workbench.DiffSide{d.Old, d.New} {
		t.add(s.Version, s.SHA256[:12], thousands(int64(s.Out)), thousands(int64(s.Dropped)), thousands(int64(s.Rejected)), fmt.Sprintf("%.1f", s.MS), formatBytes(s.MemoryBytes))
	}
	_ = t.write(a.stdout)
	fmt.Fprintf(a.stdout, "%s of %s: %d the same, %d different\n", plural(int64(d.Records), "record"), d.Dataset, d.Same, d.Changed)
	if more := d.Changed - len(d.Differ); more > 0 {
		a.say("%d more that differ are not shown", more)
	}
}

func (a *app) showSide(sign string, s workbench.LensStep) {
	if s.Rejected != "" {
		fmt.Fprintf(a.stdout, "%s rejected: %s\n", sign, safeText(s.Rejected))
	} else if len(s.Out) == 0 {
		fmt.Fprintf(a.stdout, "%s dropped\n", sign)
	}
	for _, o := range s.Out {
		fmt.Fprintf(a.stdout, "%s %s\n", sign, safeText(o))
	}
}
