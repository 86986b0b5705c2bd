package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"

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
}

type exportedRuleJSON struct {
	Rule        string              `json:"rule"`
	Hash        string              `json:"hash"`
	Differences []export.Difference `json:"differences"`
}

func (a *app) rulesExport() *cobra.Command {
	var target, dir string
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
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				e, err := b.Export(ctx, args, target)
				if err != nil {
					return err
				}
				return a.writeExport(e, a.path(dir))
			})
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "the system: "+strings.Join(export.Targets(), ", "))
	cmd.Flags().StringVarP(&dir, "output", "o", "", "the folder to write to (default: exports/TARGET)")
	return cmd
}

func (a *app) writeExport(e *workbench.Exported, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return engine.Errorf(engine.Invalid, "export", "%w", err).WithHint("name a folder that can be written with -o")
	}
	out := exportedJSON{Target: e.Target}
	for _, f := range []struct {
		name string
		data []byte
	}{{e.File, e.Data}, {"PARITY.md", e.Document()}} {
		path := filepath.Join(dir, f.name)
		if err := atomicfile.Write(path, f.data, 0o644); err != nil {
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
