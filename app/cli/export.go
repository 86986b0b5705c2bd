package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace/atomicfile"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/export"
)

// exportedJSON is what rules export prints.
type exportedJSON struct {
	Target string             `json:"target"`
	Files  []string           `json:"files"`
	Rules  []exportedRuleJSON `json:"rules"`
	// LeftOut are rules whose datasets have no data yet.
	LeftOut []string `json:"left_out,omitempty"`
}

type exportedRuleJSON struct {
	Rule        string              `json:"rule"`
	Hash        string              `json:"hash"`
	Differences []export.Difference `json:"differences"`
}

func (a *app) rulesExport() *cobra.Command {
	var target, dir, home string
	var replayed bool
	var set []string
	var settings export.Settings
	cmd := &cobra.Command{
		Use:   "export [RULE...]",
		Short: "Write rules for another system, and how they differ there",
		Long:  "Write rules for another system, and PARITY.md, which says how they differ there.\nThe targets are: " + strings.Join(export.Targets(), ", "),
		RunE: func(cmd *cobra.Command, args []string) error {
			if target == "" {
				return engine.Errorf(engine.Invalid, "export", "there is no --target").WithHint("the targets are: %s", strings.Join(export.Targets(), ", "))
			}
			if dir == "" {
				dir = filepath.Join("exports", target)
			}
			var err error
			if settings.Values, err = parameters(set); err != nil {
				return err
			}
			var replay *workbench.ParityOptions
			if replayed {
				replay = &workbench.ParityOptions{Flink: a.flink(home)}
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				e, err := b.Export(ctx, args, target, settings, replay)
				if err != nil {
					return err
				}
				return a.writeExport(e, a.path(dir))
			})
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "the system: "+strings.Join(export.Targets(), ", "))
	cmd.Flags().StringVarP(&dir, "output", "o", "", "the folder to write to (default: exports/TARGET)")
	cmd.Flags().StringArrayVar(&set, "set", nil, "a parameter of the artefact: NAME=VALUE (see docs/export.md)")
	cmd.Flags().BoolVar(&replayed, "replay", false, "replay what is stored with the copy, also where that is slow, and put the outcome into PARITY.md")
	cmd.Flags().StringVar(&home, "flink", "", "the folder of a Flink, for --replay (default: TIDEMARK_FLINK)")
	cmd.Flags().BoolVar(&settings.Transformed, "transformed", false, "the target reads records that have been through plugins and policies")
	return cmd
}

// parameters reads NAME=VALUE.
func parameters(set []string) (map[string]string, error) {
	values := map[string]string{}
	for _, s := range set {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, engine.Errorf(engine.Invalid, "export", "--set %s has no =", s).WithHint("write --set NAME=VALUE")
		}
		values[name] = value
	}
	return values, nil
}

// flink is the folder of a Flink; empty if none is named.
func (a *app) flink(dir string) string {
	if dir == "" {
		dir, _ = a.lookupEnv("TIDEMARK_FLINK")
	}
	if dir == "" {
		return ""
	}
	return a.path(dir)
}

func (a *app) rulesParity() *cobra.Command {
	var target string
	var home string
	var from, to timeFlag
	cmd := &cobra.Command{
		Use:   "parity RULE",
		Short: "Replay what is stored with an exported rule, and compare",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				p, err := b.Parity(ctx, args[0], target, workbench.ParityOptions{From: from.Time, To: to.Time, Flink: a.flink(home)})
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(p)
				}
				fmt.Fprintf(a.stdout, "%s of %s agree\n", thousands(p.Agree), plural(p.Windows, "window"))
				return a.printDiffer(p.Differ)
			})
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "the system: "+strings.Join(workbench.ParityTargets, ", "))
	cmd.Flags().StringVar(&home, "flink", "", "the folder of a Flink (default: TIDEMARK_FLINK)")
	cmd.Flags().Var(&from, "from", "only windows from this time on")
	cmd.Flags().Var(&to, "to", "only windows before this time")
	return cmd
}

// compareHistory holds a rule against what its exported copy really did.
func (a *app) compareHistory(cmd *cobra.Command, name, file string, from, to time.Time) error {
	data, err := os.ReadFile(a.path(file))
	if err != nil {
		return engine.Errorf(engine.NotFound, "compare", "%w", err).WithHint("name a file with --with")
	}
	return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
		c, err := b.CompareHistory(ctx, name, data, from, to)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(c)
		}
		fmt.Fprintf(a.stdout, "%s of %s agree; %s here, %d there\n", thousands(c.Agree), plural(c.Windows, "window"), plural(int64(len(c.Ours)), "episode"), len(c.Theirs))
		return a.printDiffer(c.Differ)
	})
}

// printDiffer lists the windows in which two systems differ.
func (a *app) printDiffer(list []workbench.ParityDiffers) error {
	if len(list) == 0 {
		return nil
	}
	t := newTable("AT", "KEY", "OURS", "THEIRS", "WHY")
	for _, d := range list {
		t.add(moment(&d.At), pairs(d.Key), string(d.Ours), string(d.Theirs), d.Why)
	}
	return t.write(a.stdout)
}

func (a *app) writeExport(e *workbench.Exported, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return engine.Errorf(engine.Invalid, "export", "%w", err).WithHint("name a folder that can be written with -o")
	}
	out := exportedJSON{Target: e.Target, LeftOut: e.LeftOut}
	for _, name := range e.LeftOut {
		a.say("left out %s: its dataset has no data yet", name)
	}
	for _, f := range append([]workbench.SchemaFile{{Name: e.File, Data: e.Data}, {Name: "PARITY.md", Data: e.Document()}}, e.Schemas...) {
		path := filepath.Join(dir, f.Name)
		if err := atomicfile.Write(path, f.Data, 0o644); err != nil {
			return err
		}
		out.Files = append(out.Files, path)
		a.say("wrote %s", path)
	}
	for i, r := range e.Rules {
		out.Rules = append(out.Rules, exportedRuleJSON{r.Name, r.Hash, append([]export.Difference{}, e.Differences[i]...)})
	}
	if a.json {
		return a.printJSON(out)
	}
	t := newTable("RULE", "HASH", ">DIFFERENCES")
	for _, r := range out.Rules {
		t.add(r.Rule, r.Hash, plural(int64(len(r.Differences)), "difference"))
	}
	return t.write(a.stdout)
}
